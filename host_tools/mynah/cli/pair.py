"""``mynah pair``."""

from __future__ import annotations

import itertools
import os
import sys
from typing import TYPE_CHECKING

import click

from mynah.cli.common import json_option, print_json, stderr, talk

if TYPE_CHECKING:
    from mynah.miio.door import Door, Nearby, PairResult

_PASSWORD_VARIABLE = "MYNAH_WIFI_PASSWORD"  # noqa: S105 - the name of a variable
_DEFAULT_NAME = "speaker"
_BARS = ((-55, "||||"), (-67, "|||"), (-75, "||"), (-200, "|"))


@click.command()
@click.argument("address", required=False)
@click.option(
    "--port",
    metavar="PORT",
    envvar="MYNAH_PORT",
    help="The speaker is on this serial port: a device path or rfc2217://HOST:PORT.",
)
@click.option("--ssid", help="Name of the Wi-Fi, hidden ones too; else you choose from a list.")
@click.option("--country", default="", metavar="CC", help="Where the speaker is: DE, CN, US, ...")
@click.option("--name", help=f"What to call the speaker.  [default: {_DEFAULT_NAME}]")
@click.option("--password-stdin", is_flag=True, help="Read the Wi-Fi password from stdin.")
@click.option("--show-token", is_flag=True, help="Print the speaker's token, which is a secret.")
@json_option
def command(
    address: str | None,
    port: str | None,
    ssid: str | None,
    country: str,
    name: str | None,
    *,
    password_stdin: bool,
    show_token: bool,
    as_json: bool,
) -> None:
    """Give a speaker its Wi-Fi and take its token.

    Over a cable, if a speaker answers on a serial port of this computer (--port names one).
    Otherwise join the speaker's set-up network (mynah-speaker-..._miapXXXX) with this computer
    first; ADDRESS is where the speaker is there, 192.168.4.1 if you don't say. It shows the
    networks that the speaker itself hears. The password is asked for, or read from stdin or from
    MYNAH_WIFI_PASSWORD; what goes wrong is told, and you may try again. Until the speaker is in
    the new network it keeps the old one, also after Ctrl-C. The token is kept in a file that only
    you can read.

    \b
    mynah pair                               choose from what the speaker hears
    mynah pair --ssid home --name kitchen
    mynah pair --port /dev/ttyUSB0 --ssid home --country DE
    mynah pair 127.77.1.2 --ssid home        a virtual board: `mynah virtual` prints the address
    """
    from mynah.miio.devices import Device, remember

    _check_country(country)
    door = _door(address, port)
    try:
        found = _set_up(door, ssid, country.upper(), password_stdin=password_stdin)
        name = name or _name_for(found)
        token = found.token.hex()
        file = remember(name, Device(found.address, token, found.device_id, found.mac, found.model))
        door.confirm()
        _warn_if_out_of_reach(door, found)
    finally:
        door.close()
    talk(f"{name} is paired: {found.model} at {found.address}; its token is in {file}")
    data: dict[str, object] = {
        "name": name,
        "address": found.address,
        "device_id": found.device_id,
        "mac": found.mac,
        "model": found.model,
    }
    if show_token:
        data["token"] = token
    if as_json:
        print_json(data)
    elif show_token:
        click.echo(token)


def _door(address: str | None, port: str | None) -> Door:
    """The cable, if a speaker is on one and nothing else was asked for; else the network."""
    from mynah.errors import MynahError
    from mynah.improv.serial_door import NotHereError, SerialDoor
    from mynah.link.ports import find_ports
    from mynah.miio.pairing import SET_UP_ADDRESS, NetworkDoor

    if address and port:
        raise click.UsageError("ADDRESS and --port exclude each other: network or cable")
    if port:
        return SerialDoor(port)
    if address:
        return NetworkDoor(address)
    likely = [each for each in find_ports() if each.kind and not each.held_by]
    doors = []
    for each in likely:
        talk(f"looking for a speaker on {each.url}")
        try:
            doors.append((each.url, SerialDoor(each.url)))
        except NotHereError:
            continue
        except MynahError as error:
            talk(str(error))
    if len(doors) > 1:
        for _, door in doors:
            door.close()
        urls = ", ".join(url for url, _ in doors)
        raise click.UsageError(f"several speakers are here: name one with --port ({urls})")
    if doors:
        return doors[0][1]
    talk(f"no speaker on a serial port; looking for one at {SET_UP_ADDRESS}")
    return NetworkDoor(SET_UP_ADDRESS)


