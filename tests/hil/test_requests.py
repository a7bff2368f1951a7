"""Requests over miIO: what can be set, batches, and what is refused, each with its code."""

import re

import pytest

from mynah.hil.controls import wait_until
from mynah.miio.client import MiioError
from mynah.miio.spec import speaker as speaker_spec

NO_SUCH_METHOD, NO_SUCH_ARGUMENTS = -10000, -5001
WRITABLE = {
    "speaker.volume": 17,
    "speaker.mute": True,
    "microphone.mute": True,
    "clock.time": 1_900_000_000,
    "clock.utc-offset": -90,
    "indicator-light.on": True,
    "indicator-light.brightness": 35,
    "indicator-light.color": 0x123456,
}
READABLE = [name for name, item in speaker_spec().properties.items() if "read" in item.access]


def ask(client, *numbers):
    """The codes of a batch of (siid, piid)."""
    params = [{"did": "x", "siid": siid, "piid": piid} for siid, piid in numbers]
    return [item["code"] for item in client.call("get_properties", params)]


@pytest.mark.proves(
    *(f"property {name}" for name in WRITABLE), "method set_properties", "method get_properties"
)
def test_whatever_can_be_set_reads_back(paired):
    assert set(WRITABLE) == {
        name for name, item in speaker_spec().properties.items() if "write" in item.access
    }
    for name, value in WRITABLE.items():
        before = paired.get(name)
        paired.set(name, value)
        after = paired.get(name)
        assert after != before
        assert value <= after < value + 5 if name == "clock.time" else after == value


@pytest.mark.proves(*(f"property {name}" for name in READABLE), "method miIO.info")
def test_whatever_can_be_read_is_as_the_spec_says(paired):
    values = paired.get_all(READABLE)
    assert values["device-information.model"] == paired.info()["model"]
    assert values["device-information.manufacturer"] == "Mynah"
    assert values["wake.wake-word"] == "Okay Nabu"
    for name, value in values.items():
        item = speaker_spec().properties[name]
        kind = {"bool": bool, "string": str}.get(item.format, int)
        assert type(value) is kind, name
        if item.value_range:
            assert item.value_range[0] <= value <= item.value_range[1], name


@pytest.mark.proves("batches", "method get_properties", "method set_properties")
def test_a_batch_has_a_code_for_each_item(paired):
    assert ask(paired, (2, 1), (99, 1), (5, 1), (2, 2)) == [0, -4003, -4001, 0]
    others = [{"did": "123456789", "siid": 2, "piid": 1}]
    assert paired.call("get_properties", others)[0]["code"] == -4007
    wrong = [
        {"siid": 2, "piid": 1, "value": 55},
        {"siid": 2, "piid": 1, "value": 101},
        {"siid": 3, "piid": 1, "value": 1},
    ]
    assert [item["code"] for item in paired.call("set_properties", wrong)] == [0, -4005, -4002]
    assert paired.get("speaker.volume") == 55
    assert ask(paired, *[(2, 1)] * 15) == [0] * 15  # as many as python-miio asks for at once
    with pytest.raises(MiioError, match="at most 32") as raised:
        ask(paired, *[(2, 1)] * 33)
    assert raised.value.code == NO_SUCH_ARGUMENTS


@pytest.mark.proves(
    "errors",
    "action intelligent-speaker.play-text",
    "action clock.stop-alarm",
    "method miIO.ota",
    "method miIO.get_ota_state",
    "method miIO.get_ota_progress",
    "method action",
)
def test_what_it_cannot_do_it_says(paired):
    for name in ("miIO.ota", "miIO.get_ota_state", "miIO.get_ota_progress", "miIO.no_such"):
        with pytest.raises(MiioError) as raised:
            paired.call(name)
        assert raised.value.code == NO_SUCH_METHOD
    for name, arguments, why in (
        ("intelligent-speaker.play-text", ["hello"], "no voice yet"),
        ("clock.stop-alarm", [], "no alarms yet"),
        ("wake.enable", ["no such model", True], "arguments"),
    ):
        with pytest.raises(MiioError, match=why):
            paired.action(name, *arguments)


@pytest.mark.proves("action play-control.play", "action play-control.pause", "method action")
def test_the_melody_is_paused_where_it_is_and_goes_on(paired, speaker, expect):
    paired.action("play-control.play")
    assert paired.get("play-control.playing-state") == 1
    paired.action("play-control.pause")
    expect("player: paused", 3)
    assert paired.get("play-control.playing-state") == 2
    wait_until(lambda: speaker.listen(0.2).is_silent, 3, "silence")
    paired.action("play-control.play")
    expect("player: playing", 3)
    paired.action("play-control.stop")
    expect("player: stopped", 3)


@pytest.mark.proves("log lines")
def test_every_line_that_the_firmware_logs_is_a_record(device, paired):
    """Level, milliseconds, source, text: between the boot loaders' last line and the end."""
    paired.set("indicator-light.on", True)
    device.reset()
    device.expect("wifi: joined", 10)
    entry = max(i for i, line in enumerate(device.lines) if line.startswith("entry "))
    logged = device.lines[entry + 1 :]
    assert len(logged) > 10
    for line in logged:
        assert re.fullmatch(r"[EWID] \d+ [\w.-]+: .+", line), line
