"""``mynah pair``."""

from __future__ import annotations

import os
import sys

import click

from mynah.cli.common import json_option, print_json, talk

_PASSWORD_VARIABLE = "MYNAH_WIFI_PASSWORD"  # noqa: S105 - the name of a variable


@click.command()
@click.argument("address", default="192.168.4.1")
@click.option("--ssid", required=True, help="Name of the Wi-Fi.")
@click.option("--name", default="speaker", show_default=True, help="What to call the speaker.")
@click.option("--password-stdin", is_flag=True, help="Read the Wi-Fi password from stdin.")
@click.option("--show-token", is_flag=True, help="Print the speaker's token, which is a secret.")
@json_option
def command(
    address: str,
    ssid: str,
    name: str,
    *,
    password_stdin: bool,
    show_token: bool,
    as_json: bool,
) -> None:
    """Give a new speaker its Wi-Fi and take its token.

    Join the speaker's set-up network (mynah-speaker-..._miapXXXX) with this computer first; ADDRESS
    is where the speaker is there. The password is asked for, or read from stdin or from
    MYNAH_WIFI_PASSWORD. The token is kept in a file that only you can read.

    \b
    mynah pair --ssid home --name kitchen
    mynah pair 127.77.1.2 --ssid home        a virtual board: `mynah virtual` prints the address
    """
    from mynah.miio.devices import Device, remember
    from mynah.miio.pairing import pair

    found = pair(address, ssid, _password(ssid, from_stdin=password_stdin), talk=talk)
    token = found.token.hex()
    file = remember(name, Device(found.address, token, found.device_id, found.mac, found.model))
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


def _password(ssid: str, *, from_stdin: bool) -> str:
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    from_environment = os.environ.get(_PASSWORD_VARIABLE)
    if from_environment is not None:
        return from_environment
    if not sys.stdin.isatty():
        raise click.UsageError(f"no password: use --password-stdin or set {_PASSWORD_VARIABLE}")
    password: str = click.prompt(
        f"Password of {ssid!r} (empty for an open network)",
        hide_input=True,
        default="",
        show_default=False,
        err=True,
    )
    return password
