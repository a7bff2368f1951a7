"""The rest of the board: `machine`, `neopixel`, its console, a flash that counts and can fail."""

import io
import os
import random
import sys

import vfs

_BLOCK = 4096
MAC = b"\x30\xed\xa0\x00\x00\x01"


class PowerCut(BaseException):
    """The supply went away, between any two instructions of the firmware."""


class Reset(BaseException):
    """The firmware asked for a reset."""


class Flash:
    """A NOR flash as a block device: programming clears bits, erasing sets them.

    `cut_at` is the operation at which the power fails and which is left half done, or None.
    """

    def __init__(self, n_blocks=64):
        self.data = bytearray(b"\xff" * (_BLOCK * n_blocks))
        self.erases = bytearray(2 * n_blocks)  # of each block, as 16 bits
        self.n_blocks = n_blocks
        self.operations = 0
        self.cut_at = None

    def most_erases(self):
        """Of the block that was erased most."""
        return max([self._erased(i) for i in range(self.n_blocks)])

    def _erased(self, block):
        return self.erases[2 * block] | self.erases[2 * block + 1] << 8

    def _operate(self):
        self.operations += 1
        return self.operations == self.cut_at

    def readblocks(self, block, buffer, offset=0):
        at = block * _BLOCK + offset
        buffer[:] = self.data[at : at + len(buffer)]

    def writeblocks(self, block, buffer, offset=0):
        at = block * _BLOCK + offset
        cut = self._operate()
        n = len(buffer) // 2 if cut else len(buffer)
        for i in range(n):
            self.data[at + i] &= buffer[i]
        if cut:
            raise PowerCut

    def ioctl(self, operation, argument):
        if operation == 4:
            return self.n_blocks
        if operation == 5:
            return _BLOCK
        if operation == 6:
            cut = self._operate()
            n = _BLOCK // 2 if cut else _BLOCK
            at = argument * _BLOCK
            self.data[at : at + n] = b"\xff" * n
            count = self._erased(argument) + 1
            self.erases[2 * argument] = count & 255
            self.erases[2 * argument + 1] = count >> 8
            if cut:
                raise PowerCut
        return 0

    def format(self):
        vfs.VfsLfs2.mkfs(self)

    def mount(self):
        """Make it the root, and the only filesystem."""
        for path in ("/flash", "/"):
            try:
                vfs.umount(path)
            except OSError:
                pass
        self._plug = Plug(self)
        vfs.mount(vfs.VfsLfs2(self._plug), "/")
        os.chdir("/")

    def unmount(self):
        """The power is gone: what was open does nothing any more."""
        self._plug.flash = None


class Plug:
    """Between a mounted filesystem and its flash.

    Files that a power cut left open are closed by the garbage collector one day, when nothing may
    allocate and nothing be written.
    """

    def __init__(self, flash):
        self.flash = flash

    def readblocks(self, block, buffer, offset=0):
        return 0 if self.flash is None else self.flash.readblocks(block, buffer, offset)

    def writeblocks(self, block, buffer, offset=0):
        return 0 if self.flash is None else self.flash.writeblocks(block, buffer, offset)

    def ioctl(self, operation, argument):
        return 0 if self.flash is None else self.flash.ioctl(operation, argument)


class Pin:
    IN, OUT, PULL_UP, IRQ_FALLING, IRQ_RISING = 1, 3, 2, 2, 1
    made = {}  # number -> Pin

    def __init__(self, number, mode=-1, pull=-1, value=1):
        self.level = value
        self._handler = None
        Pin.made[number] = self

    def irq(self, handler=None, trigger=3):
        self._handler = handler

    def value(self, level=None):
        if level is None:
            return self.level
        self.level = level
        return None

    def push(self, level):
        """From outside: drive the pin."""
        self.level = level
        if not level and self._handler is not None:
            self._handler(self)


