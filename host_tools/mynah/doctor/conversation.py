"""Listen to a board on a serial port, start it anew, and ask it."""

from __future__ import annotations

import contextlib
import errno
from typing import TYPE_CHECKING

from mynah.doctor import bootlog, facts, wifi
from mynah.doctor import catalogue as causes
from mynah.doctor.bootlog import BootLog
from mynah.doctor.finding import Finding, Looked, Unseen
from mynah.doctor.listening import Listener
from mynah.errors import BoardError, BoardTimeoutError, MynahError, PortError
from mynah.flash import chip
from mynah.improv.serial_door import SerialDoor
from mynah.link.port import REMOTE
from mynah.link.repl import Repl

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from mynah.doctor.facts import Facts
    from mynah.doctor.finding import Item
    from mynah.miio.door import Nearby

_BUSY = {errno.EBUSY, errno.EAGAIN}
_LISTEN_S = 2.5
_SILENCE_S = 5.0  # a chip's own USB needs some of it to come back after a reset
_BOOT_S = 30.0
_IDLE_S = 12.0  # a program that says nothing for so long after its start is not ours, or hangs
_WIFI_S = 45.0
_MANY_STARTS = 4
_RESTART_S = 20.0


class Conversation:
    """What was heard from and asked of one board.

    Args:
        url: device path or ``rfc2217://host:port``; findings name it.
        link: where it is to be opened, if somebody shares it; None: there.
        baud: baud rate of the console.
        reset: whether the board may be started anew and its program be stopped.
        reach: checks the way over the network to an address that the board tells.
        question: asks MicroPython for more, while the board is stopped anyway.
        talk: told what is going on.
    """

    def __init__(
        self,
        url: str,
        *,
        link: str | None = None,
        baud: int = 115200,
        reset: bool = True,
        reach: Callable[[str], Iterable[Item]] = lambda _: (),
        question: Callable[[Repl], None] = lambda _: None,
        talk: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.url = url
        self.before = BootLog(url, [])
        """What it said before it was touched."""
        self.log = BootLog(url, [])
        """What it said after the reset; without one, the same as `before`."""
        self.facts: Facts | None = None
        self.heard: list[Nearby] = []
        """The networks that the speaker hears, where it was asked."""
        self.chip = ""
        """What esptool calls the chip, where it was asked."""
        self.link = link or url
        """Where it is opened."""
        self._n_lost = 0
        self._baud = baud
        self._reset = reset
        self._reach = reach
        self._question = question
        self._talk = talk

    def examine(self, others: Sequence[str] = ()) -> Iterator[Item]:
        """Everything that can be learned over the port; an error of the port ends it.

        Args:
            others: other ports that may lead to the same board.
        """
        try:
            self._hear()
            yield from self._check(others)
        except PortError as error:
            yield self._refused(error)

    def _refused(self, error: PortError) -> Finding:
        if getattr(error.__cause__, "errno", None) in _BUSY and not self.url.startswith(REMOTE):
            return causes.BUSY_UNSEEN.found(str(error), where=self.url)
        return causes.PORT_REFUSED.found(str(error), where=self.url)

    def _check(self, others: Sequence[str]) -> Iterator[Item]:
        if self._n_lost > self._reset:  # one reset takes a chip's own USB away once
            seen = f"it vanished {self._n_lost} times"
            times = "once" if self._n_lost == 1 else f"{self._n_lost} times"
            yield causes.UNSTABLE.found(seen, where=self.url, times=times)
        if not self.log.lines and not self.before.lines:
            if not self._reset:
                yield from self._check_quietly()
                return
            if not self._wake():
                yield from self._check_silence(others)
                return
            yield Unseen(
                "boot", "the reset line does nothing here: the ROM's first lines are not seen"
            )
        told = list(self._check_log())
        told += self._check_wifi()
        if self._reset and (self.log.is_ready or self.log.has_prompt):
            told += self._ask()
        elif not self._reset and not self.log.is_ready:
            told += self._check_quietly()
        found = {each.cause for each in told if isinstance(each, Finding)}
        missing = "files-missing" in found  # which explains why nothing of ours is seen to run
        for each in told:
            if not (missing and isinstance(each, Finding) and each.cause == "no-firmware"):
                yield each

    def _check_wifi(self) -> Iterator[Item]:
        if not self.log.is_ready and not self.log.texts("net"):
            return
        yield from wifi.check_wifi(self.log, self._nearby)
        address = wifi.address(self.log)
        if address:
            yield from self._reach(address)

    def _check_log(self) -> Iterator[Item]:
        found = [*bootlog.check_log(self.log)]
        yield from found
        if self.log is self.before or self.log.is_ready:
            return
        # What only the time before the reset shows: it starts again and again, say.
        told = {each.cause for each in found if isinstance(each, Finding)}
        for each in bootlog.check_log(self.before):
            if isinstance(each, Finding) and each.cause not in told:
                yield each

    def _check_quietly(self) -> Iterator[Item]:
        """Of a board that says nothing and may not be stopped: whether its firmware is there."""
        self._talk("asking the speaker whether it is there ...")
        try:
            SerialDoor(self.link, baud=self._baud).close()
        except PortError:
            raise
        except MynahError:
            yield Unseen(self.url, "the board says nothing at the moment, and may not be restarted")
        else:
            yield Looked("firmware", "it runs, and answers over the cable")
            yield Unseen("boot, memory, filesystem", "seen only if the board may be restarted")

    def _check_silence(self, others: Sequence[str]) -> Iterator[Item]:
        if others:
            yield causes.WRONG_SOCKET.found(
                f"not one byte came from {self.url}", where=self.url, other=others[0]
            )
            return
        self._talk("asking the chip's loader (esptool) ...")
        try:
            self.chip = chip.identify(self.link).description
        except PortError:
            raise
        except KeyboardInterrupt:
            with contextlib.suppress(PortError), Listener(self.link, baud=self._baud) as listener:
                listener.reset()  # the chip is not left in its loader
            raise
        except MynahError as error:
            yield causes.SILENT.found("not one byte came", str(error), where=self.url)
        else:
            yield causes.CHIP_ALIVE.found(f"esptool: {self.chip}", where=self.url)

    def _wake(self) -> bool:
        """Have MicroPython restart where the reset line does not; whether there is one.

        So it is with firmware that drives the chip's own USB itself, and with bridges without a
        wire to EN.
        """
        self._talk("asking MicroPython ...")
        try:
            with Repl(self.link, baud=self._baud) as repl:
                lines = self._restart(repl)
        except BoardTimeoutError:
            return False
        self.log = BootLog(self.url, lines, was_reset=True, seconds=_RESTART_S)
        return bool(lines)

    def _hear(self) -> None:
        """Listen to the board as it is; if that is allowed, also from its start on."""
        with Listener(self.link, baud=self._baud) as listener:
            self._talk(f"listening to {self.url} ...")
            took = listener.read(_LISTEN_S, self._is_looping, silence_s=_LISTEN_S)
            self._n_lost = listener.n_lost
            self.log = self.before = BootLog(self.url, listener.lines, seconds=took)
            if not self._reset:
                return
            self._talk("starting the board anew ...")
            listener.reset()
            took = listener.read(_BOOT_S, self._has_started, silence_s=_SILENCE_S, idle_s=_IDLE_S)
            if self._started(listener.lines).is_ready:
                self._talk("waiting for its Wi-Fi ...")
                listener.read(_WIFI_S, self._is_settled, silence_s=_WIFI_S)
            self._n_lost = listener.n_lost
            idle = took >= _IDLE_S
            self.log = BootLog(self.url, listener.lines, was_reset=True, is_idle=idle, seconds=took)

    def _started(self, lines: Sequence[str]) -> BootLog:
        return BootLog(self.url, lines, was_reset=True)

    def _is_looping(self, lines: Sequence[str]) -> bool:
        return self._started(lines).n_starts >= _MANY_STARTS

    def _has_started(self, lines: Sequence[str]) -> bool:
        log = self._started(lines)
        return log.is_over or log.n_starts >= _MANY_STARTS

    def _is_settled(self, lines: Sequence[str]) -> bool:
        return wifi.is_settled(self._started(lines))

    def _nearby(self) -> list[Nearby]:
        self._talk("asking the speaker which networks it hears ...")
        with contextlib.suppress(MynahError), SerialDoor(self.link, baud=self._baud) as door:
            self.heard = door.scan()
        return self.heard

    def _ask(self) -> Iterator[Item]:
        self._talk("asking MicroPython ...")
        try:
            with Repl(self.link, baud=self._baud) as repl:
                try:
                    self.facts = facts.ask(repl)
                    self._question(repl)
                finally:  # also after Ctrl-C: the speaker is not left stopped
                    self._talk("starting the board again ...")
                    self._restart(repl)
        except (BoardError, BoardTimeoutError) as error:
            yield Unseen("memory, filesystem", str(error))
        if self.facts is None:
            return
        yield from facts.check_facts(self.facts, self.url)
        if self.facts.rssi is not None:
            yield wifi.check_signal("its Wi-Fi", self.facts.rssi, self.url)

    def _restart(self, repl: Repl) -> list[str]:
        """Start the board again; its lines until it is ready, at a prompt, or silent for long."""
        lines: list[str] = []
        for record in repl.restart(_RESTART_S):
            lines.append(str(record))
            if self._started(lines).is_over:
                break
        return lines
