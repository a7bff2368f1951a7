"""The virtual board's sockets: real ones on this computer, on the board's own loopback addresses.

The board's program never touches this computer's network itself. What it may reach follows from
the simulated Wi-Fi: the station's interface is ``Identity.address`` while the station is in a
network; the access point's is ``Identity.ap_address`` while that is on, and looks to the board like
192.168.4.1 with a client 192.168.4.2.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import selectors
import socket
import threading
from collections import deque
from typing import TYPE_CHECKING, Protocol

from mynah.virtual.board_errno import (
    EAGAIN,
    EBADF,
    ECONNABORTED,
    EHOSTUNREACH,
    EINVAL,
    ENFILE,
    ENOTCONN,
)
from mynah.virtual.board_errno import of as errno_of
from mynah.virtual.interrupts import Event
from mynah.virtual.link import Answer, BoardOSError, Operation, Services
from mynah.virtual.wifi import AP_ADDRESS, AP_CLIENT, Radio

if TYPE_CHECKING:
    from collections.abc import Callable

    from mynah.virtual.types import Identity

READABLE, WRITABLE, ERROR, HANG_UP = 1, 4, 8, 16
"""MicroPython's poll flags."""

_MAX_SOCKETS = 16  # CONFIG_LWIP_MAX_SOCKETS
_MAX_DATAGRAMS = 6  # CONFIG_LWIP_UDP_RECVMBOX_SIZE
_MAX_STREAM = 5760  # CONFIG_LWIP_TCP_WND_DEFAULT
_MAX_DATAGRAM_SIZE = 1472  # lwIP on the esp32 does not reassemble fragments by default
_SOCK_STREAM = 1
_EAI_FAIL = 202
_NAME_UNKNOWN = 2
_AP_NETWORK = ipaddress.ip_network("192.168.4.0/24")

Address = tuple[str, int]


class Air:
    """Which of the board's interfaces carries what, and how addresses look from inside."""

    def __init__(self, radio: Radio, identity: Identity) -> None:
        self._radio = radio
        self._identity = identity
        self._clients: dict[int, str] = {}

    def local_addresses(self, host: str) -> list[str]:
        """Addresses of this computer that stand for a host that the board binds to."""
        station, access_point = self._identity.address, self._identity.ap_address
        if host == "0.0.0.0":
            return [station] if station == access_point else [station, access_point]
        if host == AP_ADDRESS:
            return [access_point]
        if host in {station, "127.0.0.1"}:
            return [station]
        raise BoardOSError(errno_of(99))

    def is_up(self, local: str) -> bool:
        """Whether packets pass at this local address."""
        station = local == self._identity.address and self._radio.station_up
        access_point = local == self._identity.ap_address and self._radio.access_point_up
        return station or access_point

    def seen_by_board(self, local: str, peer: Address) -> Address:
        """What the board takes ``peer`` for, whose packet came in at ``local``."""
        if not self._is_access_point(local):
            return peer
        self._clients[peer[1]] = peer[0]
        return AP_CLIENT, peer[1]

    def route(self, host: str, port: int) -> tuple[str | None, Address]:
        """Local address (None: any) to send from, and real destination.

        Raises:
            BoardOSError: EHOSTUNREACH, no interface leads there.
        """
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            raise BoardOSError(EINVAL) from None
        if address in _AP_NETWORK and self._radio.access_point_up:
            return self._identity.ap_address, (self._clients.get(port, "127.0.0.1"), port)
        if not self._radio.station_up:
            raise BoardOSError(EHOSTUNREACH)
        return (self._identity.address if address.is_loopback else None), (host, port)

    def _is_access_point(self, local: str) -> bool:
        if self._identity.address == self._identity.ap_address:
            return self._radio.access_point_up and not self._radio.station_up
        return local == self._identity.ap_address


