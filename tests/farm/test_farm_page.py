"""The configuration on the farm's page is read by labgrid, and means what the page says."""

import re
from pathlib import Path

import pytest

pytest.importorskip("labgrid", reason="labgrid is not installed (docs/farm.md)")

import attrs
from labgrid.factory import target_factory
from labgrid.remote.config import ResourceConfig
from labgrid.remote.exporter import exports

import mynah
from mynah.farm.strategy import MynahStatus
from mynah.farm.targets import boards_of
from mynah.hil.board import kind_of

PAGE = (Path(mynah.__file__).parents[1] / "docs" / "farm.md").read_text(encoding="utf-8")


def blocks(language):
    """The code blocks of a language, without the indent of a list that they are in."""
    fence = re.compile(rf"^( *)```{language}\n(.*?)^\1```", re.DOTALL | re.MULTILINE)
    for indent, text in fence.findall(PAGE):
        yield "\n".join(line.removeprefix(indent) for line in text.splitlines()) + "\n"


def test_the_environment_file(tmp_path):
    (text,) = [block for block in blocks("yaml") if "targets:" in block]
    path = tmp_path / "farm.yaml"
    path.write_text(text)
    kitchen, bath = boards_of(str(path), lambda: None)
    assert (kitchen.name, bath.name) == ("kitchen", "bath")
    assert kind_of(kitchen).name == "bread-compact"
    assert (kitchen.firmware, kitchen.audio.kind) == ("speaker", "feed")
    assert (bath.firmware, bath.ready) == (str(tmp_path / "src"), "app: up$")


def test_the_exporters_configuration(tmp_path):
    text = "".join(block for block in blocks("yaml") if "SerialPort" in block)
    path = tmp_path / "exporter.yaml"
    path.write_text(text)
    groups = ResourceConfig(str(path), {}).data
    assert list(groups) == ["kitchen", "bath", "garage"]
    for group in groups.values():
        for name, arguments in group.items():
            assert name in exports or name == "NetworkSerialPort"
            keys = {field.name for field in attrs.fields(target_factory.resources[name])}
            assert set(arguments) <= keys
            # udev's properties are strings: a number would match nothing
            assert all(isinstance(value, str) for value in arguments.get("match", {}).values())


def test_the_states_of_the_strategy():
    rows = re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)
    assert rows == [name for name in MynahStatus.__members__ if name != "unknown"]
