"""One place in the hands of one session, which may be killed at any moment."""

from __future__ import annotations

import contextlib
import hashlib
from typing import TYPE_CHECKING

from mynah.errors import PortError
from mynah.farm.place import Coordinator, with_port
from mynah.hil.lock import PortLock
from mynah.userdirs import cache_dir

if TYPE_CHECKING:
    from pathlib import Path

    from typing_extensions import Self


class Holding:
    """A place to be taken and given back.

    To a coordinator all sessions of a user on a computer are one, and a place stays acquired when
    its session dies. So a lock keeps this user's other sessions off, and a small file tells the
    next one that a session took the place, not a hand, and that it is to be given back.

    Args:
        address: of the coordinator.
        place: its name there.
    """

    def __init__(self, address: str, place: str) -> None:
        self._address = address
        self._place = place
        self._url = f"labgrid://{with_port(address)}/{place}"
        self._coordinator: Coordinator | None = None
        self._resources = contextlib.ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    @property
    def coordinator(self) -> Coordinator:
        """The coordinator, while the place is taken."""
        assert self._coordinator is not None, "the place is not taken"
        return self._coordinator

    @property
    def is_left(self) -> bool:
        """Whether a session took the place and has not given it back; it may run still."""
        return self._mark.exists()

    def take(self, *, wait_s: float = 0.0) -> Self:
        """Acquire it; waits up to ``wait_s`` seconds for whoever has it.

        Raises:
            PortError: somebody else has it, it is not there, or the coordinator is not.
        """
        with contextlib.ExitStack() as stack:
            stack.enter_context(PortLock(self._url, wait_s=wait_s))
            was_left = self.is_left
            self._coordinator = Coordinator(self._address)
            if self._coordinator.acquire(self._place, wait_s=wait_s) or was_left:
                self._mark.touch()
                stack.callback(self._give_back)
            self._resources = stack.pop_all()
        return self

    def close(self) -> None:
        """Release it, unless it was acquired by hand before; may be called again."""
        self._resources.close()

    @property
    def _mark(self) -> Path:
        digest = hashlib.sha256(self._url.encode()).hexdigest()
        return cache_dir("farm") / f"{digest[:20]}.taken"

    def _give_back(self) -> None:
        with contextlib.suppress(PortError):  # a coordinator that starts anew holds none acquired
            self.coordinator.release(self._place)
        self._mark.unlink(missing_ok=True)
