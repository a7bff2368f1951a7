"""`mynah home` against the speaker's own controller in MicroPython, with python-miio's devices.

The devices are python-miio's simulators, unmodified, in processes of their own; what they were set
to is read back with python-miio's own client.
"""

import gc
import json
import time
import warnings
from pathlib import Path

import pytest
from loopback import addresses
from miot_process import Board

from mynah.bench.home import peers
from mynah.bench.home.peers import TOKEN, Simulated, Simulators
from mynah.cli import cli
from mynah.errors import BoardTimeoutError, UsageError
from mynah.home.device import WrongTokenError
from mynah.miio.devices import Device, remember

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # python-miio's use of click
    miio = pytest.importorskip("miio")

# python-miio 0.6 leaves its sockets to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")

SPEAKER_TOKEN = "00112233445566778899aabbccddeeff"
DEVICES = Path(__file__).with_name("home_devices")
LAMP = Path(peers.__file__).with_name("lamp.json")
WRONG = "5a" * 16


@pytest.fixture(autouse=True)
def _no_socket_outlives_its_test():
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


class Home:
    """A speaker, three devices, and the command line of a user who has paired the speaker."""

    def __init__(self, speaker, lamp, plug, fan, capsys):
        self.speaker = speaker
        self.lamp, self.plug, self.fan = lamp, plug, fan
        self._capsys = capsys

    def mynah(self, *arguments, code=0):
        """What a command prints; its exit code is checked."""
        self._capsys.readouterr()
        try:
            cli.main(["home", *arguments], standalone_mode=False)
            exited = 0
        except SystemExit as error:
            exited = error.code
        shown = self._capsys.readouterr()
        assert exited == code, shown.out + shown.err
        return shown

    def json(self, *arguments, code=0):
        return json.loads(self.mynah(*arguments, "--json", code=code).out)

    def add_all(self):
        self.mynah("add", "--address", self.lamp, "--name", "kitchen lamp", "--room", "kitchen",
                   "--spec", str(LAMP))  # fmt: skip
        self.mynah("add", "--address", self.plug, "--name", "heater plug", "--room", "bathroom",
                   "--spec", str(DEVICES / "plug.json"))  # fmt: skip
        self.mynah("add", "--address", self.fan, "--name", "bedroom fan", "--room", "bedroom")

    def is_on(self):
        """What python-miio reads from lamp, plug and fan."""
        lamp = miio.MiotDevice(self.lamp, TOKEN.hex()).get_property_by(2, 1)[0]["value"]
        plug = miio.MiotDevice(self.plug, TOKEN.hex()).get_property_by(2, 1)[0]["value"]
        return lamp, plug, miio.Device(self.fan, TOKEN.hex()).send("get_prop", ["power"]) == ["on"]


@pytest.fixture(scope="module")
def places():
    """Addresses: the speaker's, lamp, plug, fan, nobody."""
    with addresses(5) as found:
        yield found


@pytest.fixture(scope="module")
def simulators(places):
    _, lamp, plug, fan, _ = places
    with Simulators([
        Simulated(lamp, "mynah.light.test", LAMP),
        Simulated(plug, "mynah.plug.test", DEVICES / "plug.json"),
        Simulated(fan, "zhimi.fan.za4", DEVICES / "old_fan.json"),
    ]):  # fmt: skip
        yield


