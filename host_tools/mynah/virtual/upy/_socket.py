"""The board's ``socket`` (ports/esp32/modsocket.c); what it can reach the host decides."""

import io
import time
from micropython import const

import _link

__name__ = "socket"

AF_INET = 2
AF_INET6 = 10
SOCK_STREAM = 1
SOCK_DGRAM = 2
SOCK_RAW = 3
IPPROTO_IP = 0
IPPROTO_TCP = 6
IPPROTO_UDP = 17
SOL_SOCKET = 4095
SO_REUSEADDR = 4
SO_BROADCAST = 32
SO_BINDTODEVICE = 4107
IP_ADD_MEMBERSHIP = 3
TCP_NODELAY = 1
MSG_PEEK = 1
MSG_DONTWAIT = 8

_READABLE = const(1)
_WRITABLE = const(4)
_ERRORS = const(0x18)
_EAGAIN = const(11)
_EINVAL = const(22)
_ETIMEDOUT = const(116)
_EINPROGRESS = const(119)
_ENOTCONN = const(128)
_MAX_READ = const(4096)
_MAX_SEND = const(16384)

_REGISTER_CALLBACK = const(20)  # MICROPY_PY_SOCKET_EVENTS

# States (SOCKET_STATE_*).
_NEW = const(0)
_CONNECTED = const(1)
_PEER_CLOSED = const(2)

_sleep_ms = time.sleep_ms
_ticks_ms = time.ticks_ms
_ticks_diff = time.ticks_diff
_sockets = {}


def _on_ready(number, _):
    socket = _sockets.get(number)
    if socket:
        socket._changed = True


_link.on_event(_link.EVENT_SOCKET, _on_ready)


