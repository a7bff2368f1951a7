"""Running programs and reading the UART (MicroPython's pyexec.c); _prompt.py has the REPLs."""

import select
import sys
import time
from micropython import const

import _keyboard
import _link
import _rom

FORCED_EXIT = const(0x100)

_CTRL_C = const(3)

_sleep_ms = time.sleep_ms
_stdin = open(0, "rb", buffering=0)
_byte = bytearray(1)
_poller = select.poll()
_poller.register(_stdin, 1)
write = sys.stdout.write
print_exception = sys.print_exception


def any_input(timeout_ms=0):
    """Whether a byte of UART input waits; callbacks run while this waits for one."""
    for _ in _poller.ipoll(timeout_ms):
        return True
    return False


def read_byte():
    """The next byte of UART input; waits for it, callbacks run meanwhile."""
    while not any_input(-1):
        pass
    if not _stdin.readinto(_byte):
        raise SystemExit
    return _byte[0]


def kbd_intr(character):
    """Choose the character that raises KeyboardInterrupt (-1: none)."""
    _keyboard.arm(character)
    _link.call("interrupt_character", character)


def _quiet():
    # Turn Ctrl-C off; one that is already on its way is taken and forgotten.
    while True:
        try:
            kbd_intr(-1)
            _sleep_ms(0)
            return
        except KeyboardInterrupt:
            pass


def execute(run, *args, interruptible=True, eof=False):
    """Call ``run(*args)`` as pyexec runs a program; 0, or FORCED_EXIT after SystemExit, or 1."""
    error = None
    try:
        try:
            if interruptible:
                kbd_intr(_CTRL_C)
            run(*args)
        except BaseException as e:
            error = e
        _quiet()
    except KeyboardInterrupt as e:
        error = error or e
        _quiet()
    if eof:
        write("\x04")
    result = 0
    if error is not None:
        if isinstance(error, SystemExit):
            result = FORCED_EXIT
        else:
            result = 1
            print_exception(error)
    if eof:
        write("\x04")
    return result


def raw_repl(scope):
    """The raw REPL, until Ctrl-B (returns 0) or a soft reset (returns FORCED_EXIT)."""
    return _rom.load("_prompt").raw_repl(scope)


def friendly_repl(scope):
    """The friendly REPL, until Ctrl-A (returns 0) or a soft reset (returns FORCED_EXIT)."""
    return _rom.load("_prompt").friendly_repl(scope)
