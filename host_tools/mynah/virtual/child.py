"""The MicroPython process that is the virtual board's CPU."""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import subprocess
import threading
from typing import TYPE_CHECKING

from mynah.virtual import shims
from mynah.virtual.interrupts import Interrupts, Keyboard
from mynah.virtual.link import MAX_PACKET, PAYLOAD_FOLLOWS, Answer, packet_pair, send_answer
from mynah.virtual.micropython import micropython_command

if TYPE_CHECKING:
    from collections.abc import Callable

    from mynah.virtual.alarms import Alarms

try:
    import fcntl
    import signal

    def _end_with_parent(line: socket.socket, pid: int) -> None:
        """Have the kernel end the child when the other end of ``line`` closes: SIGIO kills."""
        fcntl.fcntl(line, fcntl.F_SETOWN, pid)
        flags = fcntl.fcntl(line, fcntl.F_GETFL)
        fcntl.fcntl(line, fcntl.F_SETFL, flags | os.O_ASYNC)

    assert signal.SIGIO
except (ImportError, AttributeError):

    def _end_with_parent(line: socket.socket, pid: int) -> None:
        """No such thing here: the child ends at its next call."""


class Child:
    """One MicroPython process, from start to exit, and the thread that serves it."""

    def __init__(
        self,
        *,
        heap_size: int,
        uart: socket.socket,
        flash_fd: int,
        alarms: Alarms,
        answer: Callable[[Child, bytes], Answer],
        output: Callable[[bytes], None],
        ended: Callable[[Child], None],
        wake: Callable[[], None],
    ) -> None:
        """Start the process.

        Args:
            heap_size: bytes of MicroPython's heap.
            uart: what the child reads as its UART's input.
            flash_fd: descriptor of the flash's file, which the child reads.
            alarms: the board's.
            answer: answers a request of the child, in the thread that serves it.
            output: takes what the child prints, in that thread.
            ended: called in that thread when the process is gone, however it ended.
            wake: called when the program is to fetch interrupts, in any thread.

        Raises:
            MynahError: there is no MicroPython for this computer.
        """
        self._answer = answer
        self._output = output
        self._ended = ended
        self._silent = False
        self._calls, calls = packet_pair()
        self._printed, printed = socket.socketpair()
        self._lifeline, lifeline = socket.socketpair()
        self._line, line = socket.socketpair()
        fds = (calls.fileno(), line.fileno(), lifeline.fileno())
        try:
            self._process = subprocess.Popen(
                [
                    *micropython_command(),
                    "-X",
                    f"heapsize={heap_size}",
                    "-c",
                    shims.bootstrap(fds[0], fds[1]),
                ],
                stdin=uart.fileno(),
                stdout=printed.fileno(),
                stderr=printed.fileno(),
                pass_fds=(*fds, flash_fd),
                env={**os.environ, "TZ": "UTC0"},
                start_new_session=True,
            )
        finally:
            for end in (calls, printed, line):
                end.close()
        _end_with_parent(lifeline, self._process.pid)
        lifeline.close()
        self.interrupts = Interrupts(self._line, alarms, wake)
        self.keyboard = Keyboard(self.interrupts)
        self._thread = threading.Thread(target=self._serve, name="mynah-cpu", daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        """Whether the process is gone."""
        return self._process.poll() is not None

    def kill(self) -> None:
        """End the process at once and wait until it and its thread are gone."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _serve(self) -> None:
        self._printed.setblocking(False)
        buffer = bytearray(MAX_PACKET)
        with selectors.DefaultSelector() as selector:
            selector.register(self._printed, selectors.EVENT_READ)
            selector.register(self._calls, selectors.EVENT_READ)
            while not self._silent:
                ready = selector.select()
                # What the child printed before it called comes first.
                self._pass_output()
                called = any(key.fileobj is self._calls for key, _ in ready)
                if called and not self._serve_one(buffer):
                    break
        self._process.kill()
        self._process.wait()
        self._pass_output()
        for end in (self._calls, self._printed, self._lifeline, self._line):
            end.close()
        self._ended(self)

    def _serve_one(self, buffer: bytearray) -> bool:
        try:
            n = self._calls.recv_into(buffer)
            if n and buffer[0] & PAYLOAD_FOLLOWS:
                n += self._calls.recv_into(memoryview(buffer)[n:])
                buffer[0] &= ~PAYLOAD_FOLLOWS
            if n:
                send_answer(self._calls, self._answer(self, bytes(buffer[:n])))
        except OSError:
            return False
        return n > 0

    def _pass_output(self) -> None:
        while not self._silent:
            try:
                data = self._printed.recv(MAX_PACKET)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self._silent = True  # the process is gone
                return
            self._output(data)
