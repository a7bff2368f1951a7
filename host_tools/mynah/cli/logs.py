"""``mynah logs``."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import click

from mynah.cli.common import only_port_here, talk
from mynah.errors import BoardTimeoutError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mynah.hil.benchfile import BenchBoard
    from mynah.logs.decode import Decoder, Entry
    from mynah.logs.feeds import Feed

_MIB = 1 << 20
_path = click.Path(path_type=Path)


@click.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option(
    "--port",
    "ports",
    multiple=True,
    metavar="[NAME=]PORT",
    envvar="MYNAH_PORT",
    help="Device path or rfc2217://HOST:PORT, several times for several boards; without it, the "
    "only board there is.",
)
@click.option("--all", "every", is_flag=True, help="Every port that looks like a board.")
@click.option(
    "--bench",
    type=_path,
    help="A bench file; NAMEs are boards in it (none: all of them), found by port or USB number.",
)
@click.option("--baud", default=115200, show_default=True, help="Baud rate of the console.")
@click.option(
    "--level",
    type=click.Choice(["D", "I", "W", "E"], case_sensitive=False),
    default="D",
    help="Least urgent level to show; lines that are no records are always shown.",
)
@click.option(
    "--source",
    "sources",
    multiple=True,
    metavar="NAME",
    help="Only records of this source ('wifi', 'net.*'), or not of it ('!wifi'); repeatable.",
)
@click.option("--grep", multiple=True, metavar="REGEX", help="Only lines in which this is found.")
@click.option("--hide", multiple=True, metavar="REGEX", help="No lines in which this is found.")
@click.option("--highlight", multiple=True, metavar="REGEX", help="Mark this in the lines.")
@click.option("--until", metavar="REGEX", help="Stop at the first line in which this is found.")
@click.option("--fail", metavar="REGEX", help="Stop with exit code 4 at a line that has this.")
@click.option("--fail-on-crash", is_flag=True, help="The same at a Python traceback or a panic.")
@click.option(
    "--timeout", type=float, metavar="S", help="Stop after S seconds; with --until, exit code 5."
)
@click.option(
    "--reset", is_flag=True, help="Restart the board first, to see its log from the start."
)
@click.option("--no-share", is_flag=True, help="Keep the port for this program alone.")
@click.option("--no-reconnect", is_flag=True, help="End when the port vanishes, exit code 3.")
@click.option(
    "--from",
    "saved",
    type=click.File("rb", lazy=False),
    help="Read a saved log instead of a port; '-' is stdin.",
)
@click.option(
    "--save", type=_path, metavar="FOLDER", help="Also keep all lines in FOLDER/NAME.log."
)
@click.option(
    "--rotate", type=click.FloatRange(0), default=10, show_default=True, metavar="MB",
    help="Begin a new file at this size; 0: never.",
)  # fmt: skip
@click.option(
    "--keep", type=click.IntRange(0), default=5, show_default=True, metavar="N",
    help="How many older files to keep.",
)  # fmt: skip
@click.option("--gzip", is_flag=True, help="Compress the older files.")
@click.option(
    "--elf", multiple=True, type=_path, help="The firmware's ELF file: symbols for panics."
)
@click.option(
    "--src", "source_folders", multiple=True, type=_path, metavar="FOLDER",
    help="Where your .py files are, for tracebacks; the speaker's own are known.",
)  # fmt: skip
@click.option(
    "--time/--no-time",
    "host_time",
    default=None,
    help="Show the host's time before each line; the default: on a terminal, or several boards.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line on stdout.")
def command(
    *,
    names: tuple[str, ...],
    ports: tuple[str, ...],
    bench: Path | None,
    baud: int,
    level: str,
    sources: tuple[str, ...],
    grep: tuple[str, ...],
    hide: tuple[str, ...],
    highlight: tuple[str, ...],
    until: str | None,
    fail: str | None,
    timeout: float | None,
    saved: BinaryIO | None,
    save: Path | None,
    rotate: float,
    keep: int,
    elf: tuple[Path, ...],
    source_folders: tuple[Path, ...],
    every: bool,
    fail_on_crash: bool,
    reset: bool,
    no_share: bool,
    no_reconnect: bool,
    gzip: bool,
    host_time: bool | None,
    as_json: bool,
) -> None:
    """Follow one or many boards' logs, through resets and unplugged cables. Ctrl-C ends it.

    Python tracebacks point to source lines, panics and resets are explained, noise and secrets are
    not shown.

    \b
    mynah logs --port /dev/ttyUSB0 --level W
    mynah logs --port kitchen=/dev/ttyUSB0 --port office=/dev/ttyACM0 --save logs --gzip
    mynah logs --port rfc2217://127.0.0.1:3333 --reset --until 'app: ready' --timeout 20
    mynah logs --from crash.txt --elf firmware.elf
    """
    from mynah.logs.choose import Choice, compile_regex
    from mynah.logs.feeds import Feeds
    from mynah.logs.saved import read
    from mynah.logs.session import Ending, Keeper, run

    choice = Choice(
        level.upper(),
        sources,
        [compile_regex(text, "--grep") for text in grep],
        [compile_regex(text, "--hide") for text in hide],
    )
    decoder = _decoders(elf, source_folders)
    feeds = [] if saved else list(_feeds(names, ports, bench, baud, decoder, every=every))
    boards = [feed.name for feed in feeds] or [saved.name if saved else ""]
    marks = [compile_regex(text, "--highlight") for text in highlight]
    show = _show(boards, marks, as_json=as_json, host_time=host_time)
    ending = Ending(
        boards,
        compile_regex(until, "--until") if until else None,
        compile_regex(fail, "--fail") if fail else None,
        on_crash=fail_on_crash,
    )
    keeper = Keeper(save, int(rotate * _MIB), keep, boards, compress=gzip)
    if saved:
        with keeper:
            run(read(saved, decoder(boards[0])), choice, show, ending, keeper)
        return
    with (
        keeper,
        Feeds(
            feeds,
            timeout_s=timeout,
            reconnect=not no_reconnect,
            shares=not no_share,
            reset=reset,
            talk=talk,
        ) as following,
    ):
        run(following, choice, show, ending, keeper)
    if until and not ending.reached:
        raise BoardTimeoutError(ending.timeout_message(timeout))


def _decoders(elf: Sequence[Path], folders: Sequence[Path]) -> Callable[[str], Decoder]:
    """Makes a board's decoder."""
    from mynah.logs.decode import Decoder
    from mynah.logs.sources import Sources
    from mynah.logs.symbols import Symbols
    from mynah.paths import FIRMWARE_DIR

    sources = Sources([*folders, FIRMWARE_DIR])
    symbols = Symbols(elf)
    return lambda name: Decoder(name, sources, symbols)


