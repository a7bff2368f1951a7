"""Values to MicroPython and back, through the real one."""

import collections
import math
import subprocess
from array import array

import pytest

from mynah.hil.values import ValueDecodeError, decode, encode
from mynah.virtual.micropython import micropython_command

VALUES = [
    None,
    True,
    -7,
    1 << 70,
    0.1,
    -math.inf,
    "caf\u00e9 \U0001f600 'quoted' \"twice\" \\ \n\x00",
    b"\x00\xff'",
    bytearray(b"ab"),
    (),
    (1,),
    [1, [2.5, None]],
    {"a": (1, 2), 3: b"x"},
    {1, 2},
    frozenset([1]),
    set(),
    array("h", [-1, 32767]),
    array("f", [0.5]),
]


def shown_by_micropython(expressions):
    code = "\n".join(f"print(repr({expression}))" for expression in expressions)
    command = [*micropython_command(), "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def test_values_come_back_as_they_went():
    for value, text in zip(VALUES, shown_by_micropython(map(encode, VALUES)), strict=True):
        back = decode(text)
        assert type(back) is type(value)
        assert back == value


def test_what_only_micropython_makes():
    ordered = "__import__('collections').OrderedDict([('b', 1), ('a', 2)])"
    point = "__import__('collections').namedtuple('Point', ('x', 'y'))(1, 'two')"
    nan, odd, made = map(decode, shown_by_micropython(["float('nan')", ordered, point]))
    assert math.isnan(nan)
    assert odd == collections.OrderedDict(b=1, a=2)
    assert (made.x, made.y, type(made).__name__) == (1, "two", "Point")


@pytest.mark.parametrize("text", ["<object>", "print(1)", "", "[1, x]", "__import__('os')", "1 2"])
def test_what_is_no_value_is_refused_and_never_run(text):
    with pytest.raises(ValueDecodeError, match="no value"):
        decode(text)


def test_what_cannot_be_sent_is_refused():
    with pytest.raises(TypeError, match="object cannot be sent"):
        encode([object()])
