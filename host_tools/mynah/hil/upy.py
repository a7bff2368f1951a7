"""Tests that run inside MicroPython: ``upy_*.py``, each ``test_*`` function a test of pytest.

They run in this computer's MicroPython, or, with ``--upy board`` (the default once a board is
named), on the board under test through its raw REPL. There:

- ``skip(reason)`` is a builtin, and so is ``tmp_path``, an empty folder for the test's files,
- other modules in the file's folder can be imported, and so can the modules under test: on this
  computer from the folders in ``mynah_upy_path``, on a board what its firmware holds,
- ``NEEDS = ("psram",)`` in a file is what ``@pytest.mark.needs`` is elsewhere; no board has "pc".
"""

from __future__ import annotations

import ast
import os
import subprocess
import types
from typing import TYPE_CHECKING, Any

import pytest

from mynah.hil.pool import POOL
from mynah.hil.upy_modules import local_modules

if TYPE_CHECKING:
    from pathlib import Path

    from mynah.hil.device import Device

PC, BOARD = "pc", "board"

_TIMEOUT_S = 300
_SKIPPED = "UPY-SKIP"
_FAILED = "UPY-FAIL"
_SHOWN = 6000

_RUN = f"""
import sys, builtins
class _Skip(Exception): pass
def _skip(reason): raise _Skip(reason)
builtins.skip = _skip
builtins.tmp_path = {{folder!r}}
try:
    getattr(__import__({{module!r}}), {{function!r}})()
except _Skip as e:
    print("\\n{_SKIPPED}", e)
except BaseException as e:
    print("\\n{_FAILED}")
    sys.print_exception(e, sys.stdout)
"""

