"""Wake-word models: several at once, a stop word, how sure each must be; brought by a deploy."""

import json

import numpy as np
import pytest
from click.testing import CliRunner

from mynah import models
from mynah.audio_files import RATE_HZ, load
from mynah.cli import cli
from mynah.hil.controls import wait_until
from mynah.miio import MiioClient
from mynah.models import wake_file
from mynah.paths import AUDIO_DIR

pytestmark = pytest.mark.needs("virtual")  # a real board keeps its models and what was set for them

SPOKEN = "okay_nabu_4.flac"  # its mean probability stays at 250 of 255
STRICT, DEFAULT, SENSITIVE = range(3)


def described(client):
    """What the board says of each model: on, sensitivity, cutoff, window."""
    rows = [line.split(",") for line in client.get("wake.models").split(";")]
    return {row[0]: (row[3], row[4], int(row[5]), int(row[6])) for row in rows}


@pytest.mark.proves(
    "wake words, several",
    "stop word",
    "deploy on a running board",
    "action wake.enable",
    "action play-control.play",
)
def test_a_deploy_brings_a_stop_word_beside_the_wake_word(
    device, paired, net, say, mic, tmp_path, recordings
):
    halt = tmp_path / "halt.wake"
    made = wake_file.with_manifest(models.compiled("alexa"), kind="stop", wake_word="Stop")
    halt.write_bytes(made)
    with device.released() as port:
        arguments = ["deploy", "--port", port, "--models", f"okay_nabu,{halt}", "--json"]
        done = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    report = json.loads(done.stdout)
    assert report["written"] == ["/models/halt.wake"]
    assert report["deleted"] == []
    with MiioClient(net.wait(), paired._token) as client:
        wait_until(lambda: client.get("wake.wake-word") == "Stop, Okay Nabu", 10, "both words")
        say()
        client.action("play-control.play")
        mic.play(recordings("alexa")[0][1])
        device.expect("player: stopped", 5)
        device.expect('wake: heard "Stop"', 0.5)
        client.action("wake.enable", "halt", False)
        assert client.get("wake.wake-word") == "Okay Nabu"
        assert described(client)["halt"][0] == "off"


@pytest.mark.proves(
    "action wake.set-sensitivity",
    "action wake.set-cutoff",
    "action wake.read-history",
    "event wake.missed",
    "property wake.last-miss",
    "settings kept",
)
def test_how_sure_a_model_must_be_is_set_kept_and_heeded(device, paired, net, mic, told):
    own = described(paired)["okay_nabu"]
    cutoffs = []
    for level in (STRICT, SENSITIVE, DEFAULT):
        paired.action("wake.set-sensitivity", "okay_nabu", level)
        cutoffs.append(described(paired)["okay_nabu"][2])
    assert cutoffs[0] > cutoffs[2] == own[2] > cutoffs[1]
    paired.action("wake.set-cutoff", "okay_nabu", 254, own[3])
    quiet = np.zeros(2 * RATE_HZ, np.int16)  # for the second that a detector waits at first
    samples = np.concatenate([quiet, load(AUDIO_DIR / SPOKEN)])
    seen = told(
        lambda: mic.play(samples),
        lambda message: message.name == "wake.missed",
        lambda message: message.name == "wake.last-miss",
    )
    assert not any(message.name == "wake.heard" for message in seen)
    peak = paired.get("wake.last-miss")
    (text,) = paired.action("wake.read-history", "okay_nabu")
    history = np.frombuffer(bytes.fromhex(text.partition(":")[2]), np.uint8)
    assert 254 >= peak >= 254 // 2
    assert peak in np.convolve(history, np.ones(own[3], int), "valid") // own[3]
    device.reset()
    with MiioClient(net.wait(), paired._token) as client:
        assert described(client)["okay_nabu"] == ("on", "custom", 254, own[3])
