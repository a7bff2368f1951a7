"""The firmware's miIO server in real MicroPython, with unmodified python-miio as its client."""

import contextlib
import gc
import json
import os
import socket
import time
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest
from loopback import own_address
from miot_process import Board

from mynah.miio import MiioClient
from mynah.paths import FIRMWARE_DIR

miio = pytest.importorskip("miio")
from miio.exceptions import DeviceError, DeviceException  # noqa: E402
from miio.miioprotocol import MiIOProtocol  # noqa: E402
from miio.protocol import Message  # noqa: E402

# python-miio 0.6 leaves its sockets to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")

TOKEN = "00112233445566778899aabbccddeeff"
HELLO = bytes.fromhex("21310020" + 28 * "ff")


@pytest.fixture(autouse=True)
def _no_socket_outlives_its_test():
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    board = Board(own_address(), "owned", tmp_path_factory.mktemp("owned"))
    yield board
    board.close()


@pytest.fixture
def new_board(tmp_path):
    board = Board(own_address(), "new", tmp_path)
    yield board
    board.close()


@pytest.fixture
def device(board):
    return miio.MiotDevice(board.address, TOKEN, timeout=3, model="mynah.speaker.test")


class Raw:
    """A UDP client that counts what comes back."""

    def __init__(self, board):
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.settimeout(2)
        self._socket.connect((board.address, 54321))

    def ask(self, packet):
        self._socket.send(packet)
        return self._socket.recv(4096)

    def send(self, packet):
        self._socket.send(packet)

    def hello(self):
        """The stamp; answered after whatever was sent before it, as the server keeps the order."""
        reply = self.ask(HELLO)
        assert reply[:4] == HELLO[:4], reply
        return int.from_bytes(reply[12:16], "big")

    def close(self):
        self._socket.close()


@pytest.fixture
def raw(board):
    client = Raw(board)
    yield client
    client.close()


def request(stamp, body, token=TOKEN, did=0x12345678):
    """A packet made by python-miio's own codec."""
    from datetime import datetime, timezone

    header = {
        "length": 0,
        "unknown": 0,
        "device_id": did.to_bytes(4, "big"),
        "ts": datetime.fromtimestamp(stamp, tz=timezone.utc),
    }
    message = {"data": {"value": body}, "header": {"value": header}, "checksum": 0}
    return Message.build(message, token=bytes.fromhex(token))


def parse(packet, token=TOKEN):
    return Message.parse(packet, token=bytes.fromhex(token)).data.value


def test_hello_hides_the_token_of_an_owned_speaker(board):
    found = MiIOProtocol.discover(board.address)
    assert found.header.value.device_id == bytes.fromhex("12345678")
    assert found.checksum == b"\xff" * 16


def test_info(device):
    info = device.info()
    assert info.model == "mynah.speaker.test"
    assert info.mac_address == "30:ED:A0:00:00:01"
    assert info.accesspoint["ssid"] == "home"
    assert info.ip_address == device.ip
    assert info.firmware_version
    assert info.hardware_version == "ESP32-S3"
    assert info.data["life"] >= 0
    every = {"ap", "cfg_time", "fw_ver", "hw_ver", "life", "mac", "mmfree", "model", "netif"}
    every |= {"ot", "ott_stat", "otu_stat", "wifi_fw_ver"}
    assert set(info.data) == every  # what real devices tell, without their "token"
    assert set(info.data["ap"]) == {"bssid", "rssi", "ssid"}
    assert set(info.data["netif"]) == {"gw", "localIp", "mask"}


def test_every_property_is_readable(device):
    spec = json.loads((FIRMWARE_DIR / "spec" / "mynah-speaker.json").read_text())
    device.mapping = {
        f"{service['iid']}-{entry['iid']}": {"siid": service["iid"], "piid": entry["iid"]}
        for service in spec["services"]
        for entry in service["properties"]
        if "read" in entry["access"]
    }
    values = {entry["did"]: entry for entry in device.get_properties_for_mapping()}
    assert set(values) == set(device.mapping)
    assert all(entry["code"] == 0 for entry in values.values())
    assert values["2-1"]["value"] == 60
    assert values["1-1"]["value"] == "Mynah"


