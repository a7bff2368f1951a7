"""Several boards' logs at once: a thread reads each port, one iterator yields all entries."""

from __future__ import annotations

import queue
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mynah.errors import MynahError
from mynah.logs.follow import follow_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from typing_extensions import Self

    from mynah.link.place import Place
    from mynah.logs.decode import Decoder, Entry

_POLL_S = 0.1
_MAX_WAITING = 1000  # batches; a reader whose user is slow waits, and the port's buffer fills


@dataclass(frozen=True, slots=True)
class Feed:
    """A board whose log is followed."""

    name: str
    place: Place
    decoder: Decoder
    baud: int = 115200


class Feeds:
    """Follows boards from ``with`` to its end; iterate over it for the entries as they come.

    Args:
        feeds: the boards.
        timeout_s: end after so many seconds; None: go on for ever.
        reconnect: wait for a port that vanishes.
        reset: restart the boards first.
        shares: whether other programs may use the ports meanwhile.
        talk: called, in any thread, with a line for the user when a port vanishes or comes back.
    """

    def __init__(
        self,
        feeds: Sequence[Feed],
        *,
        timeout_s: float | None = None,
        reconnect: bool = True,
        reset: bool = False,
        shares: bool = True,
        talk: Callable[[str], None] | None = None,
    ) -> None:
        self._deadline = None if timeout_s is None else time.monotonic() + timeout_s
        self._reconnect = reconnect
        self._reset = reset
        self._shares = shares
        self._talk = talk
        self._stop = threading.Event()
        self._queue: queue.Queue[list[Entry] | MynahError | None] = queue.Queue(_MAX_WAITING)
        self._threads = [
            threading.Thread(target=self._run, args=(feed,), name=f"log {feed.name}", daemon=True)
            for feed in feeds
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def __iter__(self) -> Iterator[list[Entry]]:
        """Entries of one board that came together, of all boards in the order of arrival.

        Raises:
            PortError: a port is missing or busy, or vanished without ``reconnect``.
        """
        running = len(self._threads)
        while running:
            try:
                found = self._queue.get(timeout=_POLL_S)
            except queue.Empty:
                continue
            if found is None:
                running -= 1
            elif isinstance(found, MynahError):
                raise found
            else:
                yield found

    def _run(self, feed: Feed) -> None:
        try:
            for lines in follow_lines(
                feed.place,
                baud=feed.baud,
                deadline=self._deadline,
                reconnect=self._reconnect,
                reset=self._reset,
                shares=self._shares,
                talk=self._talk,
                stop=self._stop,
            ):
                at = time.time()
                self._put([feed.decoder.take(line, at) for line in lines])
        except MynahError as error:
            self._put(error)
        finally:
            self._put(None)

    def _put(self, what: list[Entry] | MynahError | None) -> None:
        while not self._stop.is_set():
            try:
                self._queue.put(what, timeout=_POLL_S)
            except queue.Full:
                continue
            return
