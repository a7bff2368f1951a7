"""A port to read that others may use, too: a broker takes it over when somebody comes.

Alone, a reader has the port itself. It listens on the loopback interface; the first one who
connects there makes it start the broker's process and hand the open port to it, without a gap. From
then on it reads what the broker passes on. When the broker is killed, its clients are cut off, the
port is free, and readers open it again.
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import subprocess
import sys
import threading
from dataclasses import asdict
from typing import TYPE_CHECKING

from mynah.errors import PortError
from mynah.link.broker_process import GO, READY
from mynah.link.handover import TapPort, can_hand_over, handle_of, let_go
from mynah.link.port import open_port, reset_board
from mynah.link.shares import Share, can_share, find_share

if TYPE_CHECKING:
    from collections.abc import Callable

    import serial


_MAX_OFFERS = 3


class SharedPort:
    """Reads a port: its own, or that of another who shares it.

    Args:
        url: device path or ``rfc2217://host:port`` of the board.
        baud: baud rate of the console.
        program: who reads, for others to see.
        shares: whether others may use the port meanwhile.
        talk: called with a line for the user: where others find the port, and when they do.

    Raises:
        PortError: the port is missing, or busy and not shared.
    """

    def __init__(
        self,
        url: str,
        *,
        baud: int,
        program: str = "mynah logs",
        shares: bool = True,
        talk: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._url = url
        self._talk = talk
        self._share: Share | None = None
        self._tap: socket.socket | None = None
        self._reader: TapPort | None = None
        self._port, is_own = _open(url, baud)
        self._program = program
        self._offers_left = _MAX_OFFERS
        if is_own and shares and can_share() and can_hand_over(self._port):
            self._offer()

    @property
    def in_waiting(self) -> int:
        """Bytes that can be read at once."""
        return int((self._reader or self._port).in_waiting)

    @property
    def share_url(self) -> str | None:
        """Where others may open the port; None: it is not this process that shares it."""
        return self._share.url if self._share else None

    def read(self, size: int = 1) -> bytes:
        """Bytes that came; fewer than ``size`` after a tenth of a second.

        Raises:
            SerialException, OSError: the port, or the broker, vanished.
        """
        if self._share is not None:
            self._look()
        return bytes((self._reader or self._port).read(size))

    def reset_board(self) -> None:
        """Restart the board; raises what pyserial raises."""
        reset_board(self._port)

    def close(self) -> None:
        """Let go of the port; a broker goes on as long as others need it."""
        if self._reader is not None:
            self._reader.close()
        else:
            with contextlib.suppress(OSError):
                self._port.close()
        if self._tap is not None:
            self._tap.close()
        if self._share is not None:
            self._share.close()

    def _offer(self) -> None:
        """Share the port, unless that has failed too often."""
        self._offers_left -= 1
        if self._offers_left >= 0:
            with contextlib.suppress(OSError):
                self._share = Share(self._url, self._program)
                self._talk(f"others may use {self._url} meanwhile, as {self._share.url}")

    def _look(self) -> None:
        """Start the broker when somebody has come; hand the port over when it is ready."""
        assert self._share is not None
        if self._tap is None:
            if select.select([self._share.listener], [], [], 0)[0]:
                self._tap = self._start(self._share)
        elif select.select([self._tap], [], [], 0)[0]:
            if self._tap.recv(1) == READY:
                self._hand_over(self._share, self._tap)
            else:  # it ended before it had the port
                self._tap.close()
                self._share.close()
                self._tap = self._share = None
                self._offer()

    def _start(self, share: Share) -> socket.socket:
        """Start the broker's process; the tap, on which it tells that it is ready."""
        ours, theirs = socket.socketpair()
        handle = handle_of(self._url, self._port)
        ends = {
            "listener": share.listener.fileno(),
            "alive": share.alive.fileno(),
            "tap": theirs.fileno(),
        }
        told = {"handle": asdict(handle), "path": str(share.path), **ends}
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-m", "mynah.link.broker_process", json.dumps(told)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(handle.fd, *ends.values()),
                start_new_session=True,  # Ctrl-C is for the reader alone
            )
        threading.Thread(target=process.wait, name="broker's end", daemon=True).start()
        return ours

    def _hand_over(self, share: Share, tap: socket.socket) -> None:
        rest = let_go(self._port)
        tap.sendall(GO)
        self._reader = TapPort(tap, rest)
        self._talk(f"a broker serves {self._url} now, as {share.url}")
        share.leave()
        self._tap = self._share = None


def _open(url: str, baud: int) -> tuple[serial.SerialBase, bool]:
    """The port of somebody who shares it, or the port itself, and whether it is that."""
    found = find_share(url)
    if found is not None:
        with contextlib.suppress(PortError):  # who offered it has just ended
            return open_port(found.url, baud=baud), False
    return open_port(url, baud=baud), True
