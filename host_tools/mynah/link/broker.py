"""The broker: it owns a port and serves it to several RFC 2217 clients at once.

Everybody gets all that the board sends, but for a client that waits for its turn to speak. One at a
time speaks to the board: the first that sends something, or moves a control line, until it leaves;
what others send waits for their turn. When a speaker leaves, the port is as it was before: no line
holds the chip in reset, the console's baud rate is back. Opening or closing a port resets nothing.
"""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from typing import TYPE_CHECKING

import serial
from serial import rfc2217

from mynah.link.telnet import Client, TelnetError

if TYPE_CHECKING:
    from collections.abc import Callable

_MAX_UNSENT = 16 << 20
"""Bytes that may wait for a client that does not read; it is cut off then."""
_MAX_HELD = 1 << 16
"""Bytes from a client that waits for its turn, before no more is taken from it."""
_LINGER_S = 1.0
"""The broker ends so long after the last one left: mpremote's commands follow each other."""
_MAX_READ = 1 << 16


class Broker:
    """Serves an open port until `run` returns.

    Args:
        port: it; closed at the end.
        listener: where clients connect, not blocking.
        tap: a connection that gets what the board sends, as it is; None: there is none.
        stays: whether to go on when nobody is left.
    """

    def __init__(
        self,
        port: serial.SerialBase,
        listener: socket.socket,
        *,
        tap: socket.socket | None = None,
        stays: bool = False,
    ) -> None:
        self._port = port
        self._listener = listener
        self._tap = tap
        self._tap_unsent = bytearray()
        if tap is not None:
            tap.setblocking(False)
        self._stays = stays
        self._baud = port.baudrate
        self._guests: list[_Guest] = []
        self._talker: _Guest | None = None
        self._from_port, self._to_loop = socket.socketpair()
        self._from_port.setblocking(False)
        self._reader = threading.Thread(target=self._read_port, name="broker", daemon=True)

    def run(self) -> None:
        """Serve until the port vanishes, or nobody is left (unless it stays)."""
        self._reader.start()
        try:
            with contextlib.suppress(OSError):  # SerialException among them: the port vanished
                while self._step():
                    pass
        finally:
            for guest in self._guests:
                guest.close()
            if self._tap is not None:
                self._tap.close()
            with contextlib.suppress(OSError, serial.SerialException):
                self._port.close()
            self._from_port.close()
            self._to_loop.close()

    # What clients ask for, in their turn.

    def write(self, data: bytes) -> None:
        """Send to the board."""
        self._port.write(data)

    def set_lines(self, *, dtr: bool, rts: bool) -> None:
        """Move the control lines that differ."""
        with contextlib.suppress(OSError):  # a pseudo-terminal has none
            if self._port.dtr != dtr:
                self._port.dtr = dtr
            if self._port.rts != rts:
                self._port.rts = rts

    def set_baud(self, baud: int) -> None:
        """Set the baud rate, if it is another one; one that the port cannot do changes nothing."""
        before = self._port.baudrate
        if before != baud:
            try:
                self._port.baudrate = baud
            except (ValueError, OverflowError):
                self._port.baudrate = before

    def may_talk(self, guest: _Guest) -> bool:
        """Whether it is that client's turn; it is from now on if it is nobody's."""
        if self._talker is None or (self._talker.is_done and self._talker is not guest):
            self._talker = guest
        return self._talker is guest

    def _step(self) -> bool:
        """Wait for something and do it; False: it is over."""
        is_left = bool(self._guests or self._tap)
        taps = [self._tap] if self._tap is not None else []
        readers = [self._from_port, self._listener, *taps]
        readers += [guest.socket for guest in self._guests if not guest.is_full]
        writers = [guest.socket for guest in self._guests if guest.has_unsent]
        writers += taps if self._tap_unsent else []
        wait_s = None if is_left or self._stays else _LINGER_S
        readable, writable, _ = select.select(readers, writers, [], wait_s)
        if not readable and not writable:
            return False
        if self._from_port in readable and not self._pass_on():
            return False
        if self._tap is not None and (self._tap in readable or self._tap in writable):
            self._serve_tap(is_gone=self._tap in readable)
        if self._listener in readable:
            self._accept()
        for guest in self._guests:
            if guest.socket in readable:
                guest.serve()
            elif guest.socket in writable:
                guest.send()
        self._drop_those_gone()
        return True

    def _read_port(self) -> None:
        """Read the port and send it to the loop; in a thread of its own."""
        with contextlib.suppress(OSError, serial.SerialException, TypeError):
            while True:
                data = self._port.read(min(self._port.in_waiting, _MAX_READ) or 1)
                if data:
                    self._to_loop.sendall(data)
        with contextlib.suppress(OSError):
            self._to_loop.shutdown(socket.SHUT_WR)

    def _pass_on(self) -> bool:
        """Give everybody what the board sent; False: the port vanished."""
        data = self._from_port.recv(_MAX_READ)
        if not data:
            return False
        if self._tap is not None:
            self._tap_unsent += data
            self._serve_tap(is_gone=False)
        for guest in self._guests:
            guest.pass_on(data)
        return True

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            connection, _ = self._listener.accept()
            self._guests.append(_Guest(connection, self, self._baud))

    def _serve_tap(self, *, is_gone: bool) -> None:
        """Send what waits; the other side never sends anything, it only ends."""
        assert self._tap is not None
        try:
            if not is_gone:
                with contextlib.suppress(BlockingIOError):
                    del self._tap_unsent[: self._tap.send(self._tap_unsent)]
        except OSError:
            is_gone = True
        if is_gone or len(self._tap_unsent) > _MAX_UNSENT:
            self._tap.close()
            self._tap = None

    def _drop_those_gone(self) -> None:
        for guest in [each for each in self._guests if each.is_gone]:
            self._guests.remove(guest)
            guest.close()
            if self._talker is guest:
                self._restore()
        if self._talker is None:
            waiting = next((each for each in self._guests if each.is_waiting), None)
            if waiting is not None:
                waiting.take_turn()

    def _restore(self) -> None:
        """After one that has talked: as a port is that was just opened, with the chip running.

        From every other state DTR, then RTS lead there without a reset.
        """
        self._talker = None
        self.set_lines(dtr=True, rts=True)
        self.set_baud(self._baud)


