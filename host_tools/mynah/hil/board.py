"""The board under test: opened once for a session, brought to its known state for each test."""

from __future__ import annotations

import contextlib
import re
import time
from typing import TYPE_CHECKING

from mynah import boards
from mynah.errors import BoardTimeoutError, PortError, UsageError
from mynah.hil.benchfile import BenchBoard
from mynah.hil.console import Console
from mynah.hil.lock import PortLock
from mynah.hil.parts import MissingPartError
from mynah.hil.software import SPEAKER
from mynah.link.place import Place

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from mynah.boards import Board
    from mynah.flash.job import FlashReport
    from mynah.hil.lending import Lease
    from mynah.hil.parts import Air, Light, SoundIn, SoundOut, Switch
    from mynah.hil.software import Software
    from mynah.virtual.board import VirtualBoard
    from mynah.virtual.world import World

DEFAULT = BenchBoard("virtual", type="virtual", port="virtual")
"""The board of a session that names none."""

READY_S = 30.0
"""How long a board's start may take."""
_BACK_S = 15.0
_QUIET_S = 0.4
_MAX_NOISE_S = 3.0
_HEARSAY_S = 0.5  # a lender may hear of what happened later than the port

_VERSION = re.compile(r" app: Mynah (\S+) on |MicroPython (\S+) on ")

# Names that tests use for what a board file calls otherwise.
_ALSO = {"microphone": "mic", "amplifier": "speaker", "buttons": "button"}


