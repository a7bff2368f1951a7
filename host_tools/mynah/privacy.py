"""What a speaker listens on, sends, stores and keeps: read from the firmware's own tables.

``python -m mynah.privacy`` writes ``host_tools/docs/privacy.md`` anew; a test keeps it in step.
"""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mynah.errors import BoardError, BoardTimeoutError, MynahError
from mynah.logs import clean, parse
from mynah.paths import FIRMWARE_DIR
from mynah.virtual.micropython import micropython_command

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mynah.hil.console import Console
    from mynah.miio import MiioClient

Row = dict[str, Any]
"""One entry of the report: ``section``, ``name``, and the columns of its section."""

NOW = "now"
"""The section of what is in use at the moment; only a running board has it."""

_ASK_FIRMWARE = "import json; from speaker.app import privacy; print(json.dumps(privacy.table()))"
_ASK_CONSOLE = b"\nmynah privacy\n"
_ANSWER_S = 5.0
_PAGE = Path(__file__).parents[1] / "docs" / "privacy.md"

# A board's rows have no order of their columns: these come before, or after, the others.
_FIRST = {"kind": -2, "port": -2, "when": -1, "to": 1, "what": 1}

_INTRODUCTION = """\
# What a Mynah speaker listens on, sends, stores and keeps

*`mynah privacy` prints this. It is generated from the tables that the firmware itself works by:
what is in none of them the firmware refuses to open, store or answer, and the tests read every
module for ways around them, and compare what a virtual board's network really did. Do not edit:
run `python -m mynah.privacy`.*

No account, no cloud, no telemetry: no address outside of the home network is in the firmware.
`mynah privacy NAME` or `mynah privacy --port PORT` asks a running speaker for its own tables and
for what is in use at the moment, and shows where it differs.
"""


@dataclass(frozen=True, slots=True)
class Difference:
    """A row that a board has otherwise than this firmware; None: not at all."""

    section: str
    name: str
    firmware: Row | None
    board: Row | None

    def __str__(self) -> str:
        what = f"{self.section}: {self.name}"
        if self.board is None:
            return f"{what}: not on the board"
        if self.firmware is None:
            return f"{what}: only on the board: {_columns_as_text(self.board)}"
        changed = [
            f"{key}: {show(self.firmware.get(key))} here, {show(self.board.get(key))} on the board"
            for key in sorted(self.firmware | self.board)
            if self.firmware.get(key) != self.board.get(key)
        ]
        return f"{what}: {'; '.join(changed)}"


def of_firmware() -> list[Row]:
    """The tables of the firmware that `mynah flash` would put on a board.

    Raises:
        MynahError: there is no MicroPython for this computer, or it failed.
    """
    done = subprocess.run(
        [*micropython_command(), "-c", _ASK_FIRMWARE],
        capture_output=True,
        text=True,
        env=dict(os.environ, MICROPYPATH=f"{FIRMWARE_DIR}{os.pathsep}.frozen"),
        check=False,
    )
    if done.returncode:
        raise MynahError(f"the firmware's tables cannot be read: {done.stderr[-500:]}")
    return _checked(json.loads(done.stdout))


def over_network(client: MiioClient) -> list[Row]:
    """The tables of a running board, and what is in use on it.

    Raises:
        BoardError: it answered with an error, or with something else.
        BoardTimeoutError: it does not answer.
    """
    rows: list[Row] = []
    start: int | None = 0
    while start is not None:
        answer = client.call("mynah.privacy", {"from": start})
        if not isinstance(answer, dict):
            raise BoardError(f"{client.address} answered mynah.privacy with something else")
        rows += _checked(answer.get("rows"))
        following = answer.get("next")
        if isinstance(following, int) and following <= start:
            raise BoardError(f"{client.address} tells its tables in circles")
        start = following
    return rows


def over_console(console: Console) -> list[Row]:
    """The tables of a running board, and what is in use on it, over its serial port.

    Raises:
        PortError: the port vanished.
        BoardTimeoutError: the firmware does not run there, or is older than this command.
        BoardError: it answered with something else.
    """
    console.skip()
    console.write(_ASK_CONSOLE)
    rows: list[Row] = []
    while True:
        try:
            _, found = console.expect_line(r"^.*\bprivacy: .*$", _ANSWER_S)
        except BoardTimeoutError:
            raise BoardTimeoutError(
                f"nothing at {console.url} answers `mynah privacy`: `mynah logs --reset` shows "
                "whether the firmware runs, `mynah flash` or `mynah deploy` brings the newest"
            ) from None
        record = parse(found[0])
        if record.source != "privacy":
            continue
        if record.text == "end":
            return rows
        try:
            rows += _checked([json.loads(record.text)])
        except ValueError:
            raise BoardError(f"a line of {console.url}'s report is damaged: ask again") from None


def differences(firmware: Iterable[Row], board: Iterable[Row]) -> list[Difference]:
    """Where a board's tables differ from the firmware's; what is in use is not compared."""
    here = {(row["section"], row["name"]): row for row in firmware}
    there = {(row["section"], row["name"]): row for row in board if row["section"] != NOW}
    return [
        Difference(*key, here.get(key), there.get(key))
        for key in [*here, *(key for key in there if key not in here)]
        if here.get(key) != there.get(key)
    ]


def by_section(rows: Iterable[Row]) -> dict[str, list[Row]]:
    """The rows of each section, in the order in which they came; split ones put together."""
    sections: dict[str, list[Row]] = {}
    for row in rows:
        section = sections.setdefault(row["section"], [])
        if section and row["section"] == NOW and section[-1]["name"] == row["name"]:
            section[-1] = row | {"items": [*section[-1]["items"], *row["items"]]}
        else:
            section.append(row)
    return sections


def columns(rows: Iterable[Row]) -> list[str]:
    """The columns of a section's rows beside `section` and `name`."""
    found = {key for row in rows for key in row} - {"section", "name"}
    return sorted(found, key=lambda key: (_FIRST.get(key, 0), key))


def show(value: Any) -> str:
    """A value as a person reads it; a board's text is cleaned."""
    if isinstance(value, list):
        return ", ".join(show(item) for item in value) or "-"
    return clean(str(value))


def markdown(rows: Iterable[Row]) -> str:
    """The page of the documentation."""
    lines = [_INTRODUCTION]
    for section, entries in by_section(rows).items():
        heads = columns(entries)
        lines += [f"## {section[0].upper()}{section[1:]}", ""]
        lines += [f"| | {' | '.join(heads)} |", "|---" * (len(heads) + 1) + "|"]
        for row in entries:
            cells = [f"`{row['name']}`", *(_cell(row.get(head)) for head in heads)]
            lines.append("| " + " | ".join(cells) + " |")
        lines.append("")
    return "\n".join(lines)


def _cell(value: Any) -> str:
    return show(value).replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")


def _columns_as_text(row: Row) -> str:
    return "; ".join(f"{key}: {show(row[key])}" for key in columns([row]))


def _checked(rows: Any) -> list[Row]:
    """Rows as the board's own program makes them, whatever it is that answered."""
    if not isinstance(rows, list):
        raise BoardError("the report of privacy has no rows")
    for row in rows:
        named = isinstance(row, dict) and all(
            isinstance(row.get(key), str) for key in ("section", "name")
        )
        if not named or (row["section"] == NOW and not isinstance(row.get("items"), list)):
            raise BoardError("a row of the report of privacy is not as it should be")
    return rows


if __name__ == "__main__":
    _PAGE.write_text(markdown(of_firmware()), encoding="utf-8")
