"""From the plug to the port: power, USB, drivers, and the programs that take devices away."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mynah.doctor import catalogue as causes
from mynah.doctor import usb
from mynah.doctor.finding import Looked, Unseen
from mynah.doctor.host import LINUX, MACOS
from mynah.doctor.usb_elsewhere import COMMANDS
from mynah.link.ports import BRIDGE, NATIVE, classify

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mynah.doctor.finding import Cause, Finding, Item
    from mynah.doctor.host import Host
    from mynah.doctor.usb_device import UsbDevice

_MUTE = re.compile(
    r"usb (?:usb)?([\d.-]+?)(?:-port(\d+))?: "
    r"(device descriptor read|device not accepting address|unable to enumerate|"
    r"device not responding to setup|unable to read config)",
    re.IGNORECASE,
)
_BRLTTY_TOOK = re.compile(r"usb ([\d.-]+): usbfs: interface \d+ claimed by \S+ while 'brltty'")
_TIME = re.compile(r"^\[\s*[\d.]+\] ")
_CASKS = {
    "ch341": "`brew install --cask wch-ch34x-usb-serial-driver`",
    "cp210x": "`brew install --cask silicon-labs-vcp-driver`",
}
_MAKERS = {
    "ch341": "CH341SER of wch-ic.com",
    "cp210x": "CP210x VCP of silabs.com",
    "ftdi_sio": "VCP of ftdichip.com",
}
_REMOVE = {"debian": "apt remove", "fedora": "dnf remove", "arch": "pacman -R", "suse": "zypper rm"}
_SHOWN_OTHERS = 5
_SHOWN_LINES = 3


def check_usb(host: Host, boards: list[UsbDevice]) -> Iterator[Item]:
    """What is plugged in, and whether the computer could ask it what it is."""
    if host.system != LINUX:
        yield from _check_elsewhere(host, boards)
        return
    for port, count in usb.over_currents(host).items():
        yield causes.OVER_CURRENT.found(f"over_current_count is {count}", where=port)
    yield from _mute(host)
    for board in boards:
        yield Looked("USB", str(board))
    if not boards:
        yield _nothing(host)


def check_drivers(host: Host, boards: list[UsbDevice]) -> Iterator[Item]:
    """Whether each board has a serial port, and which driver or program is in the way."""
    for board in boards:
        if board.ports:
            by = f" by {', '.join(board.drivers)}" if board.drivers else ""
            yield Looked("driver", f"{', '.join(board.ports)}{by}")
        elif host.system == LINUX:
            yield _without_tty(host, board)
        else:
            yield _without_port(host, board)


def check_hubs(boards: list[UsbDevice]) -> Iterator[Item]:
    """What each board gets its current from, and which of two sockets is which."""
    for board in boards:
        if board.bus_powered_hub:
            hub = board.bus_powered_hub
            yield causes.BUS_POWERED_HUB.found(f"{hub} is not self-powered", device=board, hub=hub)
    ports = {board.kind: board.ports for board in boards}
    if ports.get(NATIVE) and ports.get(BRIDGE):
        seen = [f"{' '.join(board.ports) or 'no port'}: {board}" for board in boards]
        where = f"{ports[BRIDGE][0]} and {ports[NATIVE][0]}"
        yield causes.TWO_SOCKETS.found(*seen, where=where)


def _check_elsewhere(host: Host, boards: list[UsbDevice]) -> Iterator[Item]:
    """As `check_usb`, on a Mac or on Windows."""
    for board in boards:
        yield Looked("USB", str(board))
    yield Unseen("USB power", "only Linux tells of hubs and of ports that were switched off")
    if boards:
        return
    ports = [port.device for port in host.comports()]
    seen = f"serial ports: {', '.join(ports) or 'none'}"
    if host.run(COMMANDS.get(host.system, ())) is None:
        yield Unseen("USB", "this system does not tell what is plugged in")
    if not any(classify(port.vid or 0, port.pid or 0) for port in host.comports()):
        yield causes.NO_BOARD.found(seen)


def _mute(host: Host) -> Iterator[Item]:
    if host.kernel_log is None:
        yield Unseen(
            "kernel log",
            "this user may not read it (`sudo dmesg`): a device that fails to say what it is, as "
            "with a bad cable, is seen there alone",
        )
        return
    lines: dict[str, list[str]] = {}
    for line in host.kernel_log:
        match = _MUTE.search(line)
        if match:
            where = f"{match[1]}, port {match[2]}" if match[2] else match[1]
            lines.setdefault(where, []).append(_TIME.sub("", line))
        # What failed may have worked at a later try.
        worked = re.search(r"usb ([\d.-]+): New USB device found", line)
        if worked:
            lines.pop(worked[1], None)
    for where, seen in lines.items():
        yield causes.NO_ENUMERATION.found(*seen[-_SHOWN_LINES:], where=where)


def _nothing(host: Host) -> Finding:
    others = usb.others(host)
    if host.is_wsl and not others:
        return causes.WSL_WITHOUT_USB.found(f"kernel {host.kernel}", "no USB device")
    if not host.path("/sys/bus/usb/devices").is_dir():
        seen = "this computer has no USB, or does not show it here (a container, a virtual machine)"
        return causes.NO_BOARD.found(seen)
    shown = ", ".join(others[:_SHOWN_OTHERS]) or "nothing"
    more = f" and {len(others) - _SHOWN_OTHERS} more" if len(others) > _SHOWN_OTHERS else ""
    return causes.NO_BOARD.found(f"plugged in besides hubs: {shown}{more}")


def _without_tty(host: Host, board: UsbDevice) -> Finding:
    driver = board.driver
    took = [line for line in host.kernel_log or () if _took(line, board)]
    if took or (host.is_running("brltty") and "usbfs" in board.drivers):
        seen = took[-1:] or ["brltty runs, and a program (usbfs) has the device"]
        command = _package(host, _REMOVE, "brltty", "remove the package brltty")
        return causes.BRLTTY.found(*map(_untimed, seen), device=board, command=command)
    if "usbfs" in board.drivers:
        return causes.DRIVER_TAKEN.found("usbfs has an interface of it", device=board)
    seen_by = f"no tty below /sys/bus/usb/devices/{board.name}"
    if host.path(f"/sys/module/{driver}").is_dir():
        cause: Cause = causes.DRIVER_IDLE
    elif _has_module(host, driver):
        cause = causes.DRIVER_NOT_LOADED
    else:
        cause = causes.DRIVER_MISSING
        seen_by += f"; /lib/modules/{host.kernel} has no {driver}"
    return cause.found(seen_by, device=board, driver=driver, command=_install_modules(host, driver))


def _without_port(host: Host, board: UsbDevice) -> Finding:
    """Macs and Windows bring drivers for nearly all; the others come from the chips' makers."""
    if host.system == MACOS:
        command = _CASKS.get(board.driver, "plug it in again, into another socket")
        command += "; then allow it in System Settings, Privacy & Security, and restart"
    else:
        maker = _MAKERS.get(board.driver, "Windows Update")
        command = f"in the Device Manager: the device with a yellow mark, Update driver ({maker})"
    seen = f"{COMMANDS[host.system][0]} shows the device, and no serial port has its numbers"
    return causes.DRIVER_ELSEWHERE.found(seen, device=board, command=command)


