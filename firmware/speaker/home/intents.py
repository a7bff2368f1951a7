"""Understands a sentence: text and devices in, an `Intent` or a `Problem` out, and nothing else.

No order of words is expected: every piece that is known says one thing (what to do, to which
devices, which value), and what contradicts itself or is not known at all is a Problem. What the
pieces are is in the data files (firmware/words).
"""

from micropython import const

from speaker.home import actions
from speaker.home.meaning import Intent, Problem
from speaker.home.numbers import combine
from speaker.home.pieces import name_modes, split, without_own_types
from speaker.home.sentence import NUMBER, UNKNOWN, join, place_of, tokens
from speaker.home.targets import Targets, add_nearest, choose
from speaker.home.text import fold, is_han
from speaker.home.words import Words
from speaker.util.hints import Any, Iterator

MAX_TEXT = const(200)

_MAX_STRANGE = const(8)  # unknown words or Han letters; with more it is no sentence for us


_VALUE_KINDS = ("colour", "kelvin", "mode", "level", "percent", "end", "step")
_AMOUNTS = (NUMBER, "percent", "degrees", "kelvin")


def understand(text: object, devices: list, words: Words) -> Any:
    """The Intent of a sentence, or a Problem."""
    outcome = None
    for outcome in thinking(text, devices, words):  # noqa: B007 - the last one counts
        pass
    return outcome


def thinking(text: object, devices: list, words: Words) -> Iterator[Any]:
    """As `understand`, a little at a time: yields None until, at last, the outcome."""
    if not isinstance(text, str):
        yield Problem("empty", "en")
        return
    if len(text) > MAX_TEXT:
        yield Problem("long", "zh" if is_han(text[0]) else "en")
        return
    for device in devices:
        if device.place is None:
            place_of(device, words)
            yield None
    folded = fold(text)
    yield None
    found = []
    for token in tokens(folded, devices, words):
        found.append(token)
        yield None
    outcome = assemble(found, devices, words)
    if isinstance(outcome, Problem) and outcome.unknown:
        yield from add_nearest(outcome, devices)
    yield outcome


def assemble(found: list, devices: list, words: Words) -> Any:
    """The Intent that the tokens make, or a Problem."""
    language = _language(found)
    if not found:
        return Problem("empty", language)
    if not devices:
        return Problem("no-devices", language)
    for what in ("not", "here"):
        if _has(found, what):
            return Problem(what, language)
    strange = [token.text for token in found if token.kind == UNKNOWN]
    if len(strange) > _MAX_STRANGE:
        return Problem("unknown", language, "".join(strange[:1]))
    pieces = combine(join(found))
    pieces, excepted = split(without_own_types(name_modes(pieces, devices)))
    intent = _action(pieces, language)
    if isinstance(intent, Problem):
        return intent
    problem = _add_values(intent, pieces)
    if problem:
        return problem
    return _add_devices(intent, pieces, excepted, devices, words)


def _language(found: list) -> str:
    """What the sentence is answered in: the language of its words, or else of its letters."""
    for token in found:
        if token.language and token.kind != "unit":
            return token.language
    return "zh" if [token for token in found if is_han(token.text[0])] else "en"


def _has(pieces: list, kind: str) -> bool:
    return bool([token for token in pieces if token.kind == kind])


def _values(pieces: list, kind: str) -> set:
    return {token.value for token in pieces if token.kind == kind}


def _action(pieces: list, language: str) -> Any:
    said = {value.split(" ")[0] for value in _values(pieces, "do")}
    weak = _values(pieces, "maybe")
    # "能打开灯吗" wants it done, "灯亮着吗" wants to know.
    asked = "ask" in said or _has(pieces, "which") or ("ask" in weak and not said)
    said.discard("ask")
    weak.discard("ask")
    if len(said) > 1:
        said.discard("set")  # "set ... open": the other one says more
    if asked:
        states = said or weak
        if len(states) > 1:
            return Problem("two", language)
        intent = Intent("ask", language)
        intent.asked = _any(states)
        return intent
    states = said or weak
    if len(states) > 1:
        return Problem("two", language)
    return Intent(_any(states), language)


def _any(values: set) -> str:
    for value in values:
        return value
    return ""


