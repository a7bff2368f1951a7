"""Kernels as the machine code that a board would load, run by an instruction-set emulator."""

import ast

import pytest
from kernel_twins import load_twins

from mynah import boards
from mynah.flash import files
from mynah.paths import FIRMWARE_DIR
from mynah.xtensa import qemu


@pytest.fixture(scope="session")
def emulator():
    if qemu.command() is None:
        pytest.skip(qemu.MISSING)


@pytest.fixture
def twins(monkeypatch):
    """The Python twins of the front end's and the model's kernels."""
    return load_twins(monkeypatch)


@pytest.fixture(scope="session")
def shipped(tmp_path_factory):
    """The files of a board with an ESP32-S3, as `mynah flash` puts them there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MYNAH_CACHE", str(tmp_path_factory.mktemp("cache")))
        return files.firmware_files(boards.load("bread-compact"), [], files.HARDWARE_ARCH)


@pytest.fixture
def load(emulator, shipped):
    """``load(machine, "model_xtensa")``: put a shipped module's functions into a machine."""

    def load(machine, name):
        path = f"speaker/kernels/{name}"
        tree = ast.parse((FIRMWARE_DIR / f"{path}.py").read_text())
        functions = [
            n.name for n in tree.body if isinstance(n, ast.FunctionDef) and n.decorator_list
        ]
        machine.load(shipped[f"/{path}.mpy"], functions)

    return load