def _took(line: str, board: UsbDevice) -> bool:
    match = _BRLTTY_TOOK.search(line)
    return match is not None and match[1] == board.name


def _untimed(line: str) -> str:
    return _TIME.sub("", line)


def _has_module(host: Host, name: str) -> bool:
    folder = f"/lib/modules/{host.kernel}"
    wanted = re.compile(rf"/{re.escape(name).replace('_', '[_-]')}\.ko\b")
    files = ("modules.dep", "modules.builtin")
    return any(wanted.search(host.read(f"{folder}/{file}")) for file in files)


def _package(host: Host, commands: dict[str, str], package: str, otherwise: str) -> str:
    for name, command in commands.items():
        if any(word.startswith(name) for word in host.distribution):
            return f"`sudo {command} {package}`"
    return otherwise


def _install_modules(host: Host, driver: str) -> str:
    kernel = host.kernel
    if host.is_wsl:
        return "in Windows' PowerShell: `wsl --update` brings a kernel with more drivers"
    if host.is_container:
        return f"the driver belongs to the computer outside of this container: load {driver} there"
    if "ubuntu" in host.distribution:
        return f"`sudo apt install linux-modules-extra-{kernel}`"
    if "raspbian" in host.distribution or "debian" in host.distribution:
        return (
            f"`sudo apt install linux-image-{kernel}`: the kernels named `cloud` lack USB drivers; "
            "restart with a full one"
        )
    if "fedora" in host.distribution:
        return f"`sudo dnf install kernel-modules-extra-{kernel}`"
    if "arch" in host.distribution:
        return "restart: after an update of the kernel the old one's modules are gone"
    return f"install your distribution's kernel modules that contain {driver} for {kernel}"