def _set_up(door: Door, ssid: str | None, country: str, *, password_stdin: bool) -> PairResult:
    """Try networks until one works or the user has enough."""
    from mynah.miio.door import JoinError, shown

    wanted = os.fsencode(ssid) if ssid is not None else None
    network: bytes | None = None
    while True:
        network = wanted or network or _choose(door)
        password = _password(network, from_stdin=password_stdin)
        talk(f"the speaker tries to join {shown(network)!r}; Ctrl-C goes back to what was")
        try:
            door.join(network, password, country, talk)
            talk("it has joined")
            return door.finish()
        except JoinError as error:
            if password_stdin or not _is_terminal() or os.environ.get(_PASSWORD_VARIABLE):
                raise
            talk(str(error))
            if not click.confirm("Try again?", default=True, err=True):
                raise
            if error.reason != "wrong password":
                network = None
        except KeyboardInterrupt:
            door.cancel()
            raise


def _choose(door: Door) -> bytes:
    """Let the user pick one of the networks that the speaker hears, or name a hidden one."""
    if not _is_terminal():
        raise click.UsageError("no --ssid: give one, or run this on a terminal to choose")
    while True:
        talk("the speaker listens for networks ...")
        networks = door.scan()
        _show(networks)
        answer = click.prompt(
            "Number or name of the Wi-Fi (Enter: listen again)",
            default="",
            show_default=False,
            err=True,
        )
        if answer.isdigit() and 1 <= int(answer) <= len(networks):
            return networks[int(answer) - 1].name
        if answer:
            return os.fsencode(answer)


def _show(networks: list[Nearby]) -> None:
    from rich.table import Table

    table = Table("", "Wi-Fi", "signal", "", box=None)
    for number, network in enumerate(networks, 1):
        bars = next(bars for floor, bars in _BARS if network.rssi >= floor)
        secured = "" if network.secured else "open"
        table.add_row(str(number), network.text, f"{bars:4} {network.rssi} dBm", secured)
    if networks:
        stderr().print(table)
    else:
        talk("it hears none: is the router on?")


def _password(ssid: bytes, *, from_stdin: bool) -> str:
    from mynah.miio.door import shown

    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    from_environment = os.environ.get(_PASSWORD_VARIABLE)
    if from_environment is not None:
        return from_environment
    if not _is_terminal():
        raise click.UsageError(f"no password: use --password-stdin or set {_PASSWORD_VARIABLE}")
    password: str = click.prompt(
        f"Password of {shown(ssid)!r} (empty for an open network)",
        hide_input=True,
        default="",
        show_default=False,
        err=True,
    )
    return password


def _check_country(country: str) -> None:
    if country and not (len(country) == 2 and country.isascii() and country.isalpha()):
        raise click.UsageError(f"--country takes two letters as in DE or CN, not {country!r}")


def _name_for(found: PairResult) -> str:
    """The name that a speaker has, or one that no other has."""
    from mynah.miio.devices import known

    names = known()
    for name, device in names.items():
        if device.device_id == found.device_id:
            return name
    free = (f"{_DEFAULT_NAME}-{n}" for n in itertools.count(2))
    return next(name for name in itertools.chain((_DEFAULT_NAME,), free) if name not in names)


def _warn_if_out_of_reach(door: Door, found: PairResult) -> None:
    from mynah.improv.serial_door import SerialDoor

    if isinstance(door, SerialDoor) and not door.reachable(found):
        talk(
            f"this computer does not reach it at {found.address}: is it in the same network? "
            "`mynah find` looks for it"
        )


def _is_terminal() -> bool:
    return sys.stdin.isatty()
