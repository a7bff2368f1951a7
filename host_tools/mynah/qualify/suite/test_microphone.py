"""The microphone: what it hears, of what the bench plays and of a quiet room."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from mynah.audio_files import to_int16
from mynah.hil.sound import Sound
from mynah.qualify import acoustics
from mynah.qualify.board_sound import RATE_HZ, BoardSound
from mynah.qualify.stimulus import Stimulus

if TYPE_CHECKING:
    from mynah.hil.audio import Mic
    from mynah.hil.device import Device
    from mynah.hil.repl import BoardRepl
    from mynah.qualify.score import Score

LEAD_S = 0.8
"""Of silence, until the board records in any case."""
TONE_DBFS = -20.0
STIMULUS = Stimulus((TONE_DBFS,), acoustics.Sweep(rate=RATE_HZ, dbfs=TONE_DBFS), lead_s=LEAD_S)
ROOM_S = 1.0


@pytest.mark.needs("microphone")
@pytest.mark.scores("microphone.noise_dbfs", "microphone.offset_pct")
def test_quiet_room(device: Device, repl: BoardRepl, score: Score) -> None:
    """The microphone is alive, and quiet in a quiet room."""
    kind = device.board.kind
    assert kind is not None
    board = BoardSound(repl, kind)
    board.listen(ROOM_S)
    samples = board.heard(bits=32)
    assert np.any(samples), "all its samples are zero: wrong slot, broken data line, or no supply"
    assert np.any(np.diff(samples)), "all its samples are alike: the data line hangs"
    noise = acoustics.a_weighted_dbfs(samples, RATE_HZ)
    score("microphone.noise_dbfs", noise, note="1 s, to 8 kHz")
    score("microphone.offset_pct", 100 * abs(float(samples.mean())))


@pytest.mark.needs("microphone")
@pytest.mark.scores(
    "microphone.level_dbfs",
    "microphone.thd_n_pct",
    "microphone.clipped_pct",
    "microphone.ripple_db",
)
def test_tone_and_sweep(device: Device, mic: Mic, repl: BoardRepl, score: Score) -> None:
    """The microphone hears a tone and a sweep."""
    kind, entry = device.board.kind, device.board.entry
    assert kind is not None
    if entry.audio is not None and entry.audio.kind == "feed":
        pytest.skip("sound over the console takes the microphone's place: it needs a sound card")
    board = BoardSound(repl, kind)
    playing = mic.play(Sound(to_int16(STIMULUS.floats()), RATE_HZ))
    board.listen(STIMULUS.seconds)
    playing.wait()
    recorded = Sound(to_int16(board.heard()), RATE_HZ)
    device.evidence.keep_sound("heard by the microphone", recorded)
    found = STIMULUS.find(recorded)
    tone = found.tone(0)
    score("microphone.level_dbfs", tone.level_dbfs, note="16 bits of the microphone's full scale")
    score("microphone.thd_n_pct", 100 * tone.thd_n, note="to 8 kHz")
    score("microphone.clipped_pct", 100 * acoustics.clipped_share(tone.samples / 32768.0))
    response = found.response()
    score("microphone.ripple_db", response.ripple_db(200, 6000), note="by sixths of an octave")
    score.curve(
        "microphone.response", response.hertz, response.gain_db, "Microphone: response", "Hz", "dB",
        log_x=True,
    )  # fmt: skip
