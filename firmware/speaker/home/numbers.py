"""Puts numbers together: "twenty six and a half", "一百二十", "百分之 50"."""

from speaker.home.sentence import NUMBER, UNKNOWN, Token
from speaker.util.hints import Any

_PARTS = (NUMBER, "times")


def combine(tokens: list) -> list:
    """The tokens, each number one token with its unit (or "") as `text`, its value a number."""
    return _with_units(_numbers(tokens))


def _numbers(tokens: list) -> list:
    combined = []
    i = 0
    while i < len(tokens):
        token = tokens[i]
        if token.kind in _PARTS:
            value, i = _number(tokens, i)
            combined.append(Token(NUMBER, value, "", token.language))
            continue
        if token.kind == "point":  # of no number
            token.kind = UNKNOWN
        combined.append(token)
        i += 1
    return combined


def _number(tokens: list, i: int) -> tuple:
    """`(value, where the next token is)` of the number that starts at `i`."""
    total = 0.0
    pending: Any = None  # what the next `times` multiplies
    unit = 1.0  # the last `times`
    short = False
    while i < len(tokens):
        token = tokens[i]
        if token.kind == "times":
            times, _, how = token.value.partition(" ")
            unit, short = float(times), how == "short"
            if pending is None and total:
                total *= unit
            else:
                total += (1 if pending is None else pending) * unit
            pending = None
        elif token.kind == NUMBER:
            value = float(token.value)
            if pending is None:
                pending = value
            elif pending == 0:  # one hundred and zero five
                pending, short = value, False
            elif pending >= 20 and pending % 10 == 0 and 0 < value < 10:
                pending += value
            else:
                break
        elif not (token.text == "and" and unit > 1 and _is_part(tokens, i + 1)):
            break
        i += 1
    # 两千七 is 2700.
    last = pending or 0
    total += last * unit / 10 if short and 0 < last < 10 else last
    return _decimals(tokens, i, total)


def _decimals(tokens: list, i: int, value: float) -> tuple:
    if i < len(tokens) and tokens[i].kind == "point" and _is_part(tokens, i + 1):
        i += 1
        share = 0.1
        while i < len(tokens) and tokens[i].kind == NUMBER and float(tokens[i].value) < 10:
            value += float(tokens[i].value) * share
            share /= 10
            i += 1
    elif i < len(tokens) and tokens[i].kind == "half":
        value += 0.5
        i += 1
    return round(value, 3), i


def _is_part(tokens: list, i: int) -> bool:
    return i < len(tokens) and tokens[i].kind in _PARTS


def _with_units(tokens: list) -> list:
    """Units go to the number beside them, the one before first."""
    done: list = []
    for i, token in enumerate(tokens):
        if token.kind == "half":
            if done and done[-1].kind == NUMBER:
                done[-1].value += 0.5  # 二十六度半
                continue
            token.kind = UNKNOWN
        if token.kind != "unit":
            done.append(token)
            continue
        before = done[-1] if done else None
        after = tokens[i + 1] if i + 1 < len(tokens) else None
        if before is not None and before.kind == NUMBER and not before.text:
            before.text = token.value
        elif after is not None and after.kind == NUMBER and not after.text:
            after.text = token.value
        elif token.value == "level" and _is_level(before, after):  # level high
            continue
        else:
            token.kind = UNKNOWN
            done.append(token)
    return done


def _is_level(*tokens: Any) -> bool:
    return bool([token for token in tokens if token is not None and token.kind == "level"])
