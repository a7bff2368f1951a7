"""The board's serial port: an RFC 2217 server on the loopback interface.

pyserial's ``PortManager`` speaks Telnet and RFC 2217. One thread serves one client at a time; while
one is connected, or the cable is unplugged, connections are refused.
"""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from typing import TYPE_CHECKING

from mynah.errors import PortError
from mynah.link.telnet import Client, TelnetError

if TYPE_CHECKING:
    from mynah.link.telnet import Device

_HOST = "127.0.0.1"
_OVERRUN_SIZE = 1 << 20
"""Bytes that may wait for a client that does not read; what comes then is lost."""


class SerialServer:
    """Listens from the start; `close` leaves no socket and no thread."""

    def __init__(self, device: Device, name: str, tcp_port: int = 0) -> None:
        """Listen on ``tcp_port``, 0: any free one.

        Raises:
            PortError: the port is taken.
        """
        self._device = device
        self._lock = threading.Condition()
        self._pending = bytearray()
        self._client: Client | None = None
        self._plugged = self._is_plugged = True  # as wanted, and as the thread has made it
        self._closed = False
        try:
            self._listener = _bind(tcp_port)
        except OSError as error:
            raise PortError(f"TCP port {tcp_port} on this computer is taken: {error}") from error
        self.tcp_port: int = self._listener.getsockname()[1]
        self._listening = False
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._wake_reader.setblocking(False)
        self._wake_writer.setblocking(False)
        self._update_listener()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """What esptool, mpremote and pyserial open."""
        return f"rfc2217://{_HOST}:{self.tcp_port}"

    def transmit(self, data: bytes) -> None:
        """Send to the client, from any thread; lost if there is none or it does not keep up."""
        with self._lock:
            if self._client is None or len(self._pending) + len(data) > _OVERRUN_SIZE:
                return
            self._pending += data
        if threading.current_thread() is not self._thread:
            self._wake()

    def unplug(self) -> None:
        """Pull the cable: the client is cut off at once, others are refused until `replug`."""
        self._set_plugged(False)

    def replug(self) -> None:
        """Put the cable back."""
        self._set_plugged(True)

    def close(self) -> None:
        """Cut off the client, stop listening, end the thread."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        self._wake()
        self._thread.join()
        self._listener.close()
        self._wake_reader.close()
        self._wake_writer.close()

    def _set_plugged(self, plugged: bool) -> None:
        with self._lock:
            self._plugged = plugged
            self._wake()
            if threading.current_thread() is not self._thread:
                self._lock.wait_for(lambda: self._closed or self._is_plugged == plugged)

    def _wake(self) -> None:
        with contextlib.suppress(BlockingIOError, OSError):
            self._wake_writer.send(b"\0")

    def _run(self) -> None:
        try:
            while not self._closed:
                self._step()
        finally:
            self._drop_client()

    def _step(self) -> None:
        plugged = self._plugged
        if not plugged:
            self._drop_client(abort=True)
        self._update_listener()
        with self._lock:
            self._is_plugged = plugged
            self._lock.notify_all()
        client = self._client
        readable: list[socket.socket] = [self._wake_reader]
        writable: list[socket.socket] = []
        if client is not None:
            self._move_pending(client)
            readable.append(client.socket)
            if client.unsent:
                writable.append(client.socket)
        elif self._listening:
            readable.append(self._listener)
        ready, ready_to_write, _ = select.select(readable, writable, [])
        if self._wake_reader in ready:
            self._wake_reader.recv(4096)
        if self._listener in ready:
            self._accept()
        if client is not None and (client.socket in ready or client.socket in ready_to_write):
            self._serve(client)

    def _serve(self, client: Client) -> None:
        try:
            alive = client.receive()
            self._move_pending(client)
            client.flush()
        except (OSError, TelnetError):
            alive = False
        if not alive:
            self._drop_client()

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return
        with self._lock:
            self._pending.clear()
            self._client = Client(connection, self._device, self._drop_pending)
        self._update_listener()

    def _drop_client(self, *, abort: bool = False) -> None:
        with self._lock:
            client, self._client = self._client, None
        if client is None:
            return
        client.close(abort=abort)
        self._device.set_lines(dtr=False, rts=False)

    def _move_pending(self, client: Client) -> None:
        with self._lock:
            data = bytes(self._pending)
            self._pending.clear()
        client.queue(data)

    def _drop_pending(self) -> None:
        with self._lock:
            self._pending.clear()

    def _update_listener(self) -> None:
        """Listen exactly while a client may come; else keep the port's number, but refuse."""
        with self._lock:
            wanted = self._plugged and self._client is None
            if wanted and not self._listening:
                _share(self._listener, True)  # for the clients, which inherit it
                self._listener.listen(1)
            elif self._listening and not wanted:
                # A process that another thread is just forking holds a copy of the socket until
                # its exec: without the shutdown that copy would go on listening.
                with contextlib.suppress(OSError):
                    self._listener.shutdown(socket.SHUT_RDWR)
                self._listener.close()
                self._listener = _bind(self.tcp_port)
                _share(self._listener, False)
            self._listening = wanted


def _bind(tcp_port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    _share(listener, True)
    try:
        listener.bind((_HOST, tcp_port))
    except OSError:
        listener.close()
        raise
    return listener


def _share(listener: socket.socket, shared: bool) -> None:
    """Whether others that say the same may bind the port, too, while nobody listens on it.

    The server does for itself, beside connections of its own; in between nobody else is to get it.
    """
    # Windows' SO_REUSEADDR would let two servers listen.
    if not hasattr(socket, "SO_EXCLUSIVEADDRUSE"):
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(shared))
