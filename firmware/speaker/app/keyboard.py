"""What comes in over the serial console, byte by byte: Ctrl-C told from a 3 that is data.

MicroPython takes the byte 3 out of the input where it is received (ports/esp32/uart.c and
usb_serial_jtag.c, shared/tinyusb/mp_usbd_cdc.c), and raises KeyboardInterrupt. But every command of
Improv begins `IMPROV`, 1, 3: a browser would stop the firmware. So as long as the firmware runs,
MicroPython's own Ctrl-C is off (`micropython.kbd_intr(-1)`), and this module knows which 3 is what:
inside of an Improv frame it is data, everywhere else it is Ctrl-C. A frame ends with its last byte,
or when the line was silent for 0.3 s, so a half one does not take Ctrl-C away.

Ctrl-C has to work when the event loop does not, too. Normally `take`, which the console's task
calls, sees it and raises KeyboardInterrupt. When input has waited for longer than a timer's period,
the loop is busy, hangs, or has not begun yet; then the timer's callback, which MicroPython runs in
the midst of whatever program there is, reads the input. What is not Ctrl-C it keeps for `take`. For
Ctrl-C it needs to raise KeyboardInterrupt in that program, and an exception of a callback is only
printed. There is one way: a byte that comes from a terminal of `os.dupterm` and equals the
interrupt character makes MicroPython schedule the exception (extmod/os_dupterm.c,
mp_os_dupterm_rx_chr). So for a moment there is such a terminal, which gives one byte.

What is behind Ctrl-C in the input is not touched: it is for the prompt. When the firmware has
ended, or `end` was called, everything is MicroPython's again.
"""

import io
import os
import select
import sys
import time

import machine
import micropython
from micropython import const

from speaker.net.improv_prefix import PREFIX
from speaker.util.hints import Any

_CTRL_C = const(3)
_INTERRUPT = const(256)  # what `_judge` gives for Ctrl-C
_I = const(73)
_HEAD = const(7)  # bytes of PREFIX; then type and length
_QUIET_MS = const(300)
_TIMER = const(0)
_TICK_MS = const(100)
_KEPT = const(512)
_POLL = const(3)  # MP_STREAM_POLL
_POLLIN = const(1)
_INVALID = const(-22)


class Keyboard(io.IOBase):
    """Reads `stream` (sys.stdin.buffer); a stream itself, which asyncio can wait for."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._poller = select.poll()
        self._poller.register(stream, select.POLLIN)
        self._byte = bytearray(1)
        self._at = 0  # how far into a frame's head
        self._left = 0  # data and checksum of a frame that are still to come
        self._quiet = False  # since when, if so, a frame has not gone on
        self._quiet_ms = time.ticks_ms()
        self._kept = bytearray(_KEPT)
        self._start = 0
        self._end = 0
        self._takes = 0  # how often somebody looked
        self._seen = 0  # what that was at the last tick
        self._late = False
        self.over = False  # Ctrl-C was seen by `tick`: what comes next is for the prompt

    def take(self, buffer: Any, start: int, count: int) -> int:
        """Put what is there, up to count bytes, into buffer at start; return how many.

        Raises KeyboardInterrupt at Ctrl-C. Allocates nothing.
        """
        # Reads of the console wait until they have all they were asked for, and nobody tells how
        # much there is: one byte at a time.
        if self.over:
            return 0
        self._takes = (self._takes + 1) & 0xFFFF
        one = self._byte
        n = 0
        while n < count:
            if self._start < self._end:
                byte = self._kept[self._start]
                self._start += 1
            elif self._has_input():
                self._stream.readinto(one)
                byte = one[0]
                if self._at or byte in (_CTRL_C, _I):
                    byte = self._judge(byte)
                    if byte == _INTERRUPT:
                        raise KeyboardInterrupt
            else:
                break
            buffer[start + n] = byte
            n += 1
        return n

    def tick(self, _timer: object) -> None:
        """The timer's callback: read what nobody reads. Allocates nothing."""
        if self.over:
            return
        if self._takes != self._seen or not self._has_input():
            self._seen = self._takes
            self._late = False
            return
        if not self._late:  # it may have come just now
            self._late = True
            return
        if self._start == self._end:
            self._start = self._end = 0
        while self._has_input():
            self._stream.readinto(self._byte)
            byte = self._judge(self._byte[0])
            if byte == _INTERRUPT:
                self.over = True
                _interrupt()
                return  # and nothing else: the exception is raised at the next jump
            if self._end == _KEPT:  # whatever it was, it is in pieces
                self._start = self._end = 0
            self._kept[self._end] = byte
            self._end += 1

    def ioctl(self, request: int, argument: int) -> int:
        """For asyncio's poll: whether `take` has something."""
        if request != _POLL:
            return _INVALID
        ready = self._start < self._end or self._has_input()
        return argument & _POLLIN if ready else 0

    def _has_input(self) -> bool:
        for _ in self._poller.ipoll(0):
            return True
        if self._at >= _HEAD:
            self._note_silence()
        return False

    def _note_silence(self) -> None:
        """Nothing has come: two looks at so long a silence end a frame."""
        now_ms = time.ticks_ms()
        if not self._quiet:
            self._quiet = True
            self._quiet_ms = now_ms
        elif time.ticks_diff(now_ms, self._quiet_ms) >= _QUIET_MS:
            self._at = 0

    def _judge(self, byte: int) -> int:
        """The next byte of the input, or _INTERRUPT if it is Ctrl-C."""
        self._quiet = False
        at = self._at
        if at < _HEAD:
            if byte == PREFIX[at]:
                self._at = at + 1
            else:
                self._at = 1 if byte == _I else 0
            return _INTERRUPT if byte == _CTRL_C else byte
        if at == _HEAD:  # the type
            self._at = at + 1
        elif at == _HEAD + 1:  # the length
            self._at = at + 1
            self._left = byte + 1
        else:
            self._left -= 1
            if not self._left:
                self._at = 0
        return byte


class _CtrlC(io.IOBase):
    """A terminal that gives Ctrl-C once and then nothing; what is written to it is gone."""

    given = True

    def readinto(self, buffer: bytearray) -> int | None:
        if self.given:
            return None
        self.given = True
        buffer[0] = _CTRL_C
        return 1

    def write(self, data: bytes) -> int:
        return len(data)

    def ioctl(self, request: int, argument: int) -> int:
        if request != _POLL:
            return _INVALID
        return 0 if self.given else argument & _POLLIN


_ctrl_c = _CtrlC()
_keyboard: Keyboard | None = None


def begin() -> Keyboard:
    """From now on Ctrl-C is this module's; the one Keyboard there is."""
    global _keyboard
    micropython.kbd_intr(-1)
    if _keyboard is None:
        _keyboard = Keyboard(sys.stdin.buffer)
        timer = machine.Timer(_TIMER)
        timer.init(mode=machine.Timer.PERIODIC, period=_TICK_MS, callback=_keyboard.tick)
    return _keyboard


def end() -> None:
    """From now on Ctrl-C is MicroPython's, and all input the prompt's."""
    global _keyboard
    if _keyboard is not None:
        machine.Timer(_TIMER).deinit()
        _keyboard = None
    os.dupterm(None)
    micropython.kbd_intr(_CTRL_C)


def _interrupt() -> None:
    """Raise KeyboardInterrupt in the program that runs. Nothing may follow in the callback."""
    _ctrl_c.given = False
    micropython.kbd_intr(_CTRL_C)
    os.dupterm(_ctrl_c)
    os.dupterm_notify(None)
