"""Whole boards whose power fails while `mynah deploy` writes; `deploy_sweep.py` does every cut."""

import pytest
from deploy_sweep import Sweep

EVERY = 29


@pytest.fixture
def sweep():
    sweep = Sweep()
    yield sweep
    sweep.close()


def test_a_board_whose_power_fails_starts_with_the_old_set_or_with_the_new_one(sweep):
    outcomes = []
    while (outcome := sweep.cut_at(1 + EVERY * len(outcomes))) is not None:
        outcomes.append(outcome)
    assert outcomes == sorted(outcomes, reverse=True)
    assert set(outcomes) == {"old", "new"}
