"""labgrid's strategy for a board: from whatever state it is in to the one that a test needs."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any

import attrs
from labgrid.factory import target_factory
from labgrid.step import step
from labgrid.strategy import Strategy, StrategyError
from labgrid.strategy.common import never_retry

if TYPE_CHECKING:
    from mynah.farm.driver import MynahBoardDriver


class MynahStatus(enum.Enum):
    """What a board is doing."""

    unknown = 0
    off = 1
    """Its supply is off."""
    flashed = 2
    """MicroPython and the firmware were just written and verified, and it is ready."""
    ready = 3
    """It has just started, and its firmware told that it is ready."""
    repl = 4
    """Its program is stopped, and MicroPython's REPL takes code."""


@target_factory.reg_driver
@attrs.define(eq=False, slots=False, auto_attribs=False)
class MynahStrategy(Strategy):
    """Brings a board into a state: ``transition("ready")``.

    A transition that fails is not tried again: every one after it raises StrategyError, and
    labgrid's pytest plugin skips the tests that use the fixture ``strategy``.
    """

    bindings = {  # noqa: RUF012 - labgrid reads it so
        "board": "MynahBoardDriver",
        "power": {"PowerProtocol", None},
    }
    board: MynahBoardDriver
    power: Any

    status: MynahStatus = attrs.field(default=MynahStatus.unknown)

    @never_retry
    @step(args=["status"])
    def transition(self, status: MynahStatus | str) -> None:
        """Bring the board into a state; ``ready`` restarts one that is in any other.

        Raises:
            StrategyError: it cannot be brought there; its cause says why.
        """
        wanted = _named(status)
        if wanted is self.status:
            return
        self.status = MynahStatus.unknown  # until it is there
        if wanted is MynahStatus.off:
            self._switch_off()
        else:
            self._switch_on()
            if wanted is MynahStatus.flashed:
                self.board.flash()
            elif wanted is MynahStatus.ready:
                self.board.reset()
            else:
                self.board.repl.run("")
        self.status = wanted

    @never_retry
    @step(args=["status"])
    def force(self, status: MynahStatus | str) -> None:
        """Take the board for being in a state; nothing is done to it but to open its port."""
        wanted = _named(status)
        if wanted is not MynahStatus.off:
            self.target.activate(self.board)
        self.status = wanted

    def prepare_export(self) -> dict[Any, str]:
        """What ``labgrid-client export`` calls the drivers that are bound."""
        names = {self.board: "board", self.power: "power"}
        return {driver: name for driver, name in names.items() if driver is not None}

    def _switch_off(self) -> None:
        if self.power is None:
            raise StrategyError("nothing switches the board's supply: bind a driver that does")
        self.target.deactivate(self.board)
        self.target.activate(self.power)
        self.power.off()

    def _switch_on(self) -> None:
        if self.power is not None:
            self.target.activate(self.power)
            self.power.on()
        self.target.activate(self.board)


def _named(status: MynahStatus | str) -> MynahStatus:
    known = [name for name in MynahStatus.__members__ if name != MynahStatus.unknown.name]
    name = status.name if isinstance(status, MynahStatus) else status
    if name not in known:
        raise StrategyError(f"there is no state {name!r} to go to; there are: {', '.join(known)}")
    return MynahStatus[name]
