"""``mynah broker``."""

from __future__ import annotations

import click

from mynah.cli.common import port_option, talk
from mynah.errors import PortError


@click.command()
@port_option
@click.option("--baud", default=115200, show_default=True, help="Baud rate of the console.")
@click.option("--tcp", type=int, default=0, help="TCP port to listen on; 0: any free one.")
def command(port: str | None, baud: int, tcp: int) -> None:
    """Own a port and serve it to several programs at once, until Ctrl-C.

    `mynah logs` does that by itself when a second program comes; this is for a desk where the
    address has to stay the same. All get what the board says; one at a time speaks to it.

    \b
    mynah broker --port /dev/ttyUSB0 --tcp 4000
    mynah logs --port /dev/ttyUSB0                       # finds the broker by itself
    mpremote connect rfc2217://127.0.0.1:4000 eval 6*7
    """
    from mynah.link import open_port
    from mynah.link.broker import Broker
    from mynah.link.ports import find_ports, only_port
    from mynah.link.shares import Share, find_share

    url = port or only_port(find_ports())
    found = find_share(url)
    if found is not None:
        raise PortError(f"{url} is shared already, at {found.url}, by {found.program}")
    serial_port = open_port(url, baud=baud)
    try:
        share = Share(url, "mynah broker", tcp_port=tcp)
    except OSError as error:
        serial_port.close()
        raise PortError(f"TCP port {tcp} cannot be had: {error.strerror}") from None
    click.echo(share.url)
    talk(f"{url} is served there until Ctrl-C; `mynah` finds it by the port's own name, too")
    try:
        Broker(serial_port, share.listener, stays=True).run()
    finally:
        share.close()
    raise PortError(f"{url} vanished: plug the board in again, and start the broker anew")
