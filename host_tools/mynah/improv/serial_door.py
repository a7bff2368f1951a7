"""Set a speaker up over its serial port: Improv gives it the Wi-Fi, the cable hands its token over.

The board's log goes on meanwhile between the frames; it tells the steps and, where Improv has one
error for everything, why an attempt failed (firmware/speaker/net/provisioning.py, app/cable.py).
"""

from __future__ import annotations

import contextlib
import re
import secrets
import time
from collections import deque
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from mynah.errors import BoardError, BoardTimeoutError
from mynah.improv import frames
from mynah.improv.frames import Frame, Splitter
from mynah.link import open_port, port_in_use
from mynah.logs import parse
from mynah.logs.lines import LineSplitter
from mynah.miio import devices
from mynah.miio.client import MiioClient
from mynah.miio.door import JoinError, Nearby, PairResult
from mynah.miio.pairing import STEPS

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Self

    from mynah.logs import LogRecord

_ASK_S = 5.0
_AGAIN_S = 1.0  # the board may be starting, or the line noisy
_PROBE_S = 2.5
_SCAN_S = 20.0
_JOIN_S = 100.0  # twice up to 20 s and a scan, an address, and the old network in between
_MEET_S = 4.0
_TOKEN_BYTES = 16
_FIELD = re.compile(r"(\w+)=(\S+)")
_FAILED = re.compile(r"cannot join .*: ([a-z ]+)")
_Answer = TypeVar("_Answer")


class NotHereError(BoardTimeoutError):
    """No speaker answers on that port."""


