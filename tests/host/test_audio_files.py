"""Recordings are read as the microphone would deliver them, or refused."""

import numpy as np
import pytest
import soundfile

from mynah import audio_files
from mynah.errors import AudioError


def tone(rate, seconds=1.0, hertz=440.0):
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)


def test_a_16_khz_mono_file_comes_back_as_it_is(tmp_path):
    samples = np.random.default_rng(1).integers(-32768, 32768, 4000).astype(np.int16)
    for name in ("a.wav", "a.flac"):
        soundfile.write(tmp_path / name, samples, 16000, "PCM_16")
        np.testing.assert_array_equal(audio_files.load(tmp_path / name), samples)


def test_what_is_written_is_read(tmp_path):
    samples = np.array([0, 1, -1, 32767, -32768], np.int16)
    audio_files.write_wav(tmp_path / "x.wav", samples)
    np.testing.assert_array_equal(audio_files.load(tmp_path / "x.wav"), samples)
    assert soundfile.info(tmp_path / "x.wav").samplerate == 16000


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 44100, 48000])
def test_other_rates_are_resampled(tmp_path, rate):
    soundfile.write(tmp_path / "x.wav", tone(rate, 1.3), rate, "FLOAT")
    got = audio_files.load(tmp_path / "x.wav") / 32768
    wanted = tone(16000, 1.3)
    assert abs(len(got) - len(wanted)) <= 1
    inside = slice(800, 19000)  # a tone that starts at once rings at its ends
    assert np.abs(got[inside] - wanted[inside]).max() < 0.01


def test_what_16_khz_cannot_carry_does_not_fold_back(tmp_path):
    soundfile.write(tmp_path / "x.wav", tone(48000, hertz=11000.0), 48000)
    got = audio_files.load(tmp_path / "x.wav")[800:-800]
    assert np.abs(got.astype(int)).max() < 100


def test_channels_are_mixed_and_loud_floats_clipped(tmp_path):
    stereo = np.stack([tone(16000), np.zeros(16000)], axis=1)
    soundfile.write(tmp_path / "s.wav", stereo, 16000, "FLOAT")
    assert audio_files.load(tmp_path / "s.wav").max() == pytest.approx(0.25 * 32768, rel=0.01)
    soundfile.write(tmp_path / "l.wav", np.full(100, 3.0), 16000, "FLOAT")
    assert audio_files.load(tmp_path / "l.wav").max() == 32767


def test_what_is_no_recording_is_refused(tmp_path):
    text = tmp_path / "x.wav"
    text.write_text("this is not sound")
    with pytest.raises(AudioError, match="not a recording"):
        audio_files.load(text)
    soundfile.write(tmp_path / "cut.wav", tone(16000), 16000)
    cut = tmp_path / "head.wav"
    cut.write_bytes((tmp_path / "cut.wav").read_bytes()[:20])
    with pytest.raises(AudioError, match="not a recording"):
        audio_files.load(cut)
    with pytest.raises(AudioError, match="no recording at"):
        audio_files.load(tmp_path / "nowhere.wav")
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), 16000)
    with pytest.raises(AudioError, match="holds no sound"):
        audio_files.load(tmp_path / "empty.wav")
    soundfile.write(tmp_path / "nan.wav", np.array([0.0, np.nan]), 16000, "FLOAT")
    with pytest.raises(AudioError, match="not numbers"):
        audio_files.load(tmp_path / "nan.wav")
    with pytest.raises(AudioError, match="not a recording"):
        audio_files.load(tmp_path)


def test_an_unwritable_place_is_an_error_of_ours(tmp_path):
    with pytest.raises(AudioError, match="cannot write"):
        audio_files.write_wav(tmp_path / "no" / "x.wav", np.zeros(3, np.int16))
