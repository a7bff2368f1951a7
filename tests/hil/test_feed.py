"""A recording over the serial console is heard as if the engine ran here, sample for sample."""

import json
import re
import time

import numpy as np
import pytest
from click.testing import CliRunner

from mynah import wake
from mynah.cli.wake import command
from mynah.errors import BoardError, BoardTimeoutError
from mynah.paths import AUDIO_DIR
from mynah.wake import frames
from mynah.wake.board import BoardWake

BEGIN = r"feed: begin base=(\d+)"


@pytest.fixture
def idle(device):
    """The port of a board that is ready, and free for others."""
    with device.released() as port:
        yield port


def assert_heard_alike(here, there):
    np.testing.assert_array_equal(there.probabilities, here.probabilities)
    np.testing.assert_array_equal(there.times_s, here.times_s)
    np.testing.assert_array_equal(there.means, here.means)
    assert there.detections == here.detections
    assert (there.cutoff, there.window) == (here.cutoff, here.window)


@pytest.mark.proves("console mynah feed")
def test_every_recording_is_heard_alike(idle, recordings):
    with BoardWake(idle) as board:
        for _, samples in (recordings("okay_nabu")[1], recordings("negative")[0]):
            here = wake.run(samples, "okay_nabu")
            there = board.feed(samples)
            assert list(there) == ["okay_nabu"]
            assert_heard_alike(here, there["okay_nabu"])
            if here.detections:
                assert here.probabilities.max() > 200


def test_noise_with_every_byte_is_heard_alike_at_real_time(idle):
    """Full-scale noise holds the byte of Ctrl-C, those of the frames, and Improv's start."""
    noise = np.random.default_rng(3).integers(-32768, 32768, 20000).astype(np.int16)
    noise[100:103] = np.frombuffer(b"IMPROV", "<i2")
    noise[200:400] = 0x0303
    with BoardWake(idle) as board:
        assert_heard_alike(wake.run(noise, "okay_nabu"), board.feed(noise, pace=1.0)["okay_nabu"])


def test_a_link_that_breaks_leaves_the_microphone_as_it_was(device, say, recordings):
    _, samples = recordings("okay_nabu")[0]
    device.write(b"\n" + frames.COMMAND)
    device.expect(BEGIN, 5)
    sent = list(frames.frames(samples))
    for frame in sent[: frames.WINDOW]:
        device.write(frame)
    device.write(sent[frames.WINDOW][:50])  # and in mid-frame nothing more comes
    device.expect(r"W \d+ feed: link lost after 112 samples", 6)
    say()


def test_ctrl_c_stops_the_firmware_in_mid_feed(device):
    device.write(b"\n" + frames.COMMAND)
    device.expect(BEGIN, 5)
    device.allow_crash("NameError: name 'P'")  # what comes after Ctrl-C is typed at the prompt
    device.write(b"~\x50\x03")
    device.expect(r"app: stopped by the keyboard", 5)
    device.write(b"\r\nprint('answer', 6 * 7)\r\n")
    device.expect(r"answer 42", 5)


def test_log_readers_see_nothing_of_the_answers(device):
    device.write(b"\n" + frames.COMMAND)
    device.expect(BEGIN, 5)
    silence = np.zeros(16000, np.int16)
    for frame in frames.frames(silence):
        device.write(frame)
        time.sleep(0.004)  # the answers are not read: no faster than it can take them
    device.expect(r"feed: end samples=16000", 10)
    record = re.compile(r"[EWID] \d+ [\w.-]+: .+")
    told = [line for line in device.lines if "feed" in line]
    assert len(told) >= 3
    assert all(record.fullmatch(line) for line in told), told


def test_a_muted_microphone_takes_no_feed(device, paired, recordings):
    paired.set("microphone.mute", True)
    time.sleep(0.2)
    with (
        device.released() as port,
        BoardWake(port) as board,
        pytest.raises(BoardError, match="muted"),
    ):
        board.feed(recordings("negative")[0][1])


def test_a_board_at_its_prompt_is_told_from_one_that_listens(device, recordings):
    device.write(b"\x03")
    device.expect(r"stopped by the keyboard", 5)
    with (
        device.released() as port,
        BoardWake(port) as board,
        pytest.raises(BoardTimeoutError, match="mynah deploy"),
    ):
        board.feed(recordings("negative")[0][1])


@pytest.mark.proves("console mynah feed", "console mynah baud")
def test_command_prints_and_draws_what_the_board_heard(device, idle, tmp_path):
    word, picture = str(AUDIO_DIR / "okay_nabu_1.flac"), tmp_path / "p.png"
    arguments = (word, "--port", idle, "--plot", str(picture), "--feed-baud", "921600", "--json")
    done = CliRunner().invoke(command, arguments, catch_exceptions=False)
    (there,) = json.loads(done.stdout)
    (here,) = json.loads(CliRunner().invoke(command, (word, "--json")).stdout)
    assert there.pop("backend") == "board, " + here.pop("backend")
    assert there == here
    assert picture.stat().st_size > 10_000
    device.attach("what the board heard", picture)


@pytest.mark.proves("console mynah live")
def test_live_shows_what_the_microphone_hears(idle, mic, recordings):
    _, samples = recordings("okay_nabu")[0]
    mic.play(samples)
    arguments = ("--live", "--port", idle, "--seconds", str(len(samples) / 16000 + 1), "--json")
    done = CliRunner().invoke(command, arguments, catch_exceptions=False)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    shown = [value for line in lines for value in line.get("probabilities", ())]
    assert max(shown) > 0.9
    assert len(shown) > 90  # one every 30 ms
    assert [line["heard"] for line in lines if "heard" in line] == ["Okay Nabu"]