class SerialDoor:
    """The speaker on a serial port; a context manager.

    Raises:
        PortError: the port is missing or busy, or vanishes later.
        NotHereError: no speaker answers there.
    """

    def __init__(self, url: str, *, baud: int = 115200) -> None:
        self._url = url
        self._port = open_port(url, baud=baud, timeout_s=0.02)
        self._splitter = Splitter()
        self._lines = LineSplitter()
        self._frames: deque[Frame] = deque()
        self._records: deque[LogRecord] = deque()
        self._on_record: Callable[[LogRecord], None] = lambda _: None
        self._next_url = ""
        self._token: bytes | None = None
        self._claimed = False
        self._device_id = 0
        self._mac = self._model = ""
        try:
            self._write(b"\n")
            self.state = self._ask(frames.command(frames.GET_STATE), _state, _PROBE_S, again=True)
        except BoardTimeoutError:
            self.close()
            raise NotHereError(
                f"no speaker answers on {url}: see what is there with `mynah logs --reset`, and "
                "put the firmware on it with `mynah flash`"
            ) from None
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Free the port."""
        with contextlib.suppress(OSError):
            self._port.close()

    def scan(self) -> list[Nearby]:
        """The networks that the speaker hears, the strongest first."""
        found: list[Nearby] = []

        def take(frame: Frame) -> bool | None:
            texts = frame.texts(frames.SCAN)
            if texts is None:
                return None
            if not texts:
                return True
            with contextlib.suppress(ValueError, IndexError):
                found.append(Nearby(texts[0], int(texts[1]), texts[2] != b"NO"))
            return None

        self._ask(frames.command(frames.SCAN), take, _SCAN_S)
        return found

    def join(self, ssid: bytes, password: str, country: str, tell: Callable[[str], None]) -> None:
        """Have the speaker try a network; as `mynah.miio.door.Door` says."""
        self._identify()
        if country:
            self._say(f"mynah country {country}")
        reason = ""

        def listen(record: LogRecord) -> None:
            nonlocal reason
            failed = _FAILED.fullmatch(record.text) if record.source == "wifi" else None
            if failed:
                reason = failed[1]
            elif record.source == "improv" and record.text.startswith("refused: "):
                reason = record.text[9:]
            elif record.source == "net" and record.text in STEPS:
                tell(STEPS[record.text])

        def take(frame: Frame) -> bool | None:
            if frame.kind == frames.ERROR and frame.data not in {b"", b"\x00"}:
                self._read()  # the log line that says why came first
                raise JoinError(ssid, reason)
            texts = frame.texts(frames.SET_WIFI)
            if texts is None:
                return None
            self._next_url = texts[0].decode("ascii", "replace") if texts else ""
            return True

        self._on_record = listen
        try:
            self._ask(frames.wifi(ssid, password.encode()), take, _JOIN_S)
        finally:
            self._on_record = lambda _: None

    def cancel(self) -> None:
        """Have the speaker give up what it tries; never raises."""
        with contextlib.suppress(OSError, BoardError, BoardTimeoutError):
            self._say("mynah cancel")

    def finish(self) -> PairResult:
        """The speaker in its network; its token came over the cable, or is known from before."""
        self._identify()
        if not self._next_url:
            texts = self._ask(
                frames.command(frames.GET_STATE),
                lambda frame: frame.texts(frames.GET_STATE),
                _ASK_S,
            )
            self._next_url = texts[0].decode("ascii", "replace") if texts else ""
        assert self._token is not None
        address = urlsplit(self._next_url).hostname or ""
        return PairResult(address, self._token, self._device_id, self._mac, self._model)

    def reachable(self, result: PairResult) -> bool:
        """Whether this computer reaches the speaker there, with that token."""
        with MiioClient(result.address, result.token, retries=0) as client:
            deadline = time.monotonic() + _MEET_S
            while time.monotonic() < deadline:
                with contextlib.suppress(BoardTimeoutError, BoardError):
                    client.info()
                    return True
        return False

    def confirm(self) -> None:
        """The token is kept: the speaker has an owner."""
        if self._claimed:
            self._say("mynah paired")

    def _identify(self) -> None:
        """Take the token, or find the speaker among those that are known."""
        if self._token is not None:
            return
        mask = secrets.token_bytes(_TOKEN_BYTES)
        while len(set(mask)) < _TOKEN_BYTES // 2:
            mask = secrets.token_bytes(_TOKEN_BYTES)
        record = self._say(f"mynah token {mask.hex()}")
        fields = dict(_FIELD.findall(record.text))
        self._claimed = record.text.startswith("token ")
        try:
            self._device_id = int(fields["did"].rstrip(":"))
            if self._claimed:
                key = bytes.fromhex(fields["key"])
                self._token = bytes(a ^ b for a, b in zip(key, mask, strict=True))
                self._mac, self._model = fields["mac"], fields["model"]
                return
        except (KeyError, ValueError):
            raise BoardError(
                f"the speaker on {self._url} answers with something else: bring its firmware up to "
                "date with `mynah deploy`"
            ) from None
        for device in devices.known().values():
            if device.device_id == self._device_id:
                self._token = bytes.fromhex(device.token)
                self._mac, self._model = device.mac, device.model
                return
        raise BoardError(
            f"the speaker on {self._url} has an owner, and this computer does not know its token: "
            "hold its BOOT button for 5 seconds and let go, then try again (holding it for 10 "
            "seconds makes it forget its owner)"
        )

    def _say(self, line: str) -> LogRecord:
        """Give a console command; the record that answers it."""
        self._records.clear()
        self._write(b"\n" + line.encode() + b"\n")
        deadline = time.monotonic() + _ASK_S
        while time.monotonic() < deadline:
            self._read()
            while self._records:
                record = self._records.popleft()
                if record.source == "cable":
                    return record
        raise BoardTimeoutError(f"the speaker on {self._url} does not answer any more")

    def _ask(
        self,
        request: bytes,
        take: Callable[[Frame], _Answer | None],
        seconds: float,
        *,
        again: bool = False,
    ) -> _Answer:
        """Send a request; the first answer that ``take`` gives for a frame."""
        self._frames.clear()
        deadline = time.monotonic() + seconds
        sent = 0.0
        while (now := time.monotonic()) < deadline:
            if not sent or (again and now - sent > _AGAIN_S):
                self._write(request)
                sent = now
            self._read()
            while self._frames:
                answer = take(self._frames.popleft())
                if answer is not None:
                    return answer
        raise BoardTimeoutError(f"the speaker on {self._url} does not answer any more")

    def _write(self, data: bytes) -> None:
        with port_in_use(self._url):
            self._port.write(data)

    def _read(self) -> None:
        with port_in_use(self._url):
            data = self._port.read(max(1, self._port.in_waiting))
        found, text = self._splitter.feed(data)
        for record in map(parse, self._lines.feed(text)):
            self._records.append(record)
            self._on_record(record)
        self._frames.extend(found)


def _state(frame: Frame) -> int | None:
    return frame.data[0] if frame.kind == frames.STATE and frame.data else None
