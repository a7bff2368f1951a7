"""What the commands of ``mynah home`` share: which speaker, tokens, devices in words."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from mynah.cli.common import talk

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mynah.home.description import Description
    from mynah.miio import MiioClient

TOKEN_VARIABLE = "MYNAH_DEVICE_TOKEN"  # noqa: S105 - the name of a variable

speaker_option = click.option(
    "--speaker",
    metavar="NAME",
    envvar="MYNAH_SPEAKER",
    help="Paired speaker (see `mynah pair`); without it, the only one there is.",
)


def open_speaker(name: str | None) -> MiioClient:
    """A client of the paired speaker of that name, or of the only one.

    Raises:
        UsageError: there is none, or more than one and no name.
        BoardTimeoutError: it is not in the network.
    """
    from mynah.find import open_known
    from mynah.miio.devices import only

    return open_known(name or only(), talk=talk)


def asked_token(*, from_stdin: bool) -> bytes:
    """The device's token: from stdin, from the environment, or asked for without an echo.

    Raises:
        UsageError: what came is no token.
    """
    from mynah.home.lists import token_of

    if from_stdin:
        return token_of(sys.stdin.readline())
    from_environment = os.environ.get(TOKEN_VARIABLE)
    if from_environment is not None:
        return token_of(from_environment)
    if not sys.stdin.isatty():
        raise click.UsageError(f"no token: use --token-stdin or set {TOKEN_VARIABLE}")
    return token_of(click.prompt("Token (32 hexadecimal digits)", hide_input=True, err=True))


def in_words(description: Description) -> str:
    """What a device can do, in one line."""
    from mynah.home.values import takes

    return "; ".join(f"{role} ({takes(role, item)})" for role, item in description.roles.items())


def state_in_words(state: Mapping[str, object]) -> str:
    """Last values, in one line; text is the device's own, so it is cleaned."""
    from mynah.home.values import show
    from mynah.logs import clean

    return ", ".join(f"{role} {clean(show(role, value))}" for role, value in state.items())
