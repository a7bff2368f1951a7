"""The detector: sliding mean, cutoff, and a cool-off that only quiet rows shorten."""

import micropython

from speaker.wake import sensitivity
from speaker.wake.detector import Detector

STRIDE = 3
LOUD, QUIET = 250, 0


def feed(detector, probabilities):
    """Rows of features as the engine counts them; the inferences at which it fired."""
    fired = []
    for i, probability in enumerate(probabilities):
        detector.tick()
        detector.tick()
        detector.add(probability)
        detector.tick()
        if detector.fired():
            fired.append(i)
            detector.reset()
    return fired


def ready(cutoff=200, window=5):
    detector = Detector(cutoff, window)
    assert feed(detector, [QUIET] * 34) == []
    return detector


def test_fires_when_the_mean_is_over_the_cutoff():
    assert feed(ready(), [LOUD] * 4 + [QUIET] * 3) == []
    assert feed(ready(), [LOUD] * 5) == [4]


def test_a_mean_at_the_cutoff_is_not_over_it():
    assert feed(ready(), [200] * 20) == []
    assert feed(ready(), [200] * 4 + [201]) == [4]


def test_window_of_one():
    assert feed(ready(window=1), [200, 201]) == [1]


def test_the_first_hundred_rows_are_ignored():
    detector = Detector(200, 1)
    assert feed(detector, [QUIET] * 32 + [LOUD] * 10) == []
    detector = Detector(200, 1)
    # 100 rows, 34 inferences: rows that wait for a loud output still count by the last one.
    assert feed(detector, [QUIET] * 34 + [LOUD]) == [34]


def test_a_loud_output_does_not_shorten_the_cool_off():
    detector = ready()
    assert feed(detector, [LOUD] * 200) == [4]
    assert feed(detector, [QUIET] * 32 + [LOUD] * 8) == []
    assert feed(detector, [QUIET] * 34 + [LOUD] * 5) == [38]


def test_mean_and_resize():
    detector = Detector(200, 4)
    for probability in (10, 20, 30, 40, 50):
        detector.add(probability)
    assert detector.mean == 35
    detector.resize(2)
    assert detector.mean == 0
    for bad in (0, 256):
        try:
            detector.resize(bad)
        except ValueError:
            continue
        raise AssertionError(bad)


def test_a_close_miss_is_told_once_with_its_peak():
    detector = ready(cutoff=200, window=1)
    told = []
    for probability in (90, 101, 150, 190, 120, 99, 0, 0, 110, 0):
        detector.add(probability)
        detector.tick()
        told.append(detector.missed)
    assert told == [0, 0, 0, 0, 0, 190, 0, 0, 0, 110]


def test_a_detection_and_what_comes_in_the_cool_off_are_no_misses():
    detector = ready(cutoff=200, window=1)
    for probability in (150, 201):
        detector.add(probability)
    detector.tick()
    assert detector.fired()
    detector.reset()
    for probability in (180, 180, 0, 0):
        detector.add(probability)
        assert not detector.missed


def test_the_highest_of_the_window():
    detector = Detector(127, 3)
    seen = []
    for probability in (5, 130, 7, 8, 9):
        detector.add(probability)
        seen.append(detector.highest)
    assert seen == [5, 130, 130, 130, 9]


def test_sensitivity_by_name():
    assert [sensitivity.cutoff(name, 229) for name in sensitivity.PROFILES] == [242, 229, 177]
    assert [sensitivity.cutoff(name, 247) for name in sensitivity.PROFILES] == [251, 247, 231]
    assert sensitivity.cutoff("sensitive", 100) == 1


def test_nothing_allocates():
    detector = ready()
    micropython.heap_lock()
    try:
        for _ in range(50):
            detector.add(LOUD)
            detector.tick()
            if detector.fired():
                detector.reset()
    finally:
        micropython.heap_unlock()
