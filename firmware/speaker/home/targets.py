"""Which devices a sentence means; who may have been meant when that is not clear."""

from micropython import const

from speaker.home.meaning import Problem
from speaker.home.sentence import NAME, PLACE, UNKNOWN, place_of
from speaker.home.text import is_han
from speaker.home.words import Words
from speaker.util.hints import Any, Callable, Iterator

_ALL = ("all", "which", "types")
_MAX_CANDIDATES = const(5)
_NEAR = const(2)  # letters that a word of 5 or more may differ by


class Targets:
    """What the sentence says about its targets, collected from its tokens."""

    def __init__(self, tokens: list) -> None:
        self.devices = [token.value for token in tokens if token.kind == NAME]
        self.rooms = {token.value for token in tokens if token.kind == PLACE}
        self.types = _values(tokens, ("type", "types"))
        self.all = bool([token for token in tokens if token.kind in _ALL])
        self.several = False  # several devices are as good as one where none is named
        # A room that no device is in may be part of a name.
        self.rest = [token.text for token in tokens if token.kind in {UNKNOWN, "room"}]
        if not (self.devices or self.types or self.rest):  # "fan speed 3", "light up the hall"
            implied = _values(tokens, ("role", "do"))
            self.types = {value.split(" ")[1] for value in implied if " " in value}

    def __bool__(self) -> bool:
        return bool(self.devices or self.rooms or self.types or self.all or self.rest)


def _values(tokens: list, kinds: tuple) -> set:
    return {token.value for token in tokens if token.kind in kinds}


def choose(
    wanted: Targets, devices: list, words: Words, language: str, can: Callable[..., bool]
) -> Any:
    """`(devices, broad)` that are meant, or a Problem.

    `can(device)` says whether a device could do it: it decides where no device is named at all.
    """
    pool = devices
    if wanted.rooms:
        pool = [device for device in pool if place_of(device, words) in wanted.rooms]
    chosen: list = []
    if wanted.devices:
        chosen = [device for device in wanted.devices if device in pool]
        if not chosen:
            return Problem("none-there", language, "", _names(wanted.devices))
        if not (wanted.types or wanted.rest):
            return _once(chosen), False
    if wanted.types:
        pool = [device for device in pool if device.type in wanted.types]
    if wanted.rest:
        found = [device for device in pool if _has_all(device, wanted.rest)]
        if not found or wanted.devices:
            return _unknown(wanted, pool, language)
        if len(found) > 1 and not wanted.all:
            return Problem("which", language, "", _names(found))
        return _once(found), wanted.all
    if not pool:
        return Problem("none-there", language, "", _names(devices))
    if not (wanted.types or wanted.rooms or wanted.all):
        return _those_that_can(wanted, devices, language, can)
    problem = _one_of_each_type(wanted, pool, language)
    if problem:
        return problem
    return _once(chosen + pool), len(pool) > 1 or not wanted.types


def _one_of_each_type(wanted: Targets, pool: list, language: str) -> Problem | None:
    """A Problem unless "the lamp" is one lamp or, with a room, those of the room.

    Of several types each must be there, or only a part of what was said would be done.
    """
    for kind in wanted.types:
        of_kind = [device for device in pool if device.type == kind]
        if not of_kind:
            return Problem("none-there", language, "", _names(pool))
        if len(of_kind) > 1 and not (wanted.rooms or wanted.all):
            return Problem("which", language, "", _names(of_kind))
    return None


def _those_that_can(wanted: Targets, devices: list, language: str, can: Callable[..., bool]) -> Any:
    """Where no device is named: the only one that can, or, of a question, a few."""
    able = [device for device in devices if can(device)]
    if len(able) == 1 or (wanted.several and 0 < len(able) <= _MAX_CANDIDATES):
        return able, len(able) > 1
    if not able:
        return Problem("no-target", language)
    return Problem("which", language, "", _names(able))


def _once(devices: list) -> list:
    """Each device once, in the order of the sentence."""
    return [device for i, device in enumerate(devices) if device not in devices[:i]]


def _names(devices: list) -> list:
    return [device.name for device in _once(devices)[:_MAX_CANDIDATES]]


def _has_all(device: Any, rest: list) -> bool:
    """Whether every unknown piece is part of the device's name, or of its room's."""
    said = device.said + " " + device.said_room
    for piece in rest:
        one = piece[:-1] if piece.endswith("s") else piece
        if one not in said:  # most devices are done with here
            return False
        parts = said.split()
        if not (is_han(piece[0]) or piece in parts or one in parts):
            return False
    return True


def _unknown(wanted: Targets, pool: list, language: str) -> Problem:
    problem = Problem("unknown", language, " ".join(wanted.rest))
    problem.unknown = wanted.rest
    if wanted.types or wanted.rooms:
        problem.pool = pool
    return problem


def add_nearest(problem: Problem, devices: list) -> Iterator[None]:
    """Add the names that the unknown pieces resemble most, or else those of the type or room.

    A generator: comparing letters takes its time.
    """
    scored = []
    for device in devices:
        score = 0
        for piece in problem.unknown:
            score += 2 * _likeness(piece, device.said + " " + device.said_room)
        if score:
            scored.append((-score - (device in problem.pool), device.name))
        yield None
    names = [name for _, name in sorted(scored)[:_MAX_CANDIDATES]]
    problem.candidates = names or _names(problem.pool)


def _likeness(piece: str, said: str) -> int:
    """How much an unknown piece is like a name: 0 not at all."""
    if is_han(piece[0]):
        return len([letter for letter in piece if letter in said])
    best = 0
    for part in said.split():
        near = 1 if len(part) < 5 else _NEAR
        if piece == part or (len(piece) > 3 and part.startswith(piece)):
            best = max(best, 3)
        elif abs(len(part) - len(piece)) <= near and len(piece) > 2:
            best = max(best, near + 1 - distance(piece, part, near))
    return best


def distance(one: str, other: str, most: int) -> int:
    """Letters to insert, leave out, change or swap until the words are equal; over `most`: far.

    Damerau-Levenshtein with adjacent swaps, three rows at a time.
    """
    before: list = []
    row = list(range(len(other) + 1))
    for i in range(1, len(one) + 1):
        older, before = before, row
        row = [i]
        for j in range(1, len(other) + 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (one[i - 1] != other[j - 1]))
            swapped = i > 1 and j > 1 and one[i - 1] == other[j - 2] and one[i - 2] == other[j - 1]
            if swapped:
                cost = min(cost, older[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return most + 1
    return row[-1]
