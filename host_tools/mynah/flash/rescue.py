"""Get hold of a board whatever it is doing: stop its program, or say what ails it.

A program that starts the board again and again, or does not heed Ctrl-C, can be stopped between
reset and its first line: MicroPython heeds Ctrl-C while it reads ``main.py``. So the board is reset
and the line is flooded with Ctrl-C meanwhile, some times over. A reset also ends the ROM loader's
wait for a flasher.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from mynah.doctor import catalogue
from mynah.errors import BoardTimeoutError
from mynah.flash.health import ailment, told
from mynah.link import open_port, port_in_use, reset_board
from mynah.link.repl import Repl
from mynah.logs.lines import LineSplitter
from mynah.logs.record import clean

if TYPE_CHECKING:
    import serial

_RESETS = 8
_FLOOD_S = 3.0
_SILENCE_S = 1.0  # after the boot loader's lines: the program runs, and was not stopped
_CTRL_C = b"\x03" * 6  # each half millisecond: as many as 115200 baud carry
_PAUSE_S = 0.0005
_QUIET_S = 0.15
_PROMPT = b">>> "
_NOTHING_TO_CATCH = {
    each.name
    for each in (
        catalogue.BLANK_FLASH,
        catalogue.DAMAGED_LOADER,
        catalogue.NO_TABLE,
        catalogue.NO_APPLICATION,
        catalogue.FLASH_TOO_SMALL,
        catalogue.LOW_VOLTAGE,
        catalogue.WRONG_CHIP,
        catalogue.DAMAGED_FILESYSTEM,
    )
}
_KEYS = (b"\r\x03", b"\r\x03\x02", b"\r\x03\x02")  # Ctrl-B leaves the raw REPL
_PATIENCE_S = 0.8
_BUSY = (
    "the board on {url} runs a program that Ctrl-C does not stop: try once more; if that is no "
    "help, `mynah flash --board NAME --port {url}` writes everything anew"
)


def hold(url: str) -> Repl:
    """A board at its prompt, by force if need be.

    Raises:
        PortError: the port is missing or busy, or vanishes.
        BoardTimeoutError: it cannot be stopped, or there is no MicroPython or no whole filesystem
            on it; the message says which and what to do.
    """
    if _answers(url):
        with contextlib.suppress(BoardTimeoutError):  # it has a prompt, but does not start anew
            return Repl(url)
    said, found = b"", None
    for _ in range(_RESETS):
        caught, said = catch(url)
        found = ailment(url, _lines(said), _FLOOD_S)
        if found is not None and found.cause in _NOTHING_TO_CATCH:
            break
        if caught:
            return Repl(url)
    if found is not None:
        raise BoardTimeoutError(told(found))
    if said.strip():
        raise BoardTimeoutError(_BUSY.format(url=url))
    raise BoardTimeoutError(
        f"the board on {url} says nothing, not even after a reset: press RESET and try again; "
        f"`mynah doctor --port {url}` looks at cable, port and power"
    )


def _answers(url: str) -> bool:
    """Whether a prompt follows Ctrl-C; quick to give up, however much the board says."""
    said = b""
    port = open_port(url)
    try:
        with port_in_use(url):
            for keys in _KEYS:
                port.write(keys)
                deadline = time.monotonic() + _PATIENCE_S
                while time.monotonic() < deadline:
                    said += port.read(port.in_waiting or 1)
                    if _PROMPT in said:
                        return True
    finally:
        port.close()
    return False


def catch(url: str) -> tuple[bool, bytes]:
    """Reset a board and stop what it starts; whether its prompt came, and all that it said.

    Raises:
        PortError: the port is missing or busy, or vanishes.
    """
    said = b""
    port = open_port(url, timeout_s=0)
    try:
        with port_in_use(url):
            reset_board(port)
            now = heard = time.monotonic()
            deadline = now + _FLOOD_S
            while now < deadline and _PROMPT not in said:
                port.write(_CTRL_C)
                new = port.read(port.in_waiting or 1)
                now = time.monotonic()
                if new:
                    said += new
                    heard = now
                elif said and now - heard > _SILENCE_S:
                    break
                time.sleep(_PAUSE_S)
            _drain(port)
    finally:
        port.close()
    return _PROMPT in said, said


def _drain(port: serial.SerialBase) -> None:
    """Take what the prompt answers to the Ctrl-C that are still on their way."""
    quiet_at = time.monotonic() + _QUIET_S
    give_up_at = time.monotonic() + _FLOOD_S
    while time.monotonic() < min(quiet_at, give_up_at):
        if port.read(port.in_waiting or 1):
            quiet_at = time.monotonic() + _QUIET_S
        else:
            time.sleep(_PAUSE_S)


def _lines(said: bytes) -> list[str]:
    splitter = LineSplitter()
    return [clean(line) for line in [*splitter.feed(said), *splitter.flush()]]
