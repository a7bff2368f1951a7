"""Fixtures of the speaker's own tests; those for any board are the plugin's (`mynah.hil`)."""

import contextlib
import json
import secrets
import threading

import hil_proof
import pytest

from mynah.audio_files import load
from mynah.hil import ExpectTimeoutError
from mynah.hil.controls import wait_until
from mynah.hil.pool import DEVICE
from mynah.miio import MiioClient, devices, pair
from mynah.miio.watch import watch
from mynah.paths import AUDIO_DIR

SSID = "test home"
PASSWORD = 'a "quoted" pass'
HEARD = r'wake: heard "Okay Nabu" p=(\d+) at=(\d+)'
TRIES = 5


def pytest_configure(config):
    config.addinivalue_line(
        "markers",
        'proves(*features): what of the firmware the test shows at work, as "method miIO.info"; '
        "tests/host/test_hil_features.py knows all features, and misses those that nobody proves",
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """A test that says that it proves something has to have done it, where that can be seen."""
    claimed = {name for mark in item.iter_markers("proves") for name in mark.args}
    if not claimed:
        return (yield)
    with pytest.MonkeyPatch.context() as monkeypatch:
        notes = hil_proof.Notes(monkeypatch)
        result = yield
    device = item.stash.get(DEVICE, None)
    missing = notes.missing(claimed, device.lines if device is not None else ())
    assert not missing, f"it says that it proves what it did not do: {sorted(missing)}"
    return result


@pytest.fixture
def world(device):
    """What is around a virtual board. A real board has one too, but nothing here can drive it."""
    return device.board.world


@pytest.fixture(scope="session")
def paired_state(board):
    """The flash of a virtual board that is paired with a simulated Wi-Fi, and its token."""
    board.restore()
    wifi = board.world.wifi
    wifi.add(SSID, PASSWORD)
    wait_until(lambda: wifi.access_point is not None, 20, "the set-up network")
    result = pair(board.virtual.ap_address, SSID, PASSWORD)
    wait_until(lambda: wifi.access_point is None, 20, "the end of the set-up network")
    board.virtual.power_off()
    return board.save_state(), result.token


@pytest.fixture
def paired(request, device, net, check_no_secret):
    """A miIO client of the board, which is in a Wi-Fi.

    A virtual one is paired, in a simulated Wi-Fi. A real one has to be this user's (`mynah pair`);
    it stays so, and what tests set is set back.
    """
    if device.board.virtual is None:
        token = token_of(device)
    else:
        state, token = request.getfixturevalue("paired_state")
        air = device.board.world.wifi
        air.scan_seconds = air.join_seconds = 0.02
        request.getfixturevalue("wifi").add(SSID, PASSWORD)
        device.board.load_state(state)
    joined = lambda: any("wifi: joined" in line for line in device.lines)  # noqa: E731
    wait_until(joined, 20, "that the board knows of its network")
    address = net.wait()
    with MiioClient(address, token) as client, set_back(client, device):
        yield client
    check_no_secret(token.hex(), PASSWORD)


def token_of(device):
    """The token of a real board that this user has paired."""
    device.write(f"\nmynah token {secrets.token_hex(16)}\n")
    device_id = int(device.expect(r"cable: \w+ did=(\d+)", 5)[1])
    for known in devices.known().values():
        if known.device_id == device_id:
            return bytes.fromhex(known.token)
    pytest.skip("the board is real, and not this user's: `mynah pair` makes it that")


@contextlib.contextmanager
def set_back(client, device):
    """Afterwards a real board's properties are as before; a virtual one is put back as a whole."""
    if device.board.virtual is not None:
        yield
        return
    names = [name for name, item in client.spec.properties.items() if "write" in item.access]
    names.remove("clock.time")
    before = client.get_all(names)
    yield
    with MiioClient(client.address, client._token) as again:  # the board may have restarted
        after = again.get_all(names)
        for name in names:
            if after[name] != before[name]:
                again.set(name, before[name])
    device.skip()
    with contextlib.suppress(ExpectTimeoutError):  # it saves what differs from its flash
        device.expect("settings: saved", 2)


@pytest.fixture
def check_no_secret(device):
    """A function: none of these texts is in the board's log since the test began."""

    def check(*secrets):
        log = "\n".join(device.lines)
        for secret in secrets:
            assert secret not in log

    return check


@pytest.fixture
def told(paired):
    """A function: do something, and wait until the board has told of everything that is wanted."""
    with contextlib.closing(watch(paired, timeout_s=30)) as messages:

        def after(do, *wanted):
            timer = threading.Timer(0.5, do)  # the subscription comes with the first look
            timer.start()
            seen = []
            while not all(any(want(message) for message in seen) for want in wanted):
                seen.append(next(messages))
            timer.join()
            return seen

        yield after


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
