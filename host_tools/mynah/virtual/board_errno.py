"""Error numbers as the board's C library has them (newlib, ``sys/errno.h``)."""

from __future__ import annotations

import errno

EIO = 5
EBADF = 9
EAGAIN = 11
EINVAL = 22
ENFILE = 23
ECONNRESET = 104
EADDRINUSE = 112
ECONNABORTED = 113
EHOSTUNREACH = 118
ENOTCONN = 128

ERR_VAL = 6
"""Not of the C library: lwIP's own (``lwip/err.h``), which MicroPython passes on for groups."""

_BY_NAME = {
    "EPIPE": 32,
    "EOPNOTSUPP": 95,
    "ECONNRESET": ECONNRESET,
    "ENOBUFS": 105,
    "EAFNOSUPPORT": 106,
    "ECONNREFUSED": 111,
    "EADDRINUSE": EADDRINUSE,
    "ECONNABORTED": ECONNABORTED,
    "ENETUNREACH": 114,
    "ETIMEDOUT": 116,
    "EHOSTUNREACH": EHOSTUNREACH,
    "EINPROGRESS": 119,
    "EALREADY": 120,
    "EMSGSIZE": 122,
    "EADDRNOTAVAIL": 125,
    "EISCONN": 127,
    "ENOTCONN": ENOTCONN,
    "EAGAIN": EAGAIN,
    "EINVAL": EINVAL,
    "EBADF": EBADF,
}


def of(number: int | None) -> int:
    """The board's number for this computer's; 5 (EIO) for one that the board does not know."""
    return _BY_NAME.get(errno.errorcode.get(number or 0, ""), EIO)
