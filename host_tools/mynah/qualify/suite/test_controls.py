"""Light and buttons."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from mynah.hil.controls import Button, Led
    from mynah.hil.device import Device
    from mynah.hil.repl import BoardRepl

SHOW = """
import neopixel
from machine import Pin
def show(pin, count, colour):
    pixels = neopixel.NeoPixel(Pin(pin), count)
    pixels.fill(colour)
    pixels.write()
"""
COLOURS = ((32, 0, 0), (0, 32, 0), (0, 0, 32), (0, 0, 0))
READ = """
from machine import Pin
def read(pin):
    return Pin(pin, Pin.IN, Pin.PULL_UP).value()
"""


@pytest.mark.needs("led")
def test_light(device: Device, led: Led, repl: BoardRepl) -> None:
    """The light shows red, green and blue, and goes out."""
    kind = device.board.kind
    if kind is None or kind.led.kind != "ws2812":
        pytest.skip("only WS2812 LEDs are driven here so far")
    repl.run(SHOW)
    for colour in COLOURS:
        repl.call("show", kind.led.pin, kind.led.count, colour)
        seen = led.wait_for(colour)
        assert seen == [colour] * kind.led.count


@pytest.mark.parametrize("name", ["boot", "mute", "volume_up", "volume_down"])
def test_button(
    device: Device, button: Button, repl: BoardRepl, is_hardware: bool, name: str
) -> None:
    """A button is seen when it is pressed and let go."""
    kind = device.board.kind
    if kind is None or name not in kind.buttons:
        pytest.skip(f"the board has no button {name!r}")
    if device.board.virtual is None and not is_hardware:
        pytest.skip("the program of a virtual board on a port does not see the port's lines")
    repl.run(READ)
    pin = kind.buttons[name]
    assert repl.call("read", pin) == 1, "it looks pressed before it is"
    button.hold(name)
    assert repl.call("read", pin) == 0, "it is pressed and not seen"
    button.release(name)
    assert repl.call("read", pin) == 1, "it sticks"