class BoardSocket(Protocol):
    """One socket of the board's program."""

    peer: Address

    def bind(self, host: str, port: int) -> None:
        """Bind."""

    def connect(self, host: str, port: int) -> None:
        """Begin to connect."""

    def send(self, data: bytes, destination: Address | None) -> int:
        """Send without waiting; the number of bytes taken."""

    def receive(self, n: int, *, peek: bool) -> bytes:
        """Bytes that have come; EAGAIN if there are none; empty at the end of a stream."""

    def ready(self) -> int:
        """Poll flags."""

    def update(self) -> None:
        """An interface came up or went down."""

    def close(self) -> None:
        """Close."""


class Watcher:
    """One thread that waits for what arrives at a board's real sockets."""

    def __init__(self) -> None:
        self._selector: selectors.BaseSelector | None = None
        self._wake: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self._changes: deque[Callable[[selectors.BaseSelector], None]] = deque()
        self._lock = threading.Lock()

    def watch(self, sock: socket.socket, act: Callable[[], None], *, write: bool = False) -> None:
        """Call ``act()`` whenever ``sock`` can be read (or written); replaces an earlier watch."""
        events = selectors.EVENT_WRITE if write else selectors.EVENT_READ

        def change(selector: selectors.BaseSelector) -> None:
            with contextlib.suppress(KeyError, ValueError):
                selector.unregister(sock)
            if sock.fileno() >= 0:
                selector.register(sock, events, act)

        self._change(change)

    def forget(self, sock: socket.socket, *, close: bool = False) -> None:
        """Watch it no longer."""

        def change(selector: selectors.BaseSelector) -> None:
            with contextlib.suppress(KeyError, ValueError):
                selector.unregister(sock)
            if close:
                sock.close()

        if self._thread is None:
            if close:
                sock.close()
        else:
            self._change(change)

    def stop(self) -> None:
        """End the thread."""
        with self._lock:
            thread, wake = self._thread, self._wake
            self._thread = self._wake = None
        if thread is not None and wake is not None:
            wake.close()
            thread.join()

    def _change(self, change: Callable[[selectors.BaseSelector], None]) -> None:
        with self._lock:
            self._changes.append(change)
            if self._thread is None:
                self._wake, awake = socket.socketpair()
                self._thread = threading.Thread(
                    target=self._run, args=(awake,), name="mynah-sockets", daemon=True
                )
                self._thread.start()
            assert self._wake is not None
            self._wake.send(b"!")

    def _run(self, awake: socket.socket) -> None:
        with selectors.DefaultSelector() as selector, awake:
            selector.register(awake, selectors.EVENT_READ)
            while True:
                ready = selector.select()
                for key, _ in ready:
                    if key.fileobj is awake:
                        if not awake.recv(4096):
                            self._apply(selector)
                            return
                    else:
                        key.data()
                self._apply(selector)

    def _apply(self, selector: selectors.BaseSelector) -> None:
        while self._changes:
            self._changes.popleft()(selector)


