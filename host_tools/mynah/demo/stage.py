"""What the demo's steps share: the board, its console, its miIO client, and the files that stay."""

from __future__ import annotations

import re
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mynah import boards, models
from mynah.audio_files import RATE_HZ, Samples, write_wav
from mynah.hil import Console
from mynah.virtual.board import VirtualBoard
from mynah.wake import Detection, WakeResult, plot

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy.typing as npt
    from typing_extensions import Self

    from mynah.demo.run import Listener
    from mynah.demo.sound import Sound
    from mynah.miio import MiioClient
    from mynah.virtual.microphone import Playback

HEARD = r'wake: heard "(.+)" p=(\d+) at=(\d+)'
"""How the board's log says that it heard its wake word: the word, the mean output, the sample."""

_BEFORE_WORD_S = 2.0
_AFTER_WORD_S = 0.5
_OUTPUT_S = 0.03


@dataclass(frozen=True, slots=True)
class History:
    """The wake model's last outputs as the board keeps them."""

    newest_at: int
    """Number of the microphone's sample at which the newest was made."""
    probabilities: bytes
    """0 to 255 each, oldest first, one every 30 ms."""


@dataclass(frozen=True, slots=True)
class Wake:
    """A detection, in seconds of the recording."""

    logged_s: float
    """When the board's log said so, by this computer's clock."""
    sample_s: float
    """Where in the sound the board says that it detected it."""
    times_s: npt.NDArray[np.float64]
    probabilities: npt.NDArray[np.uint8]
    """The board's outputs and when each was made, up to the detection's chime."""


class Stage:
    """One demo's board and all that hangs on it; a context manager that leaves only the files."""

    client: MiioClient
    """Talks to the paired board; set by the pairing."""
    wake: Wake
    """What was heard; set by the listening."""

    def __init__(self, sound: Sound, model: str, out: Path, listener: Listener) -> None:
        out.mkdir(parents=True, exist_ok=True)
        self.sound = sound
        self.model = model
        self.out = out
        self.listener = listener
        self.board_file = boards.load("virtual")
        self.password = secrets.token_urlsafe(12)
        """The simulated network's password, new every time."""
        self.files: dict[str, Path] = {}
        self.log_path = out / "board.log"
        self.log_path.unlink(missing_ok=True)
        self._board: VirtualBoard | None = None
        self._console: Console | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._console is not None:
            self._console.close()
        if self._board is not None:
            self._board.close()

    @property
    def board(self) -> VirtualBoard:
        """The virtual board; it exists after the first step."""
        assert self._board is not None
        return self._board

    @property
    def console(self) -> Console:
        """The board's serial console; it is open after the boot."""
        assert self._console is not None
        return self._console

    def start_board(self) -> VirtualBoard:
        """Power up a virtual board with a blank flash."""
        self._board = VirtualBoard()
        return self._board

    def open_console(self) -> Console:
        """Open the board's serial port for its log."""
        self._console = Console(
            self.board.url, log_path=self.log_path, on_line=self.listener.line
        )
        return self._console

    def find(self, pattern: str) -> re.Match[str]:
        """The last line of the log so far in which the pattern is found."""
        matches = [m for _, line in self.console.lines if (m := re.search(pattern, line))]
        return matches[-1]

    def log_text(self) -> str:
        """The board's log so far."""
        return "\n".join(line for _, line in self.console.lines)

    def times_heard(self) -> int:
        """How often the board has heard its wake word, by its own count."""
        count = self.client.get("wake.count")
        assert isinstance(count, int)
        return count

    def led_colours(self) -> list[tuple[int, int, int]]:
        """What every LED shows now."""
        return [colour for leds in self.board.world.leds.values() for colour in leds]

    def read_history(self) -> History:
        """Ask the board for its model's last outputs."""
        at, _, outputs = str(self.client.get("wake.history")).partition(":")
        return History(int(at or 0), bytes.fromhex(outputs))

    def read_wake(self, playback: Playback, heard_at: float, sample: int) -> Wake:
        """Put a detection and the board's outputs around it on the recording's time.

        Args:
            playback: the recording on its way into the microphone.
            heard_at: when the log line came, by this computer's monotonic clock.
            sample: number of the microphone's sample that the detection was made at.
        """
        started_at = self.board.world.mic.started_at
        assert started_at is not None
        offset_s = playback.start_time - started_at
        history = self.read_history()
        n = len(history.probabilities)
        newest_s = history.newest_at / RATE_HZ - offset_s
        times = newest_s - _OUTPUT_S * np.arange(n - 1, -1, -1)
        outputs = np.frombuffer(history.probabilities, np.uint8)
        shown = (times > 0) & (times < self.sound.seconds)
        return Wake(
            logged_s=heard_at - playback.start_time,
            sample_s=sample / RATE_HZ - offset_s,
            times_s=times[shown],
            probabilities=outputs[shown],
        )

    def save_sound(self, name: str, samples: Samples, rate_hz: int) -> None:
        """Keep captured sound as a WAV file."""
        self.files[name] = self.out / name
        write_wav(self.files[name], samples, rate_hz)

    def around_the_word(self) -> Samples:
        """The part of the recording in which the wake word was heard."""
        first = max(0, int((self.wake.sample_s - _BEFORE_WORD_S) * RATE_HZ))
        return self.sound.samples[first : int((self.wake.sample_s + _AFTER_WORD_S) * RATE_HZ)]

    def draw(self, path: Path, word_end_s: float) -> None:
        """Draw the recording, the board's own outputs over it, and the detection."""
        manifest = models.shipped()[self.model].manifest
        outputs = self.wake.probabilities
        sums = np.cumsum(np.concatenate([np.zeros(manifest.window), outputs]))
        means = (sums[manifest.window :] - sums[: -manifest.window]) // manifest.window
        at = int(np.searchsorted(self.wake.times_s, self.wake.sample_s))
        at = min(at, len(outputs) - 1)
        hit = Detection(self.wake.sample_s, outputs[at] / 255, means[at] / 255)
        result = WakeResult(
            wake_word=manifest.wake_word,
            backend="board",
            cutoff=manifest.cutoff,
            window=manifest.window,
            model_bytes=0,
            duration_s=self.sound.seconds,
            times_s=self.wake.times_s,
            probabilities=outputs,
            means=means.astype(np.uint8),
            detections=(hit,),
        )
        title = f"“{manifest.wake_word}” in {self.sound.name}, as the board heard it"
        plot(self.sound.samples, result, path, title=title, word_end_s=word_end_s)

    def wait_until(self, condition: Callable[[], bool], timeout_s: float = 2.0) -> bool:
        """Whether the condition comes true within ``timeout_s`` seconds."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True
