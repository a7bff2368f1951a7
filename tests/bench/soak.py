"""A day in the life of a speaker, in minutes: ``python tests/bench/soak.py --hours 24``.

The whole firmware (``speaker.app.main.Speaker``) runs in real MicroPython on a simulated clock,
radio, network, flash and board (tests/upy/sim): clients that poll as python-miio and `mynah` do,
packets that are lost, doubled, late and out of order, somebody who guesses tokens, replays and
floods, a router that restarts, changes its channel or hands out no address, and in the second half
power cuts, some of them in the midst of a write. A short one of the same runs with the tests
(upy_soak.py).

The exit code is 1 when a call stayed unanswered that should have been answered, a packet was
answered that should not have been, the speaker was offline for longer than it may, a task failed,
or heap or tasks grew.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from mynah.paths import FIRMWARE_DIR
from mynah.virtual.micropython import micropython_command

UPY = Path(__file__).parents[1] / "upy"
HEAP_GROWTH = 2048
"""Bytes that the heap in use may differ by: what is in flight at the moment."""

_RUNNER = """
import json, sys
from sim import soak
hours, seed, sound = float(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "sound"
one = soak.Soak(seed, sound)
try:
    figures = one.run(hours, lambda *now: print("AT %.2f %d" % now))
except BaseException:
    print("".join(one.world.log.last))
    raise
print("FIGURES", json.dumps(figures))
"""


def main() -> int:
    """Run it, say how it goes, print the figures; the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hours", type=float, default=24, help="simulated hours (24)")
    parser.add_argument("--seed", type=int, default=1, help="of the troubles (1)")
    parser.add_argument(
        "--sound",
        action="store_true",
        help="with the microphone's task, which takes 3 times as long",
    )
    parser.add_argument("--json", action="store_true", help="the figures as JSON")
    options = parser.parse_args()
    if options.hours < 1:
        parser.error("an hour at least, so that there is something to compare")
    start = time.monotonic()
    figures = run(options.hours, options.seed, sound=options.sound)
    figures["computer's time s"] = round(time.monotonic() - start, 1)
    wrong = verdict(figures)
    if options.json:
        print(json.dumps({**figures, "wrong": wrong}, indent=2))
    else:
        for name, value in sorted(figures.items()):
            print(f"{name:36} {value}")
        print("wrong: " + "; ".join(wrong) if wrong else "all as it should be")
    return bool(wrong)


def run(hours: float, seed: int, *, sound: bool = False) -> dict:
    """The figures of one run; what the firmware raised ends the program."""
    path = os.pathsep.join([str(FIRMWARE_DIR), str(UPY), ".frozen"])
    command = [*micropython_command(), "-X", "heapsize=32M", "-c", _RUNNER]
    terminal = sys.stderr.isatty()
    with subprocess.Popen(
        [*command, str(hours), str(seed), "sound" if sound else ""],
        stdout=subprocess.PIPE,
        text=True,
        errors="replace",
        env={**os.environ, "MICROPYPATH": path},
    ) as process:
        said = []
        for line in process.stdout:
            if line.startswith("AT ") and terminal:
                at, violations = line.split()[1:]
                print(f"\r{at} of {hours:g} h, {violations} wrong ", end="", file=sys.stderr)
            elif line.startswith("FIGURES "):
                figures = json.loads(line.partition(" ")[2])
            elif not line.startswith("AT "):
                said.append(line)
    if terminal:
        print(file=sys.stderr)
    if process.returncode:
        sys.exit("".join(said[-80:]) + "the simulation failed")
    return figures


def verdict(figures: dict) -> list[str]:
    """What is not as it should be."""
    wrong = [*figures["violations"], *figures["faults"]]
    if figures["heap grew by"] > HEAP_GROWTH:
        wrong.append(f"the heap grew by {figures['heap grew by']} bytes")
    if figures["tasks grew by"] > 0:
        wrong.append(f"{figures['tasks grew by']} tasks more")
    return wrong


if __name__ == "__main__":
    sys.exit(main())
