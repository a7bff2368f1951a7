"""What the demo's steps share: the board, its console, its miIO client, and the files that stay."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING

from mynah import boards
from mynah.audio_files import RATE_HZ, Samples, write_wav
from mynah.errors import UsageError
from mynah.hil import Console
from mynah.miio import MiioClient
from mynah.virtual.board import VirtualBoard

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typing_extensions import Self

    from mynah.demo.result import Listener
    from mynah.demo.sound import Sound
    from mynah.demo.trace import Wake

_BEFORE_WORD_S = 2.0
_AFTER_WORD_S = 0.5


class Stage:
    """One demo's board and all that hangs on it; a context manager that leaves only the files."""

    wake: Wake
    """What was heard; set by the listening."""
    word_end_s: float
    """Where the word that was heard ends, in seconds of the recording; set by the listening."""

    def __init__(self, sound: Sound, model: str, out: Path, listener: Listener) -> None:
        self.sound = sound
        self.model = model
        self.out = out
        self.listener = listener
        self.board_file = boards.load("virtual")
        self.password = secrets.token_urlsafe(12)
        """The simulated network's password, new every time."""
        self.files: dict[str, Path] = {}
        self.log_path = out / "board.log"
        try:
            out.mkdir(parents=True, exist_ok=True)
            self.log_path.write_text("", encoding="utf-8")
        except OSError as error:
            raise UsageError(f"--out {out}: {error.strerror}; name another folder") from error
        self._board: VirtualBoard | None = None
        self._console: Console | None = None
        self._client: MiioClient | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self._client is not None:
            self._client.close()
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

    @property
    def client(self) -> MiioClient:
        """Talks to the paired board; it is there after the pairing."""
        assert self._client is not None
        return self._client

    def open_client(self, address: str, token: bytes) -> MiioClient:
        """Talk miIO with the board from now on."""
        self._client = MiioClient(address, token)
        return self._client

    def start_board(self) -> VirtualBoard:
        """Power up a virtual board with a blank flash."""
        self._board = VirtualBoard()
        return self._board

    def open_console(self) -> Console:
        """Open the board's serial port for its log."""
        self._console = Console(self.board.url, log_path=self.log_path, on_line=self.listener.line)
        return self._console

    def log_text(self) -> str:
        """The board's log so far."""
        return "\n".join(line for _, line in self.console.lines)

    def times_heard(self) -> int:
        """How often the board has heard its wake word, by its own count."""
        count = self.client.get("wake.count")
        assert isinstance(count, int)
        return count

    def history(self) -> str:
        """The model's last outputs, as the board tells them."""
        (outputs,) = self.client.action("wake.read-history", self.model)
        return str(outputs)

    def led_colours(self) -> list[tuple[int, int, int]]:
        """What every LED shows now."""
        return [colour for leds in self.board.world.leds.values() for colour in leds]

    def save_sound(self, name: str, samples: Samples, rate_hz: int) -> None:
        """Keep captured sound as a WAV file."""
        self.files[name] = self.out / name
        write_wav(self.files[name], samples, rate_hz)

    def around_the_word(self) -> Samples:
        """The part of the recording in which the wake word was heard."""
        first = max(0, int((self.wake.sample_s - _BEFORE_WORD_S) * RATE_HZ))
        return self.sound.samples[first : int((self.wake.sample_s + _AFTER_WORD_S) * RATE_HZ)]

    def wait_until(self, condition: Callable[[], bool], timeout_s: float = 2.0) -> bool:
        """Whether the condition comes true within ``timeout_s`` seconds."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True
