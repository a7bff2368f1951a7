"""`mynah qualify` on virtual boards: one whole run, and one board that is reached by its port."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mynah import boards
from mynah.hil.controls import wait_until
from mynah.hil.software import Software
from mynah.miio import devices, pair
from mynah.miio.devices import Device
from mynah.paths import AUDIO_DIR, BOARDS_DIR
from mynah.qualify import card as cards
from mynah.qualify.session import SUITE, Suite, events
from mynah.qualify.target import choose
from mynah.virtual.board import VirtualBoard

OF_HARDWARE = {
    "memory.idf_largest_kb",
    "power.idle_ma",
    "power.temperature_c",
    "price.parts_yuan",
    "speaker.noise_dbfs",
    "speaker.own_ear_db",
    "speaker.range_db",
}
"""What a virtual board has not got."""
OWN_TEST = """
def test_answer(repl, score):
    "The board knows the answer."
    score("mine.answer", repl.value("6 * 7"), "points")
"""


def test_a_whole_qualification(tmp_path):
    voices = tmp_path / "voices"
    (voices / "without").mkdir(parents=True)
    shutil.copy(AUDIO_DIR / "okay_nabu_4.flac", voices)
    shutil.copy(AUDIO_DIR / "negative_2.flac", voices / "without")
    own = tmp_path / "own"
    own.mkdir()
    (own / "test_mine.py").write_text(OWN_TEST)
    program = [sys.executable, "-c", "from mynah.cli import main; main()"]
    options = ["--recordings", voices, "--suite", own, "--out", "card", "--json"]
    work = tmp_path / "work"
    work.mkdir()
    done = subprocess.run(
        [*program, "qualify", *options],
        cwd=work,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted(path.name for path in work.iterdir()) == ["card.html", "card.json", "card.pdf"]
    card = cards.load(work / "card.json")
    assert json.loads(done.stdout) == json.loads((work / "card.json").read_text())
    values = {m.measure.name: m for m in card.measures}
    assert {name for name, m in values.items() if m.value is None} == OF_HARDWARE
    assert {f.outcome for f in card.functions} == {"passed", "skipped"}
    assert (card.is_virtual, card.verdict) in {(True, "good"), (True, "weak")}
    # What is known of the virtual board from its own design.
    assert values["speaker.level_dbfs"].value == pytest.approx(-3.02, abs=0.05)
    assert values["speaker.thd_n_pct"].value < 0.1
    assert values["speaker.ripple_db"].value < 0.5
    assert values["microphone.level_dbfs"].value == pytest.approx(-20, abs=0.1)
    assert values["microphone.noise_dbfs"].value == pytest.approx(-87, abs=1)  # as an INMP441's
    assert values["wifi.rssi_dbm"].value == -50
    assert values["memory.psram_mb"].value == 8
    assert values["wake.own_hit_pct"].value == 100
    assert "0 of 1 without it" in values["wake.own_hit_pct"].note
    assert values["mine.answer"].shown == "42.00 points"


@pytest.fixture
def board():
    """A virtual board that others reach by its port, as a real one."""
    kind = boards.load("virtual")
    content = Software.named("speaker", root=Path()).virtual_content(kind)
    with VirtualBoard(content=content, flash_size=kind.flash_size, psram_size=8 << 20) as board:
        board.reset()
        yield board


def test_a_board_on_a_port_is_asked_what_it_is(board):
    target = choose(board.url, None, None)
    assert (target.name, target.is_virtual) == ("virtual", True)
    assert target.options == ("--port", board.url, "--board", "virtual")


def ended(board, tests):
    options = ["--port", board.url, "--board", "bread-compact", "-k", tests]
    return [event for event in events(Suite(SUITE, options)) if event["event"] == "end"]


def test_a_board_without_equipment_hears_itself(board):
    """Its loudspeaker is brought to its microphone here, as air would, 20 dB softer."""
    emit = board.world.speaker.emit

    def through_the_air(start_time, frames, rate):
        emit(start_time, frames, rate)
        board.world.mic.play((frames[:, 0] // 10).astype("int16"), rate)

    board.world.speaker.emit = through_the_air
    tests = {event["test"].partition("[")[0]: event for event in ended(board, "speaker")}
    found = tests.pop("test_speaker.py::test_own_ear")
    assert found["outcome"] == "passed", found["reason"]
    assert found["score"]["values"]["speaker.own_ear_db"][0] > 40
    assert {event["outcome"] for event in tests.values()} == {"skipped"}
    assert all("bench file entry has nothing" in event["reason"] for event in tests.values())


def test_a_paired_board_is_measured_in_its_network(board, tmp_path, monkeypatch):
    """This computer has its token: the signal's strength is asked for with it."""
    monkeypatch.setenv("MYNAH_CONFIG", str(tmp_path))
    air = board.world.wifi
    air.add("home", "secret123", rssi=-71)
    wait_until(lambda: air.access_point is not None, 20, "the set-up network")
    token = pair(board.ap_address, "home", "secret123").token.hex()
    wait_until(lambda: air.access_point is None and air.joined is not None, 20, "the network")
    devices.remember("kitchen", Device(board.address, token, 1, "", ""))
    (found,) = ended(board, "network")
    assert found["outcome"] == "passed", found["reason"]
    values = {name: value for name, (value, _, _) in found["score"]["values"].items()}
    assert values["wifi.rssi_dbm"] == -71
    assert 0 < values["wifi.round_trip_ms"] <= values["wifi.round_trip_95_ms"] < 500
    assert token not in json.dumps(found)


def test_a_board_without_psram_says_what_it_has_no_memory_for(tmp_path):
    text = (BOARDS_DIR / "virtual.toml").read_text(encoding="utf-8")
    small = tmp_path / "small.toml"
    small.write_text(re.sub(r"\[psram\].*?\n\n", "", text, flags=re.DOTALL))
    options = ["--port", "virtual", "--board", str(small), "-k", "microphone"]
    found = {e["test"]: e for e in events(Suite(SUITE, options)) if e["event"] == "end"}
    assert len(found) == 2
    reasons = [event["reason"] for event in found.values() if event["outcome"] == "skipped"]
    assert reasons == ["the board has no memory for that much sound"]
    values = [event["score"]["values"] for event in found.values() if event["score"]["values"]]
    assert [set(each) for each in values] == [{"microphone.noise_dbfs", "microphone.offset_pct"}]
