"""Calls from the board's modules to the host, and the host's interrupts.

The request is one packet: operation (u8), two i32 arguments, payload. The reply is two: status
(i32; negative: an errno) and size of the payload (u32), then the payload if there is one.

A call is written without a jump between request and reply: the VM runs pending callbacks and
raises KeyboardInterrupt at jumps only, so nothing can come between.
"""

import json
import struct
import time
from array import array
from micropython import const, schedule

from _keyboard import interrupt

# Operations: the twin of this table is mynah.virtual.link.
CALL = const(0)
MODULE = const(1)
EVENTS = const(2)
WRITE_RAW = const(3)
FLASH_PROGRAM = const(4)
FLASH_ERASE = const(5)
I2S_READ = const(6)
I2S_TAKE = const(7)
I2S_WRITE = const(8)
I2S_WRITTEN = const(9)
I2S_AVAILABLE = const(10)
SOCKET_SEND = const(11)
SOCKET_RECEIVE = const(12)
BITSTREAM = const(13)
SPI_WRITE = const(14)
PIN_GET = const(15)
PIN_SET = const(16)
I2C_READ = const(17)
I2C_WRITE = const(18)
IDLE = const(19)

PAYLOAD_FOLLOWS = const(0x80)

EVENT_PIN = const(1)
EVENT_TIMER = const(2)
EVENT_I2S = const(3)
EVENT_SOCKET = const(4)
EVENT_KEYBOARD = const(5)
EVENT_I2S_FILLED = const(6)
EVENT_THREAD = const(7)

_RAISED = const(1)
_MAX_EVENTS = const(64)
_LATE_MS = const(100)
_SCHEDULER_DEPTH = const(16)  # no build's is longer

_header = array("i", (0, 0))
_events = bytearray(4 * _MAX_EVENTS)
_handlers = [None] * 8
_write = None
_readinto = None
_irq = None


def exchange(packet, buffer):
    """Send a ready request; the reply's status, its payload in ``buffer``. Allocates nothing."""
    _write(packet)
    _readinto(_header)
    _readinto(buffer, _header[1])
    return _header[0]


def exchange_data(packet, data, buffer):
    """As `exchange`, for a request whose payload follows in a packet of its own.

    The operation in ``packet`` is marked with PAYLOAD_FOLLOWS.
    """
    _write(packet)
    _write(data)
    _readinto(_header)
    _readinto(buffer, _header[1])
    return _header[0]


def request(operation, a=0, b=0, data=b""):
    """Call the host; its status (0 or more) and the reply's payload. OSError for an errno."""
    packet = struct.pack("<Bii", operation, a, b) + data
    _write(packet)
    _readinto(_header)
    reply = bytearray(_header[1])
    _readinto(reply)
    status = _header[0]
    if status < 0:
        raise OSError(-status)
    return status, bytes(reply)


def call(name, *args):
    """Call the host's service ``name`` with JSON arguments; its JSON result."""
    status, reply = request(CALL, 0, 0, json.dumps((name, args)).encode())
    result = json.loads(reply)
    if status == _RAISED:
        import builtins

        raise getattr(builtins, result[0])(*result[1])
    return result


def on_event(kind, handler):
    """Have ``handler(source, value)`` called for each event of that kind."""
    _handlers[kind] = handler


_fetch_events = struct.pack("<Bii", EVENTS, 0, 0)
_ticks_ms = time.ticks_ms
_fetched_ms = _ticks_ms()
_catching_up = False
_dispatching = False
_interrupt_wanted = False
fetches = 0  # in 31 bits, as the host counts them


def want_interrupt():
    """As `_keyboard.interrupt`, but from within a callback it waits for that callback's end."""
    global _interrupt_wanted
    if _dispatching:
        _interrupt_wanted = True
    else:
        interrupt()


def dispatch(_):
    """Fetch the pending events and call their handlers (soft interrupt context)."""
    global _fetched_ms, _catching_up, _dispatching, _interrupt_wanted, fetches
    _catching_up = False
    _dispatching = True
    _fetched_ms = _ticks_ms()
    keyboard = False
    n = exchange(_fetch_events, _events)
    fetches = (fetches + 1) & 0x7FFFFFFF
    i = 0
    while i < 4 * n:
        kind = _events[i]
        handler = _handlers[kind]
        if kind == EVENT_KEYBOARD:
            keyboard = True
        elif handler:
            handler(_events[i + 1], _events[i + 2] | _events[i + 3] << 8)
        i += 4
    _dispatching = False
    if keyboard or _interrupt_wanted:
        _interrupt_wanted = False
        interrupt()


def catch_up(now_ms):
    """Serve the interrupts that are overdue at ``now_ms``, before a program sees that time.

    On a computer with other things to do, an interrupt comes late by as long as the host or the
    interrupt thread does not run. No program may conclude from that that its hardware is dead.
    """
    if not _catching_up and now_ms - _fetched_ms >= _LATE_MS:
        serve()


def serve():
    """Serve the interrupts that wait; whether that was possible: in a callback it is not."""
    global _catching_up
    before = fetches
    if not _catching_up:
        try:
            schedule(dispatch, None)
            _catching_up = True
        except RuntimeError:
            pass  # the queue is full
    # Each jump runs one callback, unless this is one already.
    n = 0
    while fetches == before and n < _SCHEDULER_DEPTH:
        n += 1
    return fetches != before


def run_callback(function, argument):
    """Call what a program registered, as mp_call_function_1_protected does."""
    try:
        function(argument)
    except Exception as e:
        import sys

        sys.print_exception(e)


def _watch(readinto, byte, schedule, handler):
    # The interrupt thread. MicroPython's threads share the heap without a lock here: this one
    # touches nothing but its locals.
    while True:
        try:
            if not readinto(byte):
                return
            schedule(handler, None)
        except RuntimeError:
            # The scheduler's queue is full: the host repeats an interrupt that is not served.
            pass


def open_link(link, irq_fd):
    """Connect to the host: a file for the calls, an inherited socket for the interrupts."""
    global _write, _readinto, _irq
    import _thread
    import micropython

    _write = link.write
    _readinto = link.readinto
    _irq = open(irq_fd, "r+b", buffering=0)
    _thread.stack_size(64 * 1024)
    _thread.start_new_thread(_watch, (_irq.readinto, bytearray(1), micropython.schedule, dispatch))