class HilBoard:
    """One board of the bench. `open` it; `restore` gives it its known state.

    Args:
        entry: what the bench file, or the command line, says of it.
        software: what runs on it.
        flash: bring the software onto a real board first; a virtual one always gets it.
        wait_s: how long to wait for another session that has the port.
        patience_s: how long its start may take.
    """

    def __init__(
        self,
        entry: BenchBoard,
        software: Software,
        *,
        flash: bool = False,
        wait_s: float = 0.0,
        patience_s: float = READY_S,
    ) -> None:
        self.entry = entry
        self.software = software
        self.broken: str | None = None
        """Why it cannot be used any more."""
        self.kind = kind_of(entry)
        """What its board file says; None where nobody said what it is."""
        self.may_flash = flash or entry.is_virtual
        """Whether its flash may be overwritten."""
        self._port = entry.port or ""
        self._place: Place | None = None
        self.virtual: VirtualBoard | None = None
        """The virtual board, whose world can be driven; None for a real one."""
        self._wait_s = wait_s
        self._patience_s = patience_s
        self._console: Console | None = None
        self._lease: Lease | None = None
        self._resources = contextlib.ExitStack()
        self._version = ""
        self._clean: bytes | None = None
        self._clean_operations = -1

    def __repr__(self) -> str:
        return f"<board {self.name} on {self.port or self.entry.serial_number}>"

    @property
    def name(self) -> str:
        """What the bench calls it."""
        return self.entry.name

    @property
    def port(self) -> str:
        """Its serial port: device path or ``rfc2217://host:port``; after `open`."""
        return self._console.url if self._console is not None else self._port

    @property
    def firmware(self) -> str:
        """What it runs, and the version that it told when it started."""
        return " ".join(filter(None, (self.software.name, self._version)))

    @property
    def console(self) -> Console:
        """Its console, which is read all the time."""
        assert self._console is not None, "the board is not open"
        return self._console

    @property
    def world(self) -> World:
        """What is around a virtual board, to be driven and watched.

        Raises:
            MissingPartError: the board is real.
        """
        return self._virtual_board("its surroundings cannot be driven").world

    @property
    def features(self) -> frozenset[str]:
        """What it has: see `features_of`."""
        return features_of(self.entry, self.kind)

    def open(self) -> None:
        """Lock its port, start or flash it as asked, and wait until it is ready.

        Raises:
            PortError: the port is missing, busy, or another session has it.
            MynahError: it cannot be flashed, or does not become ready.
        """
        with contextlib.ExitStack() as stack:
            if self.entry.is_virtual:
                self.virtual = stack.enter_context(self._start_virtual())
                self._port = self.virtual.url
            else:
                self._port = self._find_port(stack)
                stack.enter_context(PortLock(self.port, wait_s=self._wait_s))
                if self.may_flash:
                    self.flash()
                    if self._place is not None:  # the chip's own USB is away after the reset
                        self._place.find_now(patience_s=_BACK_S)
            find = self._place.find_now if self._place is not None else None
            console = Console(self.port, baud=self.entry.baud, find=find)
            self._console = stack.enter_context(console)
            if self.virtual is not None:
                self._remember_state(self.virtual)
            self._version = _version_in(line for _, line in self._console.lines)
            self._resources = stack.pop_all()

    def close(self) -> None:
        """Give everything back."""
        self._resources.close()
        self._console = self._lease = None

    def flash(self, image: Path | None = None, *, erase: bool = False) -> FlashReport:
        """Put MicroPython and its software on a real board; it starts, and is not waited for.

        Args:
            image: of MicroPython; None: the newest for it.
            erase: erase the whole flash first.

        Raises:
            UsageError: nobody said what the board is, or it is another one.
            MynahError: it cannot be flashed.
        """
        from mynah.flash.files import arch_of
        from mynah.flash.job import flash_board

        if self.kind is None:
            raise UsageError(f"what board is {self.name}? Say it: --board NAME, or its type")
        files = None
        if self.software.what != SPEAKER:
            files = self.software.files(self.kind, arch_of(self.kind))
        released = self._console.released() if self._console else contextlib.nullcontext()
        with released:
            return flash_board(self.kind, self.port, image=image, files=files, erase=erase)

    def restore(self) -> None:
        """Bring it to its known state: its supply on, its software just started and ready.

        A virtual board's flash is as it was when it was first ready, and nothing is around it. A
        real board keeps the files that tests have left.

        Raises:
            BoardTimeoutError: it did not become ready.
            PortError: its port vanished.
        """
        if self.virtual is None:
            with self._as_lender_sees_it():
                if self.console.is_lost:
                    self.console.reopen()
                self.console.skip()  # a prompt that is still there tells of no start
                self.console.reset_board()
                self.wait_ready()
        else:
            self._restore_virtual(self.virtual)
            self.wait_ready()

    def save_state(self) -> bytes:
        """What a virtual board's flash holds now, for `load_state`.

        Raises:
            MissingPartError: the board is real.
        """
        return self._virtual_board("its flash cannot be copied").flash.snapshot()

    def load_state(self, state: bytes) -> None:
        """Put a flash content back and start the board from it; wait until it is ready.

        Raises:
            MissingPartError: the board is real.
            BoardTimeoutError: it did not become ready.
        """
        board = self._virtual_board("its flash cannot be written by magic")
        board.power_off()
        board.flash.restore(state)
        self._clean_operations = -1  # which counts no restored content: that is another one now
        self.console.skip()
        board.power_on()
        self.wait_ready()

    def wait_ready(self, timeout_s: float | None = None) -> None:
        """Wait until its log says that it is ready; None: as long as its start may take.

        A real board whose port goes away meanwhile, as the chip's own USB does at a reset, is ready
        when it is back and silent: the line may have come while nobody could hear it.

        Raises:
            BoardTimeoutError: it does not within ``timeout_s`` seconds, or its program has ended
                with a traceback.
            PortError: its port vanished, and does not come back.
        """
        try:
            if self.software.ready is not None:
                limit_s = timeout_s or self._patience_s
                self.console.expect(self.software.ready, limit_s, of_program=True)
                return
        except PortError:
            if self.virtual is not None or self._lease is not None:
                raise
            self.console.reopen()
        self.console.wait_quiet(_QUIET_S, _MAX_NOISE_S)

    def sound_in(self) -> SoundIn:
        """What brings sound to its microphone; raises `MissingPartError` where nothing does."""
        from mynah.hil.parts.feed import ConsoleFeed
        from mynah.hil.parts.soundcard import SoundCard
        from mynah.hil.parts.virtual import WorldSoundIn

        if self.virtual is not None:
            return WorldSoundIn(self.virtual.world.mic)
        audio = self.entry.audio
        if audio is not None and audio.kind == "feed":
            if self.software.what != SPEAKER:
                raise MissingPartError("audio over the console needs the speaker's firmware")
            return ConsoleFeed(self.console)
        if audio is not None and audio.kind == "soundcard":
            return SoundCard(**audio.settings)
        raise self._missing("to play sound to it", "audio")

    def sound_out(self) -> SoundOut:
        """What records its loudspeaker; raises `MissingPartError` where nothing does."""
        from mynah.hil.parts.soundcard import SoundCard
        from mynah.hil.parts.virtual import WorldSoundOut

        if self.virtual is not None:
            return WorldSoundOut(self.virtual.world.speaker)
        audio = self.entry.audio
        if audio is not None and audio.kind == "soundcard":
            return SoundCard(**audio.settings)
        raise self._missing("to record its loudspeaker", 'audio of kind "soundcard"')

    def button(self, name: str | int) -> Switch:
        """What presses a button, by name or GPIO number; raises `MissingPartError` as above."""
        from mynah.hil.parts.lines import BootLine
        from mynah.hil.parts.power import switch_of
        from mynah.hil.parts.virtual import WorldButton

        if self.virtual is not None:
            return WorldButton(self.virtual.world.buttons, self._pin_of(name))
        press = self.entry.buttons.get(str(name))
        switch = switch_of(press) if press is not None else None
        if switch is not None:
            return switch
        if name in {"boot", 0} and self.kind is not None and "uart" in self.kind.usb:
            return BootLine(self.console)
        raise self._missing(f"to press its button {name!r}", f"buttons.{name}")

    def light(self) -> Light:
        """What sees its LEDs; raises `MissingPartError` where nothing does."""
        from mynah.hil.parts.light import CommandLight
        from mynah.hil.parts.virtual import WorldLight

        if self.virtual is not None:
            pin = self.kind.led.pin if self.kind is not None else None
            return WorldLight(self.virtual.world.leds, pin)
        led = self.entry.led
        if led is not None and led.kind == "command":
            return CommandLight(led.settings["read"])
        raise self._missing("to see its LEDs", "led")

    def air(self) -> Air:
        """What opens Wi-Fi networks for it; raises `MissingPartError` where nothing does."""
        from mynah.hil.parts.radio import NetworkManagerAir

        if self.virtual is not None:
            return self.virtual.world.wifi
        radio = self.entry.second_radio
        if radio is not None and radio.kind == "nmcli":
            return NetworkManagerAir(radio.settings["interface"])
        raise self._missing("to open Wi-Fi networks for it", "second_radio")

    def supply(self) -> Switch:
        """What switches its supply; raises `MissingPartError` where nothing does."""
        from mynah.hil.parts.power import switch_of
        from mynah.hil.parts.virtual import WorldSupply

        if self.virtual is not None:
            return WorldSupply(self.virtual)
        if self._lease is not None and self._lease.supply is not None:
            return self._lease.supply
        switch = switch_of(self.entry.power) if self.entry.power is not None else None
        if switch is None:
            raise self._missing("to switch its supply", "power")
        return switch

    def _start_virtual(self) -> VirtualBoard:
        from mynah.virtual.board import VirtualBoard

        assert self.kind is not None
        psram = self.kind.psram.size_mb << 20 if self.kind.psram else 0
        return VirtualBoard(
            content=self.software.virtual_content(self.kind),
            flash_size=self.kind.flash_size,
            psram_size=psram,
            board=self.kind.name,
            fast=self.entry.is_fast,
        )

    def _find_port(self, stack: contextlib.ExitStack) -> str:
        if self.entry.lender is None:
            self._place = Place(self.entry.port, serial_number=self.entry.serial_number)
            return self._place.find_now()
        self._lease = self.entry.lender.lend(self._wait_s)
        stack.callback(self._lease.close)
        return self._lease.port

    @contextlib.contextmanager
    def _as_lender_sees_it(self) -> Iterator[None]:
        """Within, a port that fails is explained by who lent the board, if that is who lost it."""
        if self._lease is None:
            yield
            return
        self._lease.check()
        try:
            yield
        except (PortError, BoardTimeoutError):
            time.sleep(_HEARSAY_S)
            self._lease.check()
            raise

    def _remember_state(self, board: VirtualBoard) -> None:
        """The state after the first start, which makes a filesystem, a token and the like."""
        board.reset()
        self.wait_ready()
        board.power_off()
        self._clean = board.flash.snapshot()
        board.power_on()
        self.wait_ready()
        self._clean_operations = board.flash.operations

    def _restore_virtual(self, board: VirtualBoard) -> None:
        assert self._clean is not None
        board.replug()
        if self.console.is_lost:
            self.console.reopen()
        board.power_off()
        board.flash.cut_power_at(0)
        board.world.calm()
        self.console.skip()
        if board.flash.operations != self._clean_operations:
            board.flash.restore(self._clean)
            self._clean_operations = board.flash.operations
        board.power_on()

    def _pin_of(self, name: str | int) -> int:
        if isinstance(name, int):
            return name
        pins = self.kind.buttons if self.kind is not None else {}
        if name not in pins:
            known = ", ".join(sorted(pins)) or "none"
            raise MissingPartError(f"board {self.name} has no button {name!r}; it has: {known}")
        return pins[name]

    def _virtual_board(self, why_not: str) -> VirtualBoard:
        if self.virtual is None:
            raise MissingPartError(f"board {self.name} is real: {why_not}")
        return self.virtual

    def _missing(self, what: str, key: str) -> MissingPartError:
        return MissingPartError(
            f"board {self.name} is real, and its bench file entry has nothing {what} ({key})"
        )


