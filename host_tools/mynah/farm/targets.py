"""The targets of a labgrid environment file as the boards of a pytest session."""

from __future__ import annotations

import contextlib
import copy
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from labgrid.config import Config
from labgrid.driver import ExecutionError
from labgrid.exceptions import InvalidConfigError, NoConfigFoundError, NoSupplierFoundError
from labgrid.factory import target_factory
from labgrid.remote.client import Error as LabgridError

from mynah.errors import BenchFileError, PortError
from mynah.farm.driver import MynahBoardDriver
from mynah.farm.entry import bench_entry
from mynah.farm.holding import Holding
from mynah.farm.place import DEFAULT_ADDRESS
from mynah.farm.ports import PowerSwitch, url_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from mynah.farm.place import Coordinator
    from mynah.hil.benchfile import BenchBoard
    from mynah.hil.parts import Switch

_DRIVER = MynahBoardDriver.__name__
_PLACE = "RemotePlace"
_REFUSALS = (NoSupplierFoundError, InvalidConfigError, LabgridError, ExecutionError)


def boards_of(path: str, environment: Callable[[], Any]) -> list[BenchBoard]:
    """The targets with our driver, in the order of the file; nothing is connected to yet.

    Args:
        path: of labgrid's environment file.
        environment: gives labgrid's Environment of it, when the first board is lent; None when
            labgrid's plugin did not get so far.

    Raises:
        BenchFileError: there is no such file, or it breaks a rule; the message says which.
    """
    try:
        config = Config(path)
        boards = [
            _board(role, target or {}, environment, Path(config.base))
            for role, target in config.get_targets().items()
        ]
        return [board for board in boards if board is not None]
    except (InvalidConfigError, NoConfigFoundError) as error:
        raise BenchFileError(f"--lg-env: {error}") from None


class TargetLender:
    """Lends the board of a target: its place is acquired, and released again.

    Args:
        environment: gives labgrid's Environment.
        role: name of the target.
        place: of the coordinator; None: the target's resources are on this computer.
    """

    def __init__(self, environment: Callable[[], Any], role: str, place: str | None) -> None:
        self._environment = environment
        self._role = role
        self._place = place

    def lend(self, wait_s: float) -> TargetLease:
        """As `mynah.hil.lending.Lender`."""
        environment = self._environment()
        with contextlib.ExitStack() as stack:
            coordinator = self._acquire(environment, stack, wait_s)
            try:
                target = environment.get_target(self._role)
                driver = target.get_driver(_DRIVER, activate=False)
                target.await_resources([driver.port])
                url = url_of(driver.port)
            except _REFUSALS as error:
                raise PortError(f"target {self._role}: {error}") from error
            supply = None
            if driver.supply is not None:
                supply = PowerSwitch(driver.supply)
                stack.callback(target.deactivate, driver.supply)
            return TargetLease(url, supply, coordinator, self._place, stack.pop_all())

    def sweep(self) -> None:
        """As `mynah.hil.lending.Lender`."""
        environment = self._environment()
        if self._place is None or environment is None:
            return
        holding = Holding(_address(environment), self._place)
        if holding.is_left:
            with contextlib.suppress(PortError):  # another session uses it, or there is no farm
                holding.take().close()

    def _acquire(
        self, environment: Any, stack: contextlib.ExitStack, wait_s: float
    ) -> Coordinator | None:
        if self._place is None:
            return None
        holding = Holding(_address(environment), self._place)
        stack.callback(holding.take(wait_s=wait_s).close)
        return holding.coordinator


class TargetLease:
    """As `mynah.hil.lending.Lease`."""

    def __init__(
        self,
        port: str,
        supply: Switch | None,
        coordinator: Coordinator | None,
        place: str | None,
        resources: contextlib.ExitStack,
    ) -> None:
        self.port = port
        self.supply = supply
        self._coordinator = coordinator
        self._place = place
        self._resources = resources

    def check(self) -> None:
        """See to it that the place is still ours, and its exporter there."""
        if self._coordinator is not None and self._place is not None:
            self._coordinator.check(self._place)

    def close(self) -> None:
        """Give the place back."""
        self._resources.close()


def _board(
    role: str, config: Any, environment: Callable[[], Any], folder: Path
) -> BenchBoard | None:
    resources, drivers = target_factory.normalize_config(copy.deepcopy(config))
    if _DRIVER not in drivers:
        return None
    ((arguments, _bindings),) = list(drivers[_DRIVER].values())[:1]
    place = next(iter(resources.get(_PLACE, {})), None)
    return bench_entry(role, arguments, TargetLender(environment, role, place), folder)


def _address(environment: Any) -> str:
    default = os.environ.get("LG_COORDINATOR", DEFAULT_ADDRESS)
    return str(environment.config.get_option("coordinator_address", default))
