"""A real bench's equipment, as far as it can be proved without: what is sent to it."""

import os
import sys
import threading
import types

import numpy as np
import pytest

from mynah.errors import BenchFileError, BoardError, PortError
from mynah.hil.audio import Mic, Speaker
from mynah.hil.benchfile import BenchBoard, Equipment
from mynah.hil.board import HilBoard, features_of, kind_of
from mynah.hil.controls import Led, Wifi
from mynah.hil.parts import MissingPartError
from mynah.hil.parts.light import CommandLight
from mynah.hil.parts.lines import BootLine
from mynah.hil.parts.power import CommandSwitch, HubPort, Relay, switch_of
from mynah.hil.parts.radio import NetworkManagerAir
from mynah.hil.parts.soundcard import SoundCard
from mynah.hil.software import Software
from mynah.hil.sound import Sound

SPEAKER = Software("speaker", None)


@pytest.fixture
def program(tmp_path, monkeypatch):
    """A function that puts a program on PATH which notes its arguments; gives those so far."""
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    def make(name, exit_code=0, says=""):
        path, log = tmp_path / name, tmp_path / f"{name}.log"
        lines = ["#!/bin/sh", f'for a in "$@"; do printf "%s|" "$a" >> {log}; done']
        lines += [f"echo >> {log}", f"echo '{says}' >&2", f"exit {exit_code}"]
        path.write_text("\n".join(lines))
        path.chmod(0o755)
        return lambda: [line.split("|")[:-1] for line in log.read_text().splitlines()]

    return make


def test_a_port_of_a_hub_is_switched_by_uhubctl(program):
    calls = program("uhubctl")
    hub = HubPort("1-1.4", 2)
    hub.set(False)
    hub.set(True)
    assert calls() == [
        ["-l", "1-1.4", "-p", "2", "-r", "3", "-a", "off"],
        ["-l", "1-1.4", "-p", "2", "-a", "on"],
    ]


def test_a_program_that_fails_or_is_missing_is_an_error(program):
    program("uhubctl", exit_code=1, says="No compatible devices detected!")
    with pytest.raises(BoardError, match="uhubctl failed: No compatible devices"):
        HubPort("1-1", 1).set(True)
    with pytest.raises(BoardError, match="no-such-program is not installed"):
        CommandSwitch("no-such-program on", "no-such-program off").set(True)


def test_commands_run_without_a_shell(program):
    calls = program("socket")
    switch = switch_of(Equipment("command", {"on": "socket 'a b' $HOME", "off": "socket ; x"}))
    switch.set(True)
    switch.set(False)
    assert calls() == [["a b", "$HOME"], [";", "x"]]


@pytest.mark.parametrize(("contact", "on"), [("no", True), ("nc", False)])
def test_a_relay_gets_its_four_bytes(contact, on):
    """The data sheet's: A0 01 01 A2 energises the first relay."""
    import pty

    master, slave = pty.openpty()
    name = os.ttyname(slave)
    relay = Relay(name, contact=contact)
    relay.set(on)
    assert os.read(master, 10) == bytes.fromhex("A0 01 01 A2")
    relay.set(not on)
    assert os.read(master, 10) == bytes.fromhex("A0 01 00 A1")
    os.close(master)
    os.close(slave)
    with pytest.raises(PortError, match="no port"):
        relay.set(True)
    with pytest.raises(BenchFileError, match='"no" or "nc"'):
        Relay(name, contact="both")


def test_the_second_radio_opens_and_closes_a_network(program):
    calls = program("nmcli")
    wifi = Wifi(NetworkManagerAir("wlan1"), None)
    wifi.add("my home", "secret123")
    with wifi.dropped("my home"):
        assert wifi.networks == []
    wifi.close()
    assert [call[:4] for call in calls()] == [
        ["connection", "delete", "id", "mynah-hil-my home"],
        ["connection", "add", "type", "wifi"],
        ["connection", "up", "id", "mynah-hil-my home"],
        ["connection", "delete", "id", "mynah-hil-my home"],
        ["connection", "delete", "id", "mynah-hil-my home"],
        ["connection", "add", "type", "wifi"],
        ["connection", "up", "id", "mynah-hil-my home"],
        ["connection", "delete", "id", "mynah-hil-my home"],
    ]
    made = dict(zip(calls()[1][2::2], calls()[1][3::2], strict=False))
    assert (made["ssid"], made["ifname"], made["802-11-wireless.mode"]) == (
        "my home",
        "wlan1",
        "ap",
    )
    assert (made["wifi-sec.key-mgmt"], made["wifi-sec.psk"]) == ("wpa-psk", "secret123")
    with pytest.raises(MissingPartError, match="does not tell"):
        _ = wifi.joined


def test_what_networkmanager_refuses_is_told_without_the_password(program):
    program("nmcli", exit_code=4, says="Error: device is busy")
    with pytest.raises(BoardError, match=r"could not open.*'home'.*device is busy") as e:
        NetworkManagerAir("wlan1").add("home", "secret123")
    assert "secret123" not in str(e.value)


class FakeCard(types.ModuleType):
    """Stands in for sounddevice: a loop from its output to its input."""

    def __init__(self):
        super().__init__("sounddevice")
        self.played = []
        self.stopped = 0
        fake = self

        class InputStream:
            def __init__(self, samplerate, device, channels, dtype, callback):
                assert (channels, dtype) == (1, "int16")
                self.callback, self.device, self.rate = callback, device, samplerate

            def start(self):
                block = np.zeros((480, 1), np.int16)
                for value in (100, -100):
                    block[:] = value  # the same buffer again, as the real one
                    self.callback(block, 480, None, None)

            def stop(self):
                pass

            def close(self):
                fake.closed = True

        self.InputStream = InputStream

    def play(self, samples, rate, device):
        if device == "none":
            raise ValueError("No output device matching 'none'")
        self.played.append((samples, rate, device))

    def wait(self):
        pass

    def stop(self):
        self.stopped += 1


