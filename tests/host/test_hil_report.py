"""What becomes of results: the page, JUnit's properties, the history."""

import html.parser
import io
import re
import sqlite3
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from mynah.cli.bench_history import command
from mynah.errors import UsageError
from mynah.hil.evidence import Evidence
from mynah.hil.history import History
from mynah.hil.report.model import ERROR, FAILED, PASSED, SKIPPED, Run, TestResult, in_short
from mynah.hil.report.page import page, write_page
from mynah.hil.report.sound_picture import load_wav, spectrogram_png, waveform_svg
from mynah.hil.sound import Sound

pytest_plugins = ["pytester"]

VOID = {"meta", "input", "img", "line", "br", "polygon"}
PNG = b"\x89PNG\r\n\x1a\n"


class Checker(html.parser.HTMLParser):
    """Notes what is open, and every address that the page needs."""

    def __init__(self):
        super().__init__()
        self.open, self.addresses, self.tags = [], [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.addresses += [v for k, v in attributes if k in {"src", "href"}]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    @classmethod
    def of(cls, text):
        checker = cls()
        checker.feed(text)
        checker.close()
        assert checker.open == []
        return checker


def evidence():
    made = Evidence()
    made.keep_sound("tone <1>", Sound.tone(1000, 0.5))
    made.attach("picture.png", PNG)
    made.attach("notes.txt", "a < b")
    made.measure("level", -15.0, "dBFS")
    return made


def run_of(*tests, project="bird", revision="v1", started=1.7e9):
    return Run(project, revision, started, 12.0, list(tests))


def test_the_page_is_whole_and_needs_nothing_else():
    failed = TestResult("test_a.py::test_<b>", FAILED, 1.5, "desk", "/dev/ttyX", "speaker 1.0")
    failed.reason = "E   assert '<script>alert(1)</script>'"
    failed.log = "E 1 app: <b>bad</b>\nI 2 app: fine\nrepl> 1 < 2\n"
    failed.evidence = evidence()
    text = page(run_of(TestResult("test_a.py::test_ok", PASSED), failed))
    checked = Checker.of(text)
    assert all(address.startswith("data:") for address in checked.addresses)
    assert {"svg", "audio", "img", "details"} <= set(checked.tags)
    assert "<script>alert" not in text
    assert "test_&lt;b&gt;" in text
    assert "tone &lt;1&gt;" in text
    assert "<span class=E>E 1 app: &lt;b&gt;bad&lt;/b&gt;</span>" in text
    assert text.index("test_&lt;b&gt;") < text.index("test_ok"), "what failed comes first"
    assert text.count('<details class="test failed" open>') == 1
    assert "-15 dBFS" in text


@pytest.mark.parametrize(
    ("reason", "line"),
    [
        ("def test():\n>   assert a == b\nE   assert 1 == 2\nE    +  where", "assert 1 == 2"),
        (
            "board old cannot be used: no port\nsee there",
            "board old cannot be used: no port",
        ),
        (
            "the board's program failed:\nTraceback (most recent call last):\n  x\nOSError: 5\ny",
            "the board's program failed: OSError: 5",
        ),
        (
            "the board's program failed:\nGuru Meditation Error: Core  0 panic'ed\nPC : 0",
            "the board's program failed: Guru Meditation Error: Core  0 panic'ed",
        ),
        ("not today", "not today"),
        ("", ""),
    ],
)
def test_a_failure_in_one_line(reason, line):
    assert in_short(reason) == line


def test_the_page_of_nothing_is_a_page(tmp_path):
    write_page(tmp_path / "new" / "r.html", run_of())
    Checker.of((tmp_path / "new" / "r.html").read_text())


def test_a_waveform_spans_what_the_sound_does():
    half = np.zeros(16000, np.int16)
    half[8000:] = 16384  # a quarter of the height above the middle line
    svg = waveform_svg(Sound(half, 16000))
    points = [tuple(map(float, p.split(","))) for p in re.search('points="(.*?)"', svg)[1].split()]
    assert {y for x, y in points if x < 440} == {45.0}
    assert {y for x, y in points if x > 460} == {22.5}
    assert len(points) == 1800
    for n in (0, 1, 5):
        assert "polygon" in waveform_svg(Sound(half[:n], 16000))


def test_a_spectrogram_is_bright_where_the_tone_is():
    png = spectrogram_png(Sound.tone(4000, 1.0, dbfs=-10))
    from matplotlib.image import imread

    brightness = imread(io.BytesIO(png))[:, :, :3].sum(axis=(1, 2))
    assert abs(int(brightness.argmax()) - 48) <= 2  # 96 rows for 8 kHz, 0 Hz at the bottom
    assert spectrogram_png(Sound.tone(4000, 0.01)) is None


def test_sounds_are_kept_sample_for_sample():
    made = Evidence()
    sound = Sound(np.array([1, -2, 32767, -32768], np.int16), 48000)
    made.keep_sound("x", sound)
    back = load_wav(made.attachments[0].content)
    assert back.samples.tolist() == sound.samples.tolist()
    assert back.rate == 48000
    assert soundfile.info(io.BytesIO(made.attachments[0].content)).channels == 1


def test_evidence_becomes_plain_data_and_comes_back(tmp_path):
    made = evidence()
    path = tmp_path / "x.flac"
    path.write_bytes(b"fLaC")
    made.attach("recorded", path)
    made.attach("huge.png", bytes(5 << 20))
    back = Evidence.from_data(made.as_data())
    assert back == made
    assert [a.media_type for a in back.attachments] == [
        "audio/wav",
        "image/png",
        "text/plain",
        "audio/flac",
        "text/plain",
    ]
    assert b"too big for the report" in back.attachments[-1].content


@pytest.fixture
def history(tmp_path):
    with History(tmp_path / "h.sqlite3") as history:
        yield history


def result(name, outcome, seconds=1.0, board="desk", level=None):
    test = TestResult(f"test_x.py::{name}", outcome, seconds, board, "/dev/ttyX", "speaker 1.0")
    test.reason = "E   assert 1 == 2" if test.is_bad else ""
    if level is not None:
        test.evidence.measure("level", level, "dBFS")
    return test


BEFORE = [
    result("breaks", PASSED),
    result("is_fixed", FAILED),
    result("stays_bad", ERROR),
    result("goes", PASSED),
    result("slows", PASSED, 1.0),
    result("skips", PASSED),
    result("sounds", PASSED, level=-20.0),
    result("same", PASSED, level=-20.0),
]
AFTER = [
    result("breaks", FAILED),
    result("is_fixed", PASSED),
    result("stays_bad", FAILED),
    result("comes", PASSED),
    result("slows", PASSED, 2.0),
    result("skips", SKIPPED),
    result("sounds", PASSED, level=-26.0),
    result("same", PASSED, 1.2, level=-20.5),
]


def test_what_changed_is_told(history):
    history.add(run_of(*BEFORE))
    history.add(run_of(*AFTER, revision="v2"))
    now, before = history.runs()
    assert (now.revision, before.revision) == ("v2", "v1")
    assert now.counts == {FAILED: 2, PASSED: 5, SKIPPED: 1}
    assert now.boards == {"desk": ["/dev/ttyX", "speaker 1.0"]}
    found = history.compare(now, before)
    for group, name in (
        ("broken", "breaks"),
        ("fixed", "is_fixed"),
        ("still_bad", "stays_bad"),
        ("gone", "goes"),
        ("new", "comes"),
        ("other", "skips"),
        ("slower", "slows"),
        ("figures", "sounds"),
    ):
        assert [change.test for change in getattr(found, group)] == [f"test_x.py::{name}"], group


def test_flaky_is_what_goes_back_and_forth(history):
    patterns = {"flaky": "PFPPFP", "broke": "PPPFFF", "mended": "FFPPPP", "fine": "PPPPPP"}
    for n in range(6):
        tests = [
            result(name, {"P": PASSED, "F": FAILED}[pattern[n]])
            for name, pattern in patterns.items()
        ]
        history.add(run_of(*tests, result("skipped", SKIPPED)))
    (flaky,) = history.flaky(history.runs())
    assert flaky.test == "test_x.py::flaky"
    assert flaky.failures == 2
    assert history.flaky(history.runs(2)) == []


def test_a_history_can_be_written_by_two_sessions_and_read_by_others(tmp_path):
    path = tmp_path / "h.sqlite3"
    with History(path) as one, History(path) as two:
        assert {one.add(run_of(*BEFORE)), two.add(run_of(*AFTER))} == {1, 2}
        assert [run.id for run in one.runs()] == [2, 1]


def test_another_file_is_no_history(tmp_path):
    path = tmp_path / "x"
    path.write_text("this is no database, and long enough to be told from one" * 20)
    with pytest.raises(UsageError, match="no history of test runs"):
        History(path)
    newer = tmp_path / "newer"
    with sqlite3.connect(newer) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(UsageError, match="newer mynah"):
        History(newer)


def test_the_command_compares(tmp_path, monkeypatch):
    monkeypatch.setenv("MYNAH_DATA", str(tmp_path))
    run = CliRunner().invoke
    missing = run(command)
    assert isinstance(missing.exception, UsageError)
    with History() as history:
        history.add(run_of(*BEFORE))
        assert "nothing to compare with yet" in run(command).stdout
        history.add(run_of(*AFTER, revision="v2"))
    shown = run(command, catch_exceptions=False).stdout
    for line in (
        r"run 2 against run 1",
        r"broken +test_x.py::breaks on desk: assert 1 == 2",
        r"still failing +test_x.py::stays_bad on desk",
        r"fixed +test_x.py::is_fixed on desk",
        r"otherwise +test_x.py::skips on desk: passed, now skipped",
        r"gone +test_x.py::goes on desk",
        r"slower +test_x.py::slows on desk: 1.0 s, now 2.0 s",
        r"figure +test_x.py::sounds on desk: level -20, now -26 dBFS",
    ):
        assert re.search(line, shown), line
    assert "run 1 against run 2" in run(command, ("--run", "1", "--against", "2")).stdout
    data = run(command, ("--json",)).stdout
    assert '"broken"' in data
    assert isinstance(run(command, ("--run", "9")).exception, UsageError)


def test_a_session_leaves_page_properties_and_history(pytester):
    pytester.makepyfile(
        """
        import pytest
        from mynah.hil.sound import Sound

        def test_measured(device):
            device.measured("answer", 42, "m")
            device.attach("tone.wav", Sound.tone(500, 0.1))
            device.write("print('hello')\\r\\n")
            device.expect("^hello")

        def test_fails(device):
            assert device is None

        def test_elsewhere():
            pass

        @pytest.mark.skip(reason="not today")
        def test_skipped(device):
            pass
        """
    )
    arguments = ("-p", "no:cacheprovider", "-n2", "--dist=loadfile", "--junitxml=j.xml")
    result = pytester.runpytest_inprocess(*arguments, "--report=r.html", "--history=h.sqlite3")
    result.assert_outcomes(passed=2, failed=1, skipped=1)
    cases = {case.get("name"): case for case in ET.parse("j.xml").iter("testcase")}
    properties = {p.get("name"): p.get("value") for p in cases["test_measured"].iter("property")}
    assert properties["board"] == "virtual"
    assert properties["port"].startswith("rfc2217://127.0.0.1:")
    assert properties["firmware"].startswith("none MicroPython ")
    assert properties["answer"] == "42 m"
    assert not list(cases["test_elsewhere"].iter("property"))
    text = (pytester.path / "r.html").read_text()
    Checker.of(text)
    assert text.count("<audio") == 1
    assert "&gt;&gt;&gt; print(&#x27;hello&#x27;)" in text
    assert "assert &lt;device virtual" in text
    assert "[gw" not in text
    assert "not today" in text
    with History(pytester.path / "h.sqlite3") as history:
        (run,) = history.runs()
    assert run.counts == {PASSED: 2, FAILED: 1, SKIPPED: 1}
    assert run.project == pytester.path.name