class socket(io.IOBase):
    def __init__(self, family=AF_INET, type=SOCK_STREAM, proto=0):
        self._stream = type == SOCK_STREAM
        self._state = _NEW if self._stream else _CONNECTED
        self._adopt(_link.call("socket_open", family, type))

    def _adopt(self, number):
        self._number = number
        self._timeout_ms = None
        # Set by an event, and at the start: only then it is worth asking the host.
        self._changed = True
        _sockets[number] = self

    def close(self):
        number = self._number
        if number is not None:
            self._number = None
            _sockets.pop(number, None)
            _link.call("socket_close", number)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __repr__(self):
        return "<socket>"

    def fileno(self):
        return -1 if self._number is None else self._number

    def _poll(self, events):
        # What of ``events`` is possible now; errors and hang-ups always count. Asks the host
        # only after an event: select calls this every millisecond.
        if not (self._changed or events & _WRITABLE):
            return 0
        self._changed = False
        ready = _link.call("socket_ready", self._open()) & (events | _ERRORS)
        if ready:
            self._changed = True
        return ready

    def _open(self):
        if self._number is None:
            raise OSError(9)
        return self._number

    def _wait(self, events):
        """Wait for an event within the timeout; callbacks run meanwhile."""
        start = _ticks_ms()
        while not self._poll(events):
            if self._timeout_ms is not None and (
                _ticks_diff(_ticks_ms(), start) >= self._timeout_ms
            ):
                raise OSError(_ETIMEDOUT if self._timeout_ms else _EAGAIN)
            _sleep_ms(1)

    def bind(self, address):
        host, port = _address(address)
        self._state = _CONNECTED
        _link.call("socket_bind", self._open(), host, port)

    def listen(self, backlog=2):
        _link.call("socket_listen", self._open(), backlog)

    def accept(self):
        while True:
            self._wait(_READABLE)
            accepted = _link.call("socket_accept", self._open())
            if accepted:
                break
        new = object.__new__(socket)
        new._stream = True
        new._state = _CONNECTED
        new._adopt(accepted[0])
        return new, (accepted[1], accepted[2])

    def connect(self, address):
        host, port = _address(address)
        self._state = _CONNECTED
        _link.call("socket_connect", self._open(), host, port)
        self._changed = True
        if self._stream:
            if self._timeout_ms == 0:
                raise OSError(_EINPROGRESS)
            self._wait(_WRITABLE)
            error = _link.call("socket_error", self._open())
            if error:
                raise OSError(error)

    def setsockopt(self, level, option, value):
        # As ports/esp32/modsocket.c: the level is not looked at.
        if option == SO_REUSEADDR:
            _link.call("socket_reuse", self._open(), bool(int(value)))
        elif option == IP_ADD_MEMBERSHIP:
            # Group, then address of the interface. The interface joins, not the socket.
            value = bytes(value)
            if len(value) != 8:
                raise ValueError
            _link.call("socket_join", _dotted(value[:4]), _dotted(value[4:]))
        elif option not in (SO_BROADCAST, SO_BINDTODEVICE, TCP_NODELAY, _REGISTER_CALLBACK):
            print("Warning: lwip.setsockopt() option not implemented")

    def settimeout(self, seconds):
        self._timeout_ms = None if seconds is None else int(seconds * 1000)

    def setblocking(self, flag):
        self._timeout_ms = None if flag else 0

    def makefile(self, mode="", buffering=0):
        return self

    def sendto(self, data, address):
        host, port = _address(address)
        _link.call("socket_address", self._open(), host, port)
        return _link.request(_link.SOCKET_SEND, self._open(), 1, bytes(data))[0]

    def send(self, data):
        data = bytes(data)
        sent = 0
        while sent < len(data) or not data:
            try:
                chunk = data[sent : sent + _MAX_SEND]
                sent += _link.request(_link.SOCKET_SEND, self._open(), 0, chunk)[0]
                if not data:
                    break
            except OSError as e:
                if e.errno != _EAGAIN:
                    raise
                if self._timeout_ms == 0:
                    if sent:
                        break
                    raise
                self._wait(_WRITABLE)
        return sent

    def sendall(self, data):
        if self.send(data) < len(data):
            raise OSError(_ETIMEDOUT)

    def write(self, data):
        try:
            return self.send(data)
        except OSError as e:
            if e.errno == _EAGAIN:
                return None
            raise

    def _receive(self, n, flags):
        if self._state == _NEW:
            raise OSError(_ENOTCONN)
        # The port takes 0 bytes for the end of a connection, of a datagram socket too: nothing is
        # read any more, also not what select goes on to announce (_socket_read_data).
        if self._state == _PEER_CLOSED:
            return b""
        while True:
            self._changed = True
            try:
                data = _link.request(
                    _link.SOCKET_RECEIVE, self._open(), min(n, _MAX_READ) | (flags & 1) << 16
                )[1]
                if not data:
                    self._state = _PEER_CLOSED
                return data
            except OSError as e:
                if e.errno != _EAGAIN or flags & MSG_DONTWAIT:
                    raise
            self._wait(_READABLE)

    def recv(self, n, flags=0):
        return self._receive(n, flags)

    def recvfrom(self, n, flags=0):
        if self._state == _PEER_CLOSED:
            return b"", ("0.0.0.0", 0)  # uninitialized on the chip
        data = self._receive(n, flags)
        return data, tuple(_link.call("socket_peer", self._open()))

    def read(self, n=-1):
        data = b""
        try:
            while n < 0 or len(data) < n:
                more = self._receive(_MAX_READ if n < 0 else n - len(data), 0)
                if not more:
                    break
                data += more
        except OSError as e:
            if e.errno != _EAGAIN:
                raise
            return data or None
        return data

    def readinto(self, buffer, n=-1):
        n = len(buffer) if n < 0 else n
        data = self.read(n)
        if data is None:
            return None
        memoryview(buffer)[: len(data)] = data
        return len(data)

    def readline(self):
        line = b""
        try:
            while line[-1:] != b"\n":
                more = self._receive(1, 0)
                if not more:
                    break
                line += more
        except OSError as e:
            if e.errno != _EAGAIN:
                raise
            return line or None
        return line

    def ioctl(self, request, argument):
        if request == 3:
            return 0x20 if self._number is None else self._poll(argument)
        if request == 4:
            self.close()
            return 0
        return -_EINVAL


def _dotted(address):
    return ".".join([str(byte) for byte in address])


def _address(address):
    if not isinstance(address, (tuple, list)):
        raise TypeError("object '%s' isn't a tuple or list" % type(address).__name__)
    if len(address) != 2:
        raise ValueError("requested length 2 but object has length %d" % len(address))
    return address[0] or "0.0.0.0", int(address[1])


def getaddrinfo(host, port, family=0, type=0, proto=0, flags=0):
    address = _link.call("socket_resolve", host or "0.0.0.0")
    return [(AF_INET, type or SOCK_STREAM, 0, host, (address, int(port)))]
