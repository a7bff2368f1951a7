"""The secure mode on a whole board, over a restart."""

import pytest

from mynah.errors import BoardTimeoutError
from mynah.hil.controls import wait_until
from mynah.miio import MiioClient, devices, secure_mode
from mynah.miio.devices import Device

NAME = "kitchen"

pytestmark = pytest.mark.needs("virtual")  # a test that breaks off leaves a key that nobody has


@pytest.fixture
def known(paired, paired_state, tmp_path, monkeypatch):
    """The board as one of this user's devices; its address and token."""
    monkeypatch.setenv("MYNAH_CONFIG", str(tmp_path))
    address, token = paired.address, paired_state[1]
    device_id = paired.hello().device_id
    devices.remember(NAME, Device(address, token.hex(), device_id, "", ""))
    return address, token


def refused(address, token):
    with MiioClient(address, token, timeout_s=0.3, retries=0) as client:
        assert client.hello().token is None
        with pytest.raises(BoardTimeoutError, match="secure mode"):
            client.info()
    return True


@pytest.mark.proves(
    "secure mode",
    "method mynah.secure.status",
    "method mynah.secure.prepare",
    "method mynah.secure.on",
    "method mynah.secure.off",
)
def test_a_board_in_secure_mode(device, known, flash, net):
    address, token = known
    fingerprint = secure_mode.switch_on(NAME)
    device.expect(f"secure: on, key {fingerprint}")
    assert refused(address, token)
    key = devices.find(NAME).key
    assert any(key.encode() in data for data in flash.files().values())
    with devices.client_of(devices.find(NAME)) as client:
        client.set("speaker.volume", 33)
        client.action("play-control.play")
        wait_until(lambda: client.get("play-control.playing-state") == 1, 5, "the melody")
        client.action("play-control.stop")
    device.reset()
    net.wait(20)
    assert refused(address, token)
    assert secure_mode.status(NAME).fingerprint == fingerprint
    device.expect("channel packets dropped|miio: packets dropped, secure", 15)
    assert key not in "".join(device.lines)
    secure_mode.switch_off(NAME)
    with MiioClient(address, token) as client:
        assert client.get("speaker.mute") is False
