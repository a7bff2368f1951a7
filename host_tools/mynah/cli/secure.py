"""``mynah secure``."""

from __future__ import annotations

import sys
from dataclasses import asdict

import click

from mynah.cli.common import json_option, print_json, talk


@click.group()
@click.argument("name")
@click.pass_context
def command(context: click.Context, name: str) -> None:
    """Let a speaker take calls in an encrypted channel only. NAME is from `mynah pair`.

    miIO encrypts with a token that whoever was near at pairing may have seen, and a recording can
    be read when the token becomes known later. In secure mode the speaker refuses miIO from the
    network; `mynah control` and the others call it inside Noise_NNpsk0_25519_ChaChaPoly_SHA256.
    Other miIO programs (python-miio, Home Assistant) cannot reach it then.

    \b
    mynah secure kitchen on          best done right after pairing
    mynah secure kitchen status
    mynah secure kitchen off
    mynah secure kitchen key         for another computer: `mynah secure kitchen use-key` there
    """
    context.obj = name


@command.command("on")
@click.pass_obj
def on(name: str) -> None:
    """Switch the mode on; the key is kept with the speaker's token.

    The speaker makes the key and hands it over in a channel that is opened with the token. Somebody
    who has the token and stands between this computer and the speaker at this very moment could put
    a key of his own there. The fingerprint tells: `mynah logs` shows the speaker's.
    """
    from mynah.miio.secure_mode import switch_on

    fingerprint = switch_on(name)
    talk(f"{name} takes calls in the secure channel only; the key's fingerprint is {fingerprint}")
    talk("its log (mynah logs) shows the same one, unless somebody came between")


@command.command("off")
@click.pass_obj
def off(name: str) -> None:
    """Switch the mode off: the speaker takes plain miIO again."""
    from mynah.miio.secure_mode import switch_off

    switch_off(name)
    talk(f"{name} takes plain miIO again; its key is forgotten")


@command.command("status")
@json_option
@click.pass_obj
def status(name: str, *, as_json: bool) -> None:
    """Tell whether the mode is on, and with which key."""
    from mynah.miio.client import SECURE_WITHOUT_KEY
    from mynah.miio.secure_mode import status

    found = status(name)
    if as_json:
        print_json(asdict(found))
    elif not found.is_on:
        click.echo("off")
    elif found.has_key:
        click.echo(f"on, key {found.fingerprint}, {found.sessions} sessions")
    else:
        click.echo("on")
        talk(SECURE_WITHOUT_KEY)


@command.command("key")
@click.pass_obj
def key(name: str) -> None:
    """Print the key, which is a secret, for another computer."""
    from mynah.errors import UsageError
    from mynah.miio.devices import find

    device = find(name)
    if not device.key:
        raise UsageError(f"no key of {name} is known here: `mynah secure {name} on` makes one")
    click.echo(device.key)


@command.command("use-key")
@click.pass_obj
def use_key(name: str) -> None:
    """Keep a key that another computer has; it is asked for, or read from stdin."""
    from mynah.miio.secure_mode import use_key

    if sys.stdin.isatty():
        text = click.prompt("Key (64 hexadecimal digits)", hide_input=True, err=True)
    else:
        text = sys.stdin.readline()
    found = use_key(name, text.strip())
    talk(f"{name} takes it; the fingerprint is {found.fingerprint}")
