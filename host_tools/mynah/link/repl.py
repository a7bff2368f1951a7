"""Run code in a board's MicroPython through its raw REPL; mpremote's transport does the talking."""

from __future__ import annotations

import ast
import contextlib
import io
import time
from typing import TYPE_CHECKING, Any

import serial
from mpremote.transport import TransportError, TransportExecError
from mpremote.transport_serial import SerialTransport

from mynah.errors import BoardError, BoardTimeoutError, PortError
from mynah.link.port import lost_port, open_port
from mynah.logs.follow import follow, records
from mynah.logs.record import clean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Self

    from mynah.link.lent import LentPort
    from mynah.logs import LogRecord

_READ_S = 0.1
_RAW_PROMPT = b">"
_PROMPT_S = 2.0
_TRIES = 3
_STOP_S = 2.0
# Ends code, or the sending of some; then the friendly prompt, whose Ctrl-D is a soft reset.
_BREAK_OFF = b"\r\x03\r\x03\x02\x04"


class ReplError(BoardError):
    """Code raised an exception on the board; ``exception`` is the last line of ``traceback``."""

    def __init__(self, traceback: str) -> None:
        lines = [clean(line) for line in traceback.splitlines() if line.strip()]
        self.traceback = "\n".join(lines)
        self.exception = lines[-1] if lines else "no reason given"
        super().__init__(f"the board raised {self.exception}")


class Repl:
    """A board whose programs are stopped and whose MicroPython waits for code.

    Args:
        url: device path or ``rfc2217://host:port``.
        baud: baud rate of the console.
        port: the port, where somebody else has opened it; None: it is opened here.

    Raises:
        PortError: the port is missing or busy, or vanishes.
        BoardTimeoutError: no MicroPython answers.
    """

    def __init__(self, url: str, *, baud: int = 115200, port: LentPort | None = None) -> None:
        self.url = url
        self._restarted = False
        self._lent = port is not None
        self._transport = _transport(url, baud) if port is None else _transport_on(url, port)
        try:
            with self._errors():
                self._stop_program()
        except BaseException:
            if not self._lent:
                self._transport.serial.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def run(self, code: str, *, timeout_s: float = 10.0) -> str:
        """Run code and return what it printed.

        Raises:
            ReplError: it raised an exception.
            BoardTimeoutError: it was silent for ``timeout_s`` seconds.
            PortError: the port vanished.
        """
        __tracebackhide__ = True  # of pytest: the caller's line matters
        with self._errors():
            printed, raised = self._transport.exec_raw(code, timeout=timeout_s)
        if raised:
            raise ReplError(raised.decode("utf-8", "replace"))
        text: str = printed.decode("utf-8", "replace")
        return text

    def value(self, expression: str) -> Any:
        """The value of an expression that is made of literals; raises as `run` does."""
        return ast.literal_eval(self.run(f"print(repr({expression}))").strip())

    def settle(self) -> None:
        """Take the prompt that follows each answer, before the port goes back to its owner."""
        with self._errors():
            if self._transport.in_raw_repl:
                self._transport.read_until(1, _RAW_PROMPT, timeout=_PROMPT_S)

    def hand(self, port: LentPort) -> None:
        """Go on with a port that was given back, after `settle`."""
        port.unread(_RAW_PROMPT)
        self._transport.serial = port

    def _stop_program(self) -> None:
        """Enter the raw REPL; a Ctrl-C that hits an interrupt's handler stops nothing: once more.

        Raises what mpremote raises.
        """
        for left in reversed(range(_TRIES)):
            try:
                self._transport.enter_raw_repl(soft_reset=False, timeout_overall=_STOP_S)
                break
            except TransportError:
                if not left:
                    raise
        self._transport.enter_raw_repl(soft_reset=True)

    def soft_reset(self) -> None:
        """Restart MicroPython, which runs ``boot.py``, and have it wait for code again.

        Raises:
            BoardTimeoutError: it does not come back.
            PortError: the port vanished.
        """
        with self._errors():
            self._transport.enter_raw_repl(soft_reset=True)

    def give_up(self) -> None:
        """Break off whatever is under way and start the board's program again; never fails.

        No code can be run afterwards.
        """
        with contextlib.suppress(serial.SerialException, OSError):
            self._transport.serial.write(_BREAK_OFF)
        self._restarted = True

    def restart(self, timeout_s: float) -> Iterator[LogRecord]:
        """Reset the chip, as its RESET button does, and yield its log from the first line on.

        The reset is done when the first record is asked for. No code can be run afterwards.

        Raises:
            PortError: the port vanished before the reset.
        """
        with self._errors():
            self._transport.exec_raw_no_follow("import machine\nmachine.reset()")
        self._restarted = True
        deadline = time.monotonic() + timeout_s
        port = self._transport.serial
        try:
            port.timeout = _READ_S
            yield from records(port, deadline)
        except (serial.SerialException, OSError):
            # The chip's own USB goes away with a reset, and comes back.
            port.close()
            yield from follow(self.url, timeout_s=deadline - time.monotonic())

    def close(self) -> None:
        """Leave the raw REPL and free the port."""
        with contextlib.suppress(OSError):
            if not self._restarted:
                self._transport.exit_raw_repl()
        if self._lent:
            return
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


def _transport(url: str, baud: int) -> SerialTransport:
    try:
        return SerialTransport(url, baudrate=baud)
    except TransportError:  # it does not say why
        open_port(url, baud=baud).close()
        raise PortError(f"{url} was busy a moment ago: try again") from None


def _transport_on(url: str, port: LentPort) -> SerialTransport:
    """Mpremote's transport on an open port; its own constructor can only open one."""
    transport = SerialTransport.__new__(SerialTransport)
    transport.in_raw_repl = False
    transport.use_raw_paste = True
    transport.device_name = url
    transport.mounted = False
    transport.is_pty = False
    transport.serial = port
    return transport
