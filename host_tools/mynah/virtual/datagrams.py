"""UDP sockets of a virtual board."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import threading
from collections import deque
from typing import TYPE_CHECKING

from mynah.virtual.air import BROADCAST, LIMITED_BROADCAST
from mynah.virtual.board_errno import (
    EAGAIN,
    ENOTCONN,
)
from mynah.virtual.board_errno import of as errno_of
from mynah.virtual.board_socket import READABLE, WRITABLE
from mynah.virtual.link import BoardOSError
from mynah.virtual.udp_ports import ANY

if TYPE_CHECKING:
    from collections.abc import Callable

    from mynah.virtual.air import Address, Air
    from mynah.virtual.udp_ports import UdpPorts
    from mynah.virtual.watcher import Watcher

_MAX_DATAGRAMS = 6  # CONFIG_LWIP_UDP_RECVMBOX_SIZE
_MAX_DATAGRAM_SIZE = 1472  # lwIP on the esp32 does not reassemble fragments by default
_LOOPBACK = socket.inet_aton("127.0.0.1")
_IP_MULTICAST_ALL = 49  # Linux, <linux/in.h>; Python has no name for it


class Datagrams:
    """A UDP socket of the board.

    Behind it are sockets of this computer: one at each of the board's addresses, and for what is
    sent to everybody one at each address that means everybody. Several programs may have the
    latter, so each board hears such a datagram once.
    """

    def __init__(
        self, air: Air, watcher: Watcher, ports: UdpPorts, notify: Callable[..., None]
    ) -> None:
        self._air = air
        self._watcher = watcher
        self._ports = ports
        self._notify = notify
        self._lock = threading.Lock()
        self._sockets: dict[str | None, socket.socket] = {}
        self._ears: dict[str, socket.socket] = {}
        self._queue: deque[tuple[bytes, Address]] = deque()
        self._destination: Address | None = None
        self._bound: Address | None = None
        self._reuse = False
        self.peer: Address = ("0.0.0.0", 0)

    def set_reuse(self, on: bool) -> None:
        """Set SO_REUSEADDR, which counts when it is bound."""
        self._reuse = on

    def bind(self, host: str, port: int) -> None:
        """Bind on the interfaces that ``host`` means."""
        locals_ = self._air.local_addresses(host)
        if port:
            self._ports.claim(self, host, port, reuse=self._reuse)
        try:
            for local in locals_:
                port = self._open(local, port)
        except BoardOSError:
            self._ports.release(self)
            raise
        self._ports.claim(self, host, port, reuse=self._reuse)
        self._bound = host, port
        for address in (BROADCAST, LIMITED_BROADCAST):
            self._listen(address)
        self.update()

    def connect(self, host: str, port: int) -> None:
        """Choose where `send` goes."""
        self._destination = (host, port)

    def send(self, data: bytes, destination: Address | None) -> int:
        """Send one datagram; what is for everybody goes to this computer's loopback interface."""
        host, port = destination or self._destination or ("", 0)
        if not host:
            raise BoardOSError(ENOTCONN)
        local, real = self._air.route(host, port)
        if local not in self._sockets:
            self._open(local, self._port())
        sock = self._sockets[local]
        try:
            if local is not None:
                sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(local))
            return sock.sendto(data, real)
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
        """Begin to listen to groups that were joined; each packet asks who is a member and up."""
        if self._bound is not None and self._bound[0] == ANY:  # lwIP, udp_input_local_match
            for group in self._air.groups():
                if group not in self._ears:
                    self._listen(group)

    def close(self) -> None:
        """Close."""
        self._ports.release(self)
        self._bound = None
        for sock in (*self._sockets.values(), *self._ears.values()):
            self._watcher.forget(sock, close=True)
        self._sockets.clear()
        self._ears.clear()

    def _port(self) -> int:
        for sock in self._sockets.values():
            return int(sock.getsockname()[1])
        return 0

    def _open(self, local: str | None, port: int) -> int:
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setblocking(False)
        try:
            if self._reuse:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)  # lwIP asks for no option
            sock.bind((local or "", port if local else 0))
        except OSError as error:
            sock.close()
            raise BoardOSError(errno_of(error.errno)) from None
        self._sockets[local] = sock
        self._watcher.watch(sock, lambda: self._take(local, sock))
        return int(sock.getsockname()[1])

    def _listen(self, everybody: str) -> None:
        """Hear what is sent to a broadcast address or a multicast group at the bound port.

        Where the system has no such thing, or a program wants the port for itself, the board just
        does not hear it.
        """
        assert self._bound is not None
        group = everybody if ipaddress.ip_address(everybody).is_multicast else None
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            ear = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            ear.setblocking(False)
            ear.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if hasattr(socket, "SO_REUSEPORT"):  # what BSD and macOS want for the same
                ear.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            ear.bind((everybody, self._bound[1]))
            if group:
                membership = socket.inet_aton(group) + _LOOPBACK
                ear.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, membership)
                with contextlib.suppress(OSError):  # else others' memberships count for it, too
                    ear.setsockopt(socket.IPPROTO_IP, _IP_MULTICAST_ALL, 0)
            stack.pop_all()
            self._ears[everybody] = ear
            self._watcher.watch(ear, lambda: self._take_for_everybody(group, ear))

    def _take(self, local: str | None, sock: socket.socket) -> None:
        try:
            data, peer = sock.recvfrom(65535)
        except OSError:
            return
        if local is not None and not self._air.is_up(local):
            return
        self._deliver(data, peer, local)

    def _take_for_everybody(self, group: str | None, ear: socket.socket) -> None:
        try:
            data, peer = ear.recvfrom(65535)
        except OSError:
            return
        local = self._air.hears(peer, group)
        if local is not None and local in self._sockets:
            self._deliver(data, peer, local, personal=False)

    def _deliver(
        self, data: bytes, peer: Address, local: str | None, *, personal: bool = True
    ) -> None:
        with self._lock:
            if len(self._queue) >= _MAX_DATAGRAMS or len(data) > _MAX_DATAGRAM_SIZE:
                return
            seen = peer if local is None else self._air.seen_by_board(local, peer)
            self._queue.append((data, seen))
        self._notify(personal=personal)
