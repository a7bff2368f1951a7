"""Where the heap is: the bench's tables add up, and the figures stay within their bounds."""

import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[1] / "bench"
KIB = 1024


@pytest.fixture(scope="module")
def bench():
    sys.path.insert(0, str(BENCH))
    import heap

    yield heap
    sys.path.remove(str(BENCH))


def test_the_rows_add_up_and_the_boards_own_are_apart(bench):
    heap = bench.measure()
    rows = [*heap.board.values(), *heap.modules.values(), *heap.made.values()]
    assert sum(rows) == heap.total < 400 * KIB
    assert heap.made["other objects and tasks"] > 0
    assert sum(heap.board.values()) < 100 * KIB
    assert heap.firmware < 340 * KIB
    assert all(name.partition(".")[0] != "speaker" for name in heap.board)
    modules = {*heap.modules, *heap.later}
    assert modules <= set(bench.module_names())
    assert {"speaker.wake.engine", "speaker.miot.server"} <= set(heap.modules)
    assert {"speaker.home.home", "speaker.miot.channel"} <= set(heap.later)


def test_what_first_uses_add(bench):
    used = dict(bench.used())
    assert list(used.values()) == sorted(used.values())
    assert used["ready, paired"] < 400 * KIB
    assert used["on the network, found by mDNS"] < 420 * KIB
    assert max(used.values()) < 680 * KIB
