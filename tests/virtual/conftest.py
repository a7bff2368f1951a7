import ast
import subprocess
import threading
import time

import pytest

from mynah.flash import partitions
from mynah.flash.app_info import AppInfo
from mynah.flash.esptool import command_for
from mynah.flash.image import Segment, build_image
from mynah.link.urlhandler.protocol_rfc2217 import Serial
from mynah.virtual.board import VirtualBoard
from mynah.virtual.factory import flash_content

MIB = 1 << 20
BANNER = b"MicroPython on a fake CPU\r\n>>> "


class EchoCpu:
    """Stands in for MicroPython where only the board around it is tested: greets, then echoes."""

    def __init__(self, *, transmit, request_reset, flash, **_):
        self.transmit = transmit
        self.request_reset = request_reset
        self.flash = flash
        self.boots = []
        self.running = False

    def start(self, boot, cause):
        self.boots.append((boot, cause))
        self.running = True
        self.transmit(BANNER)

    def stop(self):
        self.running = False

    def receive(self, data):
        self.transmit(data)


class Console:
    """A serial port that is read until something appears."""

    def __init__(self, url):
        self.port = Serial(url, 115200, timeout=0.1)
        self.text = b""

    def expect(self, wanted, timeout_s=10):
        """Read until ``wanted``; give back what came before it and keep what came after."""
        deadline = time.monotonic() + timeout_s
        while wanted not in self.text:
            assert time.monotonic() < deadline, f"no {wanted!r} in {self.text!r}"
            self.text += self.port.read(max(1, self.port.in_waiting))
        before, _, self.text = self.text.partition(wanted)
        return before

    def lines(self, *, dtr, rts):
        """Set DTR, then RTS."""
        self.port.dtr = dtr
        self.port.rts = rts

    def close(self):
        self.port.close()


@pytest.fixture(scope="session")
def wait_for():
    """A function that waits until a condition is true."""

    def wait(condition, timeout_s=10):
        deadline = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline, "it does not happen"
            time.sleep(0.005)

    return wait


@pytest.fixture
def echo_board(wait_for):
    """A function that makes boards with an `EchoCpu` (``board.cpu``); blank or ``bootable``."""
    others = _board_threads()
    boards = []

    def make(*, bootable=True, **options):
        cpus = []

        def cpu_factory(**wiring):
            cpus.append(EchoCpu(**wiring))
            return cpus[0]

        content = flash_content("v1.29.0") if bootable else ()
        board = VirtualBoard(cpu_factory=cpu_factory, content=content, **options)
        boards.append(board)
        board.cpu = cpus[0]
        if bootable:
            wait_for(lambda: board.cpu.running)
        return board

    yield make
    for board in boards:
        board.close()
    assert _board_threads() - others == set()


def _board_threads():
    return {thread for thread in threading.enumerate() if thread.name.startswith("mynah-")}


@pytest.fixture
def console():
    """A function that opens a board's serial port as a `Console`."""
    consoles = []

    def connect(board):
        consoles.append(Console(board.url))
        return consoles[-1]

    yield connect
    for each in consoles:
        each.close()


@pytest.fixture(scope="session")
def esptool():
    """A function that runs unmodified esptool on a board; its output, and an error is a failure."""

    def run(board, *arguments, fails=False):
        command = [*command_for(board.url), "--port", board.url, *map(str, arguments)]
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=120, check=False
        )
        text = done.stdout + done.stderr
        assert bool(done.returncode) == fails, text
        return text

    return run


@pytest.fixture(scope="session")
def stock_image():
    """The shape of ESP32_GENERIC_S3's .bin: boot loader, table, application in one file at 0x0.

    No real one could be fetched here. Layout, flash mode and the size that the header promises
    are those of MicroPython's ``ports/esp32/makeimg.py``, ``partitions-4MiBplus.csv`` and
    ``sdkconfig.base``; the descriptor is anonymous, as ``CONFIG_APP_EXCLUDE_PROJECT_NAME_VAR``
    makes it, and the banner is where the linker puts strings, in the mapped read-only data.
    """
    boot = build_image(
        [Segment(0x3FCE2820, bytes(0x10CC)), Segment(0x403C8700, bytes(0xD24))],
        0x403C891C,
        flash_size=4 * MIB,
    )
    rodata = AppInfo("", "", idf_version="v5.5.1", date="Dec  9 2025", time="14:15:52").build()
    rodata += bytes(0x4000) + b"3.4.0; MicroPython v1.27.0 on 2025-12-09\0"
    rodata = rodata.ljust(0x5000, b"\0")
    app = build_image(
        [
            Segment(0x3C150020, rodata),
            Segment(0x3FC98C00, bytes(0x500)),
            Segment(0x40374000, bytes(0x800)),
            Segment(0x42000020, bytes(0x20000)),
        ],
        0x403758F0,
        flash_size=4 * MIB,
    )
    table = partitions.build(partitions.stock())
    return boot.ljust(0x8000, b"\xff") + table.ljust(0x8000, b"\xff") + app


class MicroPython:
    """A virtual board that runs MicroPython, and its REPL over the serial port."""

    def __init__(self, *, fast=False):
        self.board = VirtualBoard(content=flash_content(), fast=fast)
        self.world = self.board.world
        self.board.power_off()  # what it says before somebody listens is not mixed with the rest
        self.console = Console(self.board.url)
        self.board.power_on()
        self.console.expect(b">>> ")

    def send(self, data):
        self.console.port.write(data)

    def start(self, code):
        """Have the raw REPL run ``code``."""
        self.send(b"\r\x03\x01")
        self.console.expect(b"raw REPL; CTRL-B to exit\r\n>")
        self.send(code.encode() + b"\x04")
        self.console.expect(b"OK")

    def result(self, timeout_s=10):
        """What the code printed, and its traceback, as text with \\n."""
        printed = self.console.expect(b"\x04", timeout_s)
        traceback = self.console.expect(b"\x04>", timeout_s)
        return printed.decode().replace("\r\n", "\n"), traceback.decode().replace("\r\n", "\n")

    def run(self, code, timeout_s=10):
        """What ``code`` prints; an exception in it is a failure."""
        self.start(code)
        printed, traceback = self.result(timeout_s)
        assert traceback == "", traceback
        return printed

    def value(self, expression, setup=""):
        """The value of an expression of literals."""
        return ast.literal_eval(self.run(f"{setup}\nprint(repr({expression}))"))

    def restart(self):
        """Reset the board; wait for the prompt."""
        self.board.reset()
        self.console.expect(b">>> ")

    def close(self):
        self.console.close()
        self.board.close()


@pytest.fixture
def micropython():
    """A `MicroPython` board of the test's own."""
    board = MicroPython()
    yield board
    board.close()


@pytest.fixture(scope="module")
def shared_micropython():
    """A `MicroPython` board that the tests of a module share; they leave no state behind."""
    board = MicroPython()
    yield board
    board.close()


@pytest.fixture(scope="module")
def fast_micropython():
    """As `shared_micropython`, on a fast clock."""
    board = MicroPython(fast=True)
    yield board
    board.close()
