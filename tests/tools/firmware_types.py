"""Check the firmware's types against the stock board: ``python tests/tools/firmware_types.py``.

Puts MicroPython's stubs into ``.typings/`` first, if they are not there. They never go into the
environment itself: they would drop 70 top-level modules there (``os``-like names included) that
other tools then take for CPython's. Needs mypy (``pip install -e '.[dev]'``).
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
TYPINGS = ROOT / ".typings"
STUBS = (
    "micropython-esp32-esp32-generic-s3-stubs==1.29.0.post1",
    "micropython-stdlib-stubs==1.29.0.post2",
)


def install_stubs() -> None:
    """Put the pinned stubs into `TYPINGS`, unless it was made from the same pins."""
    stamp = TYPINGS / "pins.txt"
    pins = "\n".join(STUBS)
    if stamp.is_file() and stamp.read_text() == pins:
        return
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--upgrade", "--target", str(TYPINGS), *STUBS], check=True)
    stamp.write_text(pins)


def main() -> int:
    """Exit code of mypy; its words go to stdout."""
    install_stubs()
    mypy = [sys.executable, "-m", "mypy", "--config-file", "firmware/mypy.ini", *sys.argv[1:]]
    return subprocess.run(mypy, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
