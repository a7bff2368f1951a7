"""labgrid's resources and drivers as Mynah's ports and switches."""

from __future__ import annotations

from typing import Any

from labgrid import Target
from labgrid.exceptions import NoSupplierFoundError
from labgrid.remote.client import Error as LabgridError
from labgrid.resource import NetworkSerialPort
from labgrid.resource.remote import RemotePlace
from labgrid.util.proxy import proxymanager

from mynah.errors import PortError
from mynah.link.port import REMOTE

_PROTOCOL = "rfc2217"
# Not to wait for an answer to each change of DTR and RTS: ser2net (4.3.11, tried on a pty) gives
# none, and pyserial refuses the port then. labgrid's own serial driver and esptool's manual do so.
_OPTIONS = "?ign_set_control"


def url_of(port: Any) -> str:
    """Where pyserial finds one of labgrid's serial ports: device path or ``rfc2217://host:port``.

    labgrid forwards a port through SSH where its exporter asks for that, or LG_PROXY is set.

    Raises:
        PortError: the exporter does not serve it by RFC 2217, or has not started to.
    """
    if not isinstance(port, NetworkSerialPort):
        return str(port.port)
    if port.protocol != _PROTOCOL:
        raise PortError(
            f"serial port {port.display_name} is served by protocol {port.protocol!r}: a board "
            f"needs {_PROTOCOL}, which carries the lines that reset it"
        )
    host, number = proxymanager.get_host_and_port(port)
    if not number:
        raise PortError(f"serial port {port.display_name} is not served: look at its exporter")
    return f"{REMOTE}{host}:{number}{_OPTIONS}"


def port_at(place: str) -> str:
    """The serial port at a place that was acquired, as `url_of` has it.

    Raises:
        PortError: there is none, or more than one.
    """
    with Target(place) as target:
        try:
            RemotePlace(target, place)
            return url_of(target.get_resource(NetworkSerialPort))
        except (NoSupplierFoundError, LabgridError) as error:
            raise PortError(f"place {place}: {error}") from None


class PowerSwitch:
    """A driver with labgrid's PowerProtocol as a switch (`mynah.hil.parts.Switch`)."""

    def __init__(self, driver: Any) -> None:
        self._driver = driver

    def set(self, on: bool) -> None:
        """Switch the supply; what labgrid raises is passed on."""
        self._driver.target.activate(self._driver)
        if on:
            self._driver.on()
        else:
            self._driver.off()