class Datagrams:
    """A UDP socket of the board."""

    def __init__(self, air: Air, watcher: Watcher, notify: Callable[[], None]) -> None:
        self._air = air
        self._watcher = watcher
        self._notify = notify
        self._lock = threading.Lock()
        self._sockets: dict[str | None, socket.socket] = {}
        self._queue: deque[tuple[bytes, Address]] = deque()
        self._destination: Address | None = None
        self.peer: Address = ("0.0.0.0", 0)

    def bind(self, host: str, port: int) -> None:
        """Bind on the interfaces that ``host`` means."""
        for local in self._air.local_addresses(host):
            port = self._open(local, port)

    def connect(self, host: str, port: int) -> None:
        """Choose where `send` goes."""
        self._destination = (host, port)

    def send(self, data: bytes, destination: Address | None) -> int:
        """Send one datagram; broadcast and multicast vanish in the simulated air."""
        host, port = destination or self._destination or ("", 0)
        if not host:
            raise BoardOSError(ENOTCONN)
        local, real = self._air.route(host, port)
        if ipaddress.ip_address(host).is_multicast or host.endswith(".255"):
            return len(data)
        if local not in self._sockets:
            self._open(local, self._port())
        try:
            return self._sockets[local].sendto(data, real)
        except OSError as error:
            raise BoardOSError(errno_of(error.errno)) from None

    def receive(self, n: int, *, peek: bool) -> bytes:
        """The oldest datagram, cut to ``n`` bytes."""
        with self._lock:
            if not self._queue:
                raise BoardOSError(EAGAIN)
            data, self.peer = self._queue[0]
            if not peek:
                self._queue.popleft()
        return data[:n]

    def ready(self) -> int:
        """Poll flags."""
        return WRITABLE | (READABLE if self._queue else 0)

    def update(self) -> None:
        """Nothing to do: each packet asks whether its interface is up."""

    def close(self) -> None:
        """Close."""
        for sock in self._sockets.values():
            self._watcher.forget(sock, close=True)
        self._sockets.clear()

    def _port(self) -> int:
        for sock in self._sockets.values():
            return int(sock.getsockname()[1])
        return 0

    def _open(self, local: str | None, port: int) -> int:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setblocking(False)
        try:
            sock.bind((local or "", port if local else 0))
        except OSError as error:
            sock.close()
            raise BoardOSError(errno_of(error.errno)) from None
        self._sockets[local] = sock
        self._watcher.watch(sock, lambda: self._take(local, sock))
        return int(sock.getsockname()[1])

    def _take(self, local: str | None, sock: socket.socket) -> None:
        try:
            data, peer = sock.recvfrom(65535)
        except OSError:
            return
        if local is not None and not self._air.is_up(local):
            return
        with self._lock:
            if len(self._queue) >= _MAX_DATAGRAMS or len(data) > _MAX_DATAGRAM_SIZE:
                return
            seen = peer if local is None else self._air.seen_by_board(local, peer)
            self._queue.append((data, seen))
        self._notify()


