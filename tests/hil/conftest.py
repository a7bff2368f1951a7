"""Fixtures of the speaker's own tests; those for any board are the plugin's (`mynah.hil`)."""

import json

import pytest

from mynah.audio_files import load
from mynah.hil import ExpectTimeoutError
from mynah.hil.controls import wait_until
from mynah.miio import MiioClient, pair
from mynah.paths import AUDIO_DIR

SSID = "test home"
PASSWORD = 'a "quoted" pass'
HEARD = r'wake: heard "Okay Nabu" p=(\d+) at=(\d+)'
TRIES = 5


@pytest.fixture
def world(device):
    """What is around a virtual board. A real board has one too, but nothing here can drive it."""
    return device.board.world


@pytest.fixture(scope="session")
def paired_state(board):
    """The flash of a board that is paired with a simulated Wi-Fi, and its token."""
    if board.virtual is None:
        pytest.skip("the board is real: pairing would change its Wi-Fi")
    board.restore()
    wifi = board.world.wifi
    wifi.add(SSID, PASSWORD)
    wait_until(lambda: wifi.access_point is not None, 20, "the set-up network")
    result = pair(board.virtual.ap_address, SSID, PASSWORD)
    wait_until(lambda: wifi.access_point is None, 20, "the end of the set-up network")
    board.virtual.power_off()
    return board.save_state(), result.token


@pytest.fixture
def paired(device, wifi, net, paired_state):
    """A miIO client of the board, which is paired and in a simulated Wi-Fi."""
    state, token = paired_state
    wifi.add(SSID, PASSWORD)
    device.board.load_state(state)
    with MiioClient(net.wait(20), token) as client:
        yield client


@pytest.fixture(scope="session")
def recordings():
    """A function: the project's own recordings of a kind, (name, samples), the shortest first."""
    manifest = json.loads((AUDIO_DIR / "manifest.json").read_text(encoding="utf-8"))

    def of_kind(label):
        names = [item["file"] for item in manifest["recordings"] if item["label"] == label]
        found = [(name, load(AUDIO_DIR / name)) for name in names]
        return sorted(found, key=lambda pair: len(pair[1]))

    return of_kind


@pytest.fixture
def say(device, mic, recordings):
    """A function: say "okay nabu" until it is heard; again only where sound was lost.

    A virtual board loses some when the computer is busy, and says so.
    """

    def say():
        _, samples = recordings("okay_nabu")[0]
        for _ in range(TRIES):
            n = len(device.lines)
            mic.play(samples)
            try:
                return device.expect(HEARD, len(samples) / 16000 + 3)
            except ExpectTimeoutError:
                if not any("of sound lost" in line for line in device.lines[n:]):
                    raise
        pytest.fail(f"sound was lost {TRIES} times in a row: the computer is too busy")

    return say
