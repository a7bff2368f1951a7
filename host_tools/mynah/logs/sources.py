"""Tracebacks back to sources: which line of which file of ours a frame on the board names.

mpy-cross keeps line numbers up to -O2, which `mynah flash` uses, and the name that it was given
(``-s speaker/net/wifi.py``), so a frame of a ``.mpy`` names the line; with -O3, as MicroPython
compiles the modules inside of its firmware, every line is 1 and only the function's name is left.
Functions in native or viper code have no frame at all.
"""

from __future__ import annotations

import ast
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_FRAME = re.compile(r'^\s*File "([^"]+)", line (\d+)(?:, in (\S+))?$')
_MODULE = "<module>"
_LAMBDA = "<lambda>"


class Sources:
    """Finds the lines that tracebacks name.

    Args:
        folders: where the board's files come from, in order; a frame's path is looked up in each.
    """

    def __init__(self, folders: Iterable[Path]) -> None:
        self._folders = [Path(folder) for folder in folders]
        self._files: dict[str, _Source | None] = {}

    def explain(self, line: str) -> str | None:
        """The source line that a traceback's line names; None: it names none, or none is here."""
        frame = _FRAME.match(line)
        if frame is None:
            return None
        name, number, function = frame[1], int(frame[2]), frame[3]
        if name.startswith("<"):
            return None
        source = self._source(name)
        if source is None:
            return None
        return source.explain(number, function)

    def _source(self, name: str) -> _Source | None:
        if name not in self._files:
            self._files[name] = self._find(name)
        return self._files[name]

    def _find(self, name: str) -> _Source | None:
        relative = name.removesuffix(".mpy").removesuffix(".py").lstrip("/") + ".py"
        for folder in self._folders:
            path = folder / relative
            try:
                inside = path.resolve().is_relative_to(folder.resolve())
                if inside and path.is_file():
                    return _Source(path)
            except (OSError, SyntaxError, ValueError):
                continue
        return None


class _Source:
    """One source file: its lines, and which function each belongs to."""

    def __init__(self, path: Path) -> None:
        self._name = _shown(path)
        text = path.read_text(encoding="utf-8")
        self._lines = text.splitlines()
        self._functions = [
            node
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda)
        ]

    def explain(self, number: int, function: str | None) -> str:
        if not 0 < number <= len(self._lines):
            return f"{self._name} has no line {number}: the board runs another version of it"
        place = f"{self._name}:{number}: {self._lines[number - 1].strip()}"
        here = self._functions_at(number)
        if function is None or function in here or (function == _MODULE and here <= {_LAMBDA}):
            return place
        if number == 1:
            return self._without_lines(function)
        return f"{place}  (not in {function}: the board runs another version of this file)"

    def _without_lines(self, function: str) -> str:
        """The board's file was compiled with -O3: only the function is known."""
        starts = [node.lineno for node in self._functions if _name(node) == function]
        if len(starts) != 1:
            return f"{self._name}: no line numbers on the board (compiled with -O3)"
        text = self._lines[starts[0] - 1].strip()
        return f"{self._name}:{starts[0]}: {text}  (in there: compiled with -O3, without lines)"

    def _functions_at(self, number: int) -> set[str]:
        """The innermost function or class at a line, and lambdas in it."""
        around = [
            node
            for node in self._functions
            if node.lineno <= number <= (node.end_lineno or node.lineno)
        ]
        names = {_LAMBDA for node in around if isinstance(node, ast.Lambda)}
        named = [node for node in around if not isinstance(node, ast.Lambda)]
        if named:
            names.add(_name(max(named, key=lambda node: node.lineno)))
        return names


def _name(node: ast.AST) -> str:
    return str(getattr(node, "name", _LAMBDA))


def _shown(path: Path) -> str:
    """The path as an editor opens it from here."""
    try:
        return os.path.relpath(path) if path.resolve().is_relative_to(Path.cwd()) else str(path)
    except (OSError, ValueError):
        return str(path)