@pytest.fixture
def home(places, simulators, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MYNAH_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("MYNAH_DEVICE_TOKEN", TOKEN.hex())
    monkeypatch.setattr("mynah.home.device.TIMEOUT_S", 0.2)
    monkeypatch.setattr("mynah.home.discover.ROUND_S", 0.1)
    speaker = Board(places[0], "owned", tmp_path)
    remember("salon", Device(speaker.address, SPEAKER_TOKEN, 0x12345678, "", "mynah.speaker.test"))
    yield Home(speaker, *places[1:4], capsys)
    speaker.close()


def wait_until(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)


def test_devices_are_added_listed_shown_and_removed(home):
    home.add_all()
    wait_until(lambda: all(each["online"] for each in home.json("list")))
    listed = {each["name"]: each for each in home.json("list")}
    assert listed["bedroom fan"]["state"].keys() == {"on", "fan-speed", "swing"}
    assert {each["type"] for each in listed.values()} == {"lamp", "plug", "fan"}
    table = home.mynah("list").out
    assert "bathroom" in table
    assert "yes" in table
    shown = home.mynah("show", "kitchen lamp").out
    assert "2700 to 6500 K" in shown
    assert "day, night, reading" in shown
    home.mynah("remove", "heater plug")
    assert [each["name"] for each in home.json("list")] == ["bedroom fan", "kitchen lamp"]
    with pytest.raises(
        UsageError, match="no device 'heater plug'; there are: bedroom fan, kitchen"
    ):
        home.mynah("remove", "heater plug")


def test_the_token_is_never_shown_again(home):
    said = home.mynah("add", "--address", home.lamp, "--name", "lamp", "--spec", str(LAMP))
    everything = said.out + said.err + home.speaker.log
    for arguments in (("list",), ("list", "--json"), ("show", "lamp"), ("show", "lamp", "--json")):
        everything += home.mynah(*arguments).out
    assert TOKEN.hex() not in everything
    assert "token" not in home.json("show", "lamp")


def test_a_wrong_token_is_told_and_nothing_is_stored(home, monkeypatch):
    monkeypatch.setenv("MYNAH_DEVICE_TOKEN", WRONG)
    with pytest.raises(WrongTokenError) as it:
        home.mynah("add", "--address", home.lamp, "--name", "lamp", "--spec", str(LAMP))
    assert it.value.exit_code == 4
    assert WRONG not in str(it.value)
    assert home.json("list") == []


def test_who_does_not_answer_is_stored_only_on_request(home, places):
    add = ("add", "--address", places[4], "--name", "far lamp", "--spec", str(LAMP))
    with pytest.raises(BoardTimeoutError, match="no device answers"):
        home.mynah(*add)
    assert home.json(*add, "--unchecked")["state"] is None
    wait_until(lambda: home.json("list")[0]["online"] is False)


def test_without_an_address_the_candidates_are_shown(home):
    (found,) = home.json("add", "--broadcast", home.fan)
    assert found["address"] == home.fan
    assert found["tells_token"] is False
    assert "--address" in home.mynah("add", "--broadcast", home.fan).err


def test_a_device_s_place_is_asked_for_only_where_it_can_be_answered(home, monkeypatch):
    from click import UsageError as ClickError

    with pytest.raises(ClickError, match='--name "kitchen lamp"'):
        home.mynah("add", "--address", home.lamp, "--room", "kitchen", "--spec", str(LAMP))
    monkeypatch.delenv("MYNAH_DEVICE_TOKEN")
    with pytest.raises(ClickError, match="--token-stdin"):
        home.mynah("add", "--address", home.lamp, "--name", "lamp", "--spec", str(LAMP))


def test_a_list_is_imported_and_what_does_not_answer_is_told(home, places, tmp_path):
    rows = [
        f"Lamp,{home.lamp},{TOKEN.hex()},,kitchen,lamp.json",
        f"Fan,{home.fan},{TOKEN.hex()},zhimi.fan.za4,bedroom,",
        f"Fan,{home.fan},{WRONG},zhimi.fan.za4,bedroom,",
        f"Gone,{places[4]},{TOKEN.hex()},zhimi.fan.za4,,",
        "Bluetooth thing,,,,,",
    ]
    file = tmp_path / "list.csv"
    file.write_text("\n".join(["name,address,token,model,room,spec", *rows]) + "\n")
    (tmp_path / "lamp.json").write_bytes(LAMP.read_bytes())
    tried = home.json("import", str(file), "--dry-run", code=4)
    assert [row["ok"] for row in tried] == [True, True, False, False]
    assert home.json("list") == []
    shown = home.mynah("import", str(file), code=4)
    assert "not this token" in shown.out
    assert "no device answers" in shown.out
    assert "2 added, 2 left out" in shown.err
    assert TOKEN.hex() not in shown.out + shown.err
    assert WRONG not in shown.out + shown.err
    assert [each["name"] for each in home.json("list")] == ["Fan", "Lamp"]


def test_a_speaker_must_be_there_and_be_the_only_one_or_be_named(home, monkeypatch, tmp_path):
    remember("attic", Device("127.0.0.1", SPEAKER_TOKEN, 1, "", "mynah.speaker.test"))
    with pytest.raises(UsageError, match=r"which speaker.*attic, salon"):
        home.mynah("list")
    assert home.json("list", "--speaker", "salon") == []
    monkeypatch.setenv("MYNAH_SPEAKER", "salon")
    assert home.json("list") == []
    monkeypatch.setenv("MYNAH_CONFIG", str(tmp_path / "nothing"))
    monkeypatch.delenv("MYNAH_SPEAKER")
    with pytest.raises(UsageError, match="mynah pair"):
        home.mynah("list")
