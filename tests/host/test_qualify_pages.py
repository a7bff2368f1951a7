"""What people read of a scorecard: page, sheet, comparison; from one that a virtual board got."""

import io
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner
from matplotlib.image import imread

from mynah.cli.qualify import command
from mynah.qualify import card as cards
from mynah.qualify import compare, compare_page, page, sheet
from mynah.qualify.card import NO_HARDWARE, Curve, Function

RECORDED = Path(__file__).with_name("scorecard.json")
VOID = {"meta", "input", "br", "img"}


@pytest.fixture(scope="module")
def card():
    return cards.load(RECORDED)


class Reader(HTMLParser):
    """Collects text, and refuses what does not nest or needs another file."""

    def __init__(self, text):
        super().__init__()
        self.open, self.words, self.tags = [], [], []
        self.feed(text)
        assert [tag for tag in self.open if tag not in {"td", "tr", "li"}] == []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        assert not {"src", "href"} & set(dict(attributes)), tag
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        while self.open[-1] != tag and self.open[-1] in {"td", "li"}:  # may be left open in HTML
            self.open.pop()
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return "".join(self.words)


def changed(card, name, value):
    """The card with another value of one measure."""
    measures = tuple(
        replace(m, value=value, verdict=m.measure.judge(value)) if m.measure.name == name else m
        for m in card.measures
    )
    return replace(card, measures=measures)


def test_the_page_tells_everything_that_the_card_holds(card):
    read = Reader(page.page(card))
    for m in card.measures:
        assert m.measure.title in read.text
        assert m.shown in read.text
        assert m.note in read.text
    for function in card.functions:
        assert function.title in read.text
    assert len([tag for tag, _ in read.tags if tag == "polyline"]) == len(card.curves) == 3


def test_a_virtual_boards_card_says_so_in_large_letters(card):
    real = replace(card, is_virtual=False)
    assert NO_HARDWARE in Reader(page.page(card)).text
    assert NO_HARDWARE not in Reader(page.page(real)).text
    assert cards.to_json(card)["not_hardware"] is True
    read = Reader(page.page(card))
    banner = read.words.index(NO_HARDWARE)
    assert banner < next(i for i, words in enumerate(read.words) if "Boot" in words)


def test_what_comes_from_a_board_is_no_markup(card):
    evil = "<script>alert(1)</script> & $x$ _y_"
    function = Function("boot", evil, "failed", note=evil, test=evil)
    curve = Curve("x", evil, (1.0, 2.0), (0.0, 1.0), evil, evil)
    bad = replace(
        card, title=evil, board=evil, facts={"chip": evil}, functions=(function,), curves=(curve,)
    )
    read = Reader(page.page(bad))
    assert "script" not in {tag for tag, _ in read.tags}
    assert evil in read.text
    comparison = compare.compare(bad, replace(bad, functions=()))
    assert "script" not in {tag for tag, _ in Reader(compare_page.page(comparison)).tags}
    assert sheet.render(bad).startswith(b"%PDF")


def test_a_bad_value_is_shown_first(card):
    bad = changed(card, "boot.ready_s", 20.0)
    assert bad.verdict == "bad"
    text = Reader(page.page(bad)).text
    assert "Reset to ready: 20.00 s (good to 5 s, bad above 15 s)" in text
    assert text.index("Look at this") < text.index("Loudspeaker")
    assert "Look at this" not in Reader(page.page(card)).text


@pytest.mark.parametrize(("n_measures", "n_functions"), [(0, 0), (45, 5), (45, 200), (200, 9)])
def test_the_sheet_keeps_its_margins_however_much_there_is(card, n_functions, n_measures):
    functions = tuple(
        Function(f"part_{i % 7}", f"Function {i} does what is asked {'of it ' * i}", "passed")
        for i in range(n_functions)
    )
    measures = (card.measures * 5)[:n_measures]
    full = replace(card, functions=functions, measures=measures, title=card.title * 5)
    picture = imread(io.BytesIO(sheet.render(full, "png", dpi=60)))[..., :3]
    edge = 60 // 4  # a quarter of an inch
    assert picture[edge:-edge, edge:-edge].min() < 0.5
    for part in (picture[:edge], picture[-edge:], picture[:, :edge], picture[:, -edge:]):
        assert part.min() == 1, "something reaches into the margin"


