"""``mynah virtual``."""

from __future__ import annotations

import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mynah.cli.common import print_json, talk
from mynah.errors import ImageError, UsageError

if TYPE_CHECKING:
    from mynah.link.running import RunningBoard
    from mynah.virtual.board import VirtualBoard
    from mynah.virtual.leds import Colour
    from mynah.virtual.wifi import AccessPoint
    from mynah.virtual.world import World

_LOOK_SECONDS = 0.1
_MAX_SSID_SIZE = 32  # bytes; IEEE 802.11, "SSID element"
_PASSWORD_LENGTHS = range(8, 64)  # IEEE 802.11, annex J.4: a passphrase has 8 to 63 characters

_file = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.option("--port", type=int, default=0, help="TCP port of the serial port; 0: any free one.")
@click.option("--number", type=int, help="Which of this computer's boards it is; else a free one.")
@click.option(
    "--flash",
    type=_file,
    help="Keep the flash in this file, made if it is missing; else it is gone at the end.",
)
@click.option(
    "--image",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Put this image (at 0x0, as MicroPython's downloads) into the flash first.",
)
@click.option("--blank", is_flag=True, help="Start with an erased flash, without MicroPython.")
@click.option(
    "--wifi",
    "networks",
    multiple=True,
    metavar="SSID[:PASSWORD]",
    help="A network in reach of the board; open without a password.",
)
@click.option("--wav", type=_file, help="Play this recording once the board listens.")
@click.option(
    "--fast",
    is_flag=True,
    help="Let time jump while the board waits: its hours take minutes, or none (page truth).",
)
@click.option("--truth", is_flag=True, help="Say how true a virtual board is, and run none.")
@click.option("--json", "as_json", is_flag=True, help="With --truth: as data.")
def command(
    *,
    port: int,
    number: int | None,
    flash: Path | None,
    image: Path | None,
    networks: tuple[str, ...],
    wav: Path | None,
    blank: bool,
    fast: bool,
    truth: bool,
    as_json: bool,
) -> None:
    """Run a virtual board that esptool and mpremote can reach, until Ctrl-C.

    It comes with MicroPython in its flash, like a board from a shop with stock firmware.

    \b
    mynah virtual
    mynah virtual --port 3333 --flash board.bin --wifi home:secret123
    mynah virtual --truth
    """
    if truth:
        _tell_truth(as_json=as_json)
        return
    if as_json:
        raise click.UsageError("--json goes with --truth")
    from mynah.audio_files import load
    from mynah.link.running import announced
    from mynah.virtual.board import VirtualBoard
    from mynah.virtual.world import World

    if blank and image:
        raise click.UsageError("--blank and --image exclude each other")
    samples = load(wav) if wav else None
    world = World(fast=fast)
    for network in networks:
        world.wifi.add(*_network(network))
    content = _content(flash, image, blank=blank)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with (
        VirtualBoard(
            flash=flash, index=number, tcp_port=port, world=world, content=content
        ) as board,
        announced(_running(board)),
    ):
        click.echo(_greeting(board))
        sys.stdout.flush()
        reporter = _Reporter(board, world)
        while True:
            time.sleep(_LOOK_SECONDS)
            reporter.look()
            if samples is not None and world.mic.position:
                talk(f"microphone: {wav}")
                world.mic.play(samples)
                samples = None


def _tell_truth(*, as_json: bool) -> None:
    from mynah.virtual.truth import page

    if as_json:
        print_json(page.truth())
    else:
        click.echo(page.markdown(), nl=False)


def _content(flash: Path | None, image: Path | None, *, blank: bool) -> list[tuple[int, bytes]]:
    """What is put into the flash first; a flash that is kept stays as it is.

    Raises:
        ImageError: `mynah flash` would refuse that image, too. (Only a filesystem may be behind
            it: whoever has the whole content of a flash can run it.)
    """
    from mynah import boards
    from mynah.flash import firmware
    from mynah.virtual.factory import flash_content

    if image:
        try:
            data = image.read_bytes()
        except OSError as error:
            raise ImageError(f"{image}: {error.strerror}") from None
        board = boards.load("virtual")
        checked = firmware.load(data, image.name)
        checked.check(board.flash_size, board.psram.kind if board.psram else None, board.image)
        checked.filesystem(board.flash_size)
        return [(0, data)]
    if blank or (flash and flash.exists() and flash.stat().st_size):
        return []
    return flash_content()


def _network(text: str) -> tuple[str, str | None]:
    """Name and password of ``SSID[:PASSWORD]``; the password is in no message."""
    ssid, colon, password = text.partition(":")
    if not ssid:
        raise UsageError("--wifi: the network has no name: give SSID or SSID:PASSWORD")
    if len(ssid.encode()) > _MAX_SSID_SIZE:
        raise UsageError(f"--wifi: {ssid!r} is longer than {_MAX_SSID_SIZE} bytes")
    if colon and len(password) not in _PASSWORD_LENGTHS:
        raise UsageError(
            f"--wifi: the password of {ssid!r} has {len(password)} characters, not 8 to 63; for an "
            "open network give the name alone"
        )
    return ssid, password if colon else None


def _running(board: VirtualBoard) -> RunningBoard:
    from mynah.link.running import RunningBoard

    return RunningBoard(board.identity.index, board.url, board.mac, board.address, board.ap_address)


def _greeting(board: VirtualBoard) -> str:
    return f"""\
Virtual board {board.identity.index}: ESP32-S3, {board.identity.flash_size >> 20} MB flash, \
{board.identity.psram_size >> 20} MB PSRAM, MAC {board.mac}
serial port   {board.url}
Wi-Fi         {board.address} in a network, {board.ap_address} for its own set-up network

  esptool --port {board.url} chip-id
  mpremote connect {board.url} eval 6*7
  python -m serial.tools.miniterm {board.url}
  mynah flash --board virtual --port {board.url}
  mynah logs --port {board.url}

Ctrl-C ends it."""


class _Reporter:
    """Says what happens around the board, on stderr."""

    def __init__(self, board: VirtualBoard, world: World) -> None:
        self._board = board
        self._world = world
        self._joined: str | None = None
        self._access_point: AccessPoint | None = None
        world.on_led(self._show_led)

    def look(self) -> None:
        """Report what changed since the last look."""
        wifi = self._world.wifi
        if wifi.joined != self._joined:
            self._joined = wifi.joined
            text = f"in network {self._joined!r}" if self._joined else "in no network"
            talk(f"Wi-Fi: {text}, reached at {self._board.address}")
        if wifi.access_point != self._access_point:
            self._access_point = wifi.access_point
            if self._access_point:
                name = self._access_point.ssid
                talk(f"Wi-Fi: shows its own network {name!r}, reached at {self._board.ap_address}")
            else:
                talk("Wi-Fi: its own network is off")

    def _show_led(self, pin: int, colours: list[Colour]) -> None:
        shown = " ".join(f"#{red:02x}{green:02x}{blue:02x}" for red, green, blue in colours[:12])
        talk(f"LED on GPIO{pin}: {shown}")
