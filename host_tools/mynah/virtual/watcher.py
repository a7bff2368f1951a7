"""Waits for what arrives at a virtual board's real sockets."""

from __future__ import annotations

import contextlib
import selectors
import socket
import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_CLOSE_S = 1.0


class Watcher:
    """One thread that waits for what arrives at a board's real sockets."""

    def __init__(self) -> None:
        self._selector: selectors.BaseSelector | None = None
        self._wake: socket.socket | None = None
        self._thread: threading.Thread | None = None
        self._changes: deque[Callable[[selectors.BaseSelector], None]] = deque()
        self._lock = threading.Lock()

    def watch(self, sock: socket.socket, act: Callable[[], None], *, write: bool = False) -> None:
        """Call ``act()`` whenever ``sock`` can be read (or written); replaces an earlier watch."""
        events = selectors.EVENT_WRITE if write else selectors.EVENT_READ

        def change(selector: selectors.BaseSelector) -> None:
            with contextlib.suppress(KeyError, ValueError):
                selector.unregister(sock)
            if sock.fileno() >= 0:
                selector.register(sock, events, act)

        self._change(change)

    def forget(self, sock: socket.socket, *, close: bool = False) -> None:
        """Watch it no longer; with ``close``, its port is free when this returns."""
        done = threading.Event()

        def change(selector: selectors.BaseSelector) -> None:
            with contextlib.suppress(KeyError, ValueError):
                selector.unregister(sock)
            if close:
                sock.close()
            done.set()

        if self._thread is None:
            if close:
                sock.close()
            return
        self._change(change)
        if close and threading.current_thread() is not self._thread:
            done.wait(_CLOSE_S)

    def stop(self) -> None:
        """End the thread."""
        with self._lock:
            thread, wake = self._thread, self._wake
            self._thread = self._wake = None
        if thread is not None and wake is not None:
            wake.close()
            thread.join()

    def _change(self, change: Callable[[selectors.BaseSelector], None]) -> None:
        with self._lock:
            self._changes.append(change)
            if self._thread is None:
                self._wake, awake = socket.socketpair()
                self._thread = threading.Thread(
                    target=self._run, args=(awake,), name="mynah-sockets", daemon=True
                )
                self._thread.start()
            assert self._wake is not None
            self._wake.send(b"!")

    def _run(self, awake: socket.socket) -> None:
        with selectors.DefaultSelector() as selector, awake:
            selector.register(awake, selectors.EVENT_READ)
            while True:
                ready = selector.select()
                for key, _ in ready:
                    if key.fileobj is awake:
                        if not awake.recv(4096):
                            self._apply(selector)
                            return
                    else:
                        key.data()
                self._apply(selector)

    def _apply(self, selector: selectors.BaseSelector) -> None:
        while self._changes:
            self._changes.popleft()(selector)
