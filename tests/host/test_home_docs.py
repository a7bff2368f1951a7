"""The sentences in the documentation and in the help, each said to the home that they are about."""

import re
import warnings
from pathlib import Path

import pytest
from click.testing import CliRunner
from home_user import User
from loopback import addresses
from miot_process import Board

from mynah.bench.home import peers
from mynah.bench.home.peers import Simulated, Simulators
from mynah.cli import cli
from mynah.home import old

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # python-miio's use of click
    pytest.importorskip("miio")

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "host_tools" / "docs" / "home.md").read_text(encoding="utf-8")
DEVICES = Path(__file__).with_name("home_devices")
LAMP = Path(peers.__file__).with_name("lamp.json")
HOME = {
    "kitchen lamp": ("kitchen", LAMP),
    "bedroom lamp": ("bedroom", LAMP),
    "bedroom fan": ("bedroom", DEVICES / "fan.json"),
    "heater plug": ("bathroom", DEVICES / "plug.json"),
    "air conditioner": ("living room", DEVICES / "aircon.json"),
    "curtain": ("living room", DEVICES / "curtain.json"),
    "climate sensor": ("living room", DEVICES / "climate.json"),
    "door sensor": ("living room", DEVICES / "door.json"),
}
SAID = re.compile(r'^ *(?:mynah home do|\$ mynah home do) "(.+?)"', re.MULTILINE)


@pytest.fixture
def user(tmp_path, monkeypatch, capsys):
    with addresses(1 + len(HOME)) as (own, *others):
        simulated = [
            Simulated(address, f"mynah.test.d{number}", spec)
            for number, (address, (_, spec)) in enumerate(zip(others, HOME.values(), strict=True))
        ]
        with Simulators(simulated):
            speaker = Board(own, "owned", tmp_path)
            user = User(speaker, monkeypatch, capsys, tmp_path)
            for address, (name, (room, spec)) in zip(others, HOME.items(), strict=True):
                user.add(address, name, room, spec)
            yield user
            speaker.close()


def test_every_sentence_of_the_page_and_of_the_help_is_understood_and_done(user):
    help_texts = [
        CliRunner().invoke(cli, ["home", *command, "--help"]).output for command in ([], ["do"])
    ]
    clear = PAGE.split("### When it is not clear")[0]
    sentences = list(dict.fromkeys(SAID.findall("\n".join([clear, *help_texts]))))
    assert len(sentences) > 30
    failed = {}
    for sentence in sentences:
        answer = user.json("do", sentence, code=None)
        if not answer["ok"]:
            failed[sentence] = answer
    assert failed == {}


def test_the_page_lists_the_old_models_that_there_are():
    listed = re.search(r"knows these models:\n\n(.+?)\n\n", PAGE, re.DOTALL)[1]
    assert sorted(re.findall(r"`([a-z0-9_.]+)`", listed)) == old.models()


def test_the_page_s_description_is_one(tmp_path):
    (example,) = re.findall(r'```toml\n(type = "fan".+?)```', PAGE, re.DOTALL)
    file = tmp_path / "mine.toml"
    file.write_text(example)
    assert set(old.read(file, "acme.fan.one").roles) == {"on", "fan-speed", "mode", "temperature"}
