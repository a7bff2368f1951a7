"""Take places of a labgrid coordinator, see to it that they are still there, give them back."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from labgrid.remote.client import Error as LabgridError
from labgrid.resource.remote import RemotePlaceManager

from mynah.errors import PortError

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping

DEFAULT_ADDRESS = "127.0.0.1:20408"
"""Where labgrid looks for its coordinator."""

_DEFAULT_PORT = 20408

_ANSWER_S = 30.0
_POLL_S = 0.5


def with_port(address: str) -> str:
    """A coordinator's address as ``host:port``, so that it has one name."""
    return address if urlsplit(f"//{address}").port else f"{address}:{_DEFAULT_PORT}"


@dataclass(frozen=True, slots=True)
class PlaceInfo:
    """What a coordinator says of a place."""

    name: str
    holder: str | None
    """Who has it, as ``host/user``."""
    tags: Mapping[str, str]
    resources: list[str]
    """What is there now, as ``exporter/group/kind``."""


class Coordinator:
    """A labgrid coordinator, by the one connection that labgrid's targets in this process use.

    (A second one would share its TCP connection, and the coordinator takes one client on each.)

    Args:
        address: ``host[:port]``.

    Raises:
        PortError: it cannot be reached, or this process talks to another one.
    """

    def __init__(self, address: str) -> None:
        self.address = address = with_port(address)
        self._manager = RemotePlaceManager.get()
        if self._manager.session is not None and self._manager.session.stopping.is_set():
            self._manager.session = None
        if self._manager.session is not None and self._manager.url != address:
            raise PortError(
                f"this session talks to the coordinator at {self._manager.url}, and labgrid takes "
                f"one at a time: {address} needs a session of its own"
            )
        if self._manager.session is None:
            self._manager.env, self._manager.url = None, address
            try:
                self._manager._start()  # noqa: SLF001 - as labgrid's first RemotePlace does
            except (LabgridError, OSError) as error:
                raise self._gone() from error

    @property
    def user(self) -> str:
        """Who this process is to the coordinator: ``host/user``."""
        return f"{self._session.gethostname()}/{self._session.getuser()}"

    def places(self) -> list[PlaceInfo]:
        """All its places, by name.

        Raises:
            PortError: it is gone.
        """
        self._sync()
        paths = [
            (exporter, group, entry.cls, name)
            for exporter, groups in self._session.resources.items()
            for group, entries in groups.items()
            for name, entry in entries.items()
            if entry.data and entry.avail
        ]
        return [
            PlaceInfo(
                name,
                place.acquired,
                dict(place.tags),
                sorted("/".join(path[:3]) for path in paths if place.hasmatch(path)),
            )
            for name, place in sorted(self._session.places.items())
        ]

    def acquire(self, place: str, *, wait_s: float = 0.0) -> bool:
        """Take a place; False if this user had it already, who is then to give it back.

        Args:
            place: its name.
            wait_s: how long to wait for whoever has it.

        Raises:
            PortError: there is no such place, nothing is plugged in there, or another user has it.
        """
        deadline = time.monotonic() + wait_s
        while True:
            owner = self._place(place).acquired
            if owner == self.user:
                return False
            if owner is None and self._try_to_acquire(place):
                return True
            if time.monotonic() > deadline:
                raise PortError(
                    f"place {place} is in use by {self._place(place).acquired}: take another, or "
                    "wait (pytest --board-wait SECONDS, mynah farm use --wait SECONDS)"
                )
            time.sleep(_POLL_S)

    def check(self, place: str) -> None:
        """See to it that a place that was acquired still is, with everything that was in it.

        Raises:
            PortError: it is not, or the coordinator is gone; the message says why.
        """
        found = self._place(place)
        if found.acquired != self.user:
            who = f"{found.acquired} has it now" if found.acquired else "it was released"
            raise PortError(f"place {place} was taken away from this session: {who}")
        for exporter, group, _, name in found.acquired_resources:
            entry = self._session.resources.get(exporter, {}).get(group, {}).get(name)
            if entry is None or not entry.data:
                raise PortError(
                    f"exporter {exporter} left the farm, and with it what is at place {place}: "
                    "look at that computer"
                )
            if not entry.avail:
                raise PortError(
                    f"{group}/{name} of exporter {exporter} went away: is the board at place "
                    f"{place} still plugged in?"
                )

    def release(self, place: str) -> None:
        """Give a place back, unless somebody else has done so.

        Raises:
            PortError: the coordinator is gone.
        """
        if self._place(place).acquired == self.user:
            self._tell(place)
            self._run(self._session.release())

    @property
    def _session(self) -> Any:
        return self._manager.session

    def _place(self, name: str) -> Any:
        """What the coordinator says of a place now."""
        self._sync()
        known = self._session.places
        if name not in known:
            names = ", ".join(sorted(known)) or "none"
            raise PortError(f"coordinator {self.address} has no place {name!r}; it has: {names}")
        return known[name]

    def _sync(self) -> None:
        """Hear of everything that has happened so far."""
        if not self._run(self._session.sync_with_coordinator()):
            raise self._gone()

    def _try_to_acquire(self, place: str) -> bool:
        self._tell(place)
        try:
            self._run(self._session.acquire())
        except PortError as error:
            if self._place(place).acquired is not None:
                return False  # somebody was quicker
            raise PortError(
                f"place {place} cannot be had: {error}; is the exporter running, and the board "
                f"plugged in? `labgrid-client -p {place} show`"
            ) from None
        return True

    def _tell(self, place: str) -> None:
        """Set what labgrid's client would have from its command line."""
        self._session.args = argparse.Namespace(place=place, allow_unmatched=False, kick=False)

    def _run(self, what: Coroutine[Any, Any, Any]) -> Any:
        """Wait for an answer; labgrid's client prints what it does: not here."""
        if self._session.stopping.is_set():
            what.close()
            raise self._gone()
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                return self._manager.loop.run_until_complete(asyncio.wait_for(what, _ANSWER_S))
        except asyncio.TimeoutError:
            raise self._gone() from None
        except LabgridError as error:
            raise PortError(" ".join(map(str, error.args))) from None

    def _gone(self) -> PortError:
        return PortError(
            f"the labgrid coordinator at {self.address} does not answer: is it running, and is "
            "that its address? (pytest --lg-coordinator, mynah farm --coordinator, LG_COORDINATOR)"
        )
