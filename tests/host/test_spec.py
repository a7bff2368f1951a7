"""The MIoT spec: the firmware's table is generated from it, and others can read it."""

import ast
import copy
import json
import os
import re
import subprocess

import pytest

from mynah.miio import spec, specdoc, specgen
from mynah.paths import FIRMWARE_DIR
from mynah.virtual.micropython import micropython_command

_ADVICE = "run python -m mynah.miio.specgen"
SPEC = json.loads((FIRMWARE_DIR / "spec" / "mynah-speaker.json").read_text("utf-8"))


def test_the_firmwares_table_and_the_page_are_the_specs():
    assert specgen.TABLE.read_text("utf-8") == specgen.table(SPEC), _ADVICE
    assert specgen.PAGE.read_text("utf-8") == specdoc.page(SPEC), _ADVICE


def test_the_page_names_everything_and_every_code():
    page = specdoc.page(SPEC)
    for name in [*spec.speaker().properties, *spec.speaker().actions, *spec.speaker().events]:
        assert f" {name} |" in page
    firmware = (FIRMWARE_DIR / "speaker" / "miot" / "spec.py").read_text()
    codes = {int(code) for code in re.findall(r"const\((-40\d\d)\)", firmware)}
    assert codes == set(spec.CODES)
    assert all(f"| {code} | " in page for code in codes)


_READ = """
from speaker.miot import rows, spec_table
print(repr((
    dict(rows.properties(spec_table.PROPERTIES).items()),
    dict(rows.actions(spec_table.ACTIONS).items()),
    rows.events(spec_table.EVENTS),
)))
"""


@pytest.fixture(scope="module")
def tables():
    """Properties, actions and events, as the firmware reads them."""
    done = subprocess.run(
        [*micropython_command(), "-c", _READ],
        env={**os.environ, "MICROPYPATH": f"{FIRMWARE_DIR}{os.pathsep}.frozen"},
        capture_output=True,
        text=True,
        check=True,
    )
    return ast.literal_eval(done.stdout)


def test_the_firmware_reads_every_row(tables):
    properties, actions, events = tables
    assert properties == {
        (siid, piid): (name, kind, access, allowed)
        for siid, piid, name, kind, access, allowed in specgen.properties(SPEC)
    }
    assert actions == {
        (siid, aiid): (name, piids) for siid, aiid, name, piids in specgen.actions(SPEC)
    }
    assert events == {name: (siid, eiid, piids) for siid, eiid, name, piids in specgen.events(SPEC)}


def test_the_table_is_the_spec(tables):
    properties, actions, _ = tables
    assert properties[2, 1] == ("speaker.volume", "uint8", 7, (0, 100, 1))
    assert properties[2, 2] == ("speaker.mute", "bool", 7, None)
    assert properties[3, 1] == ("play-control.playing-state", "uint8", 5, [0, 1, 2])
    assert actions[3, 1] == ("play-control.play", ())
    assert len(properties) == sum(len(service["properties"]) for service in SPEC["services"])


def test_python_miio_reads_it():
    models = pytest.importorskip("miio.miot_models")
    model = models.DeviceModel.parse_obj(copy.deepcopy(SPEC))
    volume = model.get_property_by_siid_piid(2, 1)
    assert volume.range == [0, 100, 1]
    assert volume.urn.name == "volume"
    state = model.get_property_by_siid_piid(3, 1)
    assert [choice.value for choice in state.choices] == [0, 1, 2]
    for service in model.services:
        for entry in service.properties:
            assert entry.get_descriptor() is not None
    actions = {action.aiid: action.urn.name for action in model.get_service_by_siid(3).actions}
    assert actions == {1: "play", 2: "pause", 5: "stop"}


def test_home_assistant_takes_it_for_a_media_player():
    """It asks for speaker.volume to be read and written, and a readable state with play."""
    access = {name: bits for _, _, name, _, bits, _ in specgen.properties(SPEC)}
    assert access["speaker.volume"] & 3 == 3
    assert access["play-control.playing-state"] & 1
    assert "play-control.play" in {name for _, _, name, _ in specgen.actions(SPEC)}


def _property(spec):
    return spec["services"][1]["properties"][0]


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda s: _property(s).update({"value-range": [0, 300, 1]}), "range 0..300"),
        (lambda s: _property(s).update({"value-range": [9, 3, 1]}), "range 9..3"),
        (lambda s: _property(s).update({"value-list": [{"value": 256}]}), "does not fit"),
        (lambda s: _property(s).update({"format": "float"}), "float"),
        (lambda s: _property(s).update({"access": ["read", "fly"]}), "fly"),
        (lambda s: _property(s).update({"type": "volume"}), "not a MIoT URN"),
        (lambda s: s["services"][1]["properties"].append(_property(s)), "twice"),
        (lambda s: s["services"][2]["actions"].append(s["services"][2]["actions"][0]), "twice"),
    ],
)
def test_a_broken_spec_is_refused(break_it, message):
    broken = copy.deepcopy(SPEC)
    break_it(broken)
    with pytest.raises(specgen.SpecError, match=message):
        specgen.table(broken)
