"""Open a serial port, and say in plain words why one cannot be had."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import serial

from mynah.errors import PortError
from mynah.link.holders import is_in_use, who_holds, who_talks_to

if TYPE_CHECKING:
    from collections.abc import Iterator

REMOTE = "rfc2217://"
"""How the address of a serial port behind TCP (RFC 2217) starts."""

# For every user of pyserial in this process, mpremote's transport among them.
serial.protocol_handler_packages.insert(0, "mynah.link.urlhandler")

_THIS_COMPUTER = {"localhost", "127.0.0.1"}
_RESET_PULSE_S = 0.1

_BUSY = {errno.EBUSY, errno.EAGAIN}
_MISSING = {errno.ENOENT, errno.ENODEV, errno.ENXIO}


def open_port(url: str, *, baud: int = 115200, timeout_s: float | None = 0.1) -> serial.SerialBase:
    """Open a port for this program alone; reads wait at most ``timeout_s`` (None: for ever).

    DTR and RTS are asserted together, which leaves an ESP32-S3 running.

    Raises:
        PortError: the port is missing, busy or not permitted; the message says what to do.
    """
    exclusive = None if url.startswith(REMOTE) else True
    try:
        return serial.serial_for_url(url, baudrate=baud, timeout=timeout_s, exclusive=exclusive)
    except (OSError, ValueError) as error:  # SerialException is an OSError
        raise port_error(url, error) from error


def reset_board(port: serial.SerialBase) -> None:
    """Pulse EN through RTS, as esptool's hard reset does; the program starts anew.

    Raises what pyserial raises when the port vanishes.
    """
    port.dtr = False  # GPIO0 stays high: no ROM loader
    port.rts = True
    time.sleep(_RESET_PULSE_S)
    port.rts = False


def lost_port(url: str) -> PortError:
    """The error for a port that vanished while it was in use."""
    return PortError(f"{url} vanished: plug the board in again, and look for it with `mynah ports`")


@contextlib.contextmanager
def port_in_use(url: str) -> Iterator[None]:
    """What pyserial raises within, on an open port, becomes the error for one that vanished.

    Raises:
        PortError: the port of that name vanished.
    """
    try:
        yield
    except (serial.SerialException, OSError) as error:
        raise lost_port(url) from error


def port_error(url: str, error: Exception) -> PortError:
    """The error for a port that could not be opened, from what pyserial or mpremote raised."""
    if url.startswith(REMOTE):
        return PortError(_remote_reason(url, error))
    number = getattr(error, "errno", None)
    if number in _MISSING or not Path(url).exists():
        return PortError(
            f"there is no port {url}{_meant(url)}; `mynah ports` lists those that there are"
        )
    if number in _BUSY or who_holds(url):
        return PortError(_busy(url, who_holds(url)))
    if number in {errno.EACCES, errno.EPERM}:
        return PortError(f"no permission to use {url}: {_permission_hint(url)}")
    return PortError(f"{url} cannot be opened: {error}")


def _meant(url: str) -> str:
    """What was probably meant by a TCP port without the scheme that pyserial asks for."""
    match = re.fullmatch(r"(?:tcp://)?(?:([\w.-]+):)?(\d{2,5})", url)
    return f"; is {REMOTE}{match[1] or '127.0.0.1'}:{match[2]} meant?" if match else ""


def _busy(url: str, holders: list[str]) -> str:
    from mynah.link.shares import find_share  # which needs this module

    share = find_share(url)
    if share is not None:
        return f"{url} is busy, but shared by {share.program}: use {share.url} meanwhile"
    who = " and ".join(holders) or "another program"
    return f"{url} is busy: {who} has it open; close that and try again"


def _permission_hint(url: str) -> str:
    if os.name != "posix":
        return "another program may have it open; close that and try again"
    import grp

    try:
        group = grp.getgrgid(Path(url).stat().st_gid).gr_name
    except (KeyError, OSError):
        group = "dialout"
    return f"run `sudo usermod -aG {group} $USER`, then log out and in again"


def _remote_reason(url: str, error: Exception) -> str:
    cause = error.__context__
    address = urlsplit(url)
    try:
        port = address.port
    except ValueError:
        port = None
    if not address.hostname or not port:
        return f"{url} is not of the form rfc2217://host:port"
    # A server that has its one client may refuse, or take a second one and stay silent.
    if address.hostname in _THIS_COMPUTER and is_in_use(port):
        return _busy(url, who_talks_to(port))
    if isinstance(cause, ConnectionRefusedError):
        return f"nothing answers at {url}: is the board there, or `mynah virtual` running?"
    if isinstance(cause, OSError):
        return f"{url} cannot be reached: {cause.strerror or cause}"
    return f"{url} is busy, or is not an RFC 2217 port: close the program that has it open"
