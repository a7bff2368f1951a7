"""labgrid's driver for a board: its log, MicroPython's REPL, flashing, sound."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
from labgrid.driver import Driver
from labgrid.factory import target_factory
from labgrid.protocol import ResetProtocol
from labgrid.step import step

from mynah.farm.entry import KEYS, bench_entry
from mynah.farm.ports import PowerSwitch, url_of
from mynah.hil.board import READY_S, HilBoard
from mynah.hil.repl import BoardRepl
from mynah.hil.software import PLAIN, Software

if TYPE_CHECKING:
    import re

    from mynah.flash.job import FlashReport
    from mynah.hil.console import Console
    from mynah.hil.parts import Playback
    from mynah.hil.sound import Sound


@target_factory.reg_driver
@attrs.define(eq=False, slots=False, auto_attribs=False)
class MynahBoardDriver(Driver, ResetProtocol):
    """A board with MicroPython on labgrid's serial port; while it is active, its log is read.

    The arguments (in the environment file) but the first two are those of a bench file's entry.

    Args:
        firmware: what `flash` puts on it: a folder, "none" (MicroPython alone) or "speaker".
        ready: the line by which the firmware tells that it is ready (a regular expression).
        patience: seconds that its start may take.
        type: its board file: a name or a path. `flash` needs it.
        power: what switches its supply, where no labgrid driver with PowerProtocol is bound.
        audio: how sound gets in and out.
        buttons: what presses its buttons.
        second_radio: what opens Wi-Fi networks for it.
        address: its IPv4 address, where it is fixed.
        features: what it has beside what its board file says.
        notes: for people.

    Its methods raise `mynah.errors.MynahError`.
    """

    bindings = {  # noqa: RUF012 - labgrid reads it so
        "port": {"SerialPort", "NetworkSerialPort"},
        "supply": {"PowerProtocol", None},
    }
    port: Any
    supply: Any

    firmware: str = attrs.field(default=PLAIN)
    ready: str | None = attrs.field(default=None)
    patience: float = attrs.field(default=READY_S, converter=float)
    type: str | None = attrs.field(default=None)
    power: dict[str, Any] | None = attrs.field(default=None)
    audio: dict[str, Any] | None = attrs.field(default=None)
    buttons: dict[str, Any] | None = attrs.field(default=None)
    second_radio: dict[str, Any] | None = attrs.field(default=None)
    address: str | None = attrs.field(default=None)
    features: list[str] | None = attrs.field(default=None)
    notes: str | None = attrs.field(default=None)

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        self._board: HilBoard | None = None
        self._repl: BoardRepl | None = None

    @property
    def board(self) -> HilBoard:
        """The board, with all that `mynah.hil` does with one; the driver must be active."""
        self._check_active()
        assert self._board is not None
        return self._board

    @property
    def console(self) -> Console:
        """Its console, which is read all the time."""
        return self.board.console

    @property
    def lines(self) -> list[str]:
        """Every line of its log since the driver became active, or since `log_to`."""
        return [line for _, line in list(self.console.lines)]

    @property
    def repl(self) -> BoardRepl:
        """MicroPython's REPL: ``run``, ``value``, ``call``, ``set``. Its program is stopped."""
        console = self.console
        if self._repl is None:
            self._repl = BoardRepl(console)
        return self._repl

    def on_activate(self) -> None:
        """Open the port and read the log."""
        arguments = {key: getattr(self, key) for key in KEYS}
        board = HilBoard(
            bench_entry(self.target.name, arguments, self, self._folder()),
            Software.named(self.firmware, root=self._folder(), ready=self.ready),
            patience_s=self.patience,
        )
        board.open()
        self._board = board

    def on_deactivate(self) -> None:
        """Close the port."""
        if self._board is not None:
            self._board.close()
        self._board = self._repl = None

    def get_export_vars(self) -> dict[str, str]:
        """What ``labgrid-client export`` writes: the board's port, for other programs."""
        return {"port": url_of(self.port)}

    def lend(self, wait_s: float) -> BoundBoard:  # noqa: ARG002 - labgrid has given it to us
        """As `mynah.hil.lending.Lender`: the port and the supply that labgrid has bound."""
        return BoundBoard(self)

    def sweep(self) -> None:
        """Nothing: labgrid's places are not taken here."""

    def log_to(self, path: str | Path) -> None:
        """Write the log into a file from now on; `lines` begins anew."""
        self.console.begin(Path(path))

    @step(args=["pattern"])
    def expect(self, pattern: str, timeout: float = 10.0) -> re.Match[str]:
        """Wait for the first line after the last match in which the pattern is found.

        Raises:
            ExpectTimeoutError: it did not come within ``timeout`` seconds.
        """
        return self.console.expect(pattern, timeout)

    @step()
    def reset(self, *, wait: bool = True) -> None:
        """Reset the chip by its EN line, as the RESET button does; ``wait`` until it is ready."""
        self._repl = None
        self.console.skip()
        self.console.reset_board()
        if wait:
            self.board.wait_ready()

    @step(args=["image"])
    def flash(self, image: str | Path | None = None, *, erase: bool = False) -> FlashReport:
        """Put MicroPython and the firmware on it, verified; it starts, and is waited for.

        Args:
            image: of MicroPython; None: the newest for the board.
            erase: erase the whole flash first.

        Raises:
            UsageError: the driver was not told the board's ``type``, or it is another board.
            VerificationError: the flash does not hold what was written.
        """
        self._repl = None
        board = self.board
        report = board.flash(Path(image) if image is not None else None, erase=erase)
        self.reset()
        return report

    @step()
    def play(self, sound: str | Path | Sound, *, gain_db: float = 0.0) -> Playback:
        """Play a recording to its microphone; returns at once, with what plays.

        Raises:
            MissingPartError: the environment file has no ``audio`` for it.
        """
        from mynah.hil.audio import Mic

        return Mic(self.board.sound_in(), keep=_forget).play(sound, gain_db=gain_db)

    @step(args=["seconds"])
    def record(self, seconds: float) -> Sound:
        """Record its loudspeaker for so long.

        Raises:
            MissingPartError: the environment file has no ``audio`` with a sound card for it.
        """
        from mynah.hil.audio import Speaker

        return Speaker(self.board.sound_out(), keep=_forget).listen(seconds)

    def _folder(self) -> Path:
        env = self.target.env
        return Path(env.config.base) if env is not None else Path.cwd()

    @Driver.check_active
    def _check_active(self) -> None:
        pass


def _forget(name: str, sound: Sound) -> None:
    """Keep no sound for a report: labgrid has none."""


class BoundBoard:
    """A board that labgrid has bound to a driver: a `mynah.hil.lending.Lease`."""

    def __init__(self, driver: MynahBoardDriver) -> None:
        self.port = url_of(driver.port)
        self.supply = PowerSwitch(driver.supply) if driver.supply is not None else None

    def check(self) -> None:
        """Nothing: labgrid deactivates the driver when a resource goes."""

    def close(self) -> None:
        """Nothing: it is labgrid's."""
