"""Python values to MicroPython's source text and back from its ``repr``."""

from __future__ import annotations

import array
import ast
import collections
import math
from typing import TYPE_CHECKING, Any

from mynah.errors import BoardError

if TYPE_CHECKING:
    from collections.abc import Callable

_PLAIN = (int, str, bytes, bytearray, type(None), bool)
_SHOWN = 120


class ValueDecodeError(BoardError):
    """The board answered with something that has no literal, such as ``<object>``."""


def encode(value: Any) -> str:
    """Source text of a value: numbers, strings, bytes, arrays, and containers of those.

    Raises:
        TypeError: it is of another type.
    """
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else f"float('{value}')"
    if isinstance(value, _PLAIN):
        return repr(value)
    if isinstance(value, array.array):
        return f"__import__('array').array({value.typecode!r}, {value.tolist()!r})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{encode(k)}: {encode(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return f"[{', '.join(map(encode, value))}]"
    if isinstance(value, tuple):
        return f"({', '.join(map(encode, value))},)" if value else "()"
    if isinstance(value, (set, frozenset)):
        return f"{type(value).__name__}([{', '.join(map(encode, value))}])"
    raise TypeError(
        f"{type(value).__name__} cannot be sent to the board: send numbers, strings, bytes, "
        "arrays, or lists, tuples, dicts and sets of them"
    )


def decode(text: str) -> Any:
    """The value that MicroPython showed with ``repr``.

    Literals of every kind, ``bytearray``, ``array``, ``set``, ``frozenset``, ``OrderedDict``,
    ``inf`` and ``nan``; a named tuple comes back as one of the same name and fields.

    Raises:
        ValueDecodeError: it is something else.
    """
    try:
        return _value(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, ValueError, TypeError, LookupError, RecursionError):
        shown = text.strip()[:_SHOWN]
        raise ValueDecodeError(
            f"the board answered with {shown!r}, which is no value that can be brought here: "
            "return numbers, strings, bytes, arrays, or containers of them"
        ) from None


_CALLS: dict[str, Callable[..., Any]] = {
    "bytearray": bytearray,
    "array": array.array,
    "set": set,
    "frozenset": frozenset,
    "OrderedDict": collections.OrderedDict,
}
_NAMES = {"inf": math.inf, "nan": math.nan}


def _value(node: ast.expr) -> Any:
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return _NAMES[node.id]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        value = _value(node.operand)
        return -value if isinstance(node.op, ast.USub) else value
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):  # complex numbers
        left, right = _value(node.left), _value(node.right)
        return left + right if isinstance(node.op, ast.Add) else left - right
    if isinstance(node, ast.List):
        return [_value(item) for item in node.elts]
    if isinstance(node, ast.Tuple):
        return tuple(_value(item) for item in node.elts)
    if isinstance(node, ast.Set):
        return {_value(item) for item in node.elts}
    if isinstance(node, ast.Dict):
        keys = [_value(key) for key in node.keys if key is not None]
        return dict(zip(keys, map(_value, node.values), strict=True))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return _call(node.func.id, node)
    raise ValueError(ast.dump(node))


def _call(name: str, node: ast.Call) -> Any:
    if node.keywords and not node.args:
        fields = {str(keyword.arg): _value(keyword.value) for keyword in node.keywords}
        return collections.namedtuple(name, fields)(**fields)  # noqa: PYI024
    return _CALLS[name](*map(_value, node.args))