def test_set_and_read_back(device):
    for siid, piid, value in ((2, 1, 35), (2, 2, True), (4, 1, True), (7, 1, True), (7, 3, 255)):
        before = device.get_property_by(siid, piid)[0]["value"]
        assert device.set_property_by(siid, piid, value)[0]["code"] == 0
        assert device.get_property_by(siid, piid)[0]["value"] == value
        device.set_property_by(siid, piid, before)


def test_each_mistake_has_its_code(device):
    assert device.set_property_by(2, 1, 101)[0]["code"] == -4005
    assert device.set_property_by(2, 1, "loud")[0]["code"] == -4005
    assert device.set_property_by(3, 1, 1)[0]["code"] == -4002
    assert device.set_property_by(9, 9, 1)[0]["code"] == -4003
    assert device.get_property_by(2, 9)[0]["code"] == -4003
    assert device.call_action_by(3, 9)["code"] == -4003
    assert device.call_action_by(3, 1, [1])["code"] == -4006
    other = [{"did": "305419897", "siid": 2, "piid": 1}]
    assert device.send("get_properties", other)[0]["code"] == -4007
    for method in ("miIO.ota", "miIO.get_ota_state", "miIO.get_ota_progress"):
        with pytest.raises(DeviceError, match="no updates over the network"):
            device.send(method, {})
    with pytest.raises(DeviceError, match="-5001"):
        device.send("get_properties", {"siid": 1})
    with pytest.raises(DeviceError, match="too long"):
        device.send("get_properties", [{"did": "x" * 40, "siid": 1, "piid": 3}] * 16)


def test_actions(device):
    for action, state in ((1, 1), (2, 2), (1, 1), (5, 0)):
        assert device.call_action_by(3, action)["code"] == 0
        assert device.get_property_by(3, 1)[0]["value"] == state


def test_the_clock_counts_on_from_what_it_is_set_to(device):
    assert device.get_property_by(6, 1)[0]["value"] == 0  # nobody has told it
    assert device.set_property_by(6, 1, 0)[0]["code"] == -4005
    assert device.set_property_by(6, 1, 1_800_000_000)[0]["code"] == 0
    assert 0 <= device.get_property_by(6, 1)[0]["value"] - 1_800_000_000 < 60
    assert device.set_property_by(6, 2, -210)[0]["code"] == 0
    assert device.get_property_by(6, 2)[0]["value"] == -210
    assert device.set_property_by(6, 2, 841)[0]["code"] == -4005


def test_what_the_speaker_has_not_got_is_said(device):
    for siid, aiid, arguments in ((5, 1, ["hello"]), (6, 1, []), (5, 5, ["lights on", True])):
        answer = device.call_action_by(siid, aiid, arguments)
        assert answer["code"] == -4004
        assert "yet" in answer["message"]


def test_two_fresh_clients_in_one_second_may_ask_the_same(board):
    """Each starts with id 1: were the stamps equal too, the second packet would be a replay."""
    for _ in range(3):
        device = miio.MiotDevice(board.address, TOKEN, timeout=1)
        assert device.get_property_by(2, 1)[0]["code"] == 0


def test_several_clients_at_once(tmp_path):
    """Each on its own socket or with a new one for each call, reading and setting."""
    with contextlib.closing(Board(own_address(), "owned", tmp_path)) as board:
        _several_clients(board)


def _several_clients(board):
    def with_python_miio(number):
        device = miio.MiotDevice(board.address, TOKEN, timeout=2, start_id=10 * number)
        for _ in range(10):
            assert device.get_property_by(1, 1)[0]["value"] == "Mynah"
            assert device.set_property_by(2, 2, False)[0]["code"] == 0

    def with_ours(_number):
        with MiioClient(board.address, bytes.fromhex(TOKEN)) as client:
            for _ in range(10):
                assert client.get("device-information.manufacturer") == "Mynah"
                client.set("speaker.mute", value=False)

    with ThreadPoolExecutor(6) as pool:
        calls = [pool.submit(with_python_miio, n) for n in range(3)]
        calls += [pool.submit(with_ours, n) for n in range(3)]
        for call in calls:
            call.result(timeout=30)


