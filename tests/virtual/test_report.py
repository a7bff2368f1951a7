"""The report of a board whose settings and log are full of secrets."""

import base64
import json
import stat
import zipfile

import pytest
from click.testing import CliRunner
from doctor_boards import settings, speaker_files, with_files
from doctor_host import Computer

from mynah.cli import cli
from mynah.doctor import conversation
from mynah.doctor.host import Host
from mynah.errors import UsageError, VerificationError
from mynah.miio import devices
from mynah.miio.devices import Device
from mynah.report import bundle
from mynah.report.redact import Redactor
from mynah.virtual.board import VirtualBoard

SSID, PASSWORD = "Liddells at home", 'tea "party" 42'
TOKEN = bytes.fromhex("8f3ac1d27be4905566a17c02de3b4f90")
CHANNEL_KEY = bytes.fromhex("c0ffee00112233445566778899aabbccddeeff0123456789abcdef0011223344")
PLUG = bytes.fromhex("7a11d0c4e35f4b2899abcdef01237a11")
LAMP = bytes.fromhex("0f1e2d3c4b5a69788796a5b4c3d2e1f0")
PLANTED = """
import binascii
def _plant(secret):
    h = binascii.hexlify(secret)
    print("hex", h.decode(), h.decode().upper(), binascii.hexlify(secret, b":").decode())
    print("base64", binascii.b2a_base64(secret).decode(), binascii.b2a_base64(h).decode())
    print("repr", secret, list(secret))
print("password", {password!r}, repr({password!r}), binascii.b2a_base64({password!r}))
print("user alice in /home/alice/mynah at rabbit-hole")
for _s in {secrets!r}:
    _plant(_s)
"""


@pytest.fixture
def user(tmp_path, monkeypatch):
    """Alice, who has paired two devices."""
    monkeypatch.setenv("MYNAH_CONFIG", str(tmp_path / "config"))
    monkeypatch.setattr(conversation, "_LISTEN_S", 0.3)
    for name in ("LOGNAME", "USER"):
        monkeypatch.setenv(name, "alice")
    monkeypatch.setenv("HOME", "/home/alice")
    monkeypatch.setattr("socket.gethostname", lambda: "rabbit-hole")
    key = CHANNEL_KEY.hex()
    mac = "30:ED:A0:00:00:01"
    devices.remember("kitchen", Device("127.0.0.1", TOKEN.hex(), 1, mac, "m", key))
    devices.remember("lamp", Device("127.0.0.2", LAMP.hex(), 2, "30:ED:A0:00:00:02", "m"))
    return tmp_path


@pytest.fixture(scope="module")
def board():
    """A speaker in no network, whose log tells all its secrets at each start."""
    planted = PLANTED.format(password=PASSWORD, secrets=[TOKEN, CHANNEL_KEY, LAMP, PLUG])
    files = speaker_files()
    files["/boot.py"] = planted.encode() + files["/boot.py"]
    files["/home/0.a"] = settings(name="plug", token=PLUG.hex(), address="10.0.0.9")
    files["/settings.a"] = settings(
        token=TOKEN.hex(),
        owned=True,
        ssid=SSID,
        password=PASSWORD,
        channel_key=CHANNEL_KEY.hex(),
        name="Alice's",
        volume=31,
    )
    with VirtualBoard(content=with_files(files)) as made:
        yield made


def spelled(secret):
    """Ways to write a secret, in small letters."""
    plain = [secret.hex(), secret.hex(":"), repr(secret)[2:-1], str(list(secret))[1:-1]]
    encoded = [base64.b64encode(each).decode() for each in (secret, secret.hex().encode())]
    return [each.lower() for each in plain + [each.rstrip("=") for each in encoded]]