class I2S:
    """TX plays in no time; RX brings silence in real time, or nothing at all."""

    RX, TX, MONO, STEREO = 10, 6, 0, 1
    clock = None
    sound = False
    epoch = 0  # of the board's life: what an earlier one began ends with it

    def __init__(self, number, *, mode=RX, bits=16, rate=16000, **_):
        self._rx = mode == I2S.RX
        self._frame_bytes = bits // 8
        self._rate = rate
        self._handler = None
        self._due_us = 0
        self._open = True
        self._epoch = I2S.epoch

    def irq(self, handler):
        self._handler = handler

    def readinto(self, buffer):
        if self.sound:
            now_us = self.clock.now_us
            n_us = len(buffer) * 2 // self._frame_bytes * 1_000_000 // self._rate
            self._due_us = max(self._due_us, now_us - 300_000) + n_us
            self.clock.after(max(0, self._due_us - now_us) / 1000, self._filled, buffer)

    def _filled(self, buffer):
        if self._open and self._epoch == I2S.epoch:
            for i in range(len(buffer) - 2, len(buffer)):
                buffer[i] = 0
            self._handler(self)

    def write(self, buffer):
        n_us = len(buffer) * 2 // self._frame_bytes * 1_000_000 // self._rate
        self.clock.after(n_us / 1000, self._written)
        return len(buffer)

    def _written(self):
        if self._open and self._epoch == I2S.epoch:
            self._handler(self)

    def deinit(self):
        self._open = False


class Timer:
    """A periodic timer; there is one of each number."""

    ONE_SHOT, PERIODIC = 0, 1
    clock = None
    _made = {}

    def __new__(cls, number=0):
        if number not in cls._made:
            cls._made[number] = object.__new__(cls)
            cls._made[number]._run = 0
        return cls._made[number]

    def __init__(self, number=0):
        pass

    def init(self, *, mode=PERIODIC, period=-1, callback=None):
        self._run += 1
        self._period, self._callback = period, callback
        self.clock.after(period, self._tick, self._run)

    def _tick(self, run):
        if run == self._run:
            self.clock.after(self._period, self._tick, run)
            self._callback(self)

    def deinit(self):
        self._run += 1

    @classmethod
    def power_off(cls):
        for timer in cls._made.values():
            timer.deinit()


class SPI:
    def __init__(self, *_, **__):
        pass

    def write(self, data):
        pass


class Machine:
    """The module `machine`."""

    Pin, I2S, SPI, Timer = Pin, I2S, SPI, Timer
    PWRON_RESET, HARD_RESET = 1, 2

    def unique_id(self):
        return MAC

    def reset_cause(self):
        return 1

    def reset(self):
        raise Reset

    def freq(self, *_):
        return 240_000_000

    def UART(self, *_, **__):
        raise AttributeError("no UART")


class NeoPixel:
    """Counts what is shown."""

    shown = 0

    def __init__(self, pin, count):
        self._count = count

    def fill(self, colour):
        pass

    def __setitem__(self, index, colour):
        pass

    def write(self):
        NeoPixel.shown += 1


class ConsoleInput(io.IOBase):
    """What is typed: nothing, until `data` has something."""

    def __init__(self):
        self.data = bytearray()

    def ioctl(self, request, flags):
        return flags & 1 if request == 3 and self.data else 0

    def readinto(self, buffer):
        n = min(len(buffer), len(self.data))
        buffer[:n] = self.data[:n]
        self.data[:] = self.data[n:]
        return n


class Os:
    """`os`, whose noise is the seed's."""

    def __init__(self, random):
        self._random = random

    def __getattr__(self, name):
        return getattr(os, name)

    def urandom(self, count):
        return bytes([self._random.getrandbits(8) for _ in range(count)])


class Sys:
    """`sys` for whoever reads the console."""

    def __init__(self, console):
        self.stdin = type("stdin", (), {"buffer": console})
        self.stdout = sys.stdout
        self.implementation = sys.implementation
        self.print_exception = sys.print_exception


def install(clock):
    """Put it in the place of `machine` and `neopixel`, and of `os`."""
    I2S.clock = Timer.clock = clock
    sys.modules["os"] = Os(random)
    sys.modules["machine"] = Machine()
    sys.modules["neopixel"] = type("neopixel", (), {"NeoPixel": NeoPixel})