def _add_values(intent: Intent, pieces: list) -> Problem | None:
    """Put the sentence's values into the intent, and choose the action that they make."""
    roles = {role.split(" ")[0] for role in _values(pieces, "role")}
    sizes = _values(pieces, "size")
    said = []
    for token in pieces:
        if token.kind == NUMBER:
            said.append((token.text or "number", _whole(token.value)))
        elif token.kind in _VALUE_KINDS:
            said.append((token.kind, _value(token)))
    intent.values = _unique(said)
    kinds = [what for what, _ in intent.values]
    contradicts = {what for what, _ in said} != set(kinds)
    if contradicts or len(roles) > 1 or len(sizes) > 1:
        return Problem("two", intent.language)
    intent.role = _any(roles)
    if "step" in kinds:
        _size_step(intent, _any(sizes), _has(pieces, "to"))
    return _settle(intent, kinds)


def _size_step(intent: Intent, size: str, absolute: bool) -> None:
    """Up 2 degrees is a step of 2; up to 26 degrees is no step."""
    amounts = [(what, value) for what, value in intent.values if what in _AMOUNTS]
    others = [(what, value) for what, value in intent.values if what not in _AMOUNTS + ("step",)]
    step = next(value for what, value in intent.values if what == "step")
    if amounts and not (absolute or size):
        size = str(amounts[0][1])
        intent.values = [("step", step + " " + size)] + others
    elif amounts:
        intent.values = amounts + others
    else:
        intent.values = [("step", step + " " + size)] + others


def _whole(value: float) -> Any:
    return int(value) if value == int(value) else value


def _unique(values: list) -> list:
    """The values, each once: said twice is said once. Two different ones of a kind: both gone."""
    kept = []
    for what, value in values:
        others = [v for w, v in values if w == what and v != value]
        if not others and (what, value) not in kept:
            kept.append((what, value))
    return kept


def _value(token: Any) -> Any:
    if token.kind == "colour":
        return int(token.value, 16)
    if token.kind in {"kelvin", "percent"}:
        return int(token.value)
    return token.value


def _settle(intent: Intent, kinds: list) -> Problem | None:
    """The action of a sentence that says only a value, or only a role."""
    language = intent.language
    if intent.action in {"off", "close"} and kinds and kinds != ["percent"]:
        return Problem("two", language)
    if intent.action == "stop" and kinds:
        return Problem("two", language)
    if not intent.action:
        if kinds:
            intent.action = "set"
        elif intent.role:
            intent.action = "ask"
    if intent.action == "ask" and kinds:
        # "is it 26 degrees": the question is what counts.
        intent.values = []
    return None


def _add_devices(intent: Intent, pieces: list, excepted: Any, devices: list, words: Words) -> Any:
    wanted = Targets(pieces)
    if intent.action == "set" and not intent.values and not wanted.rest:
        return Problem("no-value", intent.language)
    if excepted is not None and not wanted.types and not wanted.devices:
        wanted.all = True
    if not intent.action:
        named = ", ".join([device.name for device in wanted.devices]) or " ".join(
            [token.text for token in pieces if token.kind in {"type", "types", "room", "place"}]
        )
        if wanted.rest and not named:
            return choose_unknown(wanted, devices, words, intent)
        return Problem("no-action" if named else "empty", intent.language, named)
    # "What is the temperature": of whatever tells one.
    wanted.several = intent.action == "ask" and intent.role != ""
    chosen = choose(wanted, devices, words, intent.language, lambda d: actions.can(d, intent))
    if isinstance(chosen, Problem):
        return chosen
    intent.devices, intent.broad = chosen
    if intent.action == "set" and not intent.values:
        return Problem("no-value", intent.language)
    if excepted is not None:
        kept = _without(intent, excepted, devices, words)
        if isinstance(kept, Problem):
            return kept
        intent.devices = kept
    if intent.broad:
        intent.devices = actions.able(intent) or intent.devices
    return intent


def choose_unknown(wanted: Targets, devices: list, words: Words, intent: Intent) -> Problem:
    """The Problem of a sentence of unknown words: what they may have been."""
    found = choose(wanted, devices, words, intent.language, lambda _: False)
    if isinstance(found, Problem):
        return found
    return Problem("no-action", intent.language, ", ".join([d.name for d in found[0]]))


def _without(intent: Intent, excepted: list, devices: list, words: Words) -> Any:
    """The devices of the intent but for the excepted ones, which must be clear."""
    but = Targets(excepted)
    if not but:
        return Problem("two", intent.language)
    if but.types and not (but.devices or but.rooms or but.rest):
        but.all = True  # "except the lamp": every lamp stays
    found = choose(but, devices, words, intent.language, lambda _: False)
    if isinstance(found, Problem):
        return found
    kept = [device for device in intent.devices if device not in found[0]]
    return kept or Problem("none-there", intent.language)
