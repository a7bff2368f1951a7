"""Fixtures for tests that run on a board: a virtual one unless ``--port`` names a real one."""

import json
import time

import pytest

from mynah.audio_files import load
from mynah.miio import MiioClient, pair
from mynah.paths import AUDIO_DIR

SSID = "test home"
PASSWORD = 'a "quoted" pass'


@pytest.fixture
def world(bench):
    """What is around the board. A real board has one too, but nothing here can drive it."""
    if bench.virtual is None:
        pytest.skip("the board on --port is real: nothing here moves its air, light or Wi-Fi")
    return bench.virtual.world


@pytest.fixture
def ready(console):
    """The console of a board that was reset and says that it is ready."""
    console.reset_board()
    console.expect(r" app: ready", 20)
    return console


@pytest.fixture(scope="module")
def paired(bench):
    """A miIO client of the board, paired with a simulated Wi-Fi for the module's tests."""
    if bench.virtual is None:
        pytest.skip("the board on --port is real: pairing would change its Wi-Fi")
    board = bench.virtual
    board.world.wifi.add(SSID, PASSWORD)
    board.reset()
    result = pair_when_ready(board)
    with MiioClient(result.address, result.token) as client:
        yield client
        client.call("miIO.restore")
    board.world.wifi.remove(SSID)


def pair_when_ready(board):
    wait_for(lambda: board.world.wifi.access_point is not None, 20)
    return pair(board.ap_address, SSID, PASSWORD)


@pytest.fixture(scope="session")
def recordings():
    """A function: the project's own recordings of one kind, as (name, samples) pairs."""
    manifest = json.loads((AUDIO_DIR / "manifest.json").read_text(encoding="utf-8"))

    def of_kind(label):
        names = [item["file"] for item in manifest["recordings"] if item["label"] == label]
        return [(name, load(AUDIO_DIR / name)) for name in names]

    return of_kind


@pytest.fixture(scope="session", name="wait_for")
def _fixture_of_wait_for():
    """A function that waits until a condition is true."""
    return wait_for


def wait_for(condition, timeout_s):
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)
