"""What is measured of sounds whose level, frequency, distortion and delay are known."""

import math

import numpy as np
import pytest

from mynah.errors import VerificationError
from mynah.hil.sound import Sound
from mynah.paths import AUDIO_DIR

RATE = 16000


def sound_of(wave, rate=RATE):
    return Sound(np.rint(np.asarray(wave) * 32767).astype(np.int16), rate)


def sine(hertz, seconds=1.0, amplitude=0.5, rate=RATE):
    return amplitude * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate + 0.3)


@pytest.mark.parametrize("hertz", [50.0, 440.0, 997.3, 3123.45, 7600.0])
def test_frequency_and_level_of_a_sine(hertz):
    sound = sound_of(sine(hertz))
    assert sound.frequency_hz == pytest.approx(hertz, abs=0.005)
    assert sound.level_dbfs == pytest.approx(20 * math.log10(0.5 / math.sqrt(2)), abs=0.02)
    assert sound.peak_dbfs == pytest.approx(-6.02, abs=0.2)


@pytest.mark.parametrize("share", [0.1, 0.01, 0.001])
def test_distortion_is_that_of_the_harmonic_that_was_added(share):
    sound = sound_of(sine(440) + share * sine(1320))
    assert sound.thd_n == pytest.approx(share / math.hypot(1, share), rel=0.02, abs=3e-5)


def test_noise_counts_and_dc_does_not():
    noise = np.random.default_rng(1).normal(0, 0.005, RATE)
    sound = sound_of(sine(1000) + noise + 0.1)
    rms = 0.5 / math.sqrt(2)
    assert sound.thd_n == pytest.approx(0.005 / math.hypot(rms, 0.005), rel=0.03)


def test_the_quantisation_of_16_bits_is_what_a_perfect_sine_has():
    """Full scale: SINAD of an ideal 16-bit converter, 6.02 N + 1.76 dB (IEEE 1241)."""
    sound = sound_of(sine(997.3, amplitude=1.0))
    assert -20 * math.log10(sound.thd_n) == pytest.approx(6.02 * 16 + 1.76, abs=0.3)


@pytest.mark.parametrize("delay", [0.0, 0.25, 0.12341])
def test_delay_of_a_known_shift(delay):
    reference = Sound.load(AUDIO_DIR / "okay_nabu_1.flac")
    spectrum = np.fft.rfft(reference.samples.astype(float), 1 << 17)
    shift = np.exp(-2j * np.pi * np.fft.rfftfreq(1 << 17, 1 / RATE) * delay)
    later = np.fft.irfft(spectrum * shift)[: len(reference) + RATE] * 0.5
    late = Sound(np.rint(later).astype(np.int16), RATE)
    assert late.delay_s(reference) == pytest.approx(delay, abs=2e-6)
    with pytest.raises(VerificationError, match="not in it"):
        late.delay_s(Sound.load(AUDIO_DIR / "negative_2.flac"))


def test_a_sound_whose_start_is_missing_is_early():
    reference = Sound.load(AUDIO_DIR / "okay_nabu_1.flac")
    assert reference.between(0.5).delay_s(reference) == pytest.approx(-0.5, abs=1e-5)


def test_another_rate_is_the_same_sound():
    reference = Sound.load(AUDIO_DIR / "okay_nabu_1.flac")
    other = reference.at_rate(48000)
    assert other.rate == 48000
    assert other.level_dbfs == pytest.approx(reference.level_dbfs, abs=0.05)
    assert other.delay_s(reference) == pytest.approx(0, abs=1e-5)


def test_the_loud_part_is_what_is_not_silence():
    silence = np.zeros(RATE // 2)
    sound = sound_of(np.concatenate([silence, sine(600, 0.3), silence]))
    assert sound.seconds == pytest.approx(1.3)
    assert sound.loud_part().seconds == pytest.approx(0.3, abs=0.011)
    trimmed = sound.loud_part(trim_s=0.05)
    assert trimmed.seconds == pytest.approx(0.2, abs=0.011)
    assert trimmed.thd_n < 0.001


def test_a_tone_is_what_it_says():
    tone = Sound.tone(880, 0.5, dbfs=-20)
    middle = tone.between(0.1, 0.4)
    assert middle.level_dbfs == pytest.approx(-20, abs=0.02)
    assert middle.frequency_hz == pytest.approx(880, abs=0.01)
    assert tone.samples[0] == 0
    with pytest.raises(ValueError, match="cannot be made"):
        Sound.tone(880, 1, dbfs=-2)


def test_silence_has_no_frequency_and_no_delay():
    silence = Sound(np.zeros(1000, np.int16), RATE)
    assert silence.is_silent
    assert silence.level_dbfs == silence.peak_dbfs == -120
    assert not silence.loud_part().samples.any()
    for measure in (lambda: silence.frequency_hz, lambda: silence.thd_n):
        with pytest.raises(VerificationError, match="no sound"):
            measure()
    with pytest.raises(VerificationError, match="silent"):
        silence.delay_s(Sound.tone(440, 0.1))
    assert Sound(np.zeros(0, np.int16), RATE).loud_part().seconds == 0
