"""The speaker as a controller, on a whole board: a lamp that python-miio simulates."""

import json
import warnings
from pathlib import Path

import pytest
from loopback import addresses

from mynah.bench.home import peers
from mynah.bench.home.peers import TOKEN, Simulated, Simulators
from mynah.home import speaker
from mynah.home.description import Record
from mynah.home.miot import compile_instance
from mynah.miio import MiioClient

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # python-miio's use of click
    miio = pytest.importorskip("miio")

# python-miio 0.6 leaves its sockets to the garbage collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
    pytest.mark.needs("virtual"),  # the lamp is on this computer's loopback network
]

LAMP = Path(peers.__file__).with_name("lamp.json")


@pytest.mark.proves(
    "socket home",
    "method mynah.home.add",
    "method mynah.home.remove",
    "method mynah.home.do",
    "method mynah.home.list",
    "action intelligent-speaker.execute-text-directive",
)
def test_a_sentence_switches_a_lamp_and_the_lamp_survives_a_restart(paired, device, net):
    with addresses(1) as (address,), Simulators([Simulated(address, "mynah.light.hil", LAMP)]):
        description = compile_instance(json.loads(LAMP.read_text()))
        record = Record("kitchen lamp", "", "mynah.light.hil", address, TOKEN, 0, description)
        lamp = miio.MiotDevice(address, TOKEN.hex())
        speaker.add(paired, record)
        for sentence, value in (("turn on the kitchen lamp", True), ("关闭厨房灯", False)):
            assert speaker.do(paired, sentence)["ok"] is True
            assert lamp.get_property_by(2, 1)[0]["value"] is value
        text = ["turn on the kitchen lamp", True]
        assert paired.action("intelligent-speaker.execute-text-directive", *text)
        assert lamp.get_property_by(2, 1)[0]["value"] is True
        device.reset()
        with MiioClient(net.wait(20), paired._token) as client:
            assert speaker.do(client, "turn off the kitchen lamp")["ok"] is True
            assert lamp.get_property_by(2, 1)[0]["value"] is False
            speaker.remove(client, "kitchen lamp")
            assert speaker.known(client) == []
