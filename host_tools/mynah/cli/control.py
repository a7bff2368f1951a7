"""``mynah control``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from mynah.cli.common import json_option, print_json, stdout, talk

if TYPE_CHECKING:
    from mynah.miio import MiioClient
    from mynah.miio.spec import Spec
    from mynah.miio.watch import Change, Happened


@click.group()
@click.argument("name")
@click.pass_context
def command(context: click.Context, name: str) -> None:
    """Read and set a paired speaker's properties, and make it act. NAME is from `mynah pair`.

    \b
    mynah control kitchen status
    mynah control kitchen get speaker.volume
    mynah control kitchen set speaker.volume 40
    mynah control kitchen set indicator-light.color '#ff8000'
    mynah control kitchen do play-control.play
    mynah control kitchen watch
    """
    context.obj = name


@command.command("status")
@json_option
@click.pass_obj
def status(name: str, *, as_json: bool) -> None:
    """Show every property that can be read."""
    from rich.table import Table

    from mynah.logs import clean

    with _client(name) as client:
        readable = [each for each in client.spec.properties.values() if "read" in each.access]
        values = client.get_all(each.name for each in readable)
    if as_json:
        print_json(values)
        return
    table = Table("property", "value", box=None, header_style="bold")
    for each in readable:
        meaning = (each.values or {}).get(values[each.name])
        shown = clean(each.show(values[each.name]))
        table.add_row(each.name, shown + (f" ({meaning})" if meaning else ""))
    stdout().print(table)


@command.command("get")
@click.argument("properties", nargs=-1, required=True)
@json_option
@click.pass_obj
def get(name: str, properties: tuple[str, ...], *, as_json: bool) -> None:
    """Print the values of PROPERTIES, one a line."""
    from mynah.logs import clean

    with _client(name) as client:
        values = client.get_all(properties)
        wanted = [client.spec.property(each) for each in values]
    if as_json:
        print_json(values)
        return
    for item in wanted:
        click.echo(clean(item.show(values[item.name])))


@command.command("set")
@click.argument("property_name", metavar="PROPERTY")
@click.argument("value")
@click.pass_obj
def set_(name: str, property_name: str, value: str) -> None:
    """Set a property: a number, on or off, #rrggbb, or a word that the property knows."""
    with _client(name) as client:
        client.set(property_name, client.spec.property(property_name).parse(value))


@command.command("do")
@click.argument("action")
@click.argument("arguments", nargs=-1)
@json_option
@click.pass_obj
def do(name: str, action: str, arguments: tuple[str, ...], *, as_json: bool) -> None:
    """Make the speaker do something."""
    with _client(name) as client:
        takes = client.spec.action(action).arguments
        values = [item.parse(text) for item, text in zip(takes, arguments, strict=False)]
        out = client.action(action, *values, *arguments[len(takes) :])
    if as_json:
        print_json(out)
        return
    for value in out:
        click.echo(_shown(value))


@command.command("set-clock")
@click.pass_obj
def set_clock(name: str) -> None:
    """Set the speaker's clock and its offset from UTC to this computer's.

    The board has no clock that runs without power: it keeps the offset, but then forgets the time.
    """
    import time

    with _client(name) as client:
        client.set("clock.time", round(time.time()))
        client.set("clock.utc-offset", time.localtime().tm_gmtoff // 60)


@command.command("watch")
@click.option("--for", "seconds", type=float, metavar="S", help="Stop after S seconds.")
@json_option
@click.pass_obj
def watch(name: str, seconds: float | None, *, as_json: bool) -> None:
    """Show what happens as it happens: changed properties, wake words, buttons. Ctrl-C ends it.

    With --json, one object a line: {"time", "property", "value"} or {"time", "event", "arguments"}.
    """
    from mynah.miio.watch import watch as watch_speaker

    with _client(name) as client:
        for told in watch_speaker(client, timeout_s=seconds, talk=talk):
            click.echo(_told_as_json(told) if as_json else _told_as_text(told, client.spec))


@command.command("restore")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def restore(name: str, *, yes: bool) -> None:
    """Make the speaker forget its owner and its Wi-Fi, and forget it here."""
    from mynah.miio.devices import forget

    if not yes:
        click.confirm(f"{name} forgets its Wi-Fi and everything else. Do it", abort=True, err=True)
    with _client(name) as client:
        client.call("miIO.restore")
    forget(name)
    talk(f"{name} is new again: its set-up network opens in a moment")


def _client(name: str) -> MiioClient:
    from mynah.find import open_known

    return open_known(name, talk=talk)


def _told_as_json(told: Change | Happened) -> str:
    import json
    import time

    from mynah.miio.watch import Change

    entry: dict[str, Any] = {"time": round(time.time(), 3)}
    if isinstance(told, Change):
        entry |= {"property": told.name, "value": told.value}
    else:
        entry |= {"event": told.name, "arguments": told.arguments}
    return json.dumps(entry, ensure_ascii=False)


def _told_as_text(told: Change | Happened, spec: Spec) -> str:
    """`12:34:56 speaker.volume 40`; an event with its arguments as name=value."""
    import time

    from mynah.logs import clean
    from mynah.miio.watch import Change

    now = time.strftime("%H:%M:%S")
    if isinstance(told, Change):
        known = spec.properties.get(told.name)
        return f"{now} {told.name} {clean(known.show(told.value) if known else str(told.value))}"
    arguments = "".join(f" {key}={_shown(value)}" for key, value in told.arguments.items())
    return f"{now} {told.name}{arguments}"


def _shown(value: Any) -> str:
    """A value as a person reads it; text is the speaker's own, so it is cleaned."""
    from mynah.logs import clean

    if isinstance(value, bool):
        return "on" if value else "off"
    return clean(str(value))
