"""What the speaker's log tells of its Wi-Fi."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mynah.doctor import catalogue as causes
from mynah.doctor.finding import Looked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mynah.doctor.bootlog import BootLog
    from mynah.doctor.finding import Finding, Item
    from mynah.miio.door import Nearby

WEAK_DBM = -75
"""From here on packets get lost often."""

_FAILED = re.compile(r"cannot join (.*): ([a-z ]+)")
_JOINED = re.compile(r"joined (.*)")
_ADDRESS = re.compile(r"address (\d+\.\d+\.\d+\.\d+)")
_SHOWN_NETWORKS = 6
_CAUSES = {
    "wrong password": causes.WIFI_PASSWORD,
    "no address": causes.WIFI_ADDRESS,
    "security mismatch": causes.WIFI_SECURITY,
    "channel not allowed": causes.WIFI_CHANNEL,
}
_UNSEEN = "no such network"
_LOST = {"signal lost"}


def is_settled(log: BootLog) -> bool:
    """Whether the log tells how the Wi-Fi stands."""
    states = log.texts("net")
    is_settled_state = any(
        state.split(",")[0] in {"online", "set-up", "retrying"} for state in states
    )
    return is_settled_state and (not states or not states[-1].startswith("scanning"))


def address(log: BootLog) -> str | None:
    """Where the speaker is on its network, if it is in it at the log's end."""
    found = None
    for text in log.texts("wifi"):
        match = _ADDRESS.fullmatch(text)
        found = match[1] if match else None if _FAILED.fullmatch(text) else found
    return found


def check_wifi(log: BootLog, nearby: Callable[[], Sequence[Nearby]]) -> Iterator[Item]:
    """What is wrong with the Wi-Fi; ``nearby`` asks the speaker which networks it hears."""
    yield from _losses(log)
    state = (log.texts("net") or [""])[-1]
    failure = _last_failure(log)
    where = address(log)
    if where is not None:
        yield Looked("Wi-Fi", f"in {_ssid(log)}, address {where}")
    elif failure is not None:
        yield _failed(log, *failure, nearby)
    elif state.startswith("set-up"):
        yield causes.NO_WIFI.found(f"net: {state}", where=log.port)


def check_signal(ssid: str, rssi: int, where: str) -> Item:
    """Whether a signal of so many dBm will do."""
    if rssi >= WEAK_DBM:
        return Looked("signal", f"{rssi} dBm")
    return causes.WIFI_WEAK.found(f"{rssi} dBm", where=where, ssid=ssid, rssi=rssi)


def _ssid(log: BootLog) -> str:
    names = [match[1] for text in log.texts("wifi") if (match := _JOINED.fullmatch(text))]
    return repr(names[-1]) if names else "its network"


def _last_failure(log: BootLog) -> tuple[str, str] | None:
    found = None
    for text in log.texts("wifi"):
        match = _FAILED.fullmatch(text)
        if match:
            found = match[1], match[2]
    return found


def _failed(
    log: BootLog, ssid: str, reason: str, nearby: Callable[[], Sequence[Nearby]]
) -> Finding:
    seen, where, name = f"wifi: cannot join {ssid}: {reason}", log.port, repr(ssid)
    if reason == _UNSEEN:
        heard = nearby()[:_SHOWN_NETWORKS]
        names = ", ".join(f"{each.text!r} ({each.rssi} dBm)" for each in heard)
        evidence = [seen, f"it hears {names}"] if heard else [seen]
        close = next((each for each in heard if _alike(each.text, ssid)), None)
        instead = f"; is {close.text!r} meant?" if close else ""
        return causes.WIFI_UNSEEN.found(*evidence, where=where, ssid=name, instead=instead)
    if reason in _LOST:
        return causes.WIFI_WEAK.found(seen, where=where, ssid=name, rssi="too few")
    cause = _CAUSES.get(reason, causes.WIFI_REFUSED)
    return cause.found(seen, where=where, ssid=name, reason=reason)


def _alike(one: str, other: str) -> bool:
    plain = [re.sub(r"[\W_]|5g(?:hz)?|2\.?4g(?:hz)?", "", each.lower()) for each in (one, other)]
    return plain[0] == plain[1]


def _losses(log: BootLog) -> Iterator[Finding]:
    lost = [text for text in log.texts("net") if text == "lost the network"]
    if lost:
        times = "once" if len(lost) == 1 else f"{len(lost)} times"
        yield causes.WIFI_LOST.found(f"net: {lost[0]}", where=log.port, times=times)
