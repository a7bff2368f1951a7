"""Ask MicroPython on a board for facts: memory, filesystem, files, radio."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mynah import boards
from mynah.doctor import catalogue as causes
from mynah.doctor.finding import Looked
from mynah.errors import BoardError, MynahError
from mynah.flash.firmware import OLDEST

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mynah.doctor.finding import Item
    from mynah.link.repl import Repl

_NEEDED = ("boot.py", "main.py", "board.json", "speaker")
_FULL = 32 * 1024
_ALMOST_FULL = 256 * 1024
_NO_PSRAM = 1 << 20  # bytes of heap; the chip's own memory has some 300 KB of it

# Runs on the board. Each part is tried by itself: what is broken must not hide the rest.
_ASK = """
import gc, json, machine, os, sys
_f = {}
def _try(key, get):
    try:
        _f[key] = get()
    except Exception as e:
        _f[key + "_error"] = repr(e)
def _board():
    with open("/board.json") as f:
        return json.load(f)
def _wifi():
    import network
    w = network.WLAN(network.STA_IF)
    joined = w.isconnected()
    return {"active": w.active(), "joined": joined, "rssi": w.status("rssi") if joined else None,
        "address": w.ifconfig()[0]}
def _table():
    from esp32 import Partition as P
    rows = P.find(P.TYPE_APP) + P.find(P.TYPE_DATA)
    return [p.info()[:5] for p in rows]
gc.collect()
_try("version", lambda: list(sys.implementation.version[:3]))
_try("machine", lambda: sys.implementation._machine)
_try("release", lambda: os.uname().version)
_try("heap", lambda: [gc.mem_alloc(), gc.mem_free()])
_try("filesystem", lambda: list(os.statvfs("/")[:4]))
_try("files", lambda: os.listdir("/"))
_try("board", _board)
_try("reset_cause", machine.reset_cause)
_try("frequency_hz", machine.freq)
_try("wifi", _wifi)
_try("partitions", _table)
print(json.dumps(_f))
"""


@dataclass(frozen=True, slots=True)
class Facts:
    """What a board's MicroPython told; a part that it could not tell is None."""

    values: Mapping[str, Any]

    @property
    def version(self) -> tuple[int, ...] | None:
        """MicroPython's version."""
        told = self._list("version", int)
        return tuple(told) if told else None

    @property
    def files(self) -> list[str] | None:
        """The names in the root of its filesystem."""
        return self._list("files", str)

    @property
    def free_bytes(self) -> int | None:
        """Room in its filesystem; there may be more, since MicroPython counts folders twice."""
        told = self._list("filesystem", int)
        if not told or len(told) != 4:
            return None
        size, _, total, free = told
        return size * free if free <= total else 0  # what is less than nothing wraps

    @property
    def heap_bytes(self) -> int | None:
        """All memory that MicroPython has for objects."""
        told = self._list("heap", int)
        return sum(told) if told else None

    @property
    def board(self) -> str | None:
        """The name in its ``board.json``."""
        told = self.values.get("board")
        name = told.get("name") if isinstance(told, dict) else None
        return name if isinstance(name, str) else None

    @property
    def rssi(self) -> int | None:
        """Signal strength in dBm, if it is in a network."""
        told = self.values.get("wifi")
        rssi = told.get("rssi") if isinstance(told, dict) else None
        return rssi if isinstance(rssi, int) and rssi < 0 else None

    def _list(self, key: str, kind: type) -> list[Any] | None:
        told = self.values.get(key)
        return (
            told
            if isinstance(told, list) and all(isinstance(each, kind) for each in told)
            else None
        )


def ask(repl: Repl) -> Facts:
    """What a board tells of itself.

    Raises:
        BoardError: it answers with something else.
        BoardTimeoutError: it does not answer.
        PortError: the port vanished.
    """
    try:
        told = json.loads(repl.run(_ASK).strip().rpartition("\n")[2])
    except ValueError:
        raise BoardError(f"MicroPython on {repl.url} answers with something else") from None
    return Facts(told if isinstance(told, dict) else {})


def check_facts(facts: Facts, where: str) -> Iterator[Item]:
    """What is wrong with MicroPython, the filesystem and the memory."""
    if facts.version and facts.version[:2] < OLDEST:
        there, needed = (".".join(map(str, each)) for each in (facts.version, OLDEST))
        yield causes.OLD_MICROPYTHON.found(
            f"MicroPython {there}", where=where, there=there, needed=needed
        )
    yield from _check_room(facts, where)
    yield from _check_files(facts, where)
    yield from _check_memory(facts, where)


def _check_room(facts: Facts, where: str) -> Iterator[Item]:
    free = facts.free_bytes
    if free is None:
        return
    text = f"{free // 1024} KB free"
    if free < _FULL:
        yield causes.FULL.found(text, where=where, free=text)
    elif free < _ALMOST_FULL:
        yield causes.ALMOST_FULL.found(text, where=where, free=text)
    else:
        yield Looked("filesystem", text)


def _check_files(facts: Facts, where: str) -> Iterator[Item]:
    if facts.files is None or "speaker" not in facts.files:
        return  # no firmware of ours: told by the log
    missing = [name for name in _NEEDED if name not in facts.files]
    if missing:
        names = ", ".join(missing)
        yield causes.FILES_MISSING.found(
            f"there are {', '.join(facts.files)}", where=where, files=names
        )


def _check_memory(facts: Facts, where: str) -> Iterator[Item]:
    heap = facts.heap_bytes
    if heap is None:
        return
    text = f"{heap // 1024} KB of heap"
    if heap < _NO_PSRAM and _should_have_psram(facts.board):
        machine = facts.values.get("machine")
        yield causes.WRONG_PSRAM.found(text, f"MicroPython for: {machine}", where=where)
    else:
        yield Looked("memory", text)


def _should_have_psram(name: str | None) -> bool:
    """Whether a board has PSRAM; all that Mynah knows have, so one that is unknown should, too."""
    try:
        return name is None or boards.load(name).psram is not None
    except MynahError:
        return True
