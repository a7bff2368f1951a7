"""The whole of an examination: the computer, the port, the board, the network; what to do first."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from mynah.doctor import access, cable, usb
from mynah.doctor import catalogue as causes
from mynah.doctor.catalogue import rank
from mynah.doctor.conversation import Conversation
from mynah.doctor.finding import FAULT, SEVERITIES, Finding, Looked, Unseen
from mynah.doctor.network import Target, check_network
from mynah.link.port import REMOTE
from mynah.link.ports import BRIDGE, NATIVE, find_ports
from mynah.link.shares import find_share, shares
from mynah.miio import devices

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable

    from mynah.doctor.finding import Item
    from mynah.doctor.host import Host
    from mynah.doctor.usb_device import UsbDevice
    from mynah.link.repl import Repl

_MISSING = {"no-device-file", "port-missing"}
_FORBIDDEN = {"confined", "not-in-group", "group-not-yet", "no-udev-rule", "port-busy"}
_NO_BOARD = {"no-board", "wsl-without-usb"}


@dataclass
class Diagnosis:
    """What was found, seen in order, and not seen."""

    conversation: Conversation | None = None
    """What was heard from the board on the port, if there was one to be opened."""

    findings: list[Finding] = field(default_factory=list)
    looked: list[Looked] = field(default_factory=list)
    unseen: list[Unseen] = field(default_factory=list)
    _told: set[tuple[str, tuple[str, ...]]] = field(default_factory=set)

    def data(self) -> dict[str, Any]:
        """Everything as JSON has it, with what the board told of itself."""
        facts = self.conversation.facts if self.conversation else None
        return {
            "findings": [asdict(each) for each in self.findings],
            "looked": [asdict(each) for each in self.looked],
            "unseen": [asdict(each) for each in self.unseen],
            "board": dict(facts.values) if facts else None,
        }

    @property
    def faults(self) -> list[Finding]:
        """The findings for which something does not work."""
        return [each for each in self.findings if each.severity == FAULT]

    def merge(self, other: Diagnosis) -> None:
        """Take what another examination found."""
        self.add([*other.findings, *other.looked, *other.unseen])

    def add(self, items: Iterable[Item]) -> None:
        """Take what a check yields; the findings stay in the order of what to do first."""
        for item in items:
            if isinstance(item, Finding):
                # The port and the network may tell the same.
                if (item.cause, item.evidence) not in self._told:
                    self.findings.append(item)
                self._told.add((item.cause, item.evidence))
            elif isinstance(item, Looked):
                if item not in self.looked:
                    self.looked.append(item)
            else:
                self.unseen.append(item)
        self.findings.sort(key=lambda each: (SEVERITIES.index(each.severity), rank(each.cause)))

    def forget(self, names: Container[str]) -> None:
        """Drop the findings of these causes: what was seen later explains them."""
        self.findings = [each for each in self.findings if each.cause not in names]


def examine(
    host: Host,
    *,
    port: str | None = None,
    name: str | None = None,
    address: str | None = None,
    baud: int = 115200,
    reset: bool = True,
    question: Callable[[Repl], None] = lambda _: None,
    talk: Callable[[str], None] = lambda _: None,
) -> Diagnosis:
    """Find out what is wrong.

    Args:
        host: this computer.
        port: the board's; None: the only one that looks like a board, if there is one.
        name: of a paired speaker, to be looked for on the network.
        address: of a speaker on the network.
        baud: baud rate of the board's console.
        reset: whether the board may be started anew.
        question: asks MicroPython on the board for more, while it is stopped anyway.
        talk: told what is being looked at.

    Raises:
        UsageError: there is no paired speaker of that name.
    """
    diagnosis = Diagnosis()
    if name or address:
        diagnosis.add(check_network(host, _target(name, address), talk))
        return diagnosis
    boards: list[UsbDevice] = []
    if not (port and port.startswith(REMOTE)):
        talk("looking at USB and drivers ...")
        boards = usb.boards(host)
        diagnosis.add(cable.check_usb(host, boards))
        diagnosis.add(cable.check_drivers(host, boards))
        diagnosis.add(cable.check_hubs(boards))
    chosen = port or _only_port(host, diagnosis)
    share = find_share(chosen) if chosen else None
    if share:
        diagnosis.forget(_NO_BOARD)
        diagnosis.add([Looked("holder", f"{share.program} shares {chosen} at {share.url}")])
    if chosen and (share or _check_access(host, chosen, boards, diagnosis)):
        diagnosis.conversation = Conversation(
            chosen,
            link=share.url if share else None,
            baud=baud,
            reset=reset,
            reach=lambda there: check_network(
                host, replace(_target(None, there), is_fresh=reset), talk
            ),
            question=question,
            talk=talk,
        )
        diagnosis.add(diagnosis.conversation.examine(_other_sockets(chosen, boards)))
    return diagnosis


def _target(name: str | None, address: str | None) -> Target:
    """The speaker that is meant, with what this computer knows of it."""
    if name:
        device = devices.find(name)
        return Target(address or device.address, name, device)
    known = {each.address: (name, each) for name, each in devices.known().items()}
    found, which = known.get(address or "", ("", None))
    return Target(address or "", found, which)


def _check_access(host: Host, port: str, boards: list[UsbDevice], diagnosis: Diagnosis) -> bool:
    """Look at a port without opening it; whether it can be opened."""
    found = list(access.check_port(host, port, boards))
    diagnosis.add(found)
    wrong = {each.cause for each in found if isinstance(each, Finding)}
    if not wrong & _MISSING:  # there is a port, whatever else is on USB
        diagnosis.forget(_NO_BOARD)
    return not wrong & (_MISSING | _FORBIDDEN)


def _only_port(host: Host, diagnosis: Diagnosis) -> str | None:
    """The port to look at when none was named: a bridge rather than the chip's own USB."""
    likely = {each.url: each for each in find_ports(host.comports()) if each.kind}
    shared = {each.port: f"shared by {each.program}" for each in shares()}  # so there is a board
    there = shared | {url: each.description for url, each in likely.items()}
    if len(there) == 2 and {each.kind for each in likely.values()} == {BRIDGE, NATIVE}:
        there = {url: text for url, text in there.items() if likely[url].kind == BRIDGE}
    if len(there) > 1:
        diagnosis.forget(_NO_BOARD)
        seen = [f"{url}: {text}" for url, text in sorted(there.items())]
        diagnosis.add([causes.SEVERAL_BOARDS.found(*seen, where=min(there), n=len(there))])
    return min(there) if len(there) == 1 else None


def _other_sockets(port: str, boards: list[UsbDevice]) -> list[str]:
    """Ports of the other kind than this one: of a board with two sockets, the other socket."""
    kinds = {name: board.kind for board in boards for name in board.ports}
    return [each for each, kind in kinds.items() if port in kinds and kind != kinds[port]]