def test_nothing_that_is_secret_is_in_a_report(board, user):
    board.world.wifi.clear()
    board.world.wifi.add("The Dormouse", "asleep-all-day")
    path = user / "report.zip"
    shown = CliRunner().invoke(cli, ["report", "--port", board.url, "--output", str(path)])
    assert shown.exit_code == 0, shown.output
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with zipfile.ZipFile(path) as bundle_:
        assert bundle_.testzip() is None
        files = {name: bundle_.read(name).decode() for name in bundle_.namelist()}
    everything = "\n".join(files.values()).lower() + shown.output.lower()
    for secret in (TOKEN, CHANNEL_KEY, LAMP, PLUG, PASSWORD.encode()):
        for written in spelled(secret):
            assert written not in everything
    for text in (
        PASSWORD,
        json.dumps(PASSWORD)[1:-1],
        "alice",
        "rabbit-hole",
        "liddells",
        "dormouse",
    ):
        assert text.lower() not in everything
    assert board.mac.lower() not in everything
    assert board.mac.replace(":", "").lower() not in everything

    # What a maintainer needs is there.
    assert "I " in files["log.txt"]
    assert "app: ready" in files["log.txt"]
    assert "hex <removed> <removed> <removed>\nbase64 <removed>\n" in files["log.txt"]
    assert "cannot join <network 1>: no such network" in files["log.txt"]
    assert "factory          type 0x00 subtype 0x00 at 0x010000" in files["partitions.txt"]
    assert "vfs" in files["partitions.txt"]
    told = json.loads(files["settings.json"])
    assert told["volume"] == 31
    assert all(told[f"{key} is set"] for key in ("token", "password", "name", "ssid"))
    found = json.loads(files["doctor.json"])
    assert [each["cause"] for each in found["findings"]] == ["wifi-not-seen"]
    assert found["board"]["heap"]
    assert json.loads(files["versions.json"])["mynah"]
    removed = json.loads(files["removed.json"])
    assert removed["secret"] > 10
    assert removed["Wi-Fi's name"]


def test_a_report_with_a_secret_left_is_not_written(user, monkeypatch):
    # A redactor that misses the token in what the README says: the last look finds it.
    monkeypatch.setattr(bundle, "_README", "see {mac} " + TOKEN.hex())
    monkeypatch.setattr(Redactor, "data", lambda _, value: value)
    path = user / "report.zip"
    path.write_bytes(b"the old one")
    with VirtualBoard(content=()) as blank, pytest.raises(VerificationError, match=r"README\.txt"):
        bundle.make_report(Host(), path, port=blank.url, reset=False)
    assert path.read_bytes() == b"the old one"


def test_a_blank_board_tells_its_chip(user):
    path = user / "report.zip"
    with VirtualBoard(content=()) as board:
        report = bundle.make_report(Host(), path, port=board.url, keep_mac=True)
    assert report.faults == ["flash-empty"]
    with zipfile.ZipFile(path) as bundle_:
        chip = json.loads(bundle_.read("chip.json"))
        assert chip["psram"] == "8 MB octal PSRAM"
        assert chip["mac"] == board.mac.lower()
        assert b"invalid magic number" in bundle_.read("partitions.txt")
        assert b"invalid header: 0xffffffff" in bundle_.read("log.txt")


def test_what_cannot_be_done_is_refused_before_the_board_is_touched(user):
    for words, why in (
        (["--name", "nobody"], "no speaker 'nobody'"),
        (["--output", str(user / "no" / "x.zip")], "No such file or directory"),
    ):
        shown = CliRunner().invoke(cli, ["report", "--port", "rfc2217://127.0.0.1:1", *words])
        assert isinstance(shown.exception, UsageError)
        assert why in str(shown.exception)
        assert shown.stderr == ""


def test_a_report_without_a_board_says_so(user, monkeypatch):
    monkeypatch.setenv("MYNAH_CACHE", str(user / "cache"))  # nobody's virtual boards
    computer = Computer(user / "computer")
    monkeypatch.setattr("mynah.doctor.host.Host", computer.host)
    shown = CliRunner().invoke(cli, ["report", "--output", str(user / "report.zip")])
    assert shown.exit_code == 0
    assert "name the board with --port" in shown.stderr
    with zipfile.ZipFile(user / "report.zip") as packed:
        assert "log.txt" not in packed.namelist()
