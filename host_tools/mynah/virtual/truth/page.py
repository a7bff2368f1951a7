"""The table as a page, and as data."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from mynah.paths import FIRMWARE_DIR
from mynah.virtual.truth.calls import CALLS, calls_of_firmware, model_of
from mynah.virtual.truth.commands import COMMANDS, ESPTOOL, MPREMOTE, Command
from mynah.virtual.truth.missing import MISSING
from mynah.virtual.truth.verdict import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_INTRODUCTION = """\
# How true the virtual board is

*`mynah virtual --truth` prints this, `--truth --json` as data. The tests run every command of the
first two tables against a virtual board and compare exit code and output with their row; they read
the firmware for calls that the third one does not have. Do not edit: run
`python -m mynah.virtual.truth`.*

**Same**: exit code, output and effect are those of hardware. **Differs**: it works, and the row
says what is otherwise. **Missing**: it does not do what hardware does. No real board took part: the
column "judged by" says from what it is known what one would do.

"""

_TIME = """\
## Time

On its own a virtual board lives in real time: sound comes and goes at 16,000 samples a second,
ticks are this computer's. With `mynah virtual --fast`, or `VirtualBoard(fast=True)`, time stands
while the program computes, and jumps to the next thing that is to happen while it waits: in
`sleep`, `select`, asyncio, `readinto`, a scan. Sound, timers, watchdog, Wi-Fi and deep sleep follow
the same clock.

- The results are the same: the same wake words at the same samples, the same lines in the log
  (tests/virtual/test_fast.py compares them with a board in real time), and two runs give the same
  ticks. No sound is lost, however busy the computer is.
- Computing takes no time, but for 5 microseconds each time that the program looks at its ticks. A
  program that neither waits nor looks for 0.2 s of processor time takes real time from then on: a
  watchdog bites one that hangs.
- Whoever talks to the board (serial port, a packet to its address) meets it in real time, until
  0.25 s after the last byte. What is measured against another clock, as a client's, is not for a
  fast board.
- A fast board whose microphone is on never rests: it takes a whole core. `pytest --port
  virtual-fast` is worth it for tests that wait and listen, not for those that talk to it.

| what | real time | fast | |
|---|---|---|---|
| all recordings of the project, one minute | 67 s | 1.5 to 3 s | on 2 cores |
| an hour with the speaker's firmware, a wake word each minute | 1 h | 6 min 43 s | beside seven \
other programs; 60 of 60 words, each at the same place, no sound lost |
| an hour of asyncio tasks, a timer and the clock | 1 h | 1.2 s | |

## Kill -9

`python tests/bench/kill.py --rounds 500` kills `mynah virtual --flash FILE`, its MicroPython, or
both, at random moments: while the flash file is made, the board starts, or it writes files. Then no
process, no taken port and no other file may be left, and the next start must boot and have
every file as it was or as it was to become. A few rounds are among the tests.
"""


def truth() -> dict[str, Any]:
    """Everything, as data: commands, calls of the firmware, and what is missing."""
    calls = []
    for name, files in calls_of_firmware(FIRMWARE_DIR).items():
        row = model_of(name)
        if row is not None:
            calls.append(
                {**asdict(row), "name": name, "verdict": row.verdict.value, "files": files}
            )
    return {
        "commands": [{**asdict(row), "verdict": row.verdict.value} for row in COMMANDS],
        "calls": calls,
        "missing": [asdict(row) for row in MISSING],
    }


def markdown() -> str:
    """Everything, as the page of the documentation."""
    parts = [_INTRODUCTION, _counts(), "\n"]
    for tool, note in (
        (ESPTOOL, "Run with the flasher stub; a second exit code is that of `--no-stub`."),
        (MPREMOTE, "Each after `connect rfc2217://...`, which is the row of `connect`, too."),
    ):
        rows = [row for row in COMMANDS if row.tool == tool]
        parts += [f"## {tool}\n\n{note}\n\n", _commands(rows), "\n"]
    parts += ["## Calls of the firmware\n\n", _calls(), "\n"]
    parts += [
        "## Not modelled\n\n",
        _table(["what", "instead"], ([row.what, row.instead] for row in MISSING)),
        "\n",
        _TIME,
    ]
    return "".join(parts)


def _counts() -> str:
    rows = []
    for tool in (ESPTOOL, MPREMOTE):
        verdicts = Counter(row.verdict for row in COMMANDS if row.tool == tool)
        rows.append([f"runs of {tool}", *(str(verdicts[verdict]) for verdict in Verdict)])
    used = [model_of(name) for name in calls_of_firmware(FIRMWARE_DIR)]
    verdicts = Counter(row.verdict for row in used if row is not None)
    rows.append(["calls of the firmware", *(str(verdicts[verdict]) for verdict in Verdict)])
    return _table(["", *(verdict.value for verdict in Verdict)], rows)


def _commands(rows: Sequence[Command]) -> str:
    return _table(
        ["command", "exit code", "verdict", "judged by"],
        (
            [
                f"`{row.arguments}`",
                str(row.exit_code) + (f", {row.rom}" if row.rom is not None else ""),
                f"{row.verdict.value}: {row.differs}" if row.differs else row.verdict.value,
                row.judged,
            ]
            for row in rows
        ),
    )


def _calls() -> str:
    used = calls_of_firmware(FIRMWARE_DIR)
    rows = []
    for row in CALLS:
        below = [name for name in used if model_of(name) is row]
        if below:
            names = " ".join(f"`{name.removeprefix(row.name + '.')}`" for name in below)
            rows.append([f"`{row.name}`", names, row.verdict.value, row.how, row.source])
    return _table(["what", "used", "verdict", "how", "follows"], rows)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "".join(
        f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines
    )
