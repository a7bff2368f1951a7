"""Run unmodified esptool as a process of its own, and tell its failures apart.

It is never imported: it is GPL software, and a crash or a hang of it must not be ours.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

from mynah.errors import BoardError, BoardTimeoutError, MynahError, PortError, VerificationError
from mynah.link import open_port
from mynah.link.port import REMOTE
from mynah.logs import clean

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_ENVIRONMENT = {
    "COLUMNS": "200",
    "NO_COLOR": "1",
    "PYTHONIOENCODING": "utf-8",
    "PYTHONUNBUFFERED": "1",
    "TERM": "dumb",
}
_SHOWN_LINES = 6
_RUN_QUICKLY = """
import runpy, serial
serial.protocol_handler_packages.insert(0, "mynah.link.urlhandler")
runpy.run_module("esptool", run_name="__main__", alter_sys=True)
"""

_NO_PORT = re.compile(r"Could not open .*port is busy or doesn't exist")
_NO_ANSWER = re.compile(r"Failed to connect|No serial data received|Invalid head of packet")
_LOST = re.compile(
    r"serial exception|stream stopped|stopped responding|connection failed|Lost connection"
    r"|Device not configured|device disconnected|Input/output error",
    re.IGNORECASE,
)
_WRONG_CONTENT = re.compile(r"MD5 of file does not match|written flash region is empty")
_WRONG_CHIP = re.compile(r"This chip is (\S+?),? not")


_RATE_CHANGE = "Changing baud rate to"


class RateChangedError(Exception):
    """The cause of a failure that came after the baud rate was changed; it may be to blame."""


def command_for(url: str) -> list[str]:
    """The command that runs esptool for a port; its arguments are appended.

    On a remote port pyserial is told of `mynah.link.urlhandler`, which is ten times as quick.
    """
    if not url.startswith(REMOTE):
        return [sys.executable, "-m", "esptool"]
    return [sys.executable, "-c", _RUN_QUICKLY]


def run(
    url: str,
    arguments: Sequence[str],
    *,
    options: Sequence[str] = (),
    on_line: Callable[[str], None] | None = None,
) -> list[str]:
    """Run one esptool command on a port and return the lines that it printed.

    Args:
        url: device path or ``rfc2217://host:port``.
        arguments: the command and what follows it.
        options: esptool's own options, before the command.
        on_line: called with each line as it comes.

    Raises:
        PortError: the port is missing, busy, or vanished meanwhile.
        BoardTimeoutError: nothing that esptool understands answers on the port.
        VerificationError: the flash does not hold what was written.
        BoardError: another chip, or whatever else esptool refused.
    """
    command = [*command_for(url), "--port", url, *options, *arguments]
    lines: list[str] = []
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        env=os.environ | _ENVIRONMENT,
    ) as process:
        assert process.stdout is not None
        try:
            for raw in process.stdout:
                line = clean(raw.rstrip())
                if line:
                    lines.append(line)
                    if on_line:
                        on_line(line)
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        changed = any(line.startswith(_RATE_CHANGE) for line in lines)
        raise _failure(url, lines) from (RateChangedError() if changed else None)
    return lines


def _failure(url: str, lines: list[str]) -> MynahError:
    text = "\n".join(lines)
    if _NO_PORT.search(text):
        try:
            open_port(url).close()
        except PortError as error:
            return error
        return PortError(f"{url} was busy a moment ago: try again")
    wrong_chip = _WRONG_CHIP.search(text)
    if wrong_chip:
        return BoardError(f"the chip on {url} is {wrong_chip[1]}; Mynah runs on the ESP32-S3")
    if _WRONG_CONTENT.search(text):
        return VerificationError(
            "the flash does not hold what was written: is the board's power stable?"
        )
    if _LOST.search(text):
        return PortError(f"{url} vanished while it was in use")
    if _NO_ANSWER.search(text):
        return BoardTimeoutError(
            f"no ESP32-S3 answers on {url}: hold BOOT, press and let go of RESET, let go of BOOT "
            "and try again; on a board with two USB sockets, try the other one"
        )
    return BoardError("esptool failed: " + " / ".join(lines[-_SHOWN_LINES:]))