def _version_in(lines: Iterable[str]) -> str:
    """What a start's log says of versions: the speaker's own, else MicroPython's."""
    found = [match for line in lines if (match := _VERSION.search(line))]
    ours = [match[1] for match in found if match[1]]
    theirs = [f"MicroPython {match[2]}" for match in found if match[2]]
    return (ours or theirs or [""])[-1]


def kind_of(entry: BenchBoard) -> Board | None:
    """What a bench file entry's board file says; None where nobody said what it is.

    Raises:
        BoardFileError: there is no such board file, or it breaks a rule.
    """
    if entry.type:
        return boards.load(entry.type)
    return boards.load("virtual") if entry.is_virtual else None


def features_of(entry: BenchBoard, kind: Board | None) -> frozenset[str]:
    """What a board has: of its board file, of its bench file entry, and how it is reached.

    "psram", "octal-psram", "microphone" or "mic", "amplifier" or "speaker", "led", "buttons",
    "button-mute", "usb-uart", "usb-native", "wifi", "esp32s3", "virtual" or "real", the board
    file's name, and whatever the two files call features.
    """
    found = {"wifi", "virtual" if entry.is_virtual else "real", *entry.features}
    if kind is not None:
        found |= {kind.name, kind.chip, *kind.features}
        found |= {f"usb-{socket}" for socket in kind.usb}
        found |= {f"button-{name}" for name in kind.buttons}
        if kind.psram is not None:
            found |= {"psram", f"{kind.psram.kind}-psram"}
    for name, other in _ALSO.items():
        if name in found:
            found.add(other)
    return frozenset(found)
