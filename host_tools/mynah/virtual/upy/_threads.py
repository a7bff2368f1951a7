"""The board's ``_thread``, as far as a thread that waits for the radio goes.

MicroPython's unix port has threads without the chip's global lock, which the link to the host would
not survive. So a thread here is one callback of the main program, called when the radio has had the
time for a scan: what blocks in it (`WLAN.scan`) takes no more time, and the main program runs on
meanwhile, as it does on the chip, where the lock is free while the driver works.
"""

import _thread as _real

import _link

__name__ = "_thread"

allocate_lock = _real.allocate_lock
get_ident = _real.get_ident
LockType = _real.LockType

_waiting = {}
_number = 0
inside = False


def start_new_thread(function, args, kwargs=None):
    """Call ``function`` in a while."""
    global _number
    _number = (_number + 1) & 0xFF
    _waiting[_number] = (function, args, kwargs or {})
    _link.call("thread_start", _number)
    return _number


def stack_size(size=0):
    """The size that the chip uses by default; any is taken."""
    return 5120


def _on_start(number, _):
    global inside
    function, args, kwargs = _waiting.pop(number)
    inside = True
    try:
        function(*args, **kwargs)
    except SystemExit:
        pass
    except Exception as e:
        import sys

        sys.print_exception(e)
    inside = False


_link.on_event(_link.EVENT_THREAD, _on_start)
