"""Where the heap is after boot: ``python tests/bench/heap.py``.

A virtual board starts the firmware in its shipped form (the .mpy files that `mynah flash` makes),
once as it is and once with a probe in front of MicroPython's ``__import__`` that collects before
and after each module and counts what each has added. The tables: the virtual board's own modules,
which take the place of C code and are no part of the firmware; the firmware's modules; what it has
made of them; and the modules that are loaded with first use. With ``--used`` it is paired and its
parts are used one after the other, and the log tells the heap after each.

The figures are those of a 64-bit PC: an object takes half as much on the chip.
"""

from __future__ import annotations

import argparse
import ast
import json
import sys
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mynah import boards
from mynah.errors import BoardError
from mynah.hil.console import Console
from mynah.hil.software import SPEAKER, Software
from mynah.miio import MiioClient, pair
from mynah.virtual import shims
from mynah.virtual.board import VirtualBoard

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

READY_S = 30
PACKAGE = "speaker"

# Names in speaker/app/main.py and speaker/app/wiring.py: what each call makes is a row.
PARTS = {
    "microphone": "microphone and its ring of sound",
    "player": "player",
    "wake_engine": "wake engine: model, state, tables",
    "make_spec": "MIoT spec, bound",
    "Server": "miIO server",
}

_PROBE = """
import builtins as _b, gc as _gc, sys as _s
def _hook(load, gc, modules, rows, parts, made):
    nested = []
    def wrap(module, name, what):
        make = getattr(module, name)
        def counted(*args):
            gc.collect()
            before = gc.mem_alloc()
            result = make(*args)
            gc.collect()
            made.append((what, gc.mem_alloc() - before))
            return result
        setattr(module, name, counted)
    def note(name, own):
        if name not in modules:
            return  # there is none, or not for this processor
        rows.append((name, own))
        if name == "speaker.app.main":
            main = modules[name]
            for place in (main, main.wiring):
                for part in parts:
                    if hasattr(place, part):
                        wrap(place, part, parts[part])
    def probed(name, *rest):
        if name in modules:
            return load(name, *rest)
        if name == "_prompt":
            rows.append(("", 0))  # the speaker was stopped: what follows is not its
        gc.collect()
        before = gc.mem_alloc()
        nested.append(0)
        try:
            return load(name, *rest)
        finally:
            gc.collect()
            n = gc.mem_alloc() - before
            own = n - nested.pop()
            if nested:
                nested[-1] += n
            note(name, own)
    return probed
_b.heap_rows = []
_b.heap_made = []
_gc.collect()
_b.heap_start = _gc.mem_alloc()
_b.__import__ = _hook(__import__, _gc, _s.modules, heap_rows, PARTS, heap_made)
"""

_STAGES = """
import gc as _gc, sys as _s
import builtins as _b
def _hook(load, gc, modules):
    def watch(log):
        info = log.info
        def told(source, text, *args):
            info(source, text, *args)
            if source == "mdns" or text.endswith("at a time"):
                gc.collect()
                info("heap", "%s: %d", source if source == "mdns" else args[0], gc.mem_alloc())
        log.info = told
    def probed(name, *rest):
        is_new = name not in modules
        result = load(name, *rest)
        if is_new and name == "speaker.util.log":
            watch(modules[name])
        return result
    return probed
_b.__import__ = _hook(__import__, _gc, _s.modules)
"""

_PARTS_OF = {
    "miIO.unsub": "subscribers",
    "mynah.secure.status": "secure channel",
    "mynah.home.list": "home",
    "mynah.privacy": "privacy",
}

_TELL = """
print("ROW", ("start", "MicroPython", heap_start))
for _row in heap_rows:
    print("ROW", ("module",) + _row)
for _row in heap_made:
    print("ROW", ("made",) + _row)
print("ROWS")
"""


@dataclass(frozen=True, slots=True)
class Heap:
    """Bytes by row, the largest first."""

    total: int
    """In use when the speaker is ready, as its log says it, without the probe."""
    board: dict[str, int]
    """The virtual board's own modules; what is before them is "MicroPython"."""
    modules: dict[str, int]
    """The firmware's modules that a start loads."""
    made: dict[str, int]
    """What they have made: the larger parts, and the rest as "other objects and tasks"."""
    later: dict[str, int] = field(default_factory=dict)
    """Modules that a start does not load; what each adds when it is loaded."""

    @property
    def firmware(self) -> int:
        """The total without the virtual board's own."""
        return self.total - sum(self.board.values())


def measure() -> Heap:
    """Start a virtual board twice, and look.

    Raises:
        MynahError: it does not start.
    """
    with _started("") as (_, _, total):
        pass
    with _started(_PROBE.replace("PARTS", repr(PARTS))) as (console, _, _):
        rows = _rows(console, _TELL)
        rows = rows[: rows.index(("module", "", 0))] + [row for row in rows if row[0] == "made"]
        loaded = [name for kind, name, _ in rows if kind == "module"]
        missing = [name for name in module_names() if name not in loaded]
        # Kernels that need another processor fail to load: they are none of this board's.
        loads = "".join(
            f"try:\n __import__({name!r})\nexcept ImportError:\n pass\n" for name in missing
        )
        all_rows = _rows(console, loads + _TELL)
    old = {name for _, name, _ in rows}
    board = _by_name((name, size) for kind, name, size in rows if _is_boards(kind, name))
    modules = _by_name((n, size) for kind, n, size in rows if kind == "module" and _is_ours(n))
    made = _by_name((name, size) for kind, name, size in rows if kind == "made")
    later = _by_name((n, size) for _, n, size in all_rows if _is_ours(n) and n not in old)
    made["other objects and tasks"] = total - sum(sum(g.values()) for g in (board, modules, made))
    return Heap(total, board, modules, _by_name(made.items()), later)


