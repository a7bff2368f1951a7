"""The detector: sliding mean, cutoff, and a cool-off that only quiet rows shorten."""

import micropython

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
