"""The secure mode as a user meets it, against the firmware's own server in real MicroPython."""

import json
import re
import stat
import sys

import pytest
from click.testing import CliRunner
from loopback import own_address
from miot_process import Board

from mynah.cli import cli
from mynah.errors import BoardTimeoutError
from mynah.miio import MiioClient, devices, secure_mode
from mynah.miio.channel import ChannelKey
from mynah.miio.devices import Device

pytestmark = pytest.mark.skipif(
    sys.platform == "darwin", reason="macOS has one loopback address: one speaker at a time"
)

TOKEN = bytes.fromhex("00112233445566778899aabbccddeeff")
NAME, DID = "kitchen", 0x12345678


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "board").mkdir()
    return tmp_path / "board"


@pytest.fixture
def speaker(folder):
    speaker = Board(own_address(), "owned", folder)
    yield speaker
    speaker.close()


@pytest.fixture
def user(tmp_path, monkeypatch, speaker):
    """A user who has paired the speaker."""
    monkeypatch.setenv("MYNAH_CONFIG", str(tmp_path / "config"))
    device = Device(speaker.address, TOKEN.hex(), DID, "30:ED:A0:00:00:01", "a model")
    devices.remember(NAME, device)
    return tmp_path / "config"


def run(*words, fails=0, stdin=None):
    done = CliRunner().invoke(cli, list(words), input=stdin)
    if fails:
        assert type(done.exception).exit_code == fails, done.output
        return str(done.exception)
    assert done.exit_code == 0, (done.output, done.exception)
    return done.stdout


def plain(speaker, retries=0):
    return MiioClient(speaker.address, TOKEN, timeout_s=0.4, retries=retries)


def test_from_on_to_off(speaker, user):
    """Every command goes on working, plain miIO is refused, and then it is not."""
    with plain(speaker) as client:
        client.set("speaker.volume", 21)
    assert run("secure", NAME, "status") == "off\n"
    run("secure", NAME, "on")
    with plain(speaker) as client:
        assert client.hello().token is None  # it can be found
        with pytest.raises(BoardTimeoutError, match="secure mode, and its key is not known"):
            client.get("speaker.volume")
    speaker.expect(r"dropped.*'secure', [12]")
    assert run("control", NAME, "get", "speaker.volume") == "21\n"
    run("control", NAME, "set", "speaker.volume", "40")
    assert run("control", NAME, "get", "speaker.volume") == "40\n"
    shown = json.loads(run("secure", NAME, "status", "--json"))
    assert shown["is_on"] is shown["has_key"] is True
    assert shown["sessions"] == 1  # the others said goodbye
    assert speaker.expect(r"secure: on, key (\S+)")[1] == shown["fingerprint"]
    run("secure", NAME, "on")  # again: nothing changes
    assert json.loads(run("secure", NAME, "status", "--json")) == shown
    run("secure", NAME, "off")
    with plain(speaker) as client:
        assert client.get("speaker.volume") == 40
    assert devices.find(NAME).key == ""
    assert run("secure", NAME, "status") == "off\n"


def test_the_key_survives_a_restart_and_is_no_other_s(speaker, user, folder):
    run("secure", NAME, "on")
    key = devices.find(NAME).key
    file = user / "devices.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    copies = [(folder / name).read_text() for name in ("settings.a", "settings.b")]
    assert key in copies[0] or key in copies[1]
    speaker.close()
    again = Board(speaker.address, "kept", folder)
    try:
        assert run("control", NAME, "get", "speaker.mute") == "off\n"
        assert key not in speaker.log + again.log
        with pytest.raises(BoardTimeoutError, match="secure mode"), plain(again) as client:
            client.info()
    finally:
        again.close()


def test_a_computer_without_the_key(speaker, user):
    """It is told what to do; the key can be carried there."""
    run("secure", NAME, "on")
    key = run("secure", NAME, "key").strip()
    other = devices.find(NAME)
    devices.remember(NAME, Device(other.address, other.token, DID, "", ""))
    said = run("control", NAME, "get", "speaker.volume", fails=5)  # after one attempt
    assert re.search("in secure mode.* BOOT button", said)
    assert "BOOT button" in run("secure", NAME, "off", fails=2)
    assert "BOOT button" in run("secure", NAME, "on", fails=4)
    assert run("secure", NAME, "status") == "on\n"
    assert "no key" in run("secure", NAME, "use-key", fails=2, stdin="abc\n")
    run("secure", NAME, "use-key", stdin=key + "\n")
    assert run("control", NAME, "get", "speaker.mute") == "off\n"


