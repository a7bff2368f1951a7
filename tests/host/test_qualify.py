"""The scorecard as data: limits, what tests tell, and what an interruption leaves."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mynah import boards
from mynah.errors import MynahError, UsageError
from mynah.qualify import card as cards
from mynah.qualify import files
from mynah.qualify.build import Builder
from mynah.qualify.measures import SECTIONS, catalogue, find
from mynah.qualify.session import SUITE, Suite, events

OWN_TESTS = """
import pytest

@pytest.mark.scores("power.idle_ma")
def test_current(score):
    "The supply current is low, as our bench's meter has it."
    score("power.idle_ma", 83, note="our meter")
    score("supply.ripple_mv", 12.5, "mV")

@pytest.mark.scores("wifi.rssi_dbm")
def test_far_away(score):
    pytest.skip("the far room is closed")

@pytest.mark.scores("wifi.loss_pct")
@pytest.mark.parametrize("channel", [1, 13])
def test_every_channel(score, channel):
    assert channel == 1, "channel 13 is not heard"
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    """A card of tests of one's own that need no board."""
    suite = tmp_path_factory.mktemp("suite") / "test_mine.py"
    suite.write_text(OWN_TESTS)
    builder = Builder()
    for event in events(Suite(suite, [])):
        builder.take(event)
    kind = boards.load("bread-compact")
    return builder.card("left", kind, is_virtual=False, started=time.time())


def by_name(card):
    return {m.measure.name: m for m in card.measures}


@pytest.mark.parametrize("name", catalogue())
def test_every_measure_has_its_section_and_its_limits_a_reason(name):
    measure = catalogue()[name]
    assert measure.section in SECTIONS
    assert measure.better in {"", "more", "less"}
    if measure.better:
        assert measure.why
        assert measure.weak is not None or measure.bad is not None
        assert measure.judge(measure.weak) == "good"
        sign = 1 if measure.better == "less" else -1
        assert measure.judge(measure.bad + sign) == "bad"
        assert sign * measure.bad >= sign * measure.weak
    else:
        assert measure.judge(1e9) == "told"


def test_every_measure_is_one_that_a_test_of_the_suite_names_or_says_why_not():
    text = "".join(path.read_text(encoding="utf-8") for path in SUITE.glob("test_*.py"))
    by_the_card = {"power.brownouts", "power.crashes", "price.parts_yuan"}
    for name, measure in catalogue().items():
        assert f'"{name}"' in text or measure.unmeasured or name in by_the_card, name


def test_tests_of_ones_own_become_lines_and_values(told):
    values = by_name(told)
    assert (values["power.idle_ma"].value, values["power.idle_ma"].note) == (83, "our meter")
    assert values["supply.ripple_mv"].shown == "12.50 mV"
    outcomes = {f.title: (f.outcome, f.note) for f in told.functions}
    assert outcomes == {
        "The supply current is low, as our bench's meter has it": ("passed", ""),
        "Far away": ("skipped", "the far room is closed"),
        "Every channel (1)": ("passed", ""),
        "Every channel (13)": ("failed", "channel 13 is not heard"),
    }
    assert told.verdict == "bad"
    assert told.bad() == ["Every channel (13): channel 13 is not heard"]


def test_what_has_no_value_says_why(told):
    values = by_name(told)
    assert values["wifi.rssi_dbm"].note == "the far room is closed"
    assert values["wifi.loss_pct"].note.endswith("channel 13 is not heard")
    assert "--recordings" in values["wake.own_hit_pct"].note
    assert values["boot.ready_s"].note == "the suite ended before it"
    for measured in told.measures:
        assert (measured.value is None) == (measured.verdict == "not measured")
        assert measured.value is not None or measured.note


def test_the_price_is_the_board_files(told):
    price = by_name(told)["price.parts_yuan"]
    assert price.value == sum(part.price_yuan for part in boards.load("bread-compact").parts) == 65
    assert len(told.parts) == 5


