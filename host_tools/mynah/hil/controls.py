"""What the fixtures ``button``, ``led``, ``wifi`` and ``power`` are."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from mynah.errors import BoardTimeoutError
from mynah.hil.parts import MissingPartError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mynah.hil.board import HilBoard
    from mynah.hil.parts import Air, Colour, Light, Switch

_POLL_S = 0.02
_APART_S = 0.1  # between two presses: programs look at their buttons now and then


class Button:
    """Presses the board's buttons.

    Args:
        switch_for: gives what presses a button, by its name in the board file or its GPIO number;
            raises `MissingPartError` where nothing can.
    """

    def __init__(self, switch_for: Callable[[str | int], Switch]) -> None:
        self._switch_for = switch_for
        self._held: dict[str | int, Switch] = {}

    def press(self, name: str | int = "boot", seconds: float = 0.1) -> None:
        """Press, wait, let go; returns a moment later, so that the next press is another one."""
        self.hold(name)
        time.sleep(seconds)
        self.release(name)
        time.sleep(_APART_S)

    def hold(self, name: str | int = "boot") -> None:
        """Press and do not let go; the end of the test does."""
        switch = self._switch_for(name)
        switch.set(True)
        self._held[name] = switch

    def release(self, name: str | int = "boot") -> None:
        """Let go of a button that is held."""
        self._held.pop(name).set(False)

    def close(self) -> None:
        """Let go of all."""
        for name in list(self._held):
            self.release(name)


class Led:
    """Sees the board's light."""

    def __init__(self, light: Light) -> None:
        self._light = light

    def state(self) -> list[Colour]:
        """The colours of all LEDs as (red, green, blue), 0 to 255; empty before they are set."""
        return list(self._light.colours())

    @property
    def is_lit(self) -> bool:
        """Whether any of them is not black."""
        return any(any(colour) for colour in self.state())

    def wait_for(
        self, condition: Callable[[Colour], bool] | Colour, timeout: float = 5.0
    ) -> list[Colour]:
        """Wait until the first LED has a colour, or one that ``condition`` takes; all colours.

        Raises:
            BoardTimeoutError: it has not within ``timeout`` seconds; the message says what it had.
        """
        takes = condition if callable(condition) else lambda colour: colour == condition
        deadline = time.monotonic() + timeout
        seen: list[Colour] = []
        while True:
            colours = self.state()
            if colours and takes(colours[0]):
                return colours
            if colours and (not seen or seen[-1] != colours[0]):
                seen.append(colours[0])
            if time.monotonic() > deadline:
                raise BoardTimeoutError(
                    f"the LED did not become as expected in {timeout:g} s; it was {seen or 'dark'}"
                )
            time.sleep(_POLL_S)


class Wifi:
    """The Wi-Fi networks that the board can reach; those that a test opens end with it."""

    def __init__(self, air: Air, joined: Callable[[], str | None] | None) -> None:
        self._air = air
        self._joined = joined
        self._open: dict[str, str | None] = {}
        self._dropped: dict[str, str | None] = {}

    @property
    def networks(self) -> list[str]:
        """The names of those that are open now."""
        return list(self._open)

    @property
    def joined(self) -> str | None:
        """The network that the board is in, None: in none.

        Raises:
            MissingPartError: a second radio cannot tell.
        """
        if self._joined is None:
            raise MissingPartError("the second radio does not tell who is in its network")
        return self._joined()

    def add(self, ssid: str, password: str | None = None) -> None:
        """Open a network; None for ``password``: without encryption."""
        self._air.add(ssid, password)
        self._open[ssid] = password

    def drop(self, ssid: str) -> None:
        """Let a network go away, as when a router restarts; `restore` brings it back."""
        self._dropped[ssid] = self._open.pop(ssid)
        self._air.remove(ssid)

    def restore(self, ssid: str) -> None:
        """Bring a network back that was dropped."""
        self.add(ssid, self._dropped.pop(ssid))

    def change_password(self, ssid: str, password: str | None) -> None:
        """Let what the board knows be a wrong password from now on; who is in it is thrown out."""
        self._air.remove(ssid)
        self.add(ssid, password)

    @contextlib.contextmanager
    def dropped(self, ssid: str) -> Iterator[None]:
        """A network that is away within the ``with`` block."""
        self.drop(ssid)
        try:
            yield
        finally:
            self.restore(ssid)

    def close(self) -> None:
        """Close all that were opened here."""
        for ssid in list(self._open):
            self._air.remove(ssid)
        self._open.clear()
        self._dropped.clear()


class Power:
    """The board's supply.

    Raises:
        MissingPartError: nothing switches it.
    """

    def __init__(self, board: HilBoard) -> None:
        self._supply = board.supply()
        self._console = board.console
        self._order_cut = board.virtual.flash.cut_power_at if board.virtual is not None else None
        self._touched = False

    def off(self) -> None:
        """Cut the supply at once."""
        self._touched = True
        self._supply.set(False)

    def on(self) -> None:
        """Switch it on; the board starts."""
        self._supply.set(True)
        if self._console.is_lost:  # a port on USB goes with the supply
            self._console.reopen()

    def cycle(self, off_s: float = 0.5) -> None:
        """Off, wait, on."""
        self.off()
        time.sleep(off_s)
        self.on()

    def cut_at(self, n: int) -> None:
        """Let the supply fail in the ``n``-th erase or program of the flash from now on (1: next).

        The operation is left half done. `on` switches the supply on again; 0 takes the order back.

        Raises:
            MissingPartError: the board is real: nothing can time a cut to its flash.
        """
        if self._order_cut is None:
            raise MissingPartError(
                "on a real board no cut of the supply can be timed to an operation of its flash"
            )
        self._touched = True
        self._order_cut(n)

    def close(self) -> None:
        """Leave the board with its supply on."""
        if self._touched:
            if self._order_cut is not None:
                self._order_cut(0)
            self.on()


def wait_until(condition: Callable[[], bool], timeout: float, what: str) -> None:
    """Wait until something is true.

    Raises:
        BoardTimeoutError: it is not within ``timeout`` seconds; the message says ``what``.
    """
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise BoardTimeoutError(f"{what} did not come in {timeout:g} s")
        time.sleep(_POLL_S)
