"""What a board file says, as data."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

VIRTUAL_IMAGE = "virtual"
"""The value of ``image`` for a board whose MicroPython image the toolkit makes itself."""

_MIC_RATE_HZ = 16000  # what the wake-word models were trained on
_MIC_SLOT_BITS = 32  # INMP441 and its like put 24 bits into a 32-bit slot
# The DMA holds both slots of a frame, whatever is read (ports/esp32/machine_i2s.c), in buffers of
# 2048 bytes: 304 ms, which a garbage collection in PSRAM may take.
_MIC_BUFFER_BYTES = 40_000


@dataclass(frozen=True, slots=True)
class Psram:
    """The chip's external RAM: its size in MB, and ``kind``, "quad" or "octal"."""

    size_mb: int
    kind: str

    def __str__(self) -> str:
        return f"{self.size_mb} MB {self.kind} PSRAM"


@dataclass(frozen=True, slots=True)
class Wire:
    """Where a part's ``pin`` goes: ``to`` a signal of its section ("sck"), "3V3", "GND", "open"."""

    pin: str
    to: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Microphone:
    """An I2S microphone in the left slot, on a bus of its own; pins are GPIO numbers."""

    part: str
    i2s: int
    sck: int
    ws: int
    sd: int
    wiring: tuple[Wire, ...] = ()
    """Every pin of the part, where it is wired by hand."""


@dataclass(frozen=True, slots=True)
class Amplifier:
    """An I2S amplifier without a master clock; ``enable`` is high to switch it on."""

    part: str
    i2s: int
    sck: int
    ws: int
    sd: int
    enable: int | None = None
    wiring: tuple[Wire, ...] = ()
    """Every pin of the part, where it is wired by hand."""


@dataclass(frozen=True, slots=True)
class Led:
    """Addressable LEDs: ``kind`` is "ws2812", "apa102" (with a ``clock`` pin) or "none"."""

    kind: str = "none"
    pin: int | None = None
    clock: int | None = None
    count: int = 0


@dataclass(frozen=True, slots=True)
class Part:
    """Something to buy, with its price (about, in yuan) and where the price comes from."""

    name: str
    price_yuan: float
    source: str


@dataclass(frozen=True, slots=True)
class Board:
    """One kind of board. Sizes are in MB (2**20 bytes), pins are GPIO numbers."""

    name: str
    title: str
    chip: str
    flash_mb: int
    image: str
    usb: tuple[str, ...]
    microphone: Microphone
    amplifier: Amplifier
    psram: Psram | None = None
    led: Led = field(default_factory=Led)
    buttons: Mapping[str, int] = field(default_factory=dict)
    taken: Mapping[str, int] = field(default_factory=dict)
    parts: tuple[Part, ...] = ()
    features: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    """What a user should know before they trust the file."""
    sources: tuple[str, ...] = ()

    @property
    def flash_size(self) -> int:
        """The size of the flash, in bytes."""
        return self.flash_mb << 20

    @property
    def is_virtual(self) -> bool:
        """Whether this is the virtual board, which runs on this computer's processor."""
        return self.image == VIRTUAL_IMAGE

    @property
    def price_yuan(self) -> float:
        """What all parts cost together, about."""
        return sum(part.price_yuan for part in self.parts)

    def pins(self) -> list[tuple[str, int]]:
        """Every (use, GPIO number) that the file names."""
        uses: list[tuple[str, int | None]] = [
            ("microphone.sck", self.microphone.sck),
            ("microphone.ws", self.microphone.ws),
            ("microphone.sd", self.microphone.sd),
            ("amplifier.sck", self.amplifier.sck),
            ("amplifier.ws", self.amplifier.ws),
            ("amplifier.sd", self.amplifier.sd),
            ("amplifier.enable", self.amplifier.enable),
            ("led.pin", self.led.pin),
            ("led.clock", self.led.clock),
        ]
        uses += [(f"buttons.{name}", pin) for name, pin in self.buttons.items()]
        uses += [(f"taken.{name}", pin) for name, pin in self.taken.items()]
        return [(use, pin) for use, pin in uses if pin is not None]

    def device_json(self) -> bytes:
        """The board's own description of itself: ``/board.json`` in its filesystem."""
        mic, amp, led = self.microphone, self.amplifier, self.led
        description: dict[str, Any] = {
            "name": self.name,
            "model": f"mynah.speaker.{self.name}",
            "mic": {
                "id": mic.i2s,
                "sck": mic.sck,
                "ws": mic.ws,
                "sd": mic.sd,
                "bits": _MIC_SLOT_BITS,
                "rate": _MIC_RATE_HZ,
                "ibuf": _MIC_BUFFER_BYTES,
            },
            "amp": {
                "id": amp.i2s,
                "sck": amp.sck,
                "ws": amp.ws,
                "sd": amp.sd,
                "enable": amp.enable,
            },
            "led": {"kind": led.kind, "pin": led.pin, "clock": led.clock, "count": led.count},
            "buttons": dict(self.buttons),
        }
        return json.dumps(description, separators=(",", ":")).encode()