class _Guest:
    """A client of the broker; what it asks of the board waits for its turn.

    It is the device that its Telnet side works on.
    """

    def __init__(self, connection: socket.socket, broker: Broker, baud: int) -> None:
        self._broker = broker
        self._baud = baud
        self._held: list[Callable[[], None]] = []
        self._n_held = 0
        self._pending = bytearray()
        self._has_written = False
        self._has_greeted = False
        self._lines = (True, True)
        self._lines_rest = True
        self.is_gone = False
        self.client = Client(
            connection, self, self._pending.clear, lines=True, set_baud=self._set_baud
        )
        self.socket = connection

    @property
    def is_waiting(self) -> bool:
        """Whether it has something to do and it is not its turn."""
        return bool(self._held)

    @property
    def is_full(self) -> bool:
        """Whether enough waits."""
        return self._n_held > _MAX_HELD

    @property
    def is_done(self) -> bool:
        """Whether it has only moved the lines, and they rest again: a reset, say."""
        return self._lines_rest and not self._has_written

    @property
    def has_unsent(self) -> bool:
        """Whether something waits for its connection."""
        return bool(self._pending or self.client.unsent)

    def serve(self) -> None:
        """Handle what it sent; `is_gone` afterwards if it has gone."""
        try:
            self._has_greeted = self._has_greeted or self._greets()
            if not self._has_greeted or not self.client.receive():
                self.is_gone = True
        except BlockingIOError:
            pass
        except (ConnectionError, TelnetError):
            self.is_gone = True
        self.send()

    def _greets(self) -> bool:
        """Whether it begins as RFC 2217 clients do: a web page's request must not reach a REPL."""
        return bytes(rfc2217.IAC) == self.socket.recv(1, socket.MSG_PEEK)

    def pass_on(self, data: bytes) -> None:
        """Give it what the board sent; one that waits to ask gets no answers to others."""
        if self._held:
            return
        self._pending += data
        self.send()

    def send(self) -> None:
        """Send as much as its connection takes; one that never reads is cut off."""
        if len(self.client.unsent) < _MAX_READ:
            self.client.queue(bytes(self._pending))
            self._pending.clear()
        try:
            self.client.flush()
        except OSError:
            self.is_gone = True
        if len(self._pending) > _MAX_UNSENT:
            self.is_gone = True

    def take_turn(self) -> None:
        """Do what has waited."""
        held, self._held, self._n_held = self._held, [], 0
        for act in held:
            self._act(act)

    def close(self) -> None:
        """Hang up."""
        self.client.close(abort=False)

    # The device of its Telnet side.

    def receive(self, data: bytes) -> None:
        """Take bytes for the board."""
        self._act(lambda: self._write(data), len(data))

    def set_lines(self, *, dtr: bool, rts: bool) -> None:
        """Take a move of the control lines; a client asserts both when it opens, as they are."""
        if (dtr, rts) == self._lines:
            return
        self._lines = (dtr, rts)
        self._act(lambda: self._move(dtr, rts))

    def _write(self, data: bytes) -> None:
        self._has_written = True
        self._broker.write(data)

    def _move(self, dtr: bool, rts: bool) -> None:
        self._lines_rest = dtr == rts
        self._broker.set_lines(dtr=dtr, rts=rts)

    def _set_baud(self, baud: int) -> None:
        if baud != self._baud:
            self._baud = baud
            self._act(lambda: self._broker.set_baud(baud))

    def _act(self, act: Callable[[], None], size: int = 0) -> None:
        if self._broker.may_talk(self):
            act()
        else:
            self._held.append(act)
            self._n_held += size
