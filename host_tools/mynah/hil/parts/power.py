"""Switches for a board's supply and buttons: a USB hub's ports, USB relays, any command."""

from __future__ import annotations

import shlex
import subprocess
from typing import TYPE_CHECKING

import serial

from mynah.errors import BenchFileError, BoardError, BoardTimeoutError, PortError
from mynah.link import open_port

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mynah.hil.benchfile import Equipment
    from mynah.hil.parts import Switch

_COMMAND_S = 30.0
_RELAY_BAUD = 9600
_RELAY_START = 0xA0
_CONTACTS = ("no", "nc")


def switch_of(equipment: Equipment) -> Switch | None:
    """What the bench file describes; None for kind "none"."""
    settings = equipment.settings
    if equipment.kind == "uhubctl":
        return HubPort(settings["location"], settings["port"])
    if equipment.kind == "relay":
        contact = settings.get("contact", "no")
        return Relay(settings["port"], settings.get("channel", 1), contact=contact)
    if equipment.kind == "command":
        return CommandSwitch(settings["on"], settings["off"])
    return None


class HubPort:
    """A port of a USB hub that can switch its ports' power, by ``uhubctl``.

    Args:
        location: the hub's, as ``uhubctl`` lists it (``"1-1.4"``).
        port: number on the hub, from 1.
    """

    def __init__(self, location: str, port: int) -> None:
        self._where = ("-l", location, "-p", str(port))

    def set(self, on: bool) -> None:
        """Switch the port.

        Raises:
            BoardError: uhubctl is missing, or the hub does not do it.
        """
        # Some devices stay powered after one request (uhubctl's manual, --repeat).
        repeat = () if on else ("-r", "3")
        run_program(["uhubctl", *self._where, *repeat, "-a", "on" if on else "off"])


class Relay:
    """A channel of an LCUS type USB relay (CH340 and a serial protocol of four bytes).

    Start byte A0, channel, 1 or 0, their sum; 9600 baud (the modules' data sheets).

    Args:
        port: the relay's own serial port.
        channel: from 1.
        contact: "no" (normally open: the relay is energised for on), or "nc".
    """

    def __init__(self, port: str, channel: int = 1, *, contact: str = "no") -> None:
        if contact not in _CONTACTS:
            raise BenchFileError(f'a relay\'s contact is "no" or "nc", not {contact!r}')
        self._port = port
        self._channel = channel
        self._inverted = contact == "nc"

    def set(self, on: bool) -> None:
        """Switch it.

        Raises:
            PortError: the relay's port is missing or busy, or vanishes.
        """
        message = [_RELAY_START, self._channel, int(on != self._inverted)]
        port = open_port(self._port, baud=_RELAY_BAUD)
        try:
            port.write(bytes([*message, sum(message) & 0xFF]))
            port.flush()
        except (serial.SerialException, OSError) as error:
            raise PortError(f"the relay on {self._port} vanished: {error}") from error
        finally:
            port.close()


class CommandSwitch:
    """Two commands of the user's, run without a shell: for sockets, supplies, other relays."""

    def __init__(self, on: str, off: str) -> None:
        self._commands = {True: shlex.split(on), False: shlex.split(off)}

    def set(self, on: bool) -> None:
        """Run the command.

        Raises:
            BoardError: it is missing, or fails.
        """
        run_program(self._commands[on])


def run_program(command: Sequence[str]) -> str:
    """Run a program of the bench, without a shell; what it printed.

    Raises:
        BoardError: it is missing, or fails.
        BoardTimeoutError: it takes more than 30 s.
    """
    program = command[0]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_COMMAND_S, check=False
        )
    except FileNotFoundError:
        raise BoardError(f"{program} is not installed, and the bench file asks for it") from None
    except OSError as error:
        raise BoardError(f"{program} cannot be run: {error.strerror}") from None
    except subprocess.TimeoutExpired:
        raise BoardTimeoutError(f"{program} took more than {_COMMAND_S:g} s") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise BoardError(f"{program} failed: {said[-1] if said else 'it does not say why'}")
    return done.stdout
