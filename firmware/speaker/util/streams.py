"""Wait for streams that asyncio's own stream classes do not fit."""

from asyncio import core  # type: ignore[attr-defined]

from speaker.util.hints import Any


def readable(stream: Any) -> Any:
    """Awaitable: `stream` (a socket, the console) has something to read."""
    yield core._io_queue.queue_read(stream)
