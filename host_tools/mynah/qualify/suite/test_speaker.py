"""Amplifier and loudspeaker, as the bench hears them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mynah.hil.sound import Sound
from mynah.qualify import acoustics
from mynah.qualify.board_sound import RATE_HZ, BoardSound
from mynah.qualify.stimulus import Stimulus

if TYPE_CHECKING:
    from mynah.hil.audio import Speaker
    from mynah.hil.controls import Button
    from mynah.hil.device import Device
    from mynah.hil.repl import BoardRepl
    from mynah.qualify.score import Score

FULL_DBFS, USUAL_DBFS = -3.02, -12.0
STIMULUS = Stimulus((FULL_DBFS, USUAL_DBFS), acoustics.Sweep(rate=RATE_HZ))
TONE_S = 0.6
EAR_QUIET_S = 0.5
NO_NOISE = "every sample of the pause is zero: no analogue part is in the way"


@pytest.mark.needs("amplifier")
@pytest.mark.scores(
    "speaker.level_dbfs",
    "speaker.noise_dbfs",
    "speaker.range_db",
    "speaker.thd_n_pct",
    "speaker.ripple_db",
    "speaker.lowest_hz",
)
def test_tones_and_sweep(device: Device, speaker: Speaker, repl: BoardRepl, score: Score) -> None:
    """Tones and a sweep come out of the loudspeaker."""
    kind = device.board.kind
    assert kind is not None
    board = BoardSound(repl, kind)
    board.send(STIMULUS.floats())
    with speaker.record() as recording:
        board.play(STIMULUS.seconds)
    found = STIMULUS.find(recording.sound)
    level, pause = found.tone(0).level_dbfs, found.pause()
    score("speaker.level_dbfs", level, note=f"of {RATE_HZ} samples a second")
    if pause.is_silent:
        score.not_measured("speaker.noise_dbfs", NO_NOISE)
        score.not_measured("speaker.range_db", NO_NOISE)
    else:
        score("speaker.noise_dbfs", pause.level_dbfs, note="to 8 kHz, unweighted")
        score("speaker.range_db", level - pause.level_dbfs)
    score("speaker.thd_n_pct", 100 * found.tone(1).thd_n, note="to 8 kHz")
    response = found.response()
    score("speaker.ripple_db", response.ripple_db(300, 6000), note="by sixths of an octave")
    score("speaker.lowest_hz", response.lowest_hz(), note="the sweep begins at 100 Hz")
    score.curve(
        "speaker.response", response.hertz, response.gain_db, "Loudspeaker: response", "Hz", "dB",
        log_x=True,
    )  # fmt: skip
    score.curve(
        "speaker.distortion", response.distortion_hertz, response.distortion_pct,
        "Loudspeaker: harmonics", "Hz", "%", log_x=True,
    )  # fmt: skip


@pytest.mark.needs("amplifier", "microphone")
@pytest.mark.scores("speaker.own_ear_db")
def test_own_ear(device: Device, repl: BoardRepl, score: Score, is_hardware: bool) -> None:
    """The board's own microphone hears its loudspeaker."""
    if not is_hardware:
        pytest.skip("there is no air between a virtual board's loudspeaker and its microphone")
    kind = device.board.kind
    assert kind is not None
    board = BoardSound(repl, kind)
    board.send(Sound.tone(1000, TONE_S, dbfs=USUAL_DBFS, rate=RATE_HZ).samples / 32767.0)
    board.hear_oneself(EAR_QUIET_S, TONE_S)
    heard = board.heard()
    n_quiet = round(EAR_QUIET_S * RATE_HZ)
    quiet, tone = heard[:n_quiet], heard[n_quiet + RATE_HZ // 10 :]
    above_db = acoustics.tone_dbfs(tone, RATE_HZ, 1000) - acoustics.tone_dbfs(quiet, RATE_HZ, 1000)
    score("speaker.own_ear_db", above_db, note=f"1 kHz at {USUAL_DBFS:g} dBFS, no bench equipment")


@pytest.mark.needs("amplifier")
@pytest.mark.scores("speaker.melody_dbfs")
def test_melody(firmware: Device, speaker: Speaker, button: Button, score: Score) -> None:
    """The firmware's melody is heard when BOOT is pressed."""
    with speaker.record() as recording:
        button.press("boot")
        firmware.expect("player: playing", 5)
        button.press("boot", 0.2)
        firmware.expect("player: stopped", 10)
    melody = recording.sound.loud_part()
    assert melody.seconds > 0.1, "no melody came out of the loudspeaker"
    score("speaker.melody_dbfs", melody.level_dbfs)
