"""The files that are shipped to a board."""

import ast
import json
import subprocess

import pytest

from mynah import boards
from mynah.errors import MynahError
from mynah.flash import files
from mynah.paths import FIRMWARE_DIR
from mynah.virtual.micropython import micropython_command

XTENSAWIN = 10  # MP_NATIVE_ARCH_XTENSAWIN, py/persistentcode.h


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MYNAH_CACHE", str(tmp_path / "cache"))


def _native_arch(mpy):
    return mpy[2] >> 2 & 0xF


def test_everything_but_the_two_start_files_is_compiled_for_the_esp32_s3():
    board = boards.load("bread-compact")
    found = files.firmware_files(board, ["okay_nabu"], files.arch_of(board))
    sources = {path for path in found if path.endswith(".py")}
    assert sources == {"/boot.py", "/main.py"}
    assert json.loads(found["/board.json"])["name"] == "bread-compact"
    assert found["/models/okay_nabu.wake"]
    assert not [path for path in found if path.startswith("/spec")]
    compiled = {path: data for path, data in found.items() if path.endswith(".mpy")}
    assert len(compiled) == len([*(FIRMWARE_DIR / "speaker").rglob("*.py")])
    assert all(data[:2] == b"M\x06" for data in compiled.values())
    native = [data for path, data in compiled.items() if path.endswith("_viper.mpy")]
    assert native
    assert {_native_arch(data) for data in native} == {XTENSAWIN}


def test_what_is_compiled_for_this_computer_runs_on_it(tmp_path):
    board = boards.load("virtual")
    found = files.firmware_files(board, [], files.arch_of(board))
    for path, data in found.items():
        target = tmp_path / "board" / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    code = "from speaker.util import log; log.info('test', 'ran %s', log.__file__)"
    done = subprocess.run(
        [*micropython_command(), "-c", code],
        capture_output=True,
        text=True,
        cwd=tmp_path / "board",
        env={"MICROPYPATH": ""},
        check=False,
    )
    assert "ran speaker/util/log.mpy" in done.stdout, done.stderr + done.stdout


def _names_of_hints(tree):
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module == "speaker.util.hints":
            yield from (alias.name for alias in node.names)


def _without_annotations(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.returns = None
        elif isinstance(node, ast.arg):
            node.annotation = None
        elif isinstance(node, ast.AnnAssign):
            node.annotation = ast.Constant(None)
    return tree


@pytest.mark.parametrize("path", sorted((FIRMWARE_DIR / "speaker").rglob("*.py")), ids=str)
def test_what_the_board_does_not_get_is_used_in_annotations_alone(path):
    source = path.read_bytes()
    names = set(_names_of_hints(ast.parse(source)))
    left = files._HINTS.sub(b"", source)
    assert b"speaker.util.hints" not in left or path.name == "hints.py"
    assert left.count(b"\n") == source.count(b"\n"), "tracebacks would tell other lines"
    tree = _without_annotations(ast.parse(left))
    assert not names & {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}


def test_native_modules_are_left_out_where_they_cannot_run():
    found = files.firmware_files(boards.load("virtual"), [], None)
    assert not [path for path in found if path.endswith(("_viper.mpy", "_xtensa.mpy"))]


def test_a_second_build_compiles_nothing(monkeypatch):
    board = boards.load("bread-compact")
    first = files.firmware_files(board, [], files.HARDWARE_ARCH)
    monkeypatch.setattr(files, "_compile", None)
    assert files.firmware_files(board, [], files.HARDWARE_ARCH) == first


def test_a_source_that_does_not_compile_is_named(tmp_path, monkeypatch):
    firmware = tmp_path / "firmware"
    (firmware / "speaker").mkdir(parents=True)
    for name in ("boot.py", "main.py"):
        (firmware / name).touch()
    (firmware / "speaker" / "bad.py").write_text("def f(:\n")
    monkeypatch.setattr(files, "FIRMWARE_DIR", firmware)
    with pytest.raises(MynahError, match=r"firmware/speaker/bad\.py does not compile"):
        files.firmware_files(boards.load("virtual"), [], None)
