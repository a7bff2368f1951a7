"""UDP sockets of a virtual board."""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections import deque
from typing import TYPE_CHECKING

from mynah.virtual.board_errno import (
    EAGAIN,
    ENOTCONN,
)
from mynah.virtual.board_errno import of as errno_of
from mynah.virtual.board_socket import READABLE, WRITABLE
from mynah.virtual.link import BoardOSError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mynah.virtual.air import Address, Air
    from mynah.virtual.watcher import Watcher

_MAX_DATAGRAMS = 6  # CONFIG_LWIP_UDP_RECVMBOX_SIZE
_MAX_DATAGRAM_SIZE = 1472  # lwIP on the esp32 does not reassemble fragments by default


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
