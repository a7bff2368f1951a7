"""The virtual board's surroundings, as parts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mynah.audio_files import RATE_HZ
from mynah.hil.sound import Sound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mynah.hil.parts import Colour
    from mynah.virtual.board import VirtualBoard
    from mynah.virtual.gpio import Buttons
    from mynah.virtual.leds import Leds
    from mynah.virtual.microphone import Microphone, Playback
    from mynah.virtual.speaker import Recording, Speaker


class WorldSoundIn:
    """The virtual microphone."""

    def __init__(self, microphone: Microphone) -> None:
        self._microphone = microphone

    def play(self, sound: Sound) -> Playback:
        """Begin to play; returns at once."""
        return self._microphone.play(sound.samples, sound.rate)


class WorldSoundOut:
    """The virtual loudspeaker."""

    def __init__(self, speaker: Speaker) -> None:
        self._speaker = speaker

    def record(self) -> WorldCapture:
        """Record from now on."""
        return WorldCapture(self._speaker.record())


class WorldCapture:
    """A recording that runs."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._sound: Sound | None = None

    def stop(self) -> Sound:
        """End it; silence at 16 kHz if the board played nothing at all."""
        if self._sound is None:
            samples, rate = self._recording.stop(), self._recording.rate
            if not rate:
                seconds = self._recording.clock.now() - self._recording.start_time
                samples, rate = np.zeros(int(seconds * RATE_HZ), np.int16), RATE_HZ
            self._sound = Sound(samples, rate)
        return self._sound


class WorldButton:
    """A button between a pin and ground."""

    def __init__(self, buttons: Buttons, pin: int) -> None:
        self._buttons = buttons
        self._pin = pin

    def set(self, on: bool) -> None:
        """Press it or let go."""
        if on:
            self._buttons.hold(self._pin)
        else:
            self._buttons.release(self._pin)


class WorldLight:
    """The LEDs on one data pin, or on the first that shows any."""

    def __init__(self, leds: Leds, pin: int | None) -> None:
        self._leds = leds
        self._pin = pin

    def colours(self) -> Sequence[Colour]:
        """The colours of all LEDs, first LED first."""
        if self._pin is not None:
            return self._leds.get(self._pin, [])
        return next((colours for colours in self._leds.values() if colours), [])


class WorldSupply:
    """The virtual board's supply."""

    def __init__(self, board: VirtualBoard) -> None:
        self._board = board

    def set(self, on: bool) -> None:
        """Switch it."""
        if on:
            self._board.power_on()
        else:
            self._board.power_off()