def test_credentials_are_refused_from_the_home_network(device):
    with pytest.raises(DeviceError, match="set-up network"):
        device.send("miIO.config_router", {"ssid": "evil", "passwd": "password1", "uid": 0})


def test_a_wrong_token_gets_no_answer(board):
    stranger = MiIOProtocol(board.address, "ff" * 16, timeout=0.2)
    with pytest.raises(DeviceException, match="No response"):
        stranger.send("miIO.info", retry_count=0)


def test_bad_packets_get_no_answer(board, raw):
    stamp = raw.hello()
    body = {"id": 7001, "method": "miIO.info", "params": []}
    good = request(stamp + 1, body)
    long = request(stamp + 1, {"id": 7002, "method": "x", "params": ["x" * 1400]})
    assert len(long) > 1400
    bad = [
        b"!",
        HELLO[:31],
        HELLO + b"\xff",
        good[:31],
        good[:-1],
        good[:-16],
        good + bytes(16),
        b"\x00" + good[1:],
        good[:-1] + bytes([good[-1] ^ 1]),
        good[:15] + bytes([good[15] ^ 1]) + good[16:],
        long,
        os.urandom(64),
        os.urandom(1300),
        request(stamp - 200, body),
        request(stamp + 1000, body),
        request(stamp + 1, body, did=0x12345679),
        request(stamp + 1, body, token="ff" * 16),
        request(stamp + 1, [1, 2, 3]),
        request(stamp + 1, "text"),
        request(stamp + 1, {"method": "miIO.info"}),
        request(stamp + 1, {"id": "1", "method": "miIO.info"}),
    ]
    for packet in bad:
        raw.send(packet)
        raw.hello()  # what comes is the hello's answer, so the packet had none
    reply = parse(raw.ask(good))
    assert reply["id"] == 7001
    assert reply["result"]["model"] == "mynah.speaker.test"
    board.expect(r"'checksum', \d")


def test_empty_datagrams_do_not_make_it_deaf(board, device):
    # They end a socket of the ESP32 port, so the server opens a new one; some packets are lost.
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for _ in range(20):
            stranger.sendto(b"", (board.address, 54321))
    time.sleep(0.2)
    assert device.info().model == "mynah.speaker.test"


def test_odd_requests_get_an_error(raw):
    stamp = raw.hello()
    for number, body in enumerate(
        (
            {"id": 1},
            {"id": 1, "method": 3},
            {"id": 1, "method": ["miIO.info"]},
            {"id": 1, "method": "get_properties", "params": None},
            {"id": 1, "method": "get_properties", "params": [[]]},
            {"id": 1, "method": "action", "params": [1]},
        )
    ):
        body["id"] = 7100 + number
        reply = parse(raw.ask(request(stamp + 1, body)))
        assert reply["id"] == 7100 + number
        assert reply["error"]["code"] in {-10000, -5001}, reply


def test_replay_and_repeat(board, raw, device):
    stamp = raw.hello()
    body = {"id": 7200, "method": "action", "params": {"siid": 3, "aiid": 1, "in": []}}
    packet = request(stamp + 1, body)
    first = raw.ask(packet)
    assert parse(first)["result"]["code"] == 0
    device.call_action_by(3, 5)
    assert raw.ask(packet) == first  # the same client repeats: the same bytes again
    assert device.get_property_by(3, 1)[0]["value"] == 0  # and nothing is done twice
    thief = Raw(board)
    try:
        thief.hello()
        thief.send(packet)
        thief.hello()
    finally:
        thief.close()
    assert device.get_property_by(3, 1)[0]["value"] == 0


def join(device, ssid, password):
    """What a client does: hand in credentials, then ask until it is decided."""
    assert device.send("miIO.config_router", {"ssid": ssid, "passwd": password, "uid": 0}) == ["ok"]
    deadline = time.monotonic() + 10
    while (state := device.send("miIO.wifi_assoc_state"))["trial"] == "running":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return state


