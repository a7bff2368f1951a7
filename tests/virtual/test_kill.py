"""Kill -9 at random moments leaves no process, no taken port, no file, and a flash that boots.

Many more rounds: ``python tests/bench/kill.py --rounds 500``.
"""

import importlib
import os
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[1] / "bench"
FIRST_NUMBER = 200  # others take the lowest free one

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/environ").exists(), reason="there is no /proc here to find processes in"
)


@pytest.fixture(scope="module")
def kill():
    """The sweep."""
    sys.path.insert(0, str(BENCH))
    yield importlib.import_module("kill")
    sys.path.remove(str(BENCH))


@pytest.fixture
def number():
    """A board number that no other worker of this run takes."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0")
    return FIRST_NUMBER + int(worker[2:])


def test_nothing_is_left_and_the_next_start_boots(kill, number, tmp_path):
    result = kill.sweep(
        5, seed=int.from_bytes(os.urandom(4), "big"), folder=tmp_path, number=number
    )
    assert result.faults == [], f"seed {result.seed}"
    assert result.boots >= 1


def test_the_sweep_is_not_blind(kill, number, tmp_path):
    desk = kill.Desk(tmp_path, number)
    process = desk.start()
    assert kill._wait_for_greeting(process) is None
    (tmp_path / "tmp" / "mynah-left").touch()
    faults = desk.left_over()  # it runs on: nobody has killed it
    process.communicate(timeout=20)
    assert [fault.split()[0] for fault in faults] == [
        "processes",
        "port",
        f"{tmp_path}/tmp/mynah-left",
    ]


def test_a_board_whose_cpu_was_killed_panics_and_starts_again(micropython, kill):
    board = micropython.board
    cpu = board._chip._cpu
    kill._kill(cpu._child._process.pid)
    micropython.console.expect(b"Guru Meditation Error")
    micropython.console.expect(b">>> ")
    assert micropython.value("1 + 1") == 2
