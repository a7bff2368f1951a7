"""The scorecard as data: limits, what tests tell, and what an interruption leaves."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from mynah import boards
from mynah.cli.qualify import command
from mynah.errors import BoardError, MynahError, PortError, UsageError, VerificationError
from mynah.hil.crash import CrashWatch
from mynah.hil.pool import DEVICE
from mynah.qualify import card as cards
from mynah.qualify import collect, files
from mynah.qualify import run as run_module
from mynah.qualify.build import Builder
from mynah.qualify.measures import SECTIONS, catalogue, plain, with_limits
from mynah.qualify.run import Wishes
from mynah.qualify.session import SUITE, Suite, events
from mynah.qualify.target import choose

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
    (tmp_path / "other").mkdir()
    with pytest.raises(UsageError, match="is a folder"):
        files.write_all({tmp_path / "card.json": b"new", tmp_path / "other": b"1"})
    with pytest.raises(UsageError, match="cannot be written"):
        files.write_all({tmp_path / "card.json": b"new", tmp_path / "no" / "x": b"1"})
    assert (tmp_path / "card.json").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["card.json", "other"]
    assert json.loads(files.write(told, tmp_path / "card")[-1].read_text())["board"] == "left"


def test_ctrl_c_between_two_files_waits_for_the_last(tmp_path, monkeypatch):
    rename = Path.replace

    def interrupted(self, target):
        os.kill(os.getpid(), signal.SIGINT)
        return rename(self, target)

    monkeypatch.setattr(Path, "replace", interrupted)
    names = [tmp_path / name for name in "abc"]
    other = threading.Thread(target=threading.Event().wait, args=(10,), daemon=True)
    other.start()  # the system may hand a signal to any thread
    with pytest.raises(KeyboardInterrupt):
        files.write_all(dict.fromkeys(names, b"new"))
    assert sorted(tmp_path.iterdir()) == names


def test_a_measure_of_ones_own_has_a_title_and_no_limits():
    measure = plain("supply.ripple_mv", "mV")
    assert (measure.title, measure.judge(5)) == ("Ripple mv", "told")


def example(language):
    """The one piece of code in that language on the page."""
    page = Path(__file__).parents[2] / "host_tools" / "docs" / "qualify.md"
    text = page.read_text(encoding="utf-8")
    (code,) = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
    return code


def test_the_pages_examples_run(tmp_path):
    (tmp_path / "test_supply.py").write_text(example("python"))
    (tmp_path / "limits.toml").write_text(example("toml"))
    builder = Builder(with_limits(tmp_path / "limits.toml"))
    for event in events(Suite(tmp_path, [])):
        builder.take(event)
    card = builder.card("x", None, is_virtual=True, started=time.time())
    (function,) = card.functions
    assert (function.outcome, function.section) == ("passed", "supply"), function.note
    assert function.title == "The supply current is low while it listens"
    values = by_name(card)
    assert values["power.idle_ma"].shown == "83 mA"
    ripple = values["supply.ripple_mv"]
    assert (ripple.value, ripple.verdict, ripple.measure.weak) == (12.5, "good", 20)
    assert ripple.measure.title == "Ripple of the supply"
    assert [curve.name for curve in card.curves] == ["supply.load"]
    assert values["power.brownouts"].value == 0, "its device's log was looked at"


def test_a_suite_that_runs_on_all_cores_tells_as_much(tmp_path):
    (tmp_path / "test_mine.py").write_text(OWN_TESTS)
    builder = Builder()
    for event in events(Suite(tmp_path, ["-n", "2"])):
        builder.take(event)
    assert sorted(f.outcome for f in builder.functions) == ["failed", "passed", "passed", "skipped"]
    assert builder.values["power.idle_ma"] == (83, "", "our meter")


@pytest.fixture
def found(monkeypatch, tmp_path):
    """The command in an empty folder, and the card that it is to find."""
    monkeypatch.chdir(tmp_path)

    def run(card, *arguments):
        monkeypatch.setattr(run_module, "qualify", lambda *_: (card, b"a page"))
        return CliRunner().invoke(command, arguments)

    return run


def test_a_bad_card_is_written_and_the_exit_code_says_so(found, told, tmp_path):
    done = found(told, "--evidence", "evidence.html", "--picture", "card.png")
    assert isinstance(done.exception, VerificationError)
    assert done.exception.exit_code == 6
    assert "Every channel (13): channel 13 is not heard" in str(done.exception)
    base = [f"scorecard-virtual.{end}" for end in ("html", "json", "pdf")]
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["card.png", "evidence.html", *base]
    assert cards.load(tmp_path / base[1]) == told


def test_the_words_are_checked_before_anything_is_measured(found, told, tmp_path):
    for arguments, why in (
        (["--out", "nowhere/card"], "no folder"),
        (["--suite", "nowhere"], "no such folder"),
        (["--out", "x", "--evidence", "x.html"], "scorecard's own"),
        (["--board", "bread-compact"], "--port"),
        (["--bench", "x.toml", "--port", "y"], "without --port"),
    ):
        done = found(told, *arguments)
        assert isinstance(done.exception, UsageError), arguments
        assert why in str(done.exception)
    assert isinstance(found(told, "--port", str(tmp_path / "tty")).exception, PortError)
    assert list(tmp_path.iterdir()) == []


def test_a_bench_file_outweighs_the_environments_port(found, told, tmp_path, monkeypatch):
    monkeypatch.setenv("MYNAH_PORT", str(tmp_path / "tty"))
    (tmp_path / "desk.toml").write_text('[[board]]\nname = "left"\nport = "virtual"\n')
    assert (
        found(told, "--bench", "desk.toml", "--out", "card").exit_code == 1
    )  # a bad card, written
    assert (tmp_path / "card.json").exists()


def test_a_board_that_does_nothing_gets_no_card(monkeypatch):
    event = {"event": "end", "test": "x", "outcome": "error", "reason": "it is silent"}
    event |= {"seconds": 1.0, "score": None, "figures": [], "board": None}
    monkeypatch.setattr(run_module, "events", lambda _: [event])
    with pytest.raises(BoardError, match="no card: it is silent"):
        run_module.qualify(choose(None, None, None), Wishes(), lambda _: None)


def test_a_bench_of_several_boards_wants_a_name(tmp_path):
    bench = tmp_path / "desk.toml"
    board = '[[board]]\nname = "{}"\ntype = "bread-compact"\nport = "virtual"\n'
    bench.write_text(board.format("left") + board.format("right"))
    with pytest.raises(UsageError, match="left, right"):
        choose(None, None, bench)
    target = choose(None, "right", bench)
    assert (target.name, target.kind.name, target.is_virtual) == ("right", "bread-compact", True)
    assert target.options == ("--bench", str(bench), "--board", "right")


def test_limits_of_ones_own_replace_the_packages_and_are_kept_by_the_card(tmp_path):
    path = tmp_path / "limits.toml"
    path.write_text(example("toml"))
    limits = with_limits(path)
    ours, theirs = limits["boot.ready_s"], catalogue()["boot.ready_s"]
    assert (ours.weak, ours.bad, ours.why) == (2, 4, "our customer's contract, 3.2")
    assert (ours.title, ours.unit, ours.better) == (theirs.title, theirs.unit, theirs.better)
    assert (ours.judge(3.0), theirs.judge(3.0)) == ("weak", "good")
    assert [name for name in limits if name not in catalogue()] == ["supply.ripple_mv"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("[[measure]]\nweak = 1\n", "needs a name"),
        ('[[measure]]\nname = "boot.ready_s"\nwaek = 1\n', "unknown key waek"),
        ('[[measure]]\nname = "boot.ready_s"\nweak = "1"\n', "weak cannot be '1'"),
        ('[[measure]]\nname = "boot.ready_s"\nbetter = "faster"\n', '"more" or "less"'),
        ("[measure]\nweak = 1\n", "nothing else"),
        ("weak = ", "limits.toml: "),
    ],
)
def test_limits_that_break_a_rule_are_refused(text, why, tmp_path):
    (tmp_path / "limits.toml").write_text(text)
    with pytest.raises(UsageError, match=re.escape(why)):
        with_limits(tmp_path / "limits.toml")


class Logged:
    """A test's device, as far as the card looks at it."""

    port = firmware = ""

    def __init__(self, lines):
        self.watch, self.board = CrashWatch(), self
        for line in lines:
            self.watch.take(line)

    @property
    def crashes(self):
        return self.watch.crashes


