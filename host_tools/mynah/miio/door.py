"""What `mynah pair` needs of a way to a speaker that is to be set up: the network or a cable."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from mynah.errors import BoardError
from mynah.logs import clean

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Nearby:
    """A Wi-Fi that the speaker hears."""

    name: bytes
    """Its SSID: any bytes, mostly UTF-8."""
    rssi: int
    """Signal strength in dBm."""
    secured: bool
    """Whether it wants a password."""

    @property
    def text(self) -> str:
        """The SSID as text that is safe to show."""
        return shown(self.name)


@dataclass(frozen=True, slots=True)
class PairResult:
    """A speaker that is on the network now."""

    address: str
    token: bytes = field(repr=False)
    device_id: int
    mac: str
    model: str


class JoinError(BoardError):
    """The speaker could not join; it has gone back to what it was. ``reason`` is its own word."""

    def __init__(self, ssid: bytes, reason: str) -> None:
        self.reason = clean(reason) or "it does not say why"
        super().__init__(
            f"the speaker could not join {shown(ssid)!r}: {self.reason}{_hint(reason)}"
        )


class Door(Protocol):
    """One speaker that is being set up."""

    def scan(self) -> list[Nearby]:
        """The networks that the speaker hears, the strongest first."""

    def join(self, ssid: bytes, password: str, country: str, tell: Callable[[str], None]) -> None:
        """Have the speaker try a network; ``tell`` is called with each of its steps.

        Raises:
            JoinError: it could not join, and says why.
            BoardTimeoutError: it says nothing any more.
        """

    def cancel(self) -> None:
        """Have the speaker give up what it tries and go back to what it was; never raises."""

    def finish(self) -> PairResult:
        """The speaker in its network, after `join`.

        Raises:
            BoardTimeoutError: it cannot be found there.
        """

    def confirm(self) -> None:
        """The token is kept: the speaker has an owner."""

    def close(self) -> None:
        """Free the port or the socket."""


def shown(name: bytes) -> str:
    """An SSID as text that is safe to show."""
    return clean(name.decode("utf-8", "backslashreplace"))


def _hint(reason: str) -> str:
    advice = {
        "wrong password": "check it, capitals and spaces included",
        "no such network": "is its name right, and the router on and in reach? It hears no 5 GHz",
        "no address": "the router hands out no addresses (DHCP)",
        "security mismatch": (
            "networks with a company's log-in (802.1X), WEP or WPA do not work; an open one takes "
            "no password, another one needs it"
        ),
        "channel not allowed": "set the router to a lower channel, or give the right --country",
    }.get(reason)
    return f" ({advice})" if advice else ""
