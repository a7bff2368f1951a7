"""A short run of tests/bench/fuzz.py, and that its judge is not deaf."""

import importlib
import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from mynah.paths import FIRMWARE_DIR

BENCH = Path(__file__).parents[1] / "bench"
TOKEN = bytes(range(16))
DID = 7


@pytest.fixture(scope="module")
def fuzzing():
    """The fuzzer's modules, by name."""
    sys.path.insert(0, str(BENCH))
    names = ("judge", "requests", "cases", "reference", "targets")
    yield {name: importlib.import_module(f"fuzzing.{name}") for name in names}
    sys.path.remove(str(BENCH))


@pytest.mark.parametrize(
    ("target", "packets"),  # of which servers get a tenth, the console a hundredth
    [
        ("codec-host", 20_000),
        ("codec-board", 20_000),
        ("server", 30_000),
        ("udp", 30_000),
        ("channel", 8_000),
        ("mdns", 8_000),
        ("console", 5_000),
    ],
)
def test_mutated_packets_do_nothing_that_they_should_not(target, packets):
    if target == "udp" and sys.platform == "darwin":
        pytest.skip("senders need loopback addresses of their own")
    command = [sys.executable, BENCH / "fuzz.py", "--packets", str(packets), "--target", target]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{target}: " in done.stdout


def sealed(fuzzing, text, token=TOKEN):
    reference = fuzzing["reference"]
    return reference.seal(token, DID, 5, reference.pad(text))


def test_what_the_judge_lets_pass(fuzzing):
    due = fuzzing["requests"].Due(1, error=-1)
    judge = fuzzing["judge"].Judge(TOKEN, DID)
    judge.batch([(0, b"", due)], {0: [sealed(fuzzing, b'{"id":1,"error":{"code":-1}}')]})
    judge.batch([(0, b"", fuzzing["requests"].SILENCE)], {0: []})
    assert (judge.answers, judge.silences) == (1, 1)


@pytest.mark.parametrize(
    "text",
    [
        None,
        b'{"id":2,"error":{"code":-1}}',
        b'{"id":1,"error":{"code":-2}}',
        b'{"id":1,"result":["ok"]}',
        b'{"id":1,"error":{"code":-1}',
        b'{"id":1,"error":{"code":-1},"more":NaN}',
        b"[]",
        b"\xff",
    ],
)
def test_what_the_judge_finds(fuzzing, text):
    due = fuzzing["requests"].Due(1, error=-1)
    replies = [] if text is None else [sealed(fuzzing, text)]
    with pytest.raises(fuzzing["targets"].Crash):
        fuzzing["judge"].Judge(TOKEN, DID).batch([(0, b"", due)], {0: replies})


def test_an_answer_that_nobody_is_due_and_one_with_another_token_are_found(fuzzing):
    requests, crash = fuzzing["requests"], fuzzing["targets"].Crash
    judge = fuzzing["judge"].Judge(TOKEN, DID)
    good = b'{"id":1,"error":{"code":-1}}'
    with pytest.raises(crash, match="not due"):
        judge.batch([(16, b"x", requests.SILENCE)], {16: [sealed(fuzzing, good)]})
    stranger = sealed(fuzzing, good, bytes(16))
    with pytest.raises(crash, match="no packet"):
        judge.batch([(0, b"", requests.Due(1, error=-1))], {0: [stranger]})


def test_the_same_seed_makes_the_same_packets(fuzzing):
    spec = json.loads((FIRMWARE_DIR / "spec" / "mynah-speaker.json").read_text())

    def batch(seed):
        made = fuzzing["cases"].Cases(random.Random(seed), spec, TOKEN, DID)
        for sender in fuzzing["cases"].LEARNERS:
            made.learn(sender, sealed(fuzzing, b""))
        return made.batch(200)

    assert batch("1") == batch("1") != batch("2")