class Stream:
    """A TCP connection of the board, or a socket that is to become one or a listener."""

    def __init__(
        self,
        air: Air,
        watcher: Watcher,
        notify: Callable[[], None],
        connected: tuple[socket.socket, str, Address] | None = None,
    ) -> None:
        self._air = air
        self._watcher = watcher
        self._notify = notify
        self._lock = threading.RLock()
        self._bound: tuple[str, int] | None = None
        self._listeners: dict[str, socket.socket] = {}
        self._listening = False
        self._accepted: deque[tuple[socket.socket, str, Address]] = deque()
        self._socket: socket.socket | None = None
        self._local: str | None = None
        self._buffer = bytearray()
        self._connecting = False
        self._ended = False
        self._error = 0
        self.peer: Address = ("0.0.0.0", 0)
        if connected is not None:
            self._socket, self._local, self.peer = connected
            self._watch_input()

    def bind(self, host: str, port: int) -> None:
        """Choose the address to listen at."""
        self._air.local_addresses(host)
        self._bound = (host, port)

    def listen(self, backlog: int) -> None:
        """Listen on the interfaces that are up, and on others when they come up."""
        del backlog
        if self._bound is None:
            raise BoardOSError(EINVAL)
        self._listening = True
        self.update()

    def accept(self) -> tuple[socket.socket, str, Address] | None:
        """The oldest connection that waits."""
        with self._lock:
            return self._accepted.popleft() if self._accepted else None

    def connect(self, host: str, port: int) -> None:
        """Begin to connect."""
        local, real = self._air.route(host, port)
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.setblocking(False)
        self.peer = (host, port)
        self._socket, self._local = sock, local
        if local is not None:
            sock.bind((local, 0))
        self._connecting = True
        sock.connect_ex(real)
        self._watcher.watch(sock, self._finish_connect, write=True)

    def take_error(self) -> int:
        """The error of the last operation in the background, 0 for none."""
        error, self._error = self._error, 0
        return error

    def send(self, data: bytes, destination: Address | None) -> int:
        """Send without waiting."""
        del destination
        self._raise_error()
        if self._socket is None or self._connecting:
            raise BoardOSError(EAGAIN if self._connecting else ENOTCONN)
        try:
            return self._socket.send(data)
        except OSError as error:
            raise BoardOSError(errno_of(error.errno)) from None

    def receive(self, n: int, *, peek: bool) -> bytes:
        """Up to ``n`` bytes."""
        with self._lock:
            data = bytes(self._buffer[:n])
            if data:
                if not peek:
                    was_full = len(self._buffer) >= _MAX_STREAM
                    del self._buffer[:n]
                    if was_full:
                        self._watch_input()
                return data
            self._raise_error()
            if self._ended:
                return b""
            raise BoardOSError(EAGAIN if self._socket is not None else ENOTCONN)

    def ready(self) -> int:
        """Poll flags."""
        if self._listening:
            return READABLE if self._accepted else 0
        if self._error:
            return ERROR | HANG_UP | WRITABLE
        if self._socket is None:
            return HANG_UP | WRITABLE
        if self._connecting:
            return 0
        return WRITABLE | (READABLE if self._buffer or self._ended else 0)

    def update(self) -> None:
        """Listen where an interface is up; connections of one that went down are aborted."""
        with self._lock:
            if self._listening and self._bound is not None:
                for local in self._air.local_addresses(self._bound[0]):
                    self._update_listener(local, self._bound[1])
            down = self._local is not None and not self._air.is_up(self._local)
            if self._socket is None or not down:
                return
            self._fail(ECONNABORTED)
        self._notify()

    def close(self) -> None:
        """Close; the peer sees the end of the stream."""
        with self._lock:
            sockets = [*self._listeners.values(), *(waiting[0] for waiting in self._accepted)]
            if self._socket is not None:
                sockets.append(self._socket)
            self._listeners.clear()
            self._accepted.clear()
            self._socket = None
        for sock in sockets:
            self._watcher.forget(sock, close=True)

    def _update_listener(self, local: str, port: int) -> None:
        sock = self._listeners.get(local)
        if self._air.is_up(local) and sock is None:
            sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            sock.setblocking(False)
            if os.name == "posix":
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind((local, port))
                sock.listen()
            except OSError as error:
                sock.close()
                raise BoardOSError(errno_of(error.errno)) from None
            self._listeners[local] = sock
            self._watcher.watch(sock, lambda: self._accept_one(local, sock))
        elif not self._air.is_up(local) and sock is not None:
            del self._listeners[local]
            self._watcher.forget(sock, close=True)

    def _accept_one(self, local: str, listener: socket.socket) -> None:
        try:
            sock, peer = listener.accept()
        except OSError:
            return
        sock.setblocking(False)
        with self._lock:
            self._accepted.append((sock, local, self._air.seen_by_board(local, peer)))
        self._notify()

    def _finish_connect(self) -> None:
        with self._lock:
            if self._socket is None:
                return
            error = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            self._connecting = False
            if error:
                self._fail(errno_of(error))
            else:
                self._watch_input()
        self._notify()

    def _watch_input(self) -> None:
        if self._socket is not None:
            self._watcher.watch(self._socket, self._take)

    def _take(self) -> None:
        with self._lock:
            if self._socket is None:
                return
            try:
                data = self._socket.recv(_MAX_STREAM)
            except BlockingIOError:
                return
            except OSError as error:
                self._fail(errno_of(error.errno))
            else:
                self._buffer += data
                self._ended = not data
                if self._ended or len(self._buffer) >= _MAX_STREAM:
                    self._watcher.forget(self._socket)
        self._notify()

    def _fail(self, error: int) -> None:
        self._error = error
        self._connecting = False
        if self._socket is not None:
            self._watcher.forget(self._socket, close=True)
            self._socket = None

    def _raise_error(self) -> None:
        if self._error:
            raise BoardOSError(self.take_error())


