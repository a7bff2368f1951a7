"""Board files: what ships is in order, and every broken rule is named."""

import json
import re

import pytest

from mynah import boards
from mynah.cli import cli
from mynah.errors import BoardFileError
from mynah.paths import BOARDS_DIR

GOOD = (BOARDS_DIR / "bread-compact.toml").read_text(encoding="utf-8")


def _load(tmp_path, text):
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return boards.load(path)


def test_the_shipped_boards_are_in_order():
    assert boards.names() == ["bread-compact", "lilygo-t-circle-s3", "virtual"]
    for name in boards.names():
        board = boards.load(name)
        assert board.name == name
        assert board.sources


def test_a_complete_speaker_from_parts_costs_less_than_100_yuan():
    board = boards.load("bread-compact")
    assert 30 < board.price_yuan < 100
    assert {"INMP441", "MAX98357A"} <= {part.name.split()[0] for part in board.parts}


def test_the_strapping_pin_of_the_t_circle_is_flagged_but_allowed():
    (finding,) = boards.check_pins(boards.load("lilygo-t-circle-s3"))
    assert not finding.error
    assert "GPIO45" in finding.text


def test_board_json_is_what_the_firmware_reads():
    described = json.loads(boards.load("lilygo-t-circle-s3").device_json())
    assert described["model"] == "mynah.speaker.lilygo-t-circle-s3"
    mic = {"id": 0, "sck": 7, "ws": 9, "sd": 8, "bits": 32, "rate": 16000}
    assert mic.items() <= described["mic"].items()
    assert described["amp"] == {"id": 1, "sck": 5, "ws": 4, "sd": 6, "enable": 45}
    assert described["led"] == {"kind": "apa102", "pin": 38, "clock": 39, "count": 1}


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("sck = 5", "sck = 22", "GPIO22 does not exist"),
        ("sck = 5", "sck = 49", "GPIO49 does not exist"),
        ("sck = 5", "sck = 4", r"GPIO4 is used twice: microphone\.sck and microphone\.ws"),
        ("sck = 5", "sck = 30", "GPIO30 belongs to the flash"),
        ("sck = 5", "sck = 35", "GPIO35 belongs to the octal PSRAM"),
        ("sck = 5", "sck = 19", "GPIO19 belongs to the native USB"),
        ("sck = 5", "sck = 43", "GPIO43 belongs to the serial console"),
        ("sck = 5", 'sck = "5"', r"microphone\.sck must be a int"),
        ("sck = 5\n", "", r"microphone\.sck is missing"),
        ("sck = 5", "sck = 5\nsckk = 6", r"unknown key microphone\.sckk"),
        ("i2s = 1", "i2s = 0", "share I2S 0"),
        ('chip = "esp32s3"', 'chip = "esp32"', "chip must be one of esp32s3"),
        ('kind = "octal"', 'kind = "hexadecimal"', r"psram\.kind must be one of"),
        ('usb = ["uart", "native"]', 'usb = ["uart", "parallel"]', "usb cannot be parallel"),
        ("flash_mb = 16", "flash_mb = 7", "flash_mb must be"),
        ('kind = "ws2812"', 'kind = "apa102"', r"led\.clock goes with apa102"),
        ("[buttons]", "[buttons", "mine.toml: "),
        ('pin = "SCK", to = "sck"', 'pin = "SCK", to = "clock"', "SCK cannot go to"),
        ('{ pin = "DIN", to = "sd" },', "", "MAX98357A: signal sd has 0 wires, not one"),
        ('pin = "LRC", to = "ws"', 'pin = "LRC", to = "enable"', "LRC cannot go to 'enable'"),
        ('pin = "L/R"', 'pin = "GND"', "INMP441: pin GND is wired 2 times"),
        ('pin = "GAIN", to', "to", r"amplifier\.wiring\.pin is missing"),
    ],
)
def test_a_broken_rule_is_named(tmp_path, old, new, reason):
    assert old in GOOD
    with pytest.raises(BoardFileError, match=reason):
        _load(tmp_path, GOOD.replace(old, new))


def test_psram_pins_are_free_on_a_board_with_quad_psram(tmp_path):
    quad = GOOD.replace('kind = "octal"', 'kind = "quad"').replace("sck = 5", "sck = 35")
    assert _load(tmp_path, quad).microphone.sck == 35


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(BoardFileError, match="bread-compact, lilygo-t-circle-s3, virtual"):
        boards.load("breadboard")


def test_the_command_lists_shows_and_checks(tmp_path, capsys):
    def mynah(*arguments):
        cli.main(["boards", *arguments], standalone_mode=False)
        return capsys.readouterr().out

    assert [row["name"] for row in json.loads(mynah("list", "--json"))] == boards.names()
    assert json.loads(mynah("show", "virtual", "--json"))["board"]["image"] == "virtual"
    path = tmp_path / "mine.toml"
    path.write_text(GOOD.replace("sck = 5", "sck = 46"), encoding="utf-8")
    assert "GPIO46 is a strapping pin" in mynah("check", str(path))


def test_a_kit_tells_which_wire_goes_where():
    wires = {(w.part, w.pin): w.to for w in boards.connections(boards.load("bread-compact"))}
    microphone = {"VDD": "3V3", "GND": "GND", "L/R": "GND", "SCK": "GPIO5", "WS": "GPIO4"}
    assert {pin: wires["INMP441", pin] for pin in microphone} == microphone
    assert wires["INMP441", "SD"] == "GPIO6"
    amplifier = {"VIN": "5V", "GAIN": "open", "SD": "open", "BCLK": "GPIO15", "LRC": "GPIO16"}
    assert {pin: wires["MAX98357A", pin] for pin in amplifier} == amplifier
    assert wires["MAX98357A", "DIN"] == "GPIO7"
    assert wires["volume up button", "one leg"] == "GPIO40"
    assert not any("boot" in part for part, _ in wires)


def test_wires_are_shown_for_kits_only(capsys):
    def shown(name):
        cli.main(["boards", "show", name], standalone_mode=False)
        return capsys.readouterr().out

    kit = shown("bread-compact")
    assert re.search(r"word select +MAX98357A +LRC +GPIO16", kit)
    assert re.search(r"INMP441 +L/R +GND +left slot", kit)
    whole = shown("lilygo-t-circle-s3")
    assert "wire to" not in whole
    assert "microphone's slot is unverified" in whole
