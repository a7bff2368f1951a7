"""Make the report: gather, redact, look once more for secrets, write one zip file."""

from __future__ import annotations

import errno
import io
import json
import os
import time
import zipfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mynah.doctor.run import examine
from mynah.errors import MynahError, VerificationError
from mynah.miio import devices
from mynah.report import collect
from mynah.report.redact import Redactor
from mynah.userdirs import write_atomically

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from mynah.doctor.host import Host
    from mynah.doctor.run import Diagnosis

_OWNER_ONLY = 0o600
_NO_PORT = {"port-unusable", "port-busy-unseen"}
_README = """\
A report of `mynah report`, for whoever helps.

doctor.json     what `mynah doctor` found, and what the board told of itself
log.txt         the board's log after a reset; log-before.txt what it said before
partitions.txt  the flash's partition table
settings.json   the speaker's settings: numbers and switches; of texts only whether they are set
versions.json   of Mynah, Python and what Mynah uses
computer.json   operating system, ports, USB devices
removed.json    what was taken out, and how often

Taken out: tokens, keys and passwords that this computer or the board knows, in every spelling, and
what looks like one; user's, computer's and networks' names; home folders; {mac}
A password that neither of them knows, in a file of yours or typed at the prompt, cannot be known
here: look into the files before you send them.
"""
_MAC_OUT = "the end of each MAC address."
_MAC_KEPT = "MAC addresses are kept, as you asked."


@dataclass(frozen=True, slots=True)
class Report:
    """What was written where."""

    path: str
    files: dict[str, int]
    """Bytes by name."""
    removed: dict[str, int]
    """How often what was taken out."""
    faults: list[str] = field(default_factory=list)
    """Causes of what is wrong, as in `mynah doctor`."""
    board: str | None = None
    """The port of the board that it tells of; None: there was none, or several to choose from."""


def make_report(
    host: Host,
    path: Path,
    *,
    port: str | None = None,
    name: str | None = None,
    baud: int = 115200,
    reset: bool = True,
    keep_mac: bool = False,
    talk: Callable[[str], None] = lambda _: None,
) -> Report:
    """Examine, and write a report without secrets; the board and this computer stay as they are.

    Args:
        host: this computer.
        path: the zip file to write; it is replaced as a whole.
        port: the board's; None: the only one that there is, if there is one.
        name: of a paired speaker to be looked for on the network.
        baud: baud rate of the board's console.
        reset: whether the board may be started anew.
        keep_mac: leave MAC addresses in it.
        talk: told what is going on.

    Raises:
        UsageError: there is no paired speaker of that name.
        VerificationError: a secret would have been in it; nothing is written.
        OSError: the file cannot be written.
    """
    if name:
        devices.find(name)
    if not path.parent.is_dir():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path.parent))
    redactor = Redactor(keep_mac=keep_mac)
    collect.know_this_computer(redactor)
    settings = collect.Settings(redactor)
    diagnosis = examine(host, port=port, baud=baud, reset=reset, question=settings.ask, talk=talk)
    if name:
        diagnosis.merge(examine(host, name=name, talk=talk))
    content: dict[str, Any] = {
        "README.txt": _README.format(mac=_MAC_KEPT if keep_mac else _MAC_OUT),
        "versions.json": collect.versions(),
        "computer.json": collect.computer(host),
        "settings.json": settings.shown,
        **_of_board(diagnosis, redactor, talk=talk if reset else None),
    }
    content["doctor.json"] = diagnosis.data()
    files = _as_files(content, redactor)
    files["removed.json"] = _json(dict(redactor.counts))
    _look_once_more(files, redactor)
    write_atomically(path, _zip(files), mode=_OWNER_ONLY)
    sizes = {name: len(data) for name, data in sorted(files.items())}
    faults = [each.cause for each in diagnosis.faults]
    board = diagnosis.conversation.url if diagnosis.conversation else None
    return Report(str(path), sizes, dict(redactor.counts), faults, board)


def _of_board(
    diagnosis: Diagnosis, redactor: Redactor, talk: Callable[[str], None] | None
) -> dict[str, Any]:
    """Log and partition table; of a board that is mute what its chip tells (``talk``: it may)."""
    conversation = diagnosis.conversation
    if conversation is None:
        return {}
    for network in conversation.heard:
        redactor.add_network(network.text)
    content: dict[str, Any] = {
        "log-before.txt": _lines(conversation.before.lines),
        "log.txt": _lines(conversation.log.lines),
    }
    facts = conversation.facts
    told = collect.told_partitions(facts.values) if facts else None
    if told:
        content["partitions.txt"] = told
    elif talk and not any(each.cause in _NO_PORT for each in diagnosis.findings):
        talk("asking the chip's loader (esptool) ...")
        try:
            chip, content["partitions.txt"] = collect.ask_chip(conversation.link)
        except MynahError as error:
            content["partitions.txt"] = f"not read: {error}\n"
        else:
            redactor.add_mac(chip["mac"])
            content["chip.json"] = chip
    return content


def _lines(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _as_files(content: Mapping[str, Any], redactor: Redactor) -> dict[str, bytes]:
    """Each as bytes, redacted. Twice: a name that is first met late is in early lines, too."""
    for each in content.values():
        redactor.data(each)
    redactor.counts.clear()
    clean = {name: redactor.data(each) for name, each in content.items()}
    return {
        name: each.encode() if isinstance(each, str) else _json(each)
        for name, each in clean.items()
    }


def _look_once_more(files: Mapping[str, bytes], redactor: Redactor) -> None:
    for name, data in files.items():
        if redactor.leaks(data.decode()):
            raise VerificationError(
                f"the report is not written: {name} would hold a secret. Please report this fault "
                "without the file"
            )


def _json(data: Any) -> bytes:
    return json.dumps(data, indent=2, ensure_ascii=False, default=str).encode() + b"\n"


def _zip(files: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    now = time.localtime()[:6]
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, data in sorted(files.items()):
            bundle.writestr(zipfile.ZipInfo(name, now), data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()
