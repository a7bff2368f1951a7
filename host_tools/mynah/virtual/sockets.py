"""The virtual board's sockets: real ones on this computer, on the board's own loopback addresses.

The board's program never touches this computer's network itself: `mynah.virtual.air` decides what
it may reach.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from typing import TYPE_CHECKING

from mynah.virtual.air import Address, Air
from mynah.virtual.board_errno import (
    EBADF,
    ENFILE,
)
from mynah.virtual.board_errno import of as errno_of
from mynah.virtual.datagrams import Datagrams
from mynah.virtual.interrupts import Event
from mynah.virtual.link import Answer, BoardOSError, Operation, Services
from mynah.virtual.stream import Stream
from mynah.virtual.traffic import TCP, UDP, Place, Traffic
from mynah.virtual.udp_ports import BuiltInMdns, UdpPorts
from mynah.virtual.watcher import Watcher

if TYPE_CHECKING:
    from collections.abc import Callable

    from mynah.virtual.board_socket import BoardSocket
    from mynah.virtual.clock import Clock
    from mynah.virtual.radio import Radio
    from mynah.virtual.types import Identity

_MAX_SOCKETS = 16  # CONFIG_LWIP_MAX_SOCKETS
_SOCK_STREAM = 1
_EAI_FAIL = 202
_NAME_UNKNOWN = 2


class Sockets:
    """Serves the ``socket`` module."""

    def __init__(
        self,
        services: Services,
        post: Callable[..., None],
        radio: Radio,
        identity: Identity,
        *,
        traffic: Traffic,
        clock: Clock,
    ) -> None:
        self._clock = clock
        self._post = post
        self._radio = radio
        self._traffic = traffic
        self._air = Air(radio, identity)
        self._udp_ports = UdpPorts()
        self._built_in_mdns = BuiltInMdns(self._udp_ports, self._air, radio)
        self._watcher = Watcher()
        self._sockets: dict[int, BoardSocket] = {}
        self._addresses: dict[int, Address] = {}
        self._places: dict[int, Place] = {}
        radio.observe(self._interfaces_changed)
        services.add("socket_open", self._open)
        services.add("socket_close", self._close)
        services.add("socket_bind", self._bind)
        services.add("socket_listen", lambda number, n: self._stream(number).listen(n))
        services.add("socket_accept", self._accept)
        services.add("socket_connect", self._connect)
        services.add("socket_error", lambda number: self._stream(number).take_error())
        services.add("socket_ready", lambda number: self._get(number).ready())
        services.add("socket_peer", lambda number: self._get(number).peer)
        services.add("socket_address", self._set_address)
        services.add("socket_resolve", self._resolve)
        services.add("socket_reuse", self._set_reuse)
        services.add("socket_join", self._join)
        services.add_operation(Operation.SOCKET_SEND, self._send)
        services.add_operation(Operation.SOCKET_RECEIVE, self._receive)

    def reset(self, *, soft: bool) -> None:
        """Close all."""
        for number in list(self._sockets):
            self._close(number)
        if not soft:
            self._watcher.stop()
            self._air.reset()
            self._built_in_mdns.reset()

    def _interfaces_changed(self) -> None:
        self._air.update()
        self._built_in_mdns.update()
        for board_socket in list(self._sockets.values()):
            with contextlib.suppress(BoardOSError):
                board_socket.update()

    def _free_number(self) -> int:
        for number in range(_MAX_SOCKETS):
            if number not in self._sockets:
                return number
        raise BoardOSError(ENFILE)

    def _notifier(self, number: int) -> Callable[..., None]:
        def notify(*, personal: bool = True) -> None:
            """``personal``: it is for this board, whose answer somebody waits for."""
            if personal:
                self._clock.stir()
            self._post(Event.SOCKET, number, latest=True)

        return notify

    def _open(self, _family: int, kind: int) -> int:
        number = self._free_number()
        notify = self._notifier(number)
        if kind == _SOCK_STREAM:
            self._sockets[number] = Stream(self._air, self._watcher, notify)
        else:
            self._sockets[number] = Datagrams(self._air, self._watcher, self._udp_ports, notify)
        self._places[number] = Place(TCP if kind == _SOCK_STREAM else UDP, 0)
        self._addresses.pop(number, None)
        return number

    def _bind(self, number: int, host: str, port: int) -> None:
        self._get(number).bind(host, port)
        self._places[number] = self._places[number]._replace(port=port)
        self._traffic.opened(self._places[number])

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
        self._places[new] = self._places[number]
        self._addresses.pop(new, None)
        return [new, *connection[2]]

    def _connect(self, number: int, host: str, port: int) -> None:
        address = self._resolve(host), port
        self._get(number).connect(*address)
        self._addresses[number] = address
        self._traffic.opened(self._places[number])

    def _set_address(self, number: int, host: str, port: int) -> None:
        self._addresses[number] = (self._resolve(host), port)

    def _set_reuse(self, number: int, on: bool) -> None:
        board_socket = self._get(number)
        if isinstance(board_socket, Datagrams):
            board_socket.set_reuse(on)

    def _join(self, group: str, interface: str) -> None:
        self._air.join(group, interface)
        for board_socket in list(self._sockets.values()):
            if isinstance(board_socket, Datagrams):
                board_socket.update()

    def _send(self, number: int, to_address: int, data: bytes) -> Answer:
        destination = self._addresses[number] if to_address else None
        board_socket = self._get(number)
        sent = board_socket.send(data, destination)
        self._traffic.opened(self._places[number])
        peer = self._addresses.get(number, board_socket.peer)
        self._traffic.sent(self._places[number], peer, sent)
        return sent, b""

    def _receive(self, number: int, n_and_flags: int, _data: bytes) -> Answer:
        peek = bool(n_and_flags >> 16)
        data = self._get(number).receive(n_and_flags & 0xFFFF, peek=peek)
        self._traffic.received(self._places[number], self._get(number).peer, len(data))
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
