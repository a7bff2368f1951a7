"""The board's ``select``: a poll during which callbacks run, as they do on the chip."""

import io
import select as _real

__name__ = "select"

POLLIN = _real.POLLIN
POLLOUT = _real.POLLOUT
POLLERR = _real.POLLERR
POLLHUP = _real.POLLHUP


class _Never(io.IOBase):
    # A pollable without a file descriptor: it keeps the poll from sleeping in one system call,
    # in which no scheduled callback would run.
    def ioctl(self, request, arg):
        return 0 if request == 3 else -22


_never = _Never()


_make = None


def use(make):
    """Have `poll` make its objects in another way."""
    global _make
    _make = make


def poll():
    """A poll object."""
    if _make:
        return _make()
    poller = _real.poll()
    poller.register(_never, 0)
    return poller


def select(readable, writable, exceptional, timeout=None):
    """As CPython's, built on poll (deprecated in MicroPython too); timeout in seconds."""
    poller = poll()
    wanted = {}
    for objects, events in ((readable, POLLIN), (writable, POLLOUT), (exceptional, POLLERR)):
        for o in objects:
            wanted[id(o)] = (o, wanted.get(id(o), (o, 0))[1] | events)
    for o, events in wanted.values():
        poller.register(o, events)
    ready = poller.poll(-1 if timeout is None else int(timeout * 1000))
    return tuple(
        [o for o, events in ready if events & mask] for mask in (POLLIN, POLLOUT, POLLERR | POLLHUP)
    )
