"""From the port to the program: does it exist, may this user use it, who has it."""

from __future__ import annotations

import re
import stat
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mynah.doctor import catalogue as causes
from mynah.doctor.finding import Looked, Unseen
from mynah.doctor.host import LINUX, MACOS, WINDOWS
from mynah.hil.lock import holder
from mynah.link.port import REMOTE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from mynah.doctor.finding import Finding, Item
    from mynah.doctor.host import Host
    from mynah.doctor.usb_device import UsbDevice

_OURS = {"mynah", "pytest", "esptool", "mpremote"}
_LOCK = "/var/lock/LCK..{}"
_CAGES = {
    "snap": (
        "run Mynah outside of the snap: install it with `pipx` or in a virtual environment, with "
        "the system's Python"
    ),
    "flatpak": (
        "give the application the devices: `flatpak override --user --device=all APPLICATION`; or "
        "run Mynah outside of it"
    ),
}


@dataclass(frozen=True, slots=True)
class Group:
    """A row of /etc/group."""

    name: str
    number: int
    members: tuple[str, ...]


def check_port(host: Host, port: str, boards: Sequence[UsbDevice]) -> Iterator[Item]:
    """Everything about one port that can be told without opening it; a finding is what is wrong."""
    session = holder(port)
    if session is not None:
        yield causes.IN_SESSION.found(where=port, who=session)
    if port.startswith(REMOTE):
        yield from _check_remote(port)
        return
    if host.system == WINDOWS:
        yield Unseen("permission", "Windows does not tell who has a port; opening it shows it")
        return
    path = host.path(port)
    device = next((each for each in boards if f"/dev/{path.resolve().name}" in each.ports), None)
    if host.system == MACOS and port.startswith("/dev/tty."):
        better = port.replace("/dev/tty.", "/dev/cu.", 1)
        yield causes.TTY_NAME.found(where=port, better=better)
    if not path.exists():
        yield _missing(host, port, boards)
        return
    trouble = list(_busy(host, port))
    if not host.usable(path):
        trouble.append(_forbidden(host, port, path, device))
    yield from trouble
    if not trouble:
        yield Looked("permission", f"you may use {port}, and nobody else has it open")
    yield from _locks(host, port)
    yield from _modem_manager(host, port, device)


def _check_remote(port: str) -> Iterator[Item]:
    from mynah.link.holders import who_talks_to

    number = urlsplit(port).port
    if urlsplit(port).hostname not in {"localhost", "127.0.0.1"} or number is None:
        yield Unseen("holder", f"who else uses {port} is known where the port is, not here")
        return
    who = who_talks_to(number)
    if who:
        yield _busy_finding(port, who)
    else:
        yield Looked("holder", f"nobody else has {port} open")


def _missing(host: Host, port: str, boards: Sequence[UsbDevice]) -> Finding:
    name = port.removeprefix("/dev/")
    cage = _cage(host)
    if cage and any(port in board.ports for board in boards):
        seen = f"/sys/class/tty/{name} is there, {port} is not"
        return causes.CONFINED.found(seen, where=port, cage=cage, advice=_CAGES[cage])
    if host.system == LINUX and host.path(f"/sys/class/tty/{name}").exists():
        advice = "`sudo udevadm trigger`, or plug the board in again"
        if host.is_container:
            advice = (
                f"this is a container: start it with `--device {port}` (Docker, Podman), or with "
                "`-v /dev:/dev --privileged` to see boards that are plugged in later"
            )
        return causes.NO_NODE.found(f"/sys/class/tty/{name} is there", where=port, advice=advice)
    there = [name for board in boards for name in board.ports]
    others = f" (a board may be on {', '.join(there)})" if there else ""
    advice = "plug the board in, with a cable that carries data"
    if there and re.search(r"\d$", name):
        advice = "numbers change when a board is plugged in again: names in /dev/serial/by-id stay"
    return causes.NO_PORT.found(f"no file {port}", where=port, others=others, advice=advice)


def _busy(host: Host, port: str) -> Iterator[Finding]:
    who = host.holders(port)
    if who:
        yield _busy_finding(port, who)


def _busy_finding(port: str, who: Sequence[str]) -> Finding:
    names = {each.split(" (")[0] for each in who}
    end = f"`kill {' '.join(re.findall(r'process ([0-9]+)', ' '.join(who)))}`"
    advice = f"close that program, or end it: {end}"
    if names & _OURS:
        advice = f"end the other Mynah command (Ctrl-C where it runs), or {end}"
    if names & {"ModemManager"}:
        advice = "wait 20 seconds: it is looking whether this is a modem"
    return causes.BUSY.found(*who, where=port, who=" and ".join(who), advice=advice)


def _forbidden(host: Host, port: str, path: Path, device: UsbDevice | None) -> Finding:
    status = path.stat()
    number = status.st_gid
    groups = {group.number: group for group in _groups(host)}
    group = groups.get(number) or Group(f"number {number}", number, ())
    seen = f"{stat.filemode(status.st_mode)}, group {group.name}; you are {host.user or 'nameless'}"
    cage = _cage(host)
    if cage:
        return causes.CONFINED.found(seen, where=port, cage=cage, advice=_CAGES[cage])
    if not status.st_mode & stat.S_IRGRP or number == 0:
        vendor = f"{device.vendor:04x}" if device else "VENDOR-OF-lsusb"
        return causes.NO_RULE.found(seen, where=port, vendor=vendor)
    if host.user in group.members and number not in host.groups:
        return causes.LOGIN_TOO_OLD.found(seen, where=port, group=group.name)
    command = _join_command(host, group.name)
    return causes.NOT_IN_GROUP.found(seen, where=port, group=group.name, command=command)


def _groups(host: Host) -> Iterator[Group]:
    for line in host.read("/etc/group").splitlines():
        with suppress(ValueError):
            name, _, number, members = line.split(":")
            yield Group(name, int(number), tuple(filter(None, members.split(","))))


def _join_command(host: Host, group: str) -> str:
    user = host.user or "$USER"
    if "nixos" in host.distribution:
        return f'users.users.{user}.extraGroups = [ "{group}" ]; in configuration.nix, then rebuild'
    if "alpine" in host.distribution:
        return f"`sudo addgroup {user} {group}`"
    return f"`sudo usermod -aG {group} {user}`"


def _cage(host: Host) -> str:
    if host.path("/.flatpak-info").exists():
        return "flatpak"
    return "snap" if host.environ.get("SNAP") else ""


def _locks(host: Host, port: str) -> Iterator[Item]:
    """UUCP's lock files, which picocom, minicom and others honour."""
    lock = _LOCK.format(port.rsplit("/", 1)[-1])
    number = host.read(lock).split(" ")[0]
    if number.isdigit() and not host.path(f"/proc/{int(number)}").exists():
        yield causes.STALE_LOCK.found(f"{lock} names process {int(number)}", where=port, lock=lock)


def _modem_manager(host: Host, port: str, device: UsbDevice | None) -> Iterator[Item]:
    if host.system != LINUX or device is None or not host.is_running("ModemManager"):
        return
    numbers = host.read(f"/sys/class/tty/{port.rsplit('/', 1)[-1]}/dev")
    if "ID_MM_DEVICE_IGNORE=1" not in host.read(f"/run/udev/data/c{numbers}"):
        vendor = f"{device.vendor:04x}"
        yield causes.MODEM_MANAGER.found("ModemManager runs", where=port, vendor=vendor)
