"""Run code in a board's MicroPython through its raw REPL; mpremote's transport does the talking."""

from __future__ import annotations

import ast
import contextlib
import io
from typing import TYPE_CHECKING, Any

import serial
from mpremote.transport import TransportError, TransportExecError
from mpremote.transport_serial import SerialTransport

from mynah.errors import BoardError, BoardTimeoutError
from mynah.link.port import lost_port, open_port
from mynah.logs.record import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Self


class ReplError(BoardError):
    """Code raised an exception on the board; ``exception`` is its last line."""

    def __init__(self, traceback: str) -> None:
        lines = [clean(line) for line in traceback.splitlines() if line.strip()]
        self.exception = lines[-1] if lines else "no reason given"
        super().__init__(f"the board raised {self.exception}")


class Repl:
    """A board whose programs are stopped and whose MicroPython waits for code.

    Args:
        url: device path or ``rfc2217://host:port``.
        baud: baud rate of the console.

    Raises:
        PortError: the port is missing or busy, or vanishes.
        BoardTimeoutError: no MicroPython answers.
    """

    def __init__(self, url: str, *, baud: int = 115200) -> None:
        self.url = url
        open_port(url, baud=baud).close()  # for errors that say what to do
        with self._errors():
            self._transport = SerialTransport(url, baudrate=baud)
        try:
            with self._errors():
                self._transport.enter_raw_repl(soft_reset=True)
        except BaseException:
            self._transport.serial.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def run(self, code: str) -> str:
        """Run code and return what it printed.

        Raises:
            ReplError: it raised an exception.
            BoardTimeoutError: it was silent for 10 seconds.
            PortError: the port vanished.
        """
        with self._errors():
            printed: bytes = self._transport.exec(code)
        return printed.decode("utf-8", "replace")

    def value(self, expression: str) -> Any:
        """The value of an expression that is made of literals; raises as `run` does."""
        return ast.literal_eval(self.run(f"print(repr({expression}))").strip())

    def restart(self) -> None:
        """Reset the chip, as its RESET button does; nothing can be run afterwards."""
        with self._errors():
            self._transport.exec_raw_no_follow("import machine\nmachine.reset()")

    def close(self) -> None:
        """Leave the raw REPL and free the port."""
        with contextlib.suppress(OSError):
            self._transport.exit_raw_repl()
        with contextlib.suppress(OSError):
            self._transport.close()

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        """Turn mpremote's and pyserial's errors into ours; mpremote also prints some: not here."""
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                yield
        except TransportExecError as error:
            raise ReplError(error.error_output) from error
        except TransportError as error:
            raise BoardTimeoutError(
                f"MicroPython on {self.url} does not answer: press RESET and try again; if it "
                "stays silent, flash the board (`mynah flash`)"
            ) from error
        except (serial.SerialException, OSError) as error:
            raise lost_port(self.url) from error
