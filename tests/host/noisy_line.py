"""A cable to a virtual board that carries only so many baud; what is faster comes out damaged."""

import contextlib
import selectors
import socket
import threading
from urllib.parse import urlsplit

# RFC 2217: IAC SB COM-PORT-OPTION SET-BAUDRATE, four bytes
_SET_BAUDRATE = b"\xff\xfa\x2c\x01"
_IAC = 0xFF


class NoisyLine:
    """Passes an RFC 2217 connection on; ``url`` is where it listens.

    Args:
        url: the board's port.
        max_baud: the fastest rate that is carried undamaged.
        good_bytes: how much of a faster transfer is undamaged all the same.
    """

    def __init__(self, url, max_baud, good_bytes=0):
        self.max_baud = max_baud
        self._good_bytes = good_bytes
        self._board = (urlsplit(url).hostname, urlsplit(url).port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"rfc2217://127.0.0.1:{self._listener.getsockname()[1]}"
        self._end, self._ended = socket.socketpair()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self._end.close()
        self._thread.join()
        self._listener.close()
        self._ended.close()

    def _run(self):
        while True:
            with selectors.DefaultSelector() as selector:
                selector.register(self._listener, selectors.EVENT_READ)
                selector.register(self._ended, selectors.EVENT_READ)
                ready = {key.fileobj for key, _ in selector.select()}
            if self._ended in ready:
                return
            client, _ = self._listener.accept()
            with client, contextlib.suppress(OSError), self._connect() as board:
                self._pass(client, board)

    def _connect(self):
        for _ in range(100):  # the server is a moment behind its last client's end
            with contextlib.suppress(ConnectionRefusedError):
                return socket.create_connection(self._board)
            threading.Event().wait(0.02)
        raise OSError("the board does not listen")

    def _pass(self, client, board):
        baud, sent = 115_200, 0
        with selectors.DefaultSelector() as selector:
            for end in (client, board, self._ended):
                selector.register(end, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    data = b"" if key.fileobj is self._ended else key.fileobj.recv(65536)
                    if not data:
                        return
                    if key.fileobj is client:
                        at = data.find(_SET_BAUDRATE)
                        if at >= 0:
                            baud = int.from_bytes(data[at + 4 : at + 8], "big")
                            sent = 0
                        elif baud > self.max_baud:
                            sent += len(data)
                            data = data if sent < self._good_bytes else _damaged(data)
                        board.sendall(data)
                    else:
                        client.sendall(data)


def _damaged(data):
    """One byte of 16 differs; Telnet's commands stay what they are."""
    if _IAC in data:
        return data
    return bytes(byte ^ 1 if i % 16 == 3 else byte for i, byte in enumerate(data))