def used() -> Iterator[tuple[str, int]]:
    """What has been used, one part after the other, and the heap in use then.

    Raises:
        MynahError: the board does not start, or does not answer.
    """
    with _started(_STAGES) as (console, board, total):
        yield "ready, without an owner", total
        board.world.wifi.add("home", "secret123")
        result = pair(board.ap_address, "home", "secret123")
        console.reset_board()
        yield "ready, paired", _heap_at_ready(console)
        yield "on the network, found by mDNS", _heap_after(console, "mdns")
        with MiioClient(result.address, result.token) as client:
            client.get("speaker.volume")
            for what, method, params in (
                ("a subscriber", "miIO.unsub", {"did": "1", "sub_method": "."}),
                ("the secure channel", "mynah.secure.status", []),
                ("the home's devices", "mynah.home.list", []),
                ("the privacy report", "mynah.privacy", {"from": 0}),
            ):
                client.call(method, params)
                yield what, _heap_after(console, _PARTS_OF[method])
            client.call("mynah.home.do", {"text": "turn on the lamp"})
            with suppress(BoardError):  # only over the set-up network
                client.call("mynah.wifi.cancel")
            yield "a sentence, and a method of set-up", _heap_after(console, "set-up")


def module_names() -> list[str]:
    """The firmware's modules as they lie on the virtual board."""
    files = Software(SPEAKER, None).files(boards.load("virtual"), _arch())
    return [
        path[1:].removesuffix(".mpy").replace("/", ".").removesuffix(".__init__")
        for path in files
        if path.endswith(".mpy")
    ]


def _arch() -> str | None:
    from mynah.flash.files import arch_of

    return arch_of(boards.load("virtual"))


def _is_boards(kind: str, name: str) -> bool:
    return kind == "start" or (kind == "module" and not _is_ours(name))


def _is_ours(name: str) -> bool:
    return name.partition(".")[0] == PACKAGE


def _by_name(rows: Iterable[tuple[str, int]]) -> dict[str, int]:
    added: dict[str, int] = {}
    for name, size in rows:
        added[name] = added.get(name, 0) + size
    return dict(sorted(added.items(), key=lambda row: -row[1]))


@contextmanager
def _started(probe: str) -> Iterator[tuple[Console, VirtualBoard, int]]:
    """A board that is ready, with something in front of its program; and its heap in use."""
    bootstrap = shims.bootstrap
    shims.bootstrap = lambda *fds: probe + bootstrap(*fds)
    kind = boards.load("virtual")
    content = Software.named(SPEAKER, root=Path()).virtual_content(kind)
    try:
        with VirtualBoard(content=content) as board, Console(board.url) as console:
            console.reset_board()
            yield console, board, _heap_at_ready(console)
    finally:
        shims.bootstrap = bootstrap


def _heap_at_ready(console: Console) -> int:
    total = int(console.expect(r" app: heap used (\d+) of", READY_S)[1])
    console.expect(r" app: ready$", READY_S)
    return total


def _heap_after(console: Console, part: str) -> int:
    return int(console.expect(rf" heap: {part}: (\d+)$", READY_S)[1])


def _rows(console: Console, code: str) -> list[tuple[str, str, int]]:
    """Stop the speaker, run code at the raw prompt: its rows (kind, name, bytes)."""
    console.write(b"\x03\r\x01")
    console.expect("raw REPL", 10)
    n = len(console.lines)
    console.write(code.encode() + b"\x04")
    console.expect("ROWS", 20)
    return [
        ast.literal_eval(line.partition("ROW ")[2])
        for _, line in console.lines[n:]
        if "ROW " in line
    ]


def main() -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.add_argument("--used", action="store_true", help="the heap as parts are used")
    options = parser.parse_args()
    if options.used:
        return _print_used(as_json=options.json)
    heap = measure()
    if options.json:
        print(json.dumps({**asdict(heap), "firmware": heap.firmware}, indent=2))
        return 0
    for title, rows in (
        ("The virtual board's own", heap.board),
        ("The firmware's modules", heap.modules),
        ("What they have made", heap.made),
        ("Loaded with first use", heap.later),
    ):
        print(f"{title}: {sum(rows.values())}")
        for name, size in rows.items():
            print(f"{size:9}  {name}")
        print()
    print(f"In use after boot: {heap.total}, of that the firmware: {heap.firmware}")
    return 0


def _print_used(*, as_json: bool) -> int:
    rows = list(used())
    if as_json:
        print(json.dumps(dict(rows), indent=2))
    else:
        for what, size in rows:
            print(f"{size:9}  {what}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