def _feeds(
    names: Sequence[str],
    ports: Sequence[str],
    bench: Path | None,
    baud: int,
    decoder: Callable[[str], Decoder],
    *,
    every: bool,
) -> Iterator[Feed]:
    """The boards that were named, each once.

    Raises:
        UsageError: the words contradict each other.
        PortError: no board was named, and there is none or more than one.
    """
    from mynah.link.place import Place
    from mynah.logs.feeds import Feed

    if bench is not None:
        if ports or every:
            raise UsageError("--bench says where the boards are: it goes without --port and --all")
        for board in _of_bench(bench, names):
            place = Place(board.port, serial_number=board.serial_number)
            yield Feed(board.name, place, decoder(board.name), board.baud)
        return
    if names:
        raise UsageError(f"{names[0]!r} is a board of which bench file? Name it with --bench FILE")
    named = [_named(port) for port in ports]
    if every:
        named += [(port, port) for port in _all_ports()]
    for name, url in dict(named).items() if named else [("", "")]:
        port = url or only_port_here()
        yield Feed(name or port, Place(port), decoder(name or port), baud)


def _of_bench(path: Path, names: Sequence[str]) -> Iterator[BenchBoard]:
    from mynah.hil import benchfile

    boards = {board.name: board for board in benchfile.load(path)}
    for name in names or boards:
        board = boards.get(name)
        if board is None:
            raise UsageError(f"{path.name} has no board {name!r}; it has: {', '.join(boards)}")
        if not board.is_virtual:
            yield board
        elif names:
            raise UsageError(f"{name} is a virtual board that only tests start: `mynah virtual`")


def _named(text: str) -> tuple[str, str]:
    """Name and port of ``NAME=PORT``; without a name it is the port's."""
    name, equals, port = text.partition("=")
    if equals and re.fullmatch(r"[\w.-]+", name):
        return name, port
    return text, text


def _all_ports() -> list[str]:
    from mynah.errors import PortError
    from mynah.link.ports import find_ports

    found = []
    for port in find_ports():
        if port.kind and port.held_by and not port.shared_at:
            talk(f"{port.url} is left out: {', '.join(port.held_by)} has it")
        elif port.kind:
            found.append(port.url)
    if not found:
        raise PortError("no board found: plug one in with a cable that carries data")
    return found


def _show(
    boards: Sequence[str], marks: list[re.Pattern[str]], *, as_json: bool, host_time: bool | None
) -> Callable[[Entry], str]:
    from mynah.logs.show import TextShow
    from mynah.logs.show import as_json as to_json

    if as_json:
        return to_json
    terminal = sys.stdout.isatty()
    if host_time is None:
        host_time = terminal or len(boards) > 1
    colour = terminal and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
    return TextShow(boards, colour=colour, host_time=host_time, highlight=marks)
