"""From this computer to the speaker over the network: way, port, owner, signal."""

from __future__ import annotations

import errno
import ipaddress
import socket
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mynah.doctor import catalogue as causes
from mynah.doctor import wifi
from mynah.doctor.bootlog import check_version
from mynah.doctor.finding import Looked, Unseen
from mynah.doctor.host import LINUX
from mynah.errors import BoardError, BoardTimeoutError, UsageError
from mynah.find.adverts import browsing
from mynah.find.hello import hellos
from mynah.find.search import search
from mynah.miio import codec
from mynah.miio.codec import PacketError
from mynah.miio.devices import client_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mynah.doctor.finding import Finding, Item
    from mynah.doctor.host import Host
    from mynah.find.adverts import Advert
    from mynah.find.search import Found
    from mynah.miio.codec import Hello
    from mynah.miio.devices import Device

_TRIES = 3
_WAIT_S = 1.0
_EVERYBODY_S = 1.5
_MDNS_S = 4.0
_LATELY_S = 120
_ARP_COMPLETE = 0x2  # linux/if_arp.h, ATF_COM

_BLOCKED = {errno.EPERM, errno.EACCES}
_NO_WAY = {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN}


@dataclass(frozen=True, slots=True)
class Target:
    """The speaker that is looked for."""

    address: str
    name: str = ""
    device: Device | None = None
    """What this computer knows of it, if it is paired."""
    port: int = codec.PORT
    is_fresh: bool = False
    """Whether it was started anew a moment ago, by the doctor."""


def check_network(
    host: Host, target: Target, talk: Callable[[str], None] = lambda _: None
) -> Iterator[Item]:
    """Everything on the way to a speaker, and what it tells of itself."""
    try:
        there = ipaddress.ip_address(target.address)
    except ValueError:
        raise UsageError(f"{target.address!r} is no IPv4 address") from None
    own = host.interfaces()
    if not there.is_loopback and all(each.is_loopback for each in own):
        yield causes.NO_NETWORK.found(f"addresses: {', '.join(map(str, own)) or 'none'}")
        return
    talk(f"saying hello to {target.address} ...")
    answer = _hello(target)
    if isinstance(answer, int) or answer is None:
        yield from _check_silence(host, target, answer, talk)
        return
    yield Looked("hello", f"{target.address} answers, device {answer.device_id}")
    if target.device and answer.device_id != target.device.device_id:
        seen = f"device {answer.device_id}, not {target.device.device_id}"
        yield causes.OTHER_DEVICE.found(seen, where=target.address, name=target.name)
        yield from _look_elsewhere(target, talk)
        return
    yield from _check_speaker(target, answer)
    talk("asking everybody, and listening to mDNS ...")
    yield from _check_finding(target)


def _hello(target: Target) -> Hello | int | None:
    """What answers a hello; the error's number where sending fails; None: nothing comes."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.settimeout(_WAIT_S)
        for _ in range(_TRIES):
            try:
                line.connect((target.address, target.port))  # connected: ICMP errors are told
                line.send(codec.hello_request())
                return codec.parse_hello(line.recv(codec.HEADER_SIZE + 1))
            except (TimeoutError, PacketError):
                continue
            except OSError as error:
                return error.errno or 0
    return None


def _check_silence(
    host: Host, target: Target, error: int | None, talk: Callable[[str], None]
) -> Iterator[Item]:
    where = target.address
    if error in _BLOCKED:
        yield causes.BLOCKED_HERE.found("operation not permitted", where=where)
        return
    if error == errno.ECONNREFUSED:
        yield causes.CLOSED.found("ICMP: port unreachable", where=where)
    elif error in _NO_WAY:
        yield causes.NO_ROUTE.found(errno.errorcode[error or 0], where=where)
    elif error is not None:
        yield Unseen("hello", f"sending fails: {errno.errorcode.get(error, error)}")
    else:
        yield _why_silent(host, where)
    if target.device:
        yield from _look_elsewhere(target, talk)


def _why_silent(host: Host, where: str) -> Finding:
    own = [each for each in host.interfaces() if not each.is_loopback]
    if not any(ipaddress.ip_address(where) in each.network for each in own):
        addresses = ", ".join(map(str, own))
        seen = f"this computer is at {addresses}"
        return causes.OTHER_SUBNET.found(seen, "no answer", where=where, own=addresses)
    if host.system != LINUX:
        return causes.NO_ANSWER.found("no answer", where=where)
    for row in host.read("/proc/net/arp").splitlines()[1:]:
        fields = row.split()
        if fields[0] == where and int(fields[2], 16) & _ARP_COMPLETE:
            return causes.NO_ANSWER.found(f"ARP: it is {fields[3]}", "no answer", where=where)
    return causes.NOT_THERE.found("no answer to ARP", where=where)


def _look_elsewhere(target: Target, talk: Callable[[str], None]) -> Iterator[Item]:
    talk(f"looking for {target.name} in the network ...")
    assert target.device

    def is_it(found: Found) -> bool:
        return found.name == target.name and found.address != target.address

    known = {target.name: target.device}
    found = next(filter(is_it, search(known=known, until=is_it, port=target.port)), None)
    if found is not None:
        yield causes.MOVED.found(
            f"found by {' and '.join(found.found_by)}",
            where=target.address,
            name=target.name,
            address=found.address,
        )


def _check_speaker(target: Target, hello: Hello) -> Iterator[Item]:
    if hello.token is not None:
        yield causes.UNPAIRED.found("it tells its token", where=target.address)
        return
    if target.device is None:
        yield Unseen("signal, version", f"{target.address} tells them to its owner: use --name")
        return
    with client_of(target.device, port=target.port, timeout_s=_WAIT_S, retries=1) as client:
        try:
            info = client.info()
        except (BoardError, BoardTimeoutError) as error:
            yield causes.TOKEN.found(where=target.address, error=error)
            return
    yield Looked("token", "the speaker takes this computer's requests")
    link, version, life = info.get("ap"), info.get("fw_ver"), info.get("life")
    rssi = link.get("rssi") if isinstance(link, dict) else None
    if isinstance(version, str):
        yield check_version(version, f"fw_ver {version}", target.address)
    if isinstance(rssi, int) and rssi < 0:
        yield wifi.check_signal("its Wi-Fi", rssi, target.address)
    if isinstance(life, int) and life < _LATELY_S and not target.is_fresh:
        yield causes.RESTARTED.found(f"life {life}", where=target.address, seconds=life)


def _check_finding(target: Target) -> Iterator[Item]:
    """Whether `mynah find` and others find it: by a hello to everybody, and by mDNS."""
    heard = threading.Event()

    def report(advert: Advert) -> None:
        if advert.address == target.address:
            heard.set()

    started = time.monotonic()
    with browsing(report) as works:
        answers = list(hellos(_EVERYBODY_S, port=target.port))
        is_found = any(each.address == target.address for each in answers)
        if works:
            heard.wait(max(0.0, started + _MDNS_S - time.monotonic()))
    if is_found:
        yield Looked("broadcast", "it answers a hello to everybody")
    else:
        yield causes.NO_BROADCAST.found("no answer to a broadcast", where=target.address)
    if not works:
        yield Unseen("mDNS", "another program keeps it for itself")
    elif heard.is_set():
        yield Looked("mDNS", "it is announced as _miio._udp.local")
    else:
        seen = f"nothing in {_MDNS_S:g} s"
        yield causes.NO_MDNS.found(seen, where=target.address, seconds=_MDNS_S)