# A folder in the board's RAM: nothing of the board's flash is touched.
_MOUNT = """
import io, sys
try:
    from vfs import mount
except ImportError:
    from os import mount
class _Ram:
    def mount(self, readonly, mkfs): pass
    def umount(self): pass
    def chdir(self, path): pass
    def getcwd(self): return "/"
    def stat(self, path):
        path = path.strip("/")
        if path in _files: return (0x8000, 0, 0, 0, 0, 0, len(_files[path]), 0, 0, 0)
        for name in _files:
            if name.startswith(path + "/"): return (0x4000, 0, 0, 0, 0, 0, 0, 0, 0, 0)
        raise OSError(2)
    def open(self, path, mode):
        data = _files.get(path.strip("/"))
        if data is None: raise OSError(2)
        return io.BytesIO(data) if "b" in mode else io.StringIO(data.decode())
_files = {}
mount(_Ram(), "/upy")
sys.path.insert(0, "/upy")
"""
_EMPTY = """
import os
def _empty(folder):
    try:
        entries = list(os.ilistdir(folder))
    except OSError:
        return
    for entry in entries:
        path = folder + "/" + entry[0]
        if entry[1] == 0x4000:
            _empty(path)
        else:
            os.remove(path)
    os.rmdir(folder)
_empty({folder!r})
"""
_BOARD_FOLDER = "/upy_tmp"
_CHUNK = 4096


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--upy`` and the path of the modules under test."""
    group = parser.getgroup("mynah")
    group.addoption(
        "--upy",
        choices=(PC, BOARD),
        help="where upy_*.py files run: in this computer's MicroPython, or on the board under test "
        "(default: board where --port or --bench names one)",
    )
    parser.addini(
        "mynah_upy_path",
        "folders that upy_*.py files import from on this computer, relative to the root folder",
        type="args",
        default=[],
    )


def pytest_collect_file(parent: pytest.Collector, file_path: Path) -> pytest.Module | None:
    """Take ``upy_*.py`` files."""
    if _is_ours(file_path) and not parent.session.isinitpath(file_path):
        return _File.from_parent(parent, path=file_path)
    return None


def pytest_pycollect_makemodule(
    module_path: Path, parent: pytest.Collector
) -> pytest.Module | None:
    """Take one that is named on the command line; pytest would import it."""
    return _File.from_parent(parent, path=module_path) if _is_ours(module_path) else None


def _is_ours(path: Path) -> bool:
    return path.suffix == ".py" and path.name.startswith("upy_")


class _File(pytest.Module):
    """A file whose functions run elsewhere: to pytest, a module with a function for each."""

    def _getobj(self) -> types.ModuleType:
        module = types.ModuleType(self.path.stem)
        try:
            tree = ast.parse(self.path.read_text(encoding="utf-8"), str(self.path))
        except SyntaxError as error:
            raise self.CollectError(f"{self.path}: {error}") from None
        make = _on_board if _mode(self.config) == BOARD else _on_pc
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                function = make(self.path, node.name)
                _place(function, node.name, self.path, node.lineno)
                setattr(module, node.name, function)
        module.pytestmark = [pytest.mark.needs(*names) for names in _needs(tree)]  # type: ignore[attr-defined]
        return module

    def funcnamefilter(self, name: str) -> bool:
        """All of them are tests, whatever ``python_functions`` says."""
        return name.startswith("test_")


def _mode(config: pytest.Config) -> str:
    chosen: str | None = config.getoption("--upy")
    return chosen or (BOARD if config.stash[POOL].is_shared else PC)


def _needs(tree: ast.Module) -> list[tuple[str, ...]]:
    return [
        tuple(ast.literal_eval(node.value))
        for node in tree.body
        if isinstance(node, ast.Assign)
        and any(isinstance(target, ast.Name) and target.id == "NEEDS" for target in node.targets)
    ]


def _place(function: types.FunctionType, name: str, path: Path, line: int) -> None:
    """Let pytest name and show the test where it is written."""
    function.__name__ = function.__qualname__ = name
    function.__code__ = function.__code__.replace(
        co_filename=str(path), co_firstlineno=line, co_name=name
    )


def _on_pc(path: Path, name: str) -> Any:
    def test(pytestconfig: pytest.Config, tmp_path: Path) -> None:
        _judge(_run_on_pc(pytestconfig, path, name, str(tmp_path)))

    return test


def _on_board(path: Path, name: str) -> Any:
    def test(device: Device) -> None:
        _judge(_run_on_board(device, path, name))

    return test


def _run_on_pc(config: pytest.Config, path: Path, name: str, folder: str) -> str:
    from mynah.virtual.micropython import micropython_command

    folders = [str(config.rootpath / folder) for folder in config.getini("mynah_upy_path")]
    environment = {
        **os.environ,
        "MICROPYPATH": os.pathsep.join([*folders, str(path.parent), ".frozen"]),
    }
    code = _RUN.format(module=path.stem, function=name, folder=folder)
    done = subprocess.run(
        [*micropython_command(), "-X", "heapsize=16M", "-c", code],
        capture_output=True,
        text=True,
        errors="replace",
        env=environment,
        cwd=config.rootpath,
        timeout=_TIMEOUT_S,
        check=False,
    )
    printed = done.stdout + done.stderr
    if done.returncode:  # MicroPython itself ended
        return f"{printed}\n{_FAILED}\nMicroPython ended with exit code {done.returncode}"
    return printed


def _run_on_board(device: Device, path: Path, name: str) -> str:
    from mynah.hil.repl import BoardRepl

    repl = BoardRepl(device.console)
    repl.run(_MOUNT)
    for module, source in local_modules(path).items():
        repl.run(f"_f = bytearray(); _files[{module!r}] = _f")
        for start in range(0, len(source), _CHUNK):
            repl.run(f"_f.extend({source[start : start + _CHUNK]!r})")
    empty = _EMPTY.format(folder=_BOARD_FOLDER)
    repl.run(f"{empty}\nos.mkdir({_BOARD_FOLDER!r})")
    code = _RUN.format(module=path.stem, function=name, folder=_BOARD_FOLDER)
    try:
        return repl.run(code, timeout_s=_TIMEOUT_S)
    finally:
        repl.run(empty)
        repl.close()


def _judge(printed: str) -> None:
    __tracebackhide__ = True
    if _SKIPPED in printed:
        pytest.skip(printed.rsplit(_SKIPPED, 1)[1].strip())
    if _FAILED in printed:
        before, after = printed.rsplit(_FAILED, 1)
        pytest.fail(f"{before}{after.lstrip()}"[-_SHOWN:].rstrip(), pytrace=False)
    print(printed, end="")
