"""The tests of ``mynah farm demo``: what any board with MicroPython can do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from mynah.hil.device import Device
    from mynah.hil.repl import BoardRepl


def test_it_starts_and_tells_its_version(device: Device) -> None:
    """The start is in the log."""
    device.reset(wait=False)
    device.expect(r"MicroPython \S+ on \d{4}-\d\d-\d\d")


@pytest.mark.parametrize("value", [(7, "seven", [7.5]), b"\x00\xff"], ids=["tuple", "bytes"])
def test_values_come_back_with_their_types(repl: BoardRepl, value: Any) -> None:
    """What the board calculates arrives as what it is."""
    assert repl.value(repr(value)) == value


def test_a_file_outlives_a_reset(device: Device, repl: BoardRepl) -> None:
    """Its filesystem is in flash."""
    repl.run("with open('kept.txt', 'w') as f: f.write('here')")
    repl.close()
    device.reset()
    device.write("print(open('kept.txt').read())\r")
    device.expect("^here$")


def test_it_can_hash(repl: BoardRepl) -> None:
    """A piece of code runs, and the right answer comes."""
    repl.run("import hashlib")
    assert repl.value("hashlib.sha256(b'abc').digest()[:4]") == b"\xba\x78\x16\xbf"


def test_a_traceback_in_the_log_is_seen(device: Device) -> None:
    """A program that dies is noticed; here it is expected."""
    with device.crash("ZeroDivisionError"):
        device.write("1 // 0\r")
