"""`mynah bench deploy`: real tools on a real virtual board, once."""

import statistics

from mynah.bench.deploy.measure import MPREMOTE, MYNAH, ONE_CHANGED, measure


def test_a_changed_file_goes_over_the_wire_and_little_else():
    shares = []
    (case,) = measure(1, shares.append, only=[ONE_CHANGED])
    assert shares == [0.5, 1.0]
    ours, theirs = case.results[MYNAH], case.results[MPREMOTE]
    assert 2_000 < ours.sent[0] < 30_000
    assert ours.sent[0] < theirs.sent[0]
    assert case.ratio(lambda each: each.sent) == theirs.sent[0] / ours.sent[0]
    assert ours.at_baud(115200) == (statistics.median(ours.sent) + ours.received[0]) * 10 / 115200
