"""``mynah home do``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from mynah.cli.common import json_option, print_json, talk
from mynah.cli.home_options import open_speaker, speaker_option
from mynah.errors import BoardError

if TYPE_CHECKING:
    from collections.abc import Mapping


@click.command()
@click.argument("text", nargs=-1, required=True)
@speaker_option
@json_option
def command(text: tuple[str, ...], speaker: str | None, *, as_json: bool) -> None:
    """Say what is to be done; the speaker does it, as if it had heard TEXT.

    Shows what the speaker understood, what each device answered, and what it would say. The exit
    code is 4 when a device did not do it, or when it is not clear what is meant.

    \b
    mynah home do "turn on the kitchen lamp"
    mynah home do "turn off all lamps"
    mynah home do "set the bedroom lamp to 30 percent"
    mynah home do "is the fan on"
    mynah home do "打开厨房的灯"          turn on the kitchen's lamp
    mynah home do "关闭所有的灯"          turn off all lamps
    mynah home do "把卧室的灯调到百分之三十"
    """
    from mynah.home.speaker import do

    with open_speaker(speaker) as client:
        answer = do(client, " ".join(text))
    if as_json:
        print_json(answer)
    else:
        _show(answer)
    if not answer.get("ok"):
        sys.exit(BoardError.exit_code)


def _show(answer: Mapping[str, Any]) -> None:
    from mynah.logs import clean

    intent = answer.get("intent")
    if isinstance(intent, dict) and intent:
        talk("understood: " + clean(_intent(intent)))
    for result in _objects(answer.get("results")):
        click.echo(clean(_result(result)))
    candidates = answer.get("candidates")
    if isinstance(candidates, list) and candidates:
        talk("did you mean: " + clean(", ".join(_name(each) for each in candidates)))
    click.echo(f'says: "{clean(str(answer.get("say", "")))}"')


def _intent(intent: Mapping[str, Any]) -> str:
    """``set, percent 30: kitchen lamp, bedroom lamp``; the speaker's objects have no order."""
    details = [
        f"{key} {value}"
        for key, value in sorted(intent.items())
        if key not in {"action", "devices", "more"}
    ]
    devices = intent.get("devices")
    names = [str(name) for name in devices] if isinstance(devices, list) else []
    if intent.get("more"):
        names.append(f"{intent['more']} more")
    return f"{', '.join([str(intent.get('action')), *details])}: {', '.join(names)}"


def _result(result: Mapping[str, Any]) -> str:
    from mynah.home.values import show

    name = str(result.get("name"))
    if result.get("ok"):
        if "value" not in result:
            return f"{name}: done"
        return f"{name}: {show(str(result.get('role', '')), result['value'])}"
    why = result.get("why") or f"refused with code {result.get('code')}"
    return f"{name}: failed, {why}"


def _objects(items: Any) -> list[Mapping[str, Any]]:
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def _name(candidate: Any) -> str:
    return str(candidate.get("name")) if isinstance(candidate, dict) else str(candidate)