def test_a_card_comes_back_from_its_file(told, tmp_path):
    path = files.write(told, tmp_path / "card")[-1]
    assert cards.load(path) == told


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"format": "mynah scorecard 1"}'])
def test_what_is_no_card_is_refused(text, tmp_path):
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(UsageError, match="scorecard"):
        cards.load(tmp_path / "x.json")


def test_a_suite_that_cannot_be_read_is_a_failure_and_one_without_tests_an_error(tmp_path):
    (tmp_path / "test_broken.py").write_text("import no_such_module")
    found = []
    with pytest.raises(MynahError, match="no_such_module"):
        found.extend(events(Suite(tmp_path, [])))
    assert [event["event"] for event in found].count("unreadable") == 1
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(MynahError, match="no tests"):
        list(events(Suite(empty, [])))


def test_a_session_that_nobody_listens_to_ends_with_its_fixtures_torn_down(tmp_path):
    (tmp_path / "test_long.py").write_text(
        "import pathlib, pytest, time\n"
        "@pytest.fixture\n"
        "def thing():\n"
        "    yield\n"
        f"    pathlib.Path({str(tmp_path / 'gone')!r}).touch()\n"
        "def test_long(thing):\n"
        f"    pathlib.Path({str(tmp_path / 'begun')!r}).touch()\n"
        "    time.sleep(60)\n"
    )
    for event in events(Suite(tmp_path, [])):
        if event["event"] == "start":
            wait_for(tmp_path / "begun")
            break
    assert (tmp_path / "gone").exists()


def wait_for(path):
    while not path.exists():
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_leaves_no_card_and_no_process(tmp_path, number):
    command = [sys.executable, "-c", "from mynah.cli import main; main()", "qualify"]
    (tmp_path / "temp").mkdir()
    (tmp_path / "work").mkdir()
    environment = os.environ | {"TMPDIR": str(tmp_path / "temp")}
    process = subprocess.Popen(
        command, cwd=tmp_path / "work", env=environment, stderr=subprocess.PIPE, text=True
    )
    while "passed" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert list((tmp_path / "work").iterdir()) == []
    assert list((tmp_path / "temp").iterdir()) == []
    assert not any(with_setting(f"TMPDIR={tmp_path / 'temp'}"))


def with_setting(setting):
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            found = os.fsencode(setting) in path.read_bytes().split(b"\0")
        except OSError:  # gone, or another user's
            continue
        if found:
            yield path.parent.name


def test_files_are_written_all_or_none(told, tmp_path):
    (tmp_path / "card.json").write_text("old")
    (tmp_path / "other").mkdir()  # a folder in the way: the second rename fails
    (tmp_path / "other" / "x").touch()
    with pytest.raises(UsageError, match="cannot be written"):
        files.write_all({tmp_path / "other": b"1", tmp_path / "card.json": b"new"})
    assert (tmp_path / "card.json").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["card.json", "other"]
    assert json.loads(files.write(told, tmp_path / "card")[-1].read_text())["board"] == "left"


def test_a_measure_of_ones_own_has_a_title_and_no_limits():
    measure = find("supply.ripple_mv", "mV")
    assert (measure.title, measure.judge(5)) == ("Ripple mv", "told")


def test_the_pages_example_runs(tmp_path):
    page = Path(__file__).parents[2] / "host_tools" / "docs" / "qualify.md"
    (example,) = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    (tmp_path / "test_supply.py").write_text(example)
    builder = Builder()
    for event in events(Suite(tmp_path, [])):
        builder.take(event)
    card = builder.card("x", None, is_virtual=True, started=time.time())
    (function,) = card.functions
    assert (function.outcome, function.section) == ("passed", "supply"), function.note
    assert function.title == "The supply current is low while it listens"
    values = by_name(card)
    assert values["power.idle_ma"].shown == "83 mA"
    assert values["supply.ripple_mv"].shown == "12.50 mV"
    assert [curve.name for curve in card.curves] == ["supply.load"]
    assert values["power.brownouts"].value == 0, "its device's log was looked at"
