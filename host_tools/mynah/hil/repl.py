"""What the fixture ``repl`` is: code on the board, and its values back with their types."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mynah.hil.values import decode, encode
from mynah.link.repl import Repl, ReplError

if TYPE_CHECKING:
    from mynah.hil.console import Console

_MARK = "\x1e"  # ASCII record separator: what a program prints will hardly hold it
_DOTTED = re.compile(r"[A-Za-z_][\w.]*")


class BoardRepl:
    """MicroPython's raw REPL on a console that goes on being read.

    The program on the board is stopped with a soft reset: ``boot.py`` has run, ``main.py`` has
    not. What the code prints is in the log's file, too.

    Args:
        console: of a board that runs MicroPython.

    Raises:
        BoardTimeoutError: no MicroPython answers.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        with console.lent() as port:
            port.patient = True
            self._repl = Repl(console.url, port=port)
            self._repl.settle()

    def run(self, code: str, *, timeout_s: float = 10.0) -> str:
        """Run code and return what it printed.

        Raises:
            ReplError: it raised an exception; the message and ``traceback`` say which.
            BoardTimeoutError: it was silent for ``timeout_s`` seconds.
        """
        __tracebackhide__ = True
        return self._run(code, timeout_s).replace("\r\n", "\n")

    def value(self, expression: str) -> Any:
        """The value of an expression: numbers, strings, bytes, arrays, containers of them.

        Raises:
            ValueDecodeError: it is something else.
            ReplError, BoardTimeoutError: as `run`.
        """
        __tracebackhide__ = True
        return self._value(f"_v = ({expression}\n)")

    def call(self, function: str, *arguments: Any, **named: Any) -> Any:
        """Call a function on the board and bring back what it returns.

        Args:
            function: ``"module.function"``, imported first, or the name of one that `run` made.
            arguments: numbers, strings, bytes, arrays, containers of them.
            named: the same, by name.

        Raises:
            TypeError: an argument cannot be sent.
            ValueDecodeError, ReplError, BoardTimeoutError: as `value`.
        """
        __tracebackhide__ = True
        if not _DOTTED.fullmatch(function):
            raise ValueError(f"{function!r} is not the name of a function")
        module, _, name = function.rpartition(".")
        code = f"from {module} import {name} as _f\n" if module else f"_f = {name}\n"
        sent = [*map(encode, arguments), *(f"{key}={encode(v)}" for key, v in named.items())]
        return self._value(f"{code}_v = _f({', '.join(sent)})")

    def set(self, **names: Any) -> None:
        """Give global names on the board values."""
        self.run("\n".join(f"{name} = {encode(value)}" for name, value in names.items()))

    def close(self) -> None:
        """Go back to the friendly prompt."""
        with self._console.lent() as port:
            self._repl.hand(port)
            self._repl.close()

    def _value(self, code: str) -> Any:
        __tracebackhide__ = True
        printed = self._run(f"{code}\nprint({_MARK!r}, repr(_v), {_MARK!r}, sep='')")
        return decode(printed.split(_MARK)[-2])

    def _run(self, code: str, timeout_s: float = 10.0) -> str:
        __tracebackhide__ = True
        with self._console.lent() as port:
            port.patient = True
            self._repl.hand(port)
            self._note("> ", code)
            try:
                printed = self._repl.run(code, timeout_s=timeout_s)
            except ReplError as error:
                self._note("! ", error.traceback)
                error.args = (f"{error}\n{error.traceback}",)  # for pytest to show
                raise
            finally:
                self._repl.settle()
        self._note("< ", printed.replace(_MARK, ""))
        return printed

    def _note(self, head: str, text: str) -> None:
        for line in text.splitlines():
            self._console.note(f"repl{head}{line}")
