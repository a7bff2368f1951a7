"""The whole farm as `mynah farm demo` shows it: coordinator, exporters, boards, a death."""

import pytest

pytest.importorskip("labgrid", reason="labgrid is not installed (docs/farm.md)")

from mynah.farm.demo import RACKS, VICTIM, run_demo


def test_half_of_a_farm_dies_and_the_other_half_goes_on(tmp_path):
    lines = []
    result = run_demo(tmp_path, lines.append)
    for board in RACKS["rack-a"]:
        assert (result.with_a_death[board].passed, result.with_a_death[board].skipped) == (6, 0)
    for board in RACKS[VICTIM]:
        tally = result.with_a_death[board]
        assert tally.passed >= result.killed_after[board] >= 1
        assert tally.passed + tally.failed + tally.skipped == 6
        (reason,) = tally.reasons
        assert f"exporter {VICTIM} left the farm" in reason
        assert result.afterwards[board].passed == 6  # their flash was blank
    assert result.still_acquired == ""
    assert any(line.startswith("*** rack-b loses its power") for line in lines)
    for log in tmp_path.glob("*.log"):
        assert "Traceback" not in log.read_text(encoding="utf-8"), log
