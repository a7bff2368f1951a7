"""What the farm's picture is drawn from."""

import pytest

pytest.importorskip("labgrid", reason="labgrid is not installed (docs/farm.md)")

from mynah.farm.timeline import Bar, Timeline

LINES = """\
test_boards.py::test_a[a1]\x20
test_boards.py::test_a[b1-tuple]\x20
[gw0] [  4%] PASSED test_boards.py::test_a[a1]\x20
[gw1] [100%] ERROR test_boards.py::test_a[b1-tuple]\x20
[gw1] [ 20%] SKIPPED test_boards.py::test_b[b1]\x20
================ 1 passed in 2 s ================
"""


def test_bars_of_xdists_lines(tmp_path):
    seconds = iter(range(100))
    timeline = Timeline(lambda: next(seconds))
    told = [line for line in LINES.splitlines(keepends=True) if timeline.take(line)]
    assert told == LINES.splitlines(keepends=True)[2:]
    assert timeline.bars == [
        Bar("a1", "PASSED", 1, 3),
        Bar("b1", "ERROR", 2, 4),
        Bar("b1", "SKIPPED", 5, 5),
    ]
    timeline.mark("the end")
    timeline.draw(["a1", "b1"], tmp_path / "picture.svg")
    assert "<svg" in (tmp_path / "picture.svg").read_text()
