"""A board that somebody else keeps and lends for the time of the tests, as a farm does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from mynah.hil.parts import Switch


class Lease(Protocol):
    """A board while it is lent."""

    @property
    def port(self) -> str:
        """Its serial port: device path or ``rfc2217://host:port``."""

    @property
    def supply(self) -> Switch | None:
        """What switches its supply; None: nothing does."""

    def check(self) -> None:
        """See to it that it is still lent.

        Raises:
            PortError: it was taken away, or went away; the message says why.
        """

    def close(self) -> None:
        """Give it back; may be called again."""


class Lender(Protocol):
    """Who keeps a board."""

    def lend(self, wait_s: float) -> Lease:
        """Take it; waits up to ``wait_s`` seconds for whoever has it.

        Raises:
            PortError: somebody else has it, or it is not there.
        """

    def sweep(self) -> None:
        """Give back what a session of this user that was killed has kept."""
