"""Which files of its folder a MicroPython test file imports."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def local_modules(path: Path) -> dict[str, bytes]:
    """The file itself and those that it imports from its folder, directly or not.

    Returns:
        Source text by path relative to that folder, as ``"fakes/radio.py"``.
    """
    folder = path.parent
    found: dict[str, bytes] = {}
    waiting = [path]
    while waiting:
        file = waiting.pop()
        name = file.relative_to(folder).as_posix()
        if name not in found:
            found[name] = file.read_bytes()
            for module in _imported(found[name]):
                waiting += _files_of(folder, module)
    return found


def _imported(source: bytes) -> Iterator[str]:
    """Every name that may be a module: of ``from a import b`` also ``a.b``."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _files_of(folder: Path, module: str) -> Iterator[Path]:
    parts = module.split(".")
    for n in range(1, len(parts) + 1):
        base = folder.joinpath(*parts[:n])
        for file in (base.with_suffix(".py"), base / "__init__.py"):
            if file.is_file():
                yield file