def test_the_pdf_is_one_page_of_a4(card):
    data = sheet.render(card)
    assert len(re.findall(rb"/Type /Page\b", data)) == 1
    (box,) = re.findall(rb"/MediaBox \[ ?0 0 ([\d.]+) ([\d.]+) ?\]", data)
    assert [float(x) / 72 for x in box] == pytest.approx([sheet.WIDTH, sheet.HEIGHT])


def test_a_card_against_itself_has_no_differences(card):
    found = compare.compare(card, card)
    assert {line.change for line in found.lines} == {"same"}
    assert len(found.lines) == len(card.measures) + len(card.functions)
    assert found.warning == "two virtual boards: no hardware is compared"


@pytest.mark.parametrize(
    ("name", "value", "change", "difference"),
    [
        ("boot.ready_s", 2.0, "worse", "+1.79 s"),
        ("flash.write_s", 1.0, "better", "-5.9 s"),
        ("microphone.noise_dbfs", -60.0, "worse", "+26.6 dBFS(A)"),
        ("microphone.noise_dbfs", -86.0, "same", "+0.6 dBFS(A)"),
        ("wifi.rssi_dbm", -70.0, "worse", "-20 dBm"),
        ("wifi.rssi_dbm", -52.0, "same", "-2 dBm"),
        ("memory.heap_used_kb", 600.0, "changed", "+152 KB"),
        ("power.last_reset", "watchdog", "changed", ""),
        ("price.parts_yuan", 65.0, "only one has it", ""),
    ],
)
def test_a_difference_has_its_direction(card, name, value, change, difference):
    first = changed(card, "boot.ready_s", 0.21)
    second = changed(first, name, value)
    lines = {line.title: line for line in compare.compare(first, second).lines}
    title = next(m.measure.title for m in card.measures if m.measure.name == name)
    assert (lines[title].change, lines[title].difference) == (change, difference)
    assert [line.title for line in lines.values() if line.change != "same"] in ([], [title])


def test_a_function_that_broke_is_worse_and_one_that_is_new_only_in_one(card):
    broken = replace(card.functions[0], outcome="failed", note="dead")
    new = Function("mine", "A thing of ours", "passed")
    second = replace(card, functions=(broken, *card.functions[1:], new), is_virtual=False)
    found = compare.compare(card, second)
    changes = {line.title: line.change for line in found.lines if line.change != "same"}
    assert changes == {broken.title: "worse", "A thing of ours": "only one has it"}
    assert found.warning == "one of the two is a virtual board: no hardware is compared"
    text = Reader(compare_page.page(found)).text
    assert found.warning in text
    assert "A thing of ours" in text
    assert [line.title for line in found.condensed("boot") if line.change == "worse"] == [
        broken.title
    ]


def test_the_command_compares_two_files(card, tmp_path):
    other = tmp_path / "other.json"
    worse = replace(changed(card, "boot.ready_s", 9.0), board="supplier's")
    other.write_text(json.dumps(cards.to_json(worse)))
    arguments = ["compare", str(RECORDED), str(other), "--html", str(tmp_path / "both.html")]
    shown = CliRunner().invoke(command, arguments, catch_exceptions=False).stdout
    assert "NO HARDWARE IS COMPARED" in shown
    assert re.search(r"Reset to ready .* 9\.00 s .* worse", shown)
    assert "0 better, 1 worse, 0 changed" in shown
    assert "Reset to the firmware" not in shown, "what is the same is not listed"
    read = Reader((tmp_path / "both.html").read_text())
    assert len([tag for tag, _ in read.tags if tag == "polyline"]) == 2 * len(card.curves)
    done = CliRunner().invoke(command, [*arguments[:3], "--json"], catch_exceptions=False)
    data = json.loads(done.stdout)
    assert data["counts"]["worse"] == 1
    assert data["second"]["verdict"] == "weak"
