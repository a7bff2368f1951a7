"""A board's filesystem in a MicroPython process of its own, whose power fails on request."""

import os
import subprocess
from pathlib import Path

from mynah.flash import filesystem
from mynah.link.repl import ReplError
from mynah.virtual.micropython import micropython_command

PROGRAM = Path(__file__).with_name("deploy_board.py")
UPY_DIR = Path(__file__).parents[1] / "upy"
SIZE = 96 * 4096


class PowerLost(Exception):
    """The power failed while the code ran."""


class FlashProcess:
    """What `mynah.flash.delivery` calls a console; see `deploy_board.py`."""

    def __init__(self):
        self._process = subprocess.Popen(
            [*micropython_command(), "-X", "heapsize=16m", str(PROGRAM)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "MICROPYPATH": os.pathsep.join([str(UPY_DIR), ".frozen"])},
        )
        self._waiting = b""
        self.tell("format_flash()")

    def close(self):
        self._process.stdin.close()
        self._process.wait(timeout=10)
        self._process.stdout.close()

    def run(self, code):
        """Run code as a program on the board; what it printed."""
        return self._ask(code)

    def tell(self, code):
        """Run code beside the board: the hand on its switch."""
        return self._ask("#\n" + code)

    def power_off(self):
        self.tell("switch_off()\nnor.cut_at = None")

    def power_on(self, cut_at=None):
        """Switch it on; with ``cut_at``, the power fails at that operation of the start."""
        self.tell(f"nor.operations = 0\nnor.cut_at = {cut_at}\nswitch_on()")

    def restart(self):
        """Switch it off and on."""
        self.power_off()
        self.power_on()

    def cut_power_at(self, n):
        """Let the power fail at the n-th program or erase from now on."""
        self.tell(f"nor.operations = 0\nnor.cut_at = {n}")

    def operations(self):
        return int(self.tell("print(nor.operations)"))

    def keep(self):
        """Switch it off and remember what is in the flash."""
        self.power_off()
        self.tell("kept = bytes(nor.data)")

    def put_back(self):
        """Switch it off and have in the flash what was kept."""
        self.power_off()
        self.tell("nor.data[:] = kept")

    def write(self, files):
        """Put files into the filesystem that is mounted."""
        for path, data in files.items():
            for at in range(1, len(path)):
                if path[at] == "/":
                    folder = path[:at]
                    self.run(f"import os\ntry: os.mkdir({folder!r})\nexcept OSError: pass")
            self.run(f"with open({path!r}, 'wb') as f: f.write({data!r})")

    def files(self):
        """Every file by path, read from the flash without the board's help."""
        text = self.tell("import binascii\nprint(binascii.hexlify(nor.data).decode())")
        return filesystem.read(bytes.fromhex(text), SIZE)

    def _ask(self, code):
        data = code.encode()
        self._process.stdin.write(b"%d\n" % len(data) + data)
        self._process.stdin.flush()
        printed, problem = self._until_4(), self._until_4()
        if "PowerCut" in problem:
            raise PowerLost
        if problem:
            raise ReplError(problem)
        return printed

    def _until_4(self):
        while b"\x04" not in self._waiting:
            data = os.read(self._process.stdout.fileno(), 1 << 20)
            assert data, self._waiting
            self._waiting += data
        text, _, self._waiting = self._waiting.partition(b"\x04")
        return text.decode()
