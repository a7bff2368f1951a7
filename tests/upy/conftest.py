"""Collect ``upy_*.py``: each ``test_*`` function in one runs inside real MicroPython.

A file runs in one MicroPython process with ``firmware/`` and ``tests/upy/`` on its path and the
repository's root as its working directory. ``skip(reason)`` is a builtin there, and so is
``tmp_path``: a new folder for the test's files.
"""

import ast
import os
import subprocess
import tempfile

import pytest

from mynah.paths import FIRMWARE_DIR
from mynah.virtual.micropython import micropython_command

_RUNNER = """
import sys, builtins
class Skip(Exception): pass
def skip(reason): raise Skip(reason)
builtins.skip = skip
builtins.tmp_path = {folder!r}
m = __import__({module!r})
try:
    getattr(m, {function!r})()
except Skip as e:
    print("\\nUPY-SKIP", e)
    sys.exit(77)
except BaseException as e:
    sys.print_exception(e)
    sys.exit(1)
sys.exit(0)
"""


def pytest_collect_file(parent, file_path):
    if _is_ours(file_path) and not parent.session.isinitpath(file_path):
        return _File.from_parent(parent, path=file_path)
    return None


def pytest_pycollect_makemodule(module_path, parent):
    """A file that is named on the command line; pytest would import it."""
    return _File.from_parent(parent, path=module_path) if _is_ours(module_path) else None


def _is_ours(path):
    return path.suffix == ".py" and path.name.startswith("upy_")


class _File(pytest.File):
    def collect(self):
        tree = ast.parse(self.path.read_text())
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                yield _Item.from_parent(self, name=node.name)


class MicroPythonError(Exception):
    pass


class _Item(pytest.Item):
    def runtest(self):
        with tempfile.TemporaryDirectory(prefix="mynah-upy-") as folder:
            self._run(folder)

    def _run(self, folder):
        code = _RUNNER.format(module=self.path.stem, function=self.name, folder=folder)
        environment = dict(os.environ)
        environment["MICROPYPATH"] = os.pathsep.join(
            [str(FIRMWARE_DIR), str(self.path.parent), ".frozen"]
        )
        done = subprocess.run(
            [*micropython_command(), "-X", "heapsize=16M", "-c", code],
            capture_output=True,
            text=True,
            errors="replace",
            env=environment,
            cwd=FIRMWARE_DIR.parent,
            timeout=300,
            check=False,
        )
        if done.returncode == 77:
            pytest.skip(done.stdout.rsplit("UPY-SKIP", 1)[1].strip())
        if done.returncode:
            raise MicroPythonError((done.stdout + done.stderr)[-6000:])

    def repr_failure(self, excinfo):
        if isinstance(excinfo.value, MicroPythonError):
            return str(excinfo.value)
        return super().repr_failure(excinfo)

    def reportinfo(self):
        return self.path, 0, f"{self.path.stem}::{self.name}"