# As the ROM and ESP-IDF 5 print them on an ESP32-S3.
@pytest.mark.parametrize(
    ("line", "n_brownouts", "n_crashes"),
    [
        ("rst:0x1 (POWERON),boot:0x8 (SPI_FAST_FLASH_BOOT)", 0, 0),
        ("rst:0xc (RTC_SW_CPU_RST),boot:0x8 (SPI_FAST_FLASH_BOOT)", 0, 0),
        ("rst:0xf (RTCWDT_BROWN_OUT_RST),boot:0x8 (SPI_FAST_FLASH_BOOT)", 1, 0),
        ("Brownout detector was triggered", 1, 0),
        ("rst:0x7 (TG0WDT_SYS_RST),boot:0x8 (SPI_FAST_FLASH_BOOT)", 0, 1),
        ("Guru Meditation Error: Core  0 panic'ed (LoadProhibited).", 0, 1),
    ],
)
def test_low_voltage_and_crashes_are_counted_from_the_logs(line, n_brownouts, n_crashes):
    item = SimpleNamespace(stash={DEVICE: Logged(["ESP-ROM:esp32s3-20210327", line, ""])})
    data = collect._data_of(item)["board"]
    assert (data["brownouts"], data["crashes"]) == (n_brownouts, n_crashes)
    for outcome, counted in (("failed", n_crashes), ("passed", 0)):
        builder = Builder()
        event = {"event": "end", "test": "x", "outcome": outcome, "reason": "", "seconds": 1.0}
        builder.take(event | {"score": None, "figures": [], "board": data})
        values = by_name(builder.card("x", None, is_virtual=False, started=time.time()))
        assert values["power.brownouts"].value == n_brownouts
        assert values["power.crashes"].value == counted
