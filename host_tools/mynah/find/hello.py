"""Say hello to everybody in every network that this computer is in."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mynah.find.interfaces import interfaces
from mynah.miio import codec
from mynah.miio.codec import PacketError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mynah.find.interfaces import Interface

_ROUNDS = 3
"""Hellos may get lost, the more so by broadcast over Wi-Fi, and a device asleep wants a second."""

_LOOK_S = 0.1  # how often it is looked whether to stop


@dataclass(frozen=True, slots=True)
class Answer:
    """A device that answered a hello."""

    address: str
    device_id: int
    token: bytes | None = field(repr=False)
    """Told only by a device that has no owner yet."""


def hellos(
    timeout_s: float,
    addresses: Iterable[str] = (),
    *,
    among: Iterable[Interface] | None = None,
    port: int = codec.PORT,
    stop: threading.Event | None = None,
) -> Iterator[Answer]:
    """Each device that answers, as it does, once.

    Args:
        timeout_s: how long to listen in all.
        addresses: devices to say hello to besides everybody: a router may keep broadcasts back.
        among: the networks in which everybody is asked; None: all that this computer is in.
        port: UDP port that the devices listen on.
        stop: listen no longer when this is set.
    """
    stop = stop or threading.Event()
    with contextlib.ExitStack() as stack, selectors.DefaultSelector() as selector:
        lines = [(_open(stack), tuple(addresses))]
        for interface in interfaces() if among is None else among:
            with contextlib.suppress(OSError):  # it has just gone down
                lines.append((_open(stack, interface.address), interface.everybody))
        for line, _ in lines:
            selector.register(line, selectors.EVENT_READ)
        seen = set()
        started = time.monotonic()
        for number in range(_ROUNDS):
            for line, targets in lines:
                for target in targets:
                    with contextlib.suppress(OSError):  # no way there at the moment
                        line.sendto(codec.hello_request(), (target, port))
            for answer in _listen(selector, started + timeout_s * (number + 1) / _ROUNDS, stop):
                if answer not in seen:
                    seen.add(answer)
                    yield answer


def _open(stack: contextlib.ExitStack, address: str = "") -> socket.socket:
    line = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    line.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    line.setblocking(False)
    line.bind((address, 0))  # what is sent from an interface's address leaves by it
    return line


def _listen(
    selector: selectors.BaseSelector, deadline: float, stop: threading.Event
) -> Iterator[Answer]:
    while (left := deadline - time.monotonic()) > 0 and not stop.is_set():
        for key, _ in selector.select(min(left, _LOOK_S)):
            assert isinstance(key.fileobj, socket.socket)
            try:
                data, (address, _) = key.fileobj.recvfrom(codec.HEADER_SIZE + 1)
                hello = codec.parse_hello(data)
            except (OSError, PacketError):  # refused by somebody, or something else
                continue
            yield Answer(address, hello.device_id, hello.token)
