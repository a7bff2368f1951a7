"""TCP sockets of a virtual board."""

from __future__ import annotations

import os
import socket
import threading
from collections import deque
from typing import TYPE_CHECKING

from mynah.virtual.board_errno import (
    EAGAIN,
    ECONNABORTED,
    EINVAL,
    ENOTCONN,
)
from mynah.virtual.board_errno import of as errno_of
from mynah.virtual.board_socket import ERROR, HANG_UP, READABLE, WRITABLE
from mynah.virtual.link import BoardOSError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mynah.virtual.air import Address, Air
    from mynah.virtual.watcher import Watcher

_MAX_STREAM = 5760  # CONFIG_LWIP_TCP_WND_DEFAULT


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
