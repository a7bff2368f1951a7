"""The plugin's page: its code runs as it stands there, and it leaves nothing out."""

import inspect
import re
import shlex
import sys

import pytest

from mynah.hil import benchfile, fixtures
from mynah.hil.audio import Mic, Speaker
from mynah.hil.controls import Button, Led, Power, Wifi
from mynah.hil.device import Device
from mynah.hil.flash import BoardFlash
from mynah.hil.net import Net
from mynah.hil.repl import BoardRepl
from mynah.hil.sound import Sound
from mynah.paths import FIRMWARE_DIR

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

pytest_plugins = ["pytester"]

PAGE = (FIRMWARE_DIR.parent / "host_tools" / "docs" / "hil.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
FILES = {
    match[1]: text
    for language, text in BLOCKS
    if language not in {"sh", "text"} and (match := re.match(r"# (\S+)\n", text))
}
COMMANDS = [
    shlex.split(found, comments=True)[1:]
    for _, text in BLOCKS
    for found in re.findall(r"^[ -]*(?:run: )?(pytest(?! pytest).*)$", text, re.MULTILINE)
]
WORDS = set(re.findall(r"\w+", PAGE))
CLASSES = (Device, BoardRepl, Button, Led, Mic, Speaker, Sound, Wifi, Net, Power, BoardFlash)
# What the fixtures' teardown and the plugin call, and what is told in other words.
INTERNAL = {"close", "unexpected_crashes", "at_rate", "save", "evidence", "board", "seconds"}


@pytest.fixture
def project(pytester, monkeypatch):
    """The page's project."""
    monkeypatch.setenv("MYNAH_DATA", str(pytester.path / "data"))
    for name, text in FILES.items():
        path = pytester.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return pytester


def test_every_block_of_code_is_a_file():
    assert len(FILES) == sum(language not in {"sh", "text"} for language, _ in BLOCKS) > 15


def test_all_of_it_passes_on_a_virtual_board(project):
    n_tests = len(re.findall(r"^def test_", "".join(FILES.values()), re.MULTILINE))
    result = project.runpytest_inprocess("-p", "no:cacheprovider", "-rs")
    result.assert_outcomes(passed=n_tests - 1, skipped=1)
    result.stdout.fnmatch_lines(["*SKIPPED*because"])
    arguments = ("-p", "no:cacheprovider", "--upy=board", "tests/upy_sums.py")
    on_board = project.runpytest_inprocess(*arguments)
    on_board.assert_outcomes(passed=2, skipped=1)


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_every_command_is_one_that_pytest_takes(project, arguments):
    here = [{"/etc/boards.toml": "bench.toml"}.get(argument, argument) for argument in arguments]
    result = project.runpytest_inprocess("-p", "no:cacheprovider", "--collect-only", "-q", *here)
    assert result.ret == 0


def test_the_bench_file_is_one_and_every_key_is_explained():
    boards = benchfile.parse(tomllib.loads(FILES["bench.toml"]))
    assert [board.name for board in boards] == ["kitchen", "rack", "nobody"]
    keys = set(benchfile._PLAIN) | set(benchfile._KINDS)
    for kinds in benchfile._KINDS.values():
        keys |= set(kinds)
        for required, optional in kinds.values():
            keys |= set(required) | set(optional)
    assert keys - WORDS == set()


def test_every_fixture_has_a_heading():
    headings = " ".join(re.findall(r"^### (.*)$", PAGE, re.MULTILINE))
    names = {
        name
        for name, value in vars(fixtures).items()
        if type(value).__name__ == "FixtureFunctionDefinition"
    }
    assert len(names) > 10
    assert names - set(re.findall(r"\w+", headings)) == set()


@pytest.mark.parametrize("kind", CLASSES)
def test_everything_that_a_fixture_offers_is_named(kind):
    offered = {name for name, _ in inspect.getmembers(kind) if not name.startswith("_")}
    assert offered - INTERNAL - WORDS == set()


def test_every_option_is_named(pytester):
    text = pytester.runpytest_inprocess("--help").stdout.str()
    ours = text.split("boards for hardware-in-the-loop tests:")[1].split("\n\n")[0]
    options = set(re.findall(r"^  (--[\w-]+)", ours, re.MULTILINE))
    assert len(options) > 8
    assert {option for option in options if option not in PAGE} == set()
