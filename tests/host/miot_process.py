"""Runs `miot_board.py`, the firmware's miIO server, for the tests that talk to it."""

import os
import re
import subprocess
import time
from pathlib import Path

from mynah.paths import FIRMWARE_DIR
from mynah.virtual.micropython import micropython_command

BOARD = Path(__file__).with_name("miot_board.py")
UPY_DIR = Path(__file__).parents[1] / "upy"


class Board:
    """The speaker's miIO side in a MicroPython process of its own; see there for the arguments.

    `firmware` is the folder that it runs, `heap` how many bytes MicroPython's heap has.
    """

    def __init__(self, address, owner, folder, *more, firmware=FIRMWARE_DIR, heap=2 << 20):
        self.address = address
        self._log = folder / "log.txt"
        path = os.pathsep.join([str(firmware), str(UPY_DIR), ".frozen"])
        environment = {**os.environ, "MICROPYPATH": path}
        with self._log.open("wb") as file:
            self.process = subprocess.Popen(
                [
                    *micropython_command(),
                    *("-X", f"heapsize={heap}", str(BOARD), address, owner, str(folder), *more),
                ],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                env=environment,
            )
        try:
            self.expect("app: ready")
        except BaseException:  # nobody has it yet who could close it
            self.process.kill()
            self.process.wait()
            raise

    @property
    def log(self):
        return self._log.read_text(errors="replace")

    def expect(self, pattern):
        """Wait for a log line; the match."""
        deadline = time.monotonic() + 20
        while not (found := re.search(pattern, self.log)):
            assert self.process.poll() is None, self.log
            assert time.monotonic() < deadline, f"no {pattern!r} in:\n{self.log}"
            time.sleep(0.02)
        return found

    def close(self):
        self.process.kill()
        self.process.wait()
        assert "Traceback" not in self.log, self.log
