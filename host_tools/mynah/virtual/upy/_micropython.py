"""The board's ``micropython``."""

import micropython as _real

import _repl

__name__ = "micropython"

RingIO = _real.RingIO
const = _real.const
heap_lock = _real.heap_lock
heap_unlock = _real.heap_unlock
kbd_intr = _repl.kbd_intr
mem_info = _real.mem_info
opt_level = _real.opt_level
qstr_info = _real.qstr_info
schedule = _real.schedule
stack_use = _real.stack_use


def alloc_emergency_exception_buf(size):
    """Nothing to reserve here."""