class Sockets:
    """Serves the ``socket`` module."""

    def __init__(
        self,
        services: Services,
        post: Callable[..., None],
        radio: Radio,
        identity: Identity,
    ) -> None:
        self._post = post
        self._radio = radio
        self._air = Air(radio, identity)
        self._watcher = Watcher()
        self._sockets: dict[int, BoardSocket] = {}
        self._addresses: dict[int, Address] = {}
        radio.observe(self._interfaces_changed)
        services.add("socket_open", self._open)
        services.add("socket_close", self._close)
        services.add("socket_bind", lambda number, host, port: self._get(number).bind(host, port))
        services.add("socket_listen", lambda number, n: self._stream(number).listen(n))
        services.add("socket_accept", self._accept)
        services.add("socket_connect", self._connect)
        services.add("socket_error", lambda number: self._stream(number).take_error())
        services.add("socket_ready", lambda number: self._get(number).ready())
        services.add("socket_peer", lambda number: self._get(number).peer)
        services.add("socket_address", self._set_address)
        services.add("socket_resolve", self._resolve)
        services.add_operation(Operation.SOCKET_SEND, self._send)
        services.add_operation(Operation.SOCKET_RECEIVE, self._receive)

    def reset(self, *, soft: bool) -> None:
        """Close all."""
        for number in list(self._sockets):
            self._close(number)
        if not soft:
            self._watcher.stop()

    def _interfaces_changed(self) -> None:
        for board_socket in list(self._sockets.values()):
            with contextlib.suppress(BoardOSError):
                board_socket.update()

    def _free_number(self) -> int:
        for number in range(_MAX_SOCKETS):
            if number not in self._sockets:
                return number
        raise BoardOSError(ENFILE)

    def _notifier(self, number: int) -> Callable[[], None]:
        return lambda: self._post(Event.SOCKET, number, latest=True)

    def _open(self, _family: int, kind: int) -> int:
        number = self._free_number()
        make = Stream if kind == _SOCK_STREAM else Datagrams
        self._sockets[number] = make(self._air, self._watcher, self._notifier(number))
        return number

    def _close(self, number: int) -> None:
        board_socket = self._sockets.pop(number, None)
        if board_socket is not None:
            board_socket.close()

    def _get(self, number: int) -> BoardSocket:
        try:
            return self._sockets[number]
        except KeyError:
            raise BoardOSError(EBADF) from None

    def _stream(self, number: int) -> Stream:
        stream = self._get(number)
        if not isinstance(stream, Stream):
            raise BoardOSError(errno_of(95))
        return stream

    def _accept(self, number: int) -> list[object] | None:
        connection = self._stream(number).accept()
        if connection is None:
            return None
        new = self._free_number()
        self._sockets[new] = Stream(self._air, self._watcher, self._notifier(new), connection)
        return [new, *connection[2]]

    def _connect(self, number: int, host: str, port: int) -> None:
        self._get(number).connect(self._resolve(host), port)

    def _set_address(self, number: int, host: str, port: int) -> None:
        self._addresses[number] = (self._resolve(host), port)

    def _send(self, number: int, to_address: int, data: bytes) -> Answer:
        destination = self._addresses[number] if to_address else None
        return self._get(number).send(data, destination), b""

    def _receive(self, number: int, n_and_flags: int, _data: bytes) -> Answer:
        peek = bool(n_and_flags >> 16)
        data = self._get(number).receive(n_and_flags & 0xFFFF, peek=peek)
        return len(data), data

    def _resolve(self, host: str) -> str:
        try:
            return str(ipaddress.ip_address(host))
        except ValueError:
            pass
        if not self._radio.station_up:
            raise BoardOSError(_EAI_FAIL)
        try:
            return socket.gethostbyname(host)
        except OSError:
            raise BoardOSError(_NAME_UNKNOWN) from None
