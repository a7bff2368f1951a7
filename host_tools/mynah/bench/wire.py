"""A wire between a program and a virtual board's serial port, which counts what passes."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from typing_extensions import Self

_HOST = "127.0.0.1"
_TRIES = 100
_TRY_S = 0.02
_SIZE = 65536


class Wire:
    """Passes RFC 2217 connections on, one at a time; a context manager.

    The counts are of all bytes on the TCP connection; RFC 2217's own are some hundred of them.

    Args:
        url: the board's port.
    """

    def __init__(self, url: str) -> None:
        self.to_board = 0
        """Bytes that the program sent."""
        self.from_board = 0
        """Bytes that the board sent."""
        parts = urlsplit(url)
        self._board = (parts.hostname or _HOST, parts.port or 0)
        self._listener = socket.create_server((_HOST, 0))
        self.url = f"rfc2217://{_HOST}:{self._listener.getsockname()[1]}"
        """Where the program connects to."""
        self._end, self._ended = socket.socketpair()
        self._thread = threading.Thread(target=self._run, name="mynah-wire", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Cut the connection and stop listening."""
        self._end.close()
        self._thread.join()
        self._listener.close()
        self._ended.close()

    def connected(self) -> None:
        """Called when a program has connected."""

    def passed(self, data: bytes) -> bytes:
        """What becomes of bytes for the board."""
        return data

    def _run(self) -> None:
        while True:
            with selectors.DefaultSelector() as selector:
                selector.register(self._listener, selectors.EVENT_READ)
                selector.register(self._ended, selectors.EVENT_READ)
                ready = {key.fileobj for key, _ in selector.select()}
            if self._ended in ready:
                return
            client, _ = self._listener.accept()
            with client, contextlib.suppress(OSError), self._connect() as board:
                self.connected()
                self._pass(client, board)

    def _connect(self) -> socket.socket:
        for _ in range(_TRIES):  # the server is a moment behind its last client's end
            with contextlib.suppress(ConnectionRefusedError):
                return socket.create_connection(self._board)
            time.sleep(_TRY_S)
        raise OSError("the board does not listen")

    def _pass(self, client: socket.socket, board: socket.socket) -> None:
        for end in (client, board):  # as both ends have it: no packet waits for an answer
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with selectors.DefaultSelector() as selector:
            for end in (client, board, self._ended):
                selector.register(end, selectors.EVENT_READ)
            while True:
                ready = {key.fileobj for key, _ in selector.select()}
                if self._ended in ready:
                    return
                if client in ready:
                    data = client.recv(_SIZE)
                    if not data:
                        return
                    self.to_board += len(data)
                    board.sendall(self.passed(data))
                if board in ready:
                    data = board.recv(_SIZE)
                    if not data:
                        return
                    self.from_board += len(data)
                    client.sendall(data)
