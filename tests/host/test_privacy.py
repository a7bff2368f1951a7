"""`mynah privacy` without a board: the tables of the firmware, the page, and how boards differ."""

import copy
import json

import pytest
from click.testing import CliRunner

from mynah import privacy
from mynah.cli import cli
from mynah.errors import BoardError, VerificationError
from mynah.miio import MiioClient
from mynah.paths import FIRMWARE_DIR

DOCS = FIRMWARE_DIR.parent / "host_tools" / "docs" / "privacy.md"
NOW = [
    {"section": "now", "name": "methods", "items": ["a", "b"]},
    {"section": "now", "name": "methods", "items": ["c"]},
    {"section": "now", "name": "network", "items": ["online"]},
]


@pytest.fixture(scope="module")
def rows():
    return privacy.of_firmware()


def test_the_page_is_what_the_firmware_says(rows):
    assert DOCS.read_text() == privacy.markdown(rows), "run python -m mynah.privacy"


def test_the_tables_hold_what_is_known_of_the_firmware(rows):
    names = {section: {row["name"] for row in of} for section, of in by(rows).items()}
    assert "miio" in names["sockets"]
    assert {"token", "ssid", "password", "volume"} <= names["settings"]
    assert {"/settings.a", "/board.json"} <= names["files"]
    secret = {row["name"] for row in by(rows)["settings"] if row["secret"] == "yes"}
    assert {"token", "password"} <= secret


def by(rows):
    return privacy.by_section(rows)


def test_the_command_prints_every_row(rows):
    done = CliRunner().invoke(cli, ["privacy"])
    assert done.exit_code == 0, done.output
    for row in rows:
        assert row["name"] in done.stdout
    done = CliRunner().invoke(cli, ["privacy", "--json"])
    assert json.loads(done.stdout) == {"rows": rows}


def test_a_board_that_is_the_same_does_not_differ(rows):
    assert privacy.differences(rows, [*rows, *NOW]) == []
    assert by([*rows, *NOW])["now"][0]["items"] == ["a", "b", "c"]


def test_each_difference_is_told(rows):
    board = copy.deepcopy(rows)
    gone = board.pop(0)
    changed = next(row for row in board if row["name"] == "miio")
    changed["port"] = 1234
    board.append({"section": "sockets", "name": "spy", "port": 9, "to": ["cloud.example:9"]})
    told = [str(each) for each in privacy.differences(rows, board)]
    assert len(told) == 3
    assert told[0] == f"{gone['section']}: {gone['name']}: not on the board"
    assert "port: 54321 here, 1234 on the board" in told[1]
    assert "sockets: spy: only on the board" in told[2]
    assert "cloud.example:9" in told[2]


class Client:
    address = "10.0.0.9"

    def __init__(self, answers):
        self.answers = answers

    def call(self, method, params):
        assert method == "mynah.privacy"
        return self.answers[params["from"]]


def test_pages_are_put_together(rows):
    answers = {0: {"rows": rows[:2], "next": 2}, 2: {"rows": rows[2:], "next": None}}
    assert privacy.over_network(Client(answers)) == rows


@pytest.mark.parametrize(
    "answer",
    [
        "ok",
        {},
        {"rows": "x", "next": None},
        {"rows": [], "next": 0},
        {"rows": [1], "next": None},
        {"rows": [{"section": "x"}], "next": None},
        {"rows": [{"section": "now", "name": "x"}], "next": None},
        {"rows": [{"section": 1, "name": "x"}], "next": None},
    ],
)
def test_an_answer_that_is_none_is_an_error_of_the_board(answer):
    with pytest.raises(BoardError):
        privacy.over_network(Client({0: answer}))


def test_text_of_a_board_cannot_move_the_terminal():
    row = {"section": "sockets", "name": "x", "port": "\x1b[2J\x07 9"}
    (difference,) = privacy.differences([], [row])
    assert "\x1b" not in str(difference)
    assert "\x07" not in str(difference)


def test_a_board_that_differs_is_exit_code_6(rows, monkeypatch, tmp_path):
    import mynah.find

    monkeypatch.setattr(privacy, "over_network", lambda _client: [*rows[1:], *NOW])
    monkeypatch.setattr(mynah.find, "open_known", lambda *_, **__: MiioClient("127.0.0.1"))
    done = CliRunner().invoke(cli, ["privacy", "kitchen"])
    assert isinstance(done.exception, VerificationError)
    assert "not on the board" in done.stderr
    done = CliRunner().invoke(cli, ["privacy", "kitchen", "--json"])
    assert len(json.loads(done.stdout)["differences"]) == 1
