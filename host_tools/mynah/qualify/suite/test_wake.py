"""The wake word, in the package's recordings and in the user's own."""

from __future__ import annotations

import json
import re
import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from mynah.audio_files import RATE_HZ, load
from mynah.hil.parts import MissingPartError
from mynah.hil.sound import Sound
from mynah.paths import AUDIO_DIR
from mynah.qualify.collect import RECORDINGS
from mynah.qualify.recordings import of_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from mynah.hil.device import Device
    from mynah.hil.parts import Playback
    from mynah.qualify.score import Score

HEARD = re.compile(r'wake: heard "')
LOST = "of sound lost"
DEMO = "demo.flac"
"""For people: a sentence before the wake word."""
BY_AIR = "through the microphone"
TRIES = 3
AFTER_S = 1.0
"""How long the firmware may take to tell what it heard."""

Ear = tuple["Callable[[Sound], Playback]", str]


@dataclass(frozen=True, slots=True)
class Said:
    """A recording, and where in it the wake word ends, in seconds, where that is known."""

    path: Path
    word_end_s: float | None = None


@dataclass(frozen=True, slots=True)
class Hearing:
    """What became of a recording that was played."""

    said: Said
    heard_s: float | None
    """When the board told that it had heard the word, from the recording's start."""


@pytest.fixture
def ear(firmware: Device) -> Ear:
    """What brings sound to the wake engine, and how: the bench's sound, else the console."""
    from mynah.hil.parts.feed import ConsoleFeed

    try:
        part = firmware.board.sound_in()
    except MissingPartError:
        part = ConsoleFeed(firmware.console)
    if isinstance(part, ConsoleFeed):
        return part.play, "over the console, in the microphone's place"
    return part.play, BY_AIR


@pytest.fixture
def words(firmware: Device) -> list[str]:
    """The wake words that the board listens for, as the models' names."""
    firmware.reset(wait=False)
    firmware.board.wait_ready()
    found = [re.search(r'wake: listening for "(.+)"', line) for line in firmware.lines]
    names = {match[1].lower().replace(" ", "_") for match in found if match}
    if not names:
        pytest.skip("the board listens for no wake word")
    return sorted(names)


@pytest.mark.scores("wake.hit_pct", "wake.delay_s")
def test_hits(firmware: Device, ear: Ear, words: list[str], score: Score) -> None:
    """The wake word is heard in the package's recordings."""
    recordings = list(_of_package(words))
    if not recordings:
        pytest.skip(f"the package has no recordings of {', '.join(words)}")
    hearings = [_play(firmware, ear, said) for said in recordings]
    note = f"{len(hearings)} recordings of {', '.join(words)}, {ear[1]}"
    score("wake.hit_pct", _share(hearings), note=note + _names(", but for", hearings, heard=False))
    delays = [
        each.heard_s - each.said.word_end_s
        for each in hearings
        if each.heard_s is not None and each.said.word_end_s is not None
    ]
    assert delays, "none was heard"
    if ear[1] == BY_AIR:
        score("wake.delay_s", statistics.median(delays), note=f"median, with all latency {ear[1]}")
    else:
        score.not_measured("wake.delay_s", "sound over the console comes late itself")


@pytest.mark.scores("wake.false_hits")
def test_no_false_hits(firmware: Device, ear: Ear, words: list[str], score: Score) -> None:
    """Speech without the wake word wakes nothing."""
    assert words
    hearings = [_play(firmware, ear, said) for said in _of_package(["negative"])]
    note = f"in {len(hearings)} recordings, {ear[1]}" + _names(":", hearings, heard=True)
    score("wake.false_hits", sum(each.heard_s is not None for each in hearings), note=note)


@pytest.mark.scores("wake.own_hit_pct")
def test_own_recordings(
    firmware: Device, ear: Ear, words: list[str], score: Score, request: pytest.FixtureRequest
) -> None:
    """The wake word is heard in recordings of one's own."""
    folder = request.config.getoption(RECORDINGS)
    if folder is None:
        pytest.skip("no folder of recordings was given (--recordings DIR)")
    found = of_folder(folder, words)
    hearings = [_play(firmware, ear, Said(path)) for path in found.with_word]
    woken = [_play(firmware, ear, Said(path)) for path in found.without]
    note = f"{len(hearings)} recordings, {ear[1]}" + _names(", but for", hearings, heard=False)
    if woken:
        n_false = sum(each.heard_s is not None for each in woken)
        note += f"; {n_false} of {len(woken)} without it woke the board"
    score("wake.own_hit_pct", _share(hearings), note=note)


def _of_package(labels: Iterable[str]) -> Iterator[Said]:
    manifest = json.loads((AUDIO_DIR / "manifest.json").read_text(encoding="utf-8"))
    for item in manifest["recordings"]:
        if item["label"] in set(labels) and item["file"] != DEMO:
            yield Said(AUDIO_DIR / item["file"], item.get("word_end_s"))


def _play(firmware: Device, ear: Ear, said: Said) -> Hearing:
    """Play a recording and wait for what the board tells of it."""
    sound = Sound(load(said.path), RATE_HZ)
    heard_s = None
    for _ in range(TRIES):
        n = len(firmware.console.lines)
        started = time.monotonic()
        ear[0](sound).wait()
        if not any(HEARD.search(line) for _, line in firmware.console.lines[n:]):
            time.sleep(AFTER_S)
        lines = firmware.console.lines[n:]
        heard_s = next((at - started for at, line in lines if HEARD.search(line)), None)
        # A virtual board on a busy computer loses sound, and says so: that tells nothing.
        if heard_s is not None or not any(LOST in line for _, line in lines):
            break
    return Hearing(said, heard_s)


def _share(hearings: list[Hearing]) -> float:
    return 100 * sum(each.heard_s is not None for each in hearings) / len(hearings)


def _names(head: str, hearings: list[Hearing], *, heard: bool) -> str:
    names = [each.said.path.name for each in hearings if (each.heard_s is not None) == heard]
    return f"{head} {', '.join(names)}" if names else ""
