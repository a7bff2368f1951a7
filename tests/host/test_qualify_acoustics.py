"""What a sweep tells, against chains whose response and distortion are known by formula."""

import math

import numpy as np
import pytest

from mynah.errors import VerificationError
from mynah.qualify import acoustics
from mynah.qualify.acoustics import Sweep, respond

SWEEP = Sweep()


def recording(wave, *, before=3000, after=4000, noise=0.0):
    """A sweep's way through a chain, with silence around it, or noise."""
    whole = np.concatenate([np.zeros(before), wave, np.zeros(after)])
    return whole + noise * np.random.default_rng(1).standard_normal(len(whole))


def test_the_sweep_has_its_level_and_its_ends():
    wave = SWEEP.floats()
    assert len(wave) == 24000
    assert acoustics.level_dbfs(wave) == pytest.approx(SWEEP.dbfs, abs=0.2)
    crossings = np.nonzero(np.diff(np.signbit(wave)))[0]
    periods = np.diff(crossings)
    assert SWEEP.rate / periods[0] / 2 == pytest.approx(SWEEP.low_hz, rel=0.05)
    assert SWEEP.rate / np.mean(periods[-50:]) / 2 == pytest.approx(SWEEP.high_hz, rel=0.05)


@pytest.mark.parametrize("delay", [0, 1, 999])
@pytest.mark.parametrize("echo", [0.5, -0.9])
def test_the_response_of_an_echo_is_its_formula(echo, delay):
    """y[n] = x[n] + e x[n - 1] has the response |1 + e exp(-i w)|."""
    wave = SWEEP.floats()
    late = np.concatenate([[0.0], wave[:-1]])
    found = respond(SWEEP, recording(wave + echo * late, before=3000 + delay, noise=1e-4))
    for hertz, gain in zip(found.hertz, found.gain_db, strict=True):
        if 150 < hertz < 6500:
            omega = 2 * math.pi * hertz / SWEEP.rate
            expected = 20 * math.log10(abs(1 + echo * np.exp(-1j * omega)))
            assert gain == pytest.approx(expected, abs=0.4), hertz


@pytest.mark.parametrize("bend", [0.02, 0.2])
def test_the_distortion_of_a_parabola_is_its_formula(bend):
    """y = x + b x^2 of a sine with amplitude A has a second harmonic of b A / 2."""
    wave = SWEEP.floats()
    found = respond(SWEEP, recording(wave + bend * wave**2))
    amplitude = math.sqrt(2) * 10 ** (SWEEP.dbfs / 20)
    expected = 100 * bend * amplitude / 2
    points = zip(found.distortion_hertz, found.distortion_pct, strict=True)
    inside = [pct for hertz, pct in points if hertz > 250]
    assert len(inside) > 20
    assert inside == pytest.approx([expected] * len(inside), rel=0.05)
    assert found.ripple_db(300, 6000) < 0.3, "distortion has to stay out of the response"


def test_the_distortion_of_a_cubic_is_its_formula():
    """y = x + b x^3 has a third harmonic of b A^2 / 4 against 1 + 3 b A^2 / 4."""
    wave, bend = SWEEP.floats(), 0.2
    found = respond(SWEEP, recording(wave + bend * wave**3))
    square = 2 * 10 ** (SWEEP.dbfs / 10)
    expected = 100 * bend * square / 4 / (1 + 3 * bend * square / 4)
    points = zip(found.distortion_hertz, found.distortion_pct, strict=True)
    inside = [pct for hertz, pct in points if 200 < hertz < SWEEP.high_hz / 3.8]
    assert len(inside) > 20
    assert inside == pytest.approx([expected] * len(inside), rel=0.05)


def test_a_clean_chain_has_no_distortion_and_no_ripple():
    found = respond(SWEEP, recording(SWEEP.floats()))
    assert max(found.distortion_pct) < 0.1
    assert found.ripple_db(200, 6000) < 0.1
    assert found.lowest_hz() == pytest.approx(SWEEP.low_hz * 1.25)


def test_where_the_low_end_falls_off():
    """A first difference rises by 6 dB an octave: 10 dB below 1 kHz at some 315 Hz."""
    wave = SWEEP.floats()
    found = respond(SWEEP, recording(np.diff(wave, prepend=0.0)))
    assert found.lowest_hz() == pytest.approx(1000 * 10 ** (-10 / 20), rel=0.08)


def test_noise_alone_is_no_sweep():
    noise = np.random.default_rng(1).standard_normal(40000) * 0.1
    for silence in (noise, np.zeros(40000)):
        with pytest.raises(VerificationError, match="not in what was recorded"):
            respond(SWEEP, silence)


# IEC 61672-1, table 3: frequency and A-weight in dB.
@pytest.mark.parametrize(("hertz", "decibels"), [(100, -19.1), (1000, 0.0), (4000, 1.0)])
def test_a_weights_are_the_standards(hertz, decibels):
    wave = 0.1 * np.sin(2 * np.pi * hertz / 16000 * np.arange(16000))
    plain = acoustics.level_dbfs(wave)
    assert acoustics.a_weighted_dbfs(wave, 16000) - plain == pytest.approx(decibels, abs=0.1)


def test_silence_has_a_level_and_clipping_a_share():
    assert acoustics.level_dbfs(np.zeros(10)) == acoustics.SILENCE_DBFS
    assert acoustics.clipped_share(np.array([0.0, 1.0, -1.0, 0.5])) == 0.5
