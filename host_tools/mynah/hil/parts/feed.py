"""Sound into a real board without a loudspeaker: over its console, as ``mynah wake --port`` does.

Needs the speaker's firmware on the board: it hears the sound in its microphone's place.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from mynah.audio_files import RATE_HZ
from mynah.errors import MynahError
from mynah.hil.parts import MissingPartError
from mynah.wake.board import BoardWake

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mynah.hil.console import Console
    from mynah.hil.sound import Sound
    from mynah.wake.engine import WakeResult


class ConsoleFeed:
    """Plays into the board's wake engine, in real time, over the console that is being read."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def play(self, sound: Sound) -> FeedPlayback:
        """Begin to play; returns at once. The board's log lines go on to come in.

        Raises:
            MissingPartError: another program has the console: the sound would wait for its end.
        """
        if not self._console.is_open:
            raise MissingPartError(
                "sound goes to this board over its console, which another program has meanwhile; "
                "a sound card would do (audio in the bench file)"
            )
        return FeedPlayback(self._console, sound.at_rate(RATE_HZ))


class FeedPlayback:
    """One sound on its way over the console."""

    def __init__(self, console: Console, sound: Sound) -> None:
        self._console = console
        self._sound = sound
        self._error: MynahError | None = None
        self.results: Mapping[str, WakeResult] = {}
        """What the board made of it, by its models' names, when it is over."""
        self._thread = threading.Thread(target=self._run, name="hil-feed", daemon=True)
        self._thread.start()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is over; False if ``timeout`` seconds did not do.

        Raises:
            BoardError: the board refused.
            BoardTimeoutError: it stopped answering.
        """
        self._thread.join(timeout)
        if self._error is not None:
            raise self._error
        return not self._thread.is_alive()

    def stop(self) -> None:
        """Wait until it is over: the board takes what it was told that it will get."""
        self.wait()

    def _run(self) -> None:
        try:
            with (
                self._console.lent(keep_lines=True) as port,
                BoardWake(self._console.url, port=port) as wake,
            ):
                self.results = wake.feed(self._sound.samples, pace=1.0, settle_s=0.0)
        except MynahError as error:
            self._error = error
