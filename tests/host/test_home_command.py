"""`mynah home` against the speaker's own controller in MicroPython, with python-miio's devices.

The devices are python-miio's simulators, unmodified, in processes of their own; what they were set
to is read back with python-miio's own client.
"""

import gc
import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from home_user import SPEAKER_TOKEN, User
from loopback import addresses
from miot_process import Board

from mynah.bench.home import peers
from mynah.bench.home.peers import TOKEN, Simulated, Simulators
from mynah.errors import BoardError, BoardTimeoutError, UsageError
from mynah.find import search
from mynah.find.interfaces import Interface
from mynah.home import speaker
from mynah.home.device import WrongTokenError
from mynah.miio.devices import Device, remember

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # python-miio's use of click
    miio = pytest.importorskip("miio")

# python-miio 0.6 leaves its sockets to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")

DEVICES = Path(__file__).with_name("home_devices")
LAMP = Path(peers.__file__).with_name("lamp.json")
WRONG = "5a" * 16


@pytest.fixture(autouse=True)
def _no_socket_outlives_its_test():
    yield
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


class Home(User):
    """The user of a home with three devices."""

    def __init__(self, lamp, plug, fan, *user):
        super().__init__(*user)
        self.lamp, self.plug, self.fan = lamp, plug, fan

    def add_all(self):
        self.add(self.lamp, "kitchen lamp", "kitchen", LAMP)
        self.add(self.plug, "heater plug", "bathroom", DEVICES / "plug.json")
        self.add(self.fan, "bedroom fan", "bedroom")

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
    board = Board(places[0], "owned", tmp_path)
    yield Home(*places[1:4], board, monkeypatch, capsys, tmp_path)
    board.close()


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


def test_without_an_address_the_candidates_are_shown(home, monkeypatch):
    """A simulator is bound to one address, where no broadcast arrives; so it is asked there."""
    here = [Interface("127.0.0.1", (home.fan,))]
    monkeypatch.setattr("mynah.find.hello.interfaces", lambda: here)
    monkeypatch.setattr("mynah.find.search", partial(search, 0.3))
    (found,) = [each for each in home.json("add") if each["address"] == home.fan]
    assert found["device_id"] == miio.Device(home.fan, TOKEN.hex()).device_id
    assert found["paired"] is True
    assert "token" not in found
    shown = home.mynah("add")
    assert home.fan in shown.out
    assert home.speaker.address not in shown.out
    assert "add one with --address" in shown.err


def test_on_a_terminal_token_and_name_are_asked_for_and_the_token_is_not_echoed(home, monkeypatch):
    monkeypatch.delenv("MYNAH_DEVICE_TOKEN")
    master, terminal = pty.openpty()
    command = [sys.executable, "-c", "from mynah.cli import main; main()", "home", "add"]
    options = ["--address", home.lamp, "--room", "kitchen", "--spec", str(LAMP)]
    process = subprocess.Popen(
        [*command, *options], stdin=terminal, stdout=terminal, stderr=terminal
    )
    os.close(terminal)
    shown = said(master, b"hexadecimal digits): ")
    os.write(master, TOKEN.hex().encode() + b"\n")
    shown += said(master, b"Name [kitchen lamp]: ")
    os.write(master, b"\n")
    shown += said(master, b"now: ")
    assert process.wait(20) == 0
    os.close(master)
    assert TOKEN.hex().encode() not in shown
    assert [each["name"] for each in home.json("list")] == ["kitchen lamp"]


def said(terminal, end):
    """What a program says on a terminal, until it says ``end``."""
    shown = b""
    while end not in shown:
        assert select.select([terminal], [], [], 20)[0], shown
        shown += os.read(terminal, 4096)
    return shown


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


def test_sentences_switch_what_they_name_and_python_miio_sees_it(home):
    home.add_all()
    home.mynah("do", "turn off all devices")
    assert home.is_on() == (False, False, False)
    answer = home.json("do", "turn on the kitchen lamp")
    assert answer["ok"] is True
    assert [(each["name"], each["ok"]) for each in answer["results"]] == [("kitchen lamp", True)]
    assert home.is_on() == (True, False, False)
    home.mynah("do", "打开卧室的风扇")
    assert home.is_on() == (True, False, True)
    home.mynah("do", "set the kitchen lamp to 30 percent")
    lamp = miio.MiotDevice(home.lamp, TOKEN.hex())
    assert lamp.get_property_by(2, 2)[0]["value"] == 30
    shown = home.mynah("do", "turn", "on", "the", "heater", "plug")
    assert "understood: " in shown.err
    assert "heater plug" in shown.out
    assert "says: " in shown.out
    assert home.is_on() == (True, True, True)


def test_what_is_not_clear_is_answered_with_candidates(home):
    home.add_all()
    before = home.is_on()
    answer = home.json("do", "turn on the attic lamp", code=4)
    assert not answer["ok"]
    shown = home.mynah("do", "turn on the attic lamp", code=4)
    assert "kitchen lamp" in shown.err + shown.out
    home.mynah("do", "sing me a song", code=4)
    assert home.is_on() == before


def test_a_device_that_refuses_is_told(home):
    """A spec of a newer model: the device has no such mode."""
    spec = json.loads(LAMP.read_text())
    choices = spec["services"][1]["properties"][4]["value-list"]
    choices.append({"value": 9, "description": "Party"})
    newer = Path(os.environ["MYNAH_CONFIG"]) / "newer.json"
    newer.write_text(json.dumps(spec))
    home.mynah("add", "--address", home.lamp, "--name", "kitchen lamp", "--spec", str(newer))
    answer = home.json("do", "set the kitchen lamp to party mode", code=4)
    (result,) = answer["results"]
    assert result["ok"] is False
    assert result["code"] == -3
    assert "-3" in home.mynah("do", "set the kitchen lamp to party mode", code=4).out


def test_one_dies_in_the_middle_the_others_obey_and_it_comes_back(home, places):
    """A lamp's process is stopped, so that it has the command and does not answer, then killed."""
    with addresses(1) as (address,):
        lamp = Simulated(address, "mynah.light.fourth", LAMP)
        dying = Simulators([lamp])
        try:
            home.add_all()
            home.add(address, "attic lamp", spec=LAMP)
            home.mynah("do", "turn off everything")
            os.kill(dying.pid, signal.SIGSTOP)
            with ThreadPoolExecutor(1) as pool, home.client() as client:
                saying = pool.submit(speaker.do, client, "turn on everything")
                wait_until(lambda: home.is_on() == (True, True, True))
                assert not saying.done()
                dying.kill()
                answer = saying.result(20)
        finally:
            dying.close()
        done = {each["name"]: each["ok"] for each in answer["results"]}
        assert done == {
            "kitchen lamp": True,
            "heater plug": True,
            "bedroom fan": True,
            "attic lamp": False,
        }
        online = {each["name"]: each["online"] for each in home.json("list")}
        assert online == done
        with Simulators([lamp]):
            assert home.json("do", "turn on the attic lamp")["ok"] is True
            (value,) = miio.MiotDevice(address, TOKEN.hex()).get_property_by(2, 1)
            assert value["value"] is True
            assert home.json("show", "attic lamp")["online"] is True


def test_a_record_that_the_speaker_refuses_is_told(home):
    with pytest.raises(BoardError, match="name"):
        home.mynah("add", "--address", home.lamp, "--name", "x" * 60, "--spec", str(LAMP))
