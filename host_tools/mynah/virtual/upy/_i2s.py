"""machine.I2S (extmod/machine_i2s.c, ports/esp32/machine_i2s.c)."""

import io
import struct
import time
from micropython import const
from uctypes import addressof, bytearray_at

import _link
from _pin import Pin

_BLOCKING = const(0)
_NON_BLOCKING = const(1)
_ASYNCIO = const(2)
_POLL = const(3)
_EPERM = const(1)
_EINVAL = const(22)
_MAX_WRITE = const(65536)

_sleep_ms = time.sleep_ms
_channels = [None, None]
_empty = bytearray(0)


def _pin_number(pin):
    return Pin(pin)._number


class I2S(io.IOBase):
    RX = 1
    TX = 2
    MONO = 0
    STEREO = 1

    def __new__(cls, id, **kwargs):
        if not 0 <= id < 2:
            raise ValueError("invalid id")
        if _channels[id] is None:
            _channels[id] = super().__new__(cls)
        return _channels[id]

    def __init__(self, id, **kwargs):
        self._id = id
        self.init(**kwargs)

    def init(self, *, sck, ws, sd, mode, bits, format, rate, ibuf):
        self._pins = (_pin_number(sck), _pin_number(ws), _pin_number(sd))
        if mode not in (I2S.RX, I2S.TX):
            raise ValueError("invalid mode")
        if bits not in (16, 32):
            raise ValueError("invalid bits")
        if format not in (I2S.MONO, I2S.STEREO):
            raise ValueError("invalid format")
        self._mode = mode
        self._bits = bits
        self._format = format
        self._rate = rate
        self._ibuf = ibuf
        self._io_mode = _BLOCKING
        self._handler = None
        # Buffers to fill in the background: the current one, the next one, and a stand-in for none.
        self._queue = [_empty, _empty, _empty]
        self._sizes = []
        self._frame_size = bits // 8 * (2 if format == I2S.STEREO else 1)
        # Ready requests: nothing is allocated when a buffer is handed over.
        self._read_request = bytearray(struct.pack("<Bii", _link.I2S_READ, self._id, 0))
        self._take_request = struct.pack("<Bii", _link.I2S_TAKE, self._id, 0)
        self._write_request = struct.pack("<Bii", _link.I2S_WRITE, self._id, 0)
        self._written_request = struct.pack("<Bii", _link.I2S_WRITTEN, self._id, 0)
        self._available_request = struct.pack("<Bii", _link.I2S_AVAILABLE, self._id, 0)
        _link.call("i2s_open", self._id, mode == I2S.TX, bits, format, rate, ibuf)

    def deinit(self):
        self._handler = None
        self._forget()
        _link.call("i2s_close", self._id)

    def irq(self, handler):
        if handler is not None and not callable(handler):
            raise ValueError("invalid callback")
        self._handler = handler
        io_mode = _NON_BLOCKING if handler is not None else _BLOCKING
        if io_mode != self._io_mode:
            self._forget()
        self._io_mode = io_mode
        _link.call("i2s_interrupt", self._id, handler is not None)

    def readinto(self, buffer):
        if self._mode != I2S.RX:
            raise OSError(_EPERM)
        size = self._size(buffer)
        if size % self._frame_size:
            raise OSError(_EINVAL)
        if not size:
            return 0
        if self._io_mode == _ASYNCIO:
            available = _check(_link.exchange(self._available_request, _empty))
            size = min(size, available // self._frame_size * self._frame_size)
            if not size:
                return 0
        if self._io_mode == _NON_BLOCKING:
            if self._queue[1] is not _empty:
                self._copy()
            if self._queue[1] is not _empty:
                return size  # as xQueueSend drops it
        request = self._read_request
        request[5] = size & 0xFF
        request[6] = size >> 8 & 0xFF
        request[7] = size >> 16 & 0xFF
        if self._io_mode == _NON_BLOCKING:
            # Without a jump, and the buffer first: what is full already is announced at once.
            queue = self._queue
            queue[+(queue[0] is not _empty)] = buffer
            status = _link.exchange(request, _empty)
            if status < 0:
                self._forget()
            _check(status)
            return size
        _check(_link.exchange(request, _empty))
        while not _check(_link.exchange(self._take_request, buffer)):
            _sleep_ms(1)
        return size

    def _copy(self):
        # Fill the program's buffers with what has come, as the driver's task does.
        queue = self._queue
        full = 1
        while full and queue[0] is not _empty:
            # Without a jump: at one, this may be called in the midst of itself.
            full = +(_link.exchange(self._take_request, queue[0]) > 0)
            queue[0] = queue[full]
            queue[1] = queue[full + 1]

    def _forget(self):
        self._queue[0] = self._queue[1] = _empty

    def _size(self, buffer):
        # Bytes of a buffer, without an allocation for those used before.
        if isinstance(buffer, bytearray):
            return len(buffer)
        for known, size in self._sizes:
            if known is buffer:
                return size
        size = len(buffer) * _item_size(buffer)
        del self._sizes[4:]
        self._sizes.insert(0, (buffer, size))
        return size

    def write(self, buffer):
        if self._mode != I2S.TX:
            raise OSError(_EPERM)
        data = bytes(buffer)
        if not data:
            return 0
        if self._io_mode == _NON_BLOCKING:
            if len(data) > _MAX_WRITE:
                raise OSError(12)
            _check(_link.exchange(self._write_request + data, _empty))
            return len(data)
        if self._io_mode == _ASYNCIO:
            available = _check(_link.exchange(self._available_request, _empty))
            data = data[: available // self._frame_size * self._frame_size]
        for i in range(0, len(data), _MAX_WRITE):
            _check(_link.exchange(self._write_request + data[i : i + _MAX_WRITE], _empty))
            while not _check(_link.exchange(self._written_request, _empty)):
                _sleep_ms(1)
        return len(data)

    def ioctl(self, request, flags):
        if request != _POLL:
            return -_EINVAL
        self._io_mode = _ASYNCIO
        if flags & (4 if self._mode == I2S.RX else 1):
            return -_EPERM
        return flags if _check(_link.exchange(self._available_request, _empty)) else 0

    def _done(self):
        if self._handler:
            _link.run_callback(self._handler, self)

    def __repr__(self):
        pins = "I2S(id=%d,\nsck=%d,\nws=%d,\nsd=%d,\n" % ((self._id,) + self._pins)
        return pins + "mode=%d,\nbits=%d, format=%d,\nrate=%d, ibuf=%d)" % (
            self._mode, self._bits, self._format, self._rate, self._ibuf,
        )  # fmt: skip

    @staticmethod
    def shift(*, buf, bits, shift):
        if bits not in (16, 32):
            raise ValueError("invalid bits")
        code = "<h" if bits == 16 else "<i"
        mask = (1 << bits) - 1
        sign = 1 << bits - 1
        view = bytearray_at(addressof(buf), len(buf) * _item_size(buf))
        for i in range(0, len(view) - bits // 8 + 1, bits // 8):
            x = struct.unpack_from(code, view, i)[0]
            x = x << shift & mask if shift >= 0 else x >> -shift
            struct.pack_into(code, view, i, (x ^ sign) - sign if shift >= 0 else x)


def _item_size(buffer):
    # Bytes of an item: len() counts items, and memoryview has no itemsize in MicroPython.
    view = memoryview(buffer)
    return addressof(view[1:]) - addressof(view) if len(view) else 1


def _check(status):
    if status < 0:
        raise OSError(status, "ESP_ERR_INVALID_ARG")
    return status


def _on_filled(number, _):
    channel = _channels[number]
    if channel:
        channel._copy()


def _on_done(number, _):
    channel = _channels[number]
    if channel:
        channel._done()


_link.on_event(_link.EVENT_I2S_FILLED, _on_filled)
_link.on_event(_link.EVENT_I2S, _on_done)
