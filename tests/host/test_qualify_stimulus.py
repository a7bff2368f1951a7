"""A whole chain of sound, simulated: what is measured of it is what was put into it."""

import math

import numpy as np
import pytest

from mynah.errors import VerificationError
from mynah.hil.sound import Sound
from mynah.qualify.acoustics import Sweep
from mynah.qualify.stimulus import Stimulus

STIMULUS = Stimulus((-3.02, -12.0))


def chain(*, rate=16000, late_s=0.35, gain_db=0.0, noise_dbfs=None, bend=0.0, clock_ppm=0.0):
    """The stimulus after an amplifier, air and a sound card with a clock of its own."""
    played = STIMULUS.floats()
    n = round((len(played) / STIMULUS.rate + late_s + 0.4) * rate)
    times = (np.arange(n) / rate - late_s) * (1 + clock_ppm * 1e-6)
    heard = resampled(played, times * STIMULUS.rate)
    heard = (heard + bend * heard**2) * 10 ** (gain_db / 20)
    if noise_dbfs is not None:
        noise = np.random.default_rng(5).standard_normal(n) * 10 ** (noise_dbfs / 20)
        heard += noise * math.sqrt(rate / STIMULUS.rate)  # as loud in the band that is measured
    return Sound(np.clip(np.rint(heard * 32768), -32768, 32767).astype(np.int16), rate)


def resampled(samples, at):
    """Samples between samples, by a windowed sinc of 64."""
    whole, result = np.floor(at).astype(int), np.zeros(len(at))
    for k in range(-31, 33):
        index = whole + k
        distance = at - index
        window = 0.5 + 0.5 * np.cos(np.pi * distance / 33)
        inside = (index >= 0) & (index < len(samples))
        result[inside] += (np.sinc(distance) * window)[inside] * samples[index[inside]]
    return result


def test_the_stimulus_is_as_long_as_it_says():
    assert len(STIMULUS.floats()) == round(STIMULUS.seconds * STIMULUS.rate)
    assert np.abs(STIMULUS.floats()).max() <= 1.0


@pytest.mark.parametrize("rate", [16000, 44100, 48000])
@pytest.mark.parametrize("clock_ppm", [-100, 80])
def test_a_clean_chain_is_measured_as_clean(rate, clock_ppm):
    found = STIMULUS.find(chain(rate=rate, clock_ppm=clock_ppm))
    assert found.start_s == pytest.approx(0.35, abs=0.001)
    assert found.tone(0).level_dbfs == pytest.approx(-3.02, abs=0.02)
    assert found.tone(1).level_dbfs == pytest.approx(-12.0, abs=0.02)
    assert found.pause().level_dbfs < -90
    assert 100 * found.tone(1).thd_n < 0.05
    assert found.response().ripple_db(300, 6000) < 0.3


@pytest.mark.parametrize("noise_dbfs", [-60.0, -45.0])
def test_gain_and_noise_are_those_that_were_put_in(noise_dbfs):
    found = STIMULUS.find(chain(rate=48000, gain_db=-10, noise_dbfs=noise_dbfs))
    assert found.tone(0).level_dbfs == pytest.approx(-13.02, abs=0.1)
    assert found.pause().level_dbfs == pytest.approx(noise_dbfs, abs=0.5)
    expected = 10 ** ((noise_dbfs + 22) / 20)
    assert found.tone(1).thd_n == pytest.approx(expected, rel=0.1)
    assert found.response().ripple_db(300, 6000) < 1.0


def test_distortion_is_that_which_was_put_in():
    """x + b x^2 of a sine with amplitude A: a second harmonic of b A / 2."""
    found = STIMULUS.find(chain(rate=48000, bend=0.05))
    amplitude = math.sqrt(2) * 10 ** (-12 / 20)
    assert found.tone(1).thd_n == pytest.approx(0.05 * amplitude / 2, rel=0.03)


def test_a_recording_that_misses_the_start_is_refused():
    whole = chain(late_s=0.0)
    assert STIMULUS.find(whole.between(0.3)).tone(0).level_dbfs == pytest.approx(-3.02, abs=0.02)
    with pytest.raises(VerificationError, match="began too late"):
        STIMULUS.find(whole.between(0.5))


def test_what_was_not_played_is_not_found():
    noise = np.random.default_rng(1).standard_normal(80000) * 3000
    for other in (Sound(noise.astype(np.int16), 16000), Sound(np.zeros(80000, np.int16), 16000)):
        with pytest.raises(VerificationError):
            STIMULUS.find(other)


def test_samples_that_are_lost_are_told_from_a_tone():
    """Every tenth sample is missing: the tones are a tenth too high, and the sweep too short."""
    played = chain(late_s=0.1)
    holes = np.delete(played.samples, np.arange(0, len(played), 10))
    with pytest.raises(VerificationError, match=r"not in it|lost"):
        STIMULUS.find(Sound(holes, 16000)).tone(0)


def test_a_microphone_hears_one_tone_late():
    one = Stimulus((-20.0,), Sweep(dbfs=-20.0), lead_s=0.8)
    recorded = Sound(np.rint(one.floats() * 32767).astype(np.int16), 16000).between(0.45)
    found = one.find(recorded)
    assert found.start_s == pytest.approx(-0.45, abs=0.001)
    assert found.tone(0).level_dbfs == pytest.approx(-20.0, abs=0.02)