@pytest.fixture
def card(monkeypatch):
    fake = FakeCard()
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    return fake


def test_a_sound_card_plays_and_records(card):
    kept = []
    tone = Sound.tone(440, 0.1)
    part = SoundCard("USB Audio", "USB Audio")
    mic = Mic(part, lambda name, _: kept.append(name))
    assert mic.play(tone).wait(5)
    ((samples, rate, device),) = card.played
    assert (rate, device) == (48000, "USB Audio")
    assert Sound(samples, rate).frequency_hz == pytest.approx(440, abs=0.1)
    speaker = Speaker(part, lambda name, _: kept.append(name))
    with speaker.record() as recording:
        pass
    assert recording.sound.samples.tolist() == [100] * 480 + [-100] * 480
    assert card.closed
    assert kept == ["played to the microphone", "recorded from the speaker"]
    mic.close()
    assert card.stopped == 1
    with pytest.raises(BoardError, match="No output device"):
        SoundCard("none").play(tone)


def test_leds_are_seen_by_a_command(tmp_path):
    prints = tmp_path / "prints.txt"
    light = CommandLight(f"cat {prints}")
    prints.write_text("#ff0080\n#000000\n")
    assert light.colours() == [(255, 0, 128), (0, 0, 0)]
    assert Led(light).wait_for(lambda colour: colour[0] > 200) == [(255, 0, 128), (0, 0, 0)]
    for text in ("", "dark", "#ff0080 and more"):
        prints.write_text(text)
        with pytest.raises(BoardError, match=r"cat printed .*, not #rrggbb"):
            light.colours()
    prints.unlink()
    with pytest.raises(BoardError, match=r"cat failed: .*No such file"):
        light.colours()


def test_without_sounddevice_a_sound_card_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(MissingPartError, match=r"pip install 'mynah-speaker\[mic\]'"):
        SoundCard()


def test_the_boot_button_is_pressed_by_the_ports_lines():
    class Lines:
        def set_lines(self, **lines):
            self.lines = lines

    lines = Lines()
    BootLine(lines).set(True)
    assert lines.lines == {"dtr": True, "rts": False}
    BootLine(lines).set(False)
    assert lines.lines == {"dtr": True, "rts": True}


def real(**bench):
    return HilBoard(BenchBoard("desk", port="/dev/ttyX", **bench), SPEAKER)


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        (lambda b: b.sound_in(), "nothing to play sound to it"),
        (lambda b: b.sound_out(), "nothing to record its loudspeaker"),
        (lambda b: b.button("mute"), "nothing to press its button 'mute'"),
        (lambda b: b.light(), "nothing to see its LEDs"),
        (lambda b: b.air(), "nothing to open Wi-Fi networks"),
        (lambda b: b.supply(), "nothing to switch its supply"),
        (lambda b: b.world, "surroundings cannot be driven"),
        (lambda b: b.save_state(), "its flash cannot be copied"),
    ],
)
def test_a_real_board_without_equipment_says_what_is_missing(part, reason):
    with pytest.raises(MissingPartError, match=reason):
        part(real())
    none = Equipment("none")
    with pytest.raises(MissingPartError):
        part(real(power=none, audio=none, second_radio=none, led=none))


def test_a_feed_needs_the_speakers_firmware():
    feed = Equipment("feed")
    board = HilBoard(BenchBoard("desk", port="/dev/ttyX", audio=feed), Software("none", None))
    with pytest.raises(MissingPartError, match="needs the speaker's firmware"):
        board.sound_in()


def test_a_bench_file_says_what_serves_which_part(card):
    relay = {"port": "/dev/ttyR"}
    board = real(
        type="bread-compact",
        power=Equipment("relay", relay),
        audio=Equipment("soundcard", {"output": "USB"}),
        buttons={"mute": Equipment("relay", relay)},
        second_radio=Equipment("nmcli", {"interface": "wlan1"}),
        led=Equipment("command", {"read": "colour-sensor"}),
    )
    assert isinstance(board.light(), CommandLight)
    assert isinstance(board.supply(), Relay)
    assert isinstance(board.sound_in(), SoundCard)
    assert isinstance(board.button("mute"), Relay)
    assert isinstance(board.air(), NetworkManagerAir)


def test_what_a_board_has_comes_from_both_files():
    entry = BenchBoard("desk", type="bread-compact", port="/dev/ttyX", features=("co2",))
    there = features_of(entry, kind_of(entry))
    assert {"psram", "octal-psram", "mic", "speaker", "button-mute", "co2", "real"} <= there
    assert "virtual" not in there
    bare = BenchBoard("desk", port="/dev/ttyX")
    assert features_of(bare, kind_of(bare)) == {"wifi", "real"}
    here = BenchBoard("v", port="virtual")
    assert {"virtual", "psram", "led"} <= features_of(here, kind_of(here))


def test_an_led_that_does_not_change_says_what_it_was():
    class Light:
        shown = [(1, 2, 3)]

        def colours(self):
            return self.shown

    led = Led(Light())
    assert led.is_lit
    timer = threading.Timer(0.05, lambda: setattr(Light, "shown", [(0, 9, 0)]))
    timer.start()
    assert led.wait_for(lambda colour: colour[1] == 9) == [(0, 9, 0)]
    timer.join()
    with pytest.raises(Exception, match=r"it was \[\(0, 9, 0\)\]"):
        led.wait_for((0, 0, 0), timeout=0.1)
