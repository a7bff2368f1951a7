"""Makes the hardware's objects from the board file, the only place that knows pin numbers."""

import os

import machine
import neopixel
from machine import I2S, Pin

from speaker.audio.microphone import Microphone
from speaker.audio.player import Player
from speaker.audio.ring import FRAME_SAMPLES, N_FRAMES, FrameRing
from speaker.drivers.button import Button
from speaker.drivers.led import Apa102, NoLed, Ws2812
from speaker.kernels import pcm
from speaker.util import log
from speaker.util.flags import Flags
from speaker.util.hints import Any, Callable
from speaker.wake.engine import WakeEngine
from speaker.wake.word import WakeWord

MODELS = "/models"

_CONSOLE_UART = 0
_LED_SPI = 2  # the general-purpose controller that no board of ours uses otherwise
_LED_BAUD = 1_000_000
_DMA_FRAME_BYTES = 8  # two slots of 32 bits: the port counts DMA in stereo frames


def microphone(mic: dict, flags: Flags, ready: Any) -> tuple:
    """`(Microphone, FrameRing)`; `ready` is set for each frame."""
    ring = FrameRing(N_FRAMES, FRAME_SAMPLES)

    def open_i2s() -> I2S:
        return I2S(
            mic["id"],
            sck=Pin(mic["sck"]),
            ws=Pin(mic["ws"]),
            sd=Pin(mic["sd"]),
            mode=I2S.RX,
            bits=mic["bits"],
            format=I2S.MONO,
            rate=mic["rate"],
            ibuf=mic["ibuf"],
        )

    log.info("mic", "%d Hz, kernels: %s", mic["rate"], pcm.BACKEND)
    dma_ms = mic["ibuf"] // (_DMA_FRAME_BYTES * mic["rate"] // 1000)
    return Microphone(open_i2s, flags.make(), ring, ready, mic["shift"], dma_ms), ring


def player(amp: dict, flags: Flags, notify: Callable[[int], object]) -> Player:
    """The amplifier's player."""
    i2s = I2S(
        amp["id"],
        sck=Pin(amp["sck"]),
        ws=Pin(amp["ws"]),
        sd=Pin(amp["sd"]),
        mode=I2S.TX,
        bits=16,
        format=I2S.MONO,
        rate=amp["rate"],
        ibuf=amp["ibuf"],
    )
    enable = None
    if amp["enable"] is not None:
        enable = Pin(amp["enable"], Pin.OUT, value=0)
    return Player(i2s, amp["rate"], flags.make(), enable, notify)


def led(facts: dict) -> Any:
    """The LED's driver."""
    if facts["kind"] == "ws2812":
        return Ws2812(neopixel.NeoPixel(Pin(facts["pin"], Pin.OUT), facts["count"]))
    if facts["kind"] == "apa102":
        spi = machine.SPI(
            _LED_SPI,
            baudrate=_LED_BAUD,
            sck=Pin(facts["clock"]),
            mosi=Pin(facts["pin"]),
            miso=None,
        )
        return Apa102(spi, facts["count"])
    return NoLed()


def set_console_rate(rate: int) -> None:
    """Change the baud rate of the serial console; AttributeError where there is no UART."""
    # The REPL's UART: only the rate changes, its buffers and its interrupt stay MicroPython's.
    machine.UART(_CONSOLE_UART, baudrate=rate)


def buttons(pins: dict, flags: Flags, actions: dict) -> list:
    """A Button for each pin that `actions` knows: name -> (pressed, holding, held)."""
    made = []
    for name, number in pins.items():
        if name in actions:
            pin = Pin(number, Pin.IN, Pin.PULL_UP)
            pressed, holding, held = actions[name]
            made.append(Button(pin, Pin.IRQ_FALLING, flags.make(), pressed, holding, held))
    return made


def wake_engine(folder: str = MODELS) -> WakeEngine | None:
    """The engine with every good model in the folder, or None (logged) when there is no word."""
    try:
        names = sorted([name for name in os.listdir(folder) if name.endswith(".wake")])
    except OSError:
        names = []
    words = []
    for name in names:
        try:
            word = WakeWord(folder + "/" + name)
        except (OSError, ValueError) as error:
            log.error("wake", "model %s: %s", name, error)
            continue
        words.append(word)
        what = "gated by" if word.kind == "vad" else "listening for"
        log.info("wake", '%s "%s" (%s)', what, word.wake_word, WakeEngine.backend)
    try:
        return WakeEngine(words)
    except ValueError:
        log.warning("wake", "no model: listening for nothing")
        return None
