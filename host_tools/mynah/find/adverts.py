"""Browse mDNS for the devices that announce themselves as ``_miio._udp``."""

from __future__ import annotations

import contextlib
import logging
import re
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mynah.logs import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from zeroconf import ServiceInfo, ServiceStateChange, Zeroconf

TYPE = "_miio._udp.local."

# `<model with dashes>_miio<device id>`; without an owner `_miap<part of the MAC address>`.
_LABEL = re.compile(r"(?P<model>.+)_(?:miio(?P<device_id>\d{1,10})|miap[0-9a-f]{4})", re.IGNORECASE)
_RESOLVE_MS = 1500


@dataclass(frozen=True, slots=True)
class Advert:
    """What a device says of itself by mDNS."""

    address: str
    port: int
    model: str
    device_id: int | None
    """None: it has no owner yet, or its name is not as others' are."""
    host: str
    """Its name on the network ("mynah-56c0.local")."""


@contextlib.contextmanager
def browsing(report: Callable[[Advert], None]) -> Iterator[bool]:
    """Have ``report`` called for each device, in threads of its own; gives whether that works.

    It does not where another program keeps mDNS for itself, or there is no network.
    """
    from zeroconf import InterfaceChoice, IPVersion, ServiceBrowser, Zeroconf

    logging.getLogger("zeroconf").addHandler(logging.NullHandler())  # nothing of its own on stderr
    try:
        network = Zeroconf(InterfaceChoice.All, ip_version=IPVersion.V4Only)
    except OSError:
        yield False
        return
    threads: list[threading.Thread] = []

    def on_change(
        zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange
    ) -> None:
        if state_change.name != "Removed":
            thread = threading.Thread(
                target=_resolve, args=(zeroconf, service_type, name, report), name="mynah-mdns"
            )
            threads.append(thread)
            thread.start()

    try:
        browser = ServiceBrowser(network, TYPE, handlers=[on_change])
        yield True
        browser.cancel()
    finally:
        for thread in threads:
            thread.join()
        network.close()


def parse(info: ServiceInfo) -> list[Advert]:
    """An advert for each address of a service."""
    label = clean(info.name[: -len("." + info.type)])
    match = _LABEL.fullmatch(label)
    text = {key: value for key, value in info.decoded_properties.items() if value}
    model = text.get("model") or (match["model"].replace("-", ".") if match else "")
    device_id = int(match["device_id"]) if match and match["device_id"] else None
    host = clean((info.server or "").rstrip("."))
    return [
        Advert(address, info.port or 0, clean(model), device_id, host)
        for address in info.parsed_addresses()
        if ":" not in address
    ]


def _resolve(
    network: Zeroconf, service_type: str, name: str, report: Callable[[Advert], None]
) -> None:
    from zeroconf import Error

    info = None
    with contextlib.suppress(Error, OSError):
        info = network.get_service_info(service_type, name, timeout=_RESOLVE_MS)
    if info is not None:
        for advert in parse(info):
            report(advert)
