"""Start a board and wait until the speaker on it says that it is well; else, say what ails it."""

from __future__ import annotations

import contextlib
import re
import threading
import time
from typing import TYPE_CHECKING

from mynah.doctor.bootlog import BootLog, check_log
from mynah.doctor.finding import FAULT, Finding
from mynah.errors import BoardTimeoutError
from mynah.link.repl import Repl
from mynah.logs.follow import follow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mynah.logs import LogRecord

START_S = 30.0
"""How long a start may take; the first one after flashing is the slowest."""

_SILENCE_S = 8.0
_STARTS = re.compile(r"ESP-ROM:|rst:0x|Mynah \S+ on ")  # of the ROM, and of our firmware
_MANY_STARTS = 4
_N_SHOWN = 3


def wait_until_well(
    url: str,
    *,
    timeout_s: float = START_S,
    on_log: Callable[[LogRecord], None] | None = None,
) -> float:
    """Reset the board and wait for ``app: ready``; the seconds that it took.

    Args:
        url: device path or ``rfc2217://host:port``.
        timeout_s: how long to wait; a board that starts again and again is given up sooner.
        on_log: called with each line of its log.

    Raises:
        PortError: the port is missing or busy.
        BoardTimeoutError: it does not become ready; the message says why and what to do.
    """
    started = time.monotonic()
    lines: list[str] = []
    begun = False  # what comes before is from before the reset
    for record in _start(url, started + timeout_s):
        if on_log is not None:
            on_log(record)
        begun = begun or bool(_STARTS.match(record.text))
        if record.source == "app" and record.text == "ready":
            if begun:
                return time.monotonic() - started
            continue  # as if it had not been said
        lines.append(str(record))
        log = BootLog(url, lines, was_reset=True)
        if log.n_starts >= _MANY_STARTS or log.is_over:
            break
    seconds = time.monotonic() - started
    found = ailment(url, lines, seconds)
    raise BoardTimeoutError(told(found) if found else _not_ready(url, lines, seconds))


def _start(url: str, deadline: float) -> Iterator[LogRecord]:
    """The log from a reset on.

    RTS resets no chip whose own USB is MicroPython's: one that does not start is asked to do it.
    """
    mute = threading.Event()
    patience = threading.Timer(_SILENCE_S, mute.set)
    patience.daemon = True
    patience.start()
    try:
        for record in follow(url, timeout_s=deadline - time.monotonic(), reset=True, stop=mute):
            if _STARTS.match(record.text):
                patience.cancel()
            yield record
    finally:
        patience.cancel()
    if not mute.is_set():
        return
    with contextlib.suppress(BoardTimeoutError), Repl(url) as repl:
        yield from repl.restart(deadline - time.monotonic())


def _not_ready(url: str, lines: Sequence[str], seconds: float) -> str:
    if not lines:
        return (
            f"the board on {url} says nothing: press RESET; `mynah doctor --port {url}` looks at "
            "cable, port and power"
        )
    return (
        f"the board on {url} did not say that it is ready in {seconds:.0f} s; its last words: "
        f"{' / '.join(lines[-_N_SHOWN:])}: `mynah logs --port {url} --reset` shows all"
    )


def ailment(url: str, lines: Sequence[str], seconds: float = 0.0) -> Finding | None:
    """What is wrong with a board, by its log from a reset on; None: nothing that is seen."""
    log = BootLog(url, lines, was_reset=True, seconds=round(seconds))
    for found in check_log(log):
        if isinstance(found, Finding) and found.severity == FAULT:
            return found
    return None


def told(found: Finding) -> str:
    """A finding and what to do, in a line."""
    evidence = f" ({found.evidence[-1]})" if found.evidence else ""
    return f"{found.what}{evidence}; {'; '.join(found.do)}"