def test_a_wrong_key_is_not_kept(speaker, user, monkeypatch):
    run("secure", NAME, "on")
    right = devices.find(NAME).key
    monkeypatch.setattr(secure_mode, "client_of", hasty)
    with pytest.raises(BoardTimeoutError, match="does not take the key"):
        secure_mode.use_key(NAME, "ab" * 32)
    assert devices.find(NAME).key == right


def hasty(device):
    key = ChannelKey(bytes.fromhex(device.key)) if device.key else None
    token = bytes.fromhex(device.token)
    return MiioClient(device.address, token, timeout_s=0.3, retries=0, key=key)


def test_switching_on_goes_on_where_it_was_broken_off(speaker, user, monkeypatch):
    """After each step: the key was handed out, and the speaker has switched on."""
    token = ChannelKey.of_token(TOKEN)
    device = devices.find(NAME)
    with MiioClient(device.address, TOKEN, key=token) as client:
        key = client.call("mynah.secure.prepare")["key"]
    pending = Device(device.address, device.token, DID, "", "", pending_key=key)
    devices.remember(NAME, pending)
    with plain(speaker) as client:
        assert client.get("speaker.mute") is False  # not on yet
    secure_mode.switch_on(NAME)
    assert devices.find(NAME).key == key
    devices.remember(NAME, pending)  # the answer was lost
    secure_mode.switch_on(NAME)
    assert devices.find(NAME).key == key
    secure_mode.switch_off(NAME)
    # A key that the speaker has forgotten is replaced.
    monkeypatch.setattr(secure_mode, "client_of", hasty)
    devices.remember(NAME, pending)
    secure_mode.switch_on(NAME)
    assert devices.find(NAME).key != key


def test_restore_forgets_the_key(speaker, user, folder):
    run("secure", NAME, "on")
    run("control", NAME, "restore", "--yes")
    speaker.expect("restored")
    speaker.close()
    again = Board(speaker.address, "new", folder)
    try:
        with MiioClient(again.address) as client:
            assert client.ask().is_required is False
            assert client.hello().token is not None
    finally:
        again.close()


def test_a_client_opens_a_new_session_when_the_speaker_has_started_again(speaker, user, folder):
    run("secure", NAME, "on")
    with devices.client_of(devices.find(NAME)) as client:
        client.set("speaker.volume", 30)
        speaker.close()
        again = Board(speaker.address, "kept", folder)
        try:
            client.set("speaker.volume", 31)
            assert client.get("speaker.volume") == 31
        finally:
            again.close()


def test_a_call_that_takes_long_replies_in_the_session(speaker, user):
    """The home's methods answer later; many calls share one session."""
    run("secure", NAME, "on")
    with devices.client_of(devices.find(NAME)) as client:
        for _ in range(30):
            assert client.call("mynah.home.list")["devices"] == []
        assert client.call("mynah.secure.status")["sessions"] == 1


def test_a_device_without_the_mode_does_not_know_the_question():
    with MiioClient(own_address(), TOKEN, timeout_s=0.1, retries=1) as client:
        with pytest.raises(BoardTimeoutError, match="no secure mode yet"):
            client.ask()
        with pytest.raises(BoardTimeoutError, match="off or out of reach"):
            client.info()


def test_secrets_are_not_in_a_repr():
    device = Device("address", "70cc", 1, "mac", "model", key="5ec4e7", pending_key="9e9d")
    assert not re.search("70cc|5ec4e7|9e9d", repr(device))


def subscribe(client, own):
    client.call("miIO.sub", {"version": "2.0", "did": own, "update_ts": 1, "sub_method": "."})


def pushed(client, seconds=2.0):
    """The next message that comes to a client without having been asked for, or None."""
    client._socket.settimeout(seconds)
    try:
        data, peer = client._socket.recvfrom(2048)
    except TimeoutError:
        return None
    message = client._seal.unpack(data)
    acknowledged = client._seal.pack({"id": message["id"], "result": {"code": 0}})
    client._socket.sendto(acknowledged, peer)
    return message


def test_subscribers_are_told_in_their_session_and_outside_no_more(speaker, user):
    with plain(speaker) as outside:
        subscribe(outside, "1111")
        outside.set("speaker.volume", 50)
        assert pushed(outside)["method"] == "properties_changed"
        secure_mode.switch_on(NAME)
        with devices.client_of(devices.find(NAME)) as inside:
            subscribe(inside, "2222")
            inside.set("speaker.volume", 51)
            message = pushed(inside)
            assert message["method"] == "properties_changed"
            assert {"did": str(DID), "siid": 2, "piid": 1, "value": 51} in message["params"]
            inside.set("speaker.volume", 52)
            assert pushed(inside)["params"][0]["value"] == 52  # the first was acknowledged
        assert pushed(outside, 0.2) is None
