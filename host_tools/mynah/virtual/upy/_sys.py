"""The board's ``sys``: what ports/esp32 has, and nothing that shows the computer beneath."""

import io
import sys as _real
from collections import namedtuple

__name__ = "sys"

MACHINE = "Mynah virtual board with ESP32S3"
_FRAME_OF_SHIM = '  File "//'

byteorder = _real.byteorder
exit = _real.exit
maxsize = _real.maxsize
modules = _real.modules
path = _real.path
version = _real.version
version_info = _real.version_info
platform = "esp32"
argv = []
implementation = namedtuple("", ("name", "version", "_machine", "_mpy", "_build", "_thread"))(
    "micropython",
    _real.implementation.version,
    MACHINE,
    _real.implementation._mpy,
    "MYNAH_VIRTUAL",
    _real.implementation._thread,
)


def print_exception(e, file=None):
    """As MicroPython's, without the frames of the board's own modules (C code on the chip)."""
    text = io.StringIO()
    _real.print_exception(e, text)
    file = file or stdout
    for line in text.getvalue().split("\n")[:-1]:
        if not line.startswith(_FRAME_OF_SHIM):
            file.write(line + "\n")


def _part(data, offset_and_size):
    # As stream_write of py/stream.c: all, or so many bytes, or those from an offset on.
    data = memoryview(data)
    *offset, size = offset_and_size or (len(data),)
    start = offset[0] if offset else 0
    return data[start : start + size]


class _RawOutput(io.IOBase):
    def write(self, data, *offset_and_size):
        import _link

        data = _part(data, offset_and_size)
        for i in range(0, len(data), 16384):
            _link.request(_link.WRITE_RAW, 0, 0, bytes(data[i : i + 16384]))
        return len(data)

    def ioctl(self, request, arg):
        return arg & 4 if request == 3 else -22


class _Output(io.IOBase):
    buffer = _RawOutput()

    def write(self, data, *offset_and_size):
        return _real.stdout.write(_part(data, offset_and_size) if offset_and_size else data)

    def ioctl(self, request, arg):
        return arg & 4 if request == 3 else -22

    def close(self):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


class _RawInput(io.IOBase):
    # Reads block until all bytes are there, as mp_hal_stdin_rx_chr does.
    def _byte(self):
        import _repl

        return _repl.read_byte()

    def ioctl(self, request, arg):
        return 0 if request == 10 else -22  # the file descriptor, which poll can wait for

    def readinto(self, buffer, n=-1):
        n = len(buffer) if n < 0 else min(n, len(buffer))
        for i in range(n):
            buffer[i] = self._byte()
        return n

    def read(self, n=-1):
        data = bytearray()
        while n < 0 or len(data) < n:
            data.append(self._byte())
        return bytes(data)

    def readline(self, n=-1):
        data = bytearray()
        while n < 0 or len(data) < n:
            data.append(self._byte())
            if data[-1] == 10:
                break
        return bytes(data)

    def close(self):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


class _Input(_RawInput):
    buffer = _RawInput()

    def _byte(self):
        c = _RawInput._byte(self)
        return 10 if c == 13 else c

    def read(self, n=-1):
        return _RawInput.read(self, n).decode()

    def readline(self, n=-1):
        return _RawInput.readline(self, n).decode()


stdin = _Input()
stdout = _Output()
stderr = _Output()