def test_provisioning(new_board):
    found = MiIOProtocol.discover(new_board.address)
    token = found.checksum.hex()
    assert token not in {"f" * 32, "0" * 32}
    device = miio.Device(new_board.address, token, timeout=3)

    state = join(device, "home", "wrong-password")
    assert (state["state"], state["reason"]) == ("SET-UP", "wrong password")
    assert state["auth_fail_count"] == 1
    state = join(device, "nowhere", "password1")
    assert (state["state"], state["reason"]) == ("SET-UP", "no such network")
    for wrong in (
        {"ssid": "", "passwd": "password1"},
        {"ssid": "x" * 33, "passwd": "password1"},
        {"ssid": "home", "passwd": "short"},
        {"ssid": "home", "passwd": "x" * 65},
        {"ssid": 3, "passwd": "password1"},
        {"passwd": "password1"},
        ["home", "password1"],
    ):
        with pytest.raises(DeviceError, match="-5001"):
            device.send("miIO.config_router", wrong)

    # An emoji travels as two escaped surrogates in python-miio's JSON.
    state = join(device, "caf\u00e9 \U0001f600", 'pass word "x"')
    assert (state["state"], state["reason"]) == ("ONLINE", "")
    new_board.expect("set-up network closed")
    assert MiIOProtocol.discover(new_board.address).checksum == b"\xff" * 16
    assert device.info(skip_cache=True).accesspoint["ssid"] == "caf\u00e9 \U0001f600"
    with pytest.raises(DeviceError, match="set-up network"):
        device.send("miIO.config_router", {"ssid": "home", "passwd": "secret123", "uid": 0})

    assert device.send("miIO.restore") == ["ok"]
    new_board.expect("the board would restart")
    for secret in (token, "secret123", "wrong-password", "pass word"):
        assert secret not in new_board.log


def test_settings_outlive_the_process(tmp_path):
    address = own_address()
    board = Board(address, "new", tmp_path)
    token = MiIOProtocol.discover(address).checksum.hex()
    device = miio.MiotDevice(address, token, timeout=3)
    assert join(device, "home", "secret123")["state"] == "ONLINE"
    device.set_property_by(2, 1, 12)
    board.expect("settings: saved[^$]*settings: saved")
    board.close()

    board = Board(address, "kept", tmp_path)
    device = miio.MiotDevice(address, token, timeout=3)
    assert device.get_property_by(2, 1)[0]["value"] == 12
    board.expect("wifi: joined home")
    assert device.info(skip_cache=True).accesspoint["ssid"] == "home"
    board.close()


def models(device):
    (entry,) = device.send("get_properties", [{"did": "m", "siid": 8, "piid": 7}])
    return entry["value"]


def do(device, aiid, *values):
    return device.send("action", {"did": "x", "siid": 8, "aiid": aiid, "in": list(values)})


def test_each_models_settings_are_set_and_outlive_the_process(tmp_path):
    address = own_address()
    board = Board(address, "owned", tmp_path)
    device = miio.MiotDevice(address, TOKEN, timeout=3)
    assert models(device) == "alexa,Alexa,wake,on,default,229,5"
    assert do(device, 2, "alexa", 0)["code"] == 0
    assert models(device) == "alexa,Alexa,wake,on,strict,242,5"
    assert do(device, 3, "alexa", 200, 7)["code"] == 0
    assert models(device) == "alexa,Alexa,wake,on,custom,200,7"
    assert do(device, 4, "alexa")["out"] == ["alexa"]
    assert do(device, 1, "alexa", False)["code"] == 0
    assert device.get_property_by(8, 1)[0]["value"] == ""
    for aiid, arguments in ((1, ("nobody", True)), (2, ("alexa", 3)), (3, ("alexa", 255, 5))):
        assert do(device, aiid, *arguments)["code"] == -4006
    assert device.get_property_by(8, 11)[0]["code"] == -4001
    board.expect("settings: saved")
    board.close()

    board = Board(address, "kept", tmp_path)
    device = miio.MiotDevice(address, TOKEN, timeout=3)
    assert models(device) == "alexa,Alexa,wake,off,custom,200,7"
    board.close()
