"""The doctor's catalogue and its page."""

import re
import string
from pathlib import Path

import pytest

import mynah.doctor
from mynah.cli import COMMANDS, cli
from mynah.doctor.catalogue import CAUSES, rank
from mynah.doctor.finding import SEVERITIES
from mynah.doctor.page import with_table

PAGE = Path(__file__).parents[2] / "host_tools" / "docs" / "doctor.md"


def test_the_pages_table_is_the_catalogues():
    text = PAGE.read_text(encoding="utf-8")
    assert with_table(text) == text, "run: python -m mynah.doctor.page"
    for cause in CAUSES:
        assert f"| `{cause.name}` " in text


def test_names_are_unique_and_every_cause_is_used():
    assert len({cause.name for cause in CAUSES}) == len(CAUSES)
    assert [rank(cause.name) for cause in CAUSES] == list(range(len(CAUSES)))
    folder = Path(mynah.doctor.__file__).parent
    code = "".join(path.read_text() for path in folder.glob("*.py") if path.stem != "catalogue")
    catalogue = (folder / "catalogue.py").read_text()
    for name in re.findall(r"^([A-Z_]+) = Cause\(", catalogue, re.MULTILINE):
        assert f"causes.{name}" in code, f"nothing finds {name}"


@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.name)
def test_each_cause_says_what_to_do(cause):
    assert cause.severity in SEVERITIES
    assert cause.do
    texts = " ".join((cause.what, *cause.do))
    fields = {name for _, name, _, _ in string.Formatter().parse(texts) if name}
    found = cause.found("seen", where="PORT", **dict.fromkeys(fields - {"where"}, 1))
    assert "{" not in found.what


@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.name)
def test_each_mynah_command_that_is_advised_exists(cause):
    for command, options in re.findall(r"`mynah (\w+)([^`]*)`", " ".join(cause.do)):
        assert command in COMMANDS
        known = {o for p in cli.get_command(None, command).params for o in p.opts}
        assert set(re.findall(r"--[a-z-]+", options)) <= known | {"--help"}
