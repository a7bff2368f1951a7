"""What a test does to a board from outside: sound, buttons, light, air, power.

Each has one or more makers: the virtual board's world, or equipment that the bench file names.
What a board has not raises `MissingPartError`, which the plugin turns into a skip: nothing is
faked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from mynah.errors import MynahError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mynah.hil.sound import Sound

Colour = tuple[int, int, int]
"""Red, green, blue, each 0 to 255."""


class MissingPartError(MynahError):
    """The bench has nothing that can do this to the board; the message says what would."""


class Playback(Protocol):
    """A sound on its way into the microphone."""

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is over; False if ``timeout`` seconds did not do."""

    def stop(self) -> None:
        """Silence it from now on."""


class SoundIn(Protocol):
    """Brings sound to the board's microphone."""

    def play(self, sound: Sound) -> Playback:
        """Begin to play; returns at once."""


class Capture(Protocol):
    """A recording that runs."""

    def stop(self) -> Sound:
        """End it; the same sound however often it is called."""


class SoundOut(Protocol):
    """Records what comes out of the board's loudspeaker."""

    def record(self) -> Capture:
        """Record from now on."""


class Switch(Protocol):
    """Something that is on or off."""

    def set(self, on: bool) -> None:
        """Switch it.

        Raises:
            MynahError: the equipment does not do it.
        """


class Light(Protocol):
    """Sees the board's LEDs."""

    def colours(self) -> Sequence[Colour]:
        """The colours of all LEDs, first LED first; empty before the board has set them."""


class Air(Protocol):
    """Opens and closes Wi-Fi networks that the board can reach."""

    def add(self, ssid: str, password: str | None) -> None:
        """Open a network; one with that name is replaced."""

    def remove(self, ssid: str) -> None:
        """Close a network; a board in it loses its connection."""
