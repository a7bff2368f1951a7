"""Improv over the serial console: a browser or `mynah pair` gives the speaker a Wi-Fi.

The protocol is Improv's for serial ports (improv-wifi, "serial"; improv_frame.py). Each frame of
ours is one write that begins at a line's start, so log lines stand before and behind it but never
in it. The host's may come in the midst of a line.
"""

import asyncio
import time

from micropython import const

from speaker.net.improv_frame import (
    COMMAND,
    ERROR,
    PREFIX,
    RESULT,
    STATE,
    frame,
    result,
    texts,
)
from speaker.net.nearby import nearby
from speaker.util import log
from speaker.util.hints import Any, Callable

READY = const(2)
PROVISIONING = const(3)
PROVISIONED = const(4)

NO_ERROR = const(0)
INVALID = const(1)
UNKNOWN_COMMAND = const(2)
CANNOT_CONNECT = const(3)
BAD_HOSTNAME = const(5)

_WIFI, _GET_STATE, _INFO, _SCAN = const(1), const(2), const(3), const(4)
_HOSTNAME, _NAME, _NETWORK = const(5), const(6), const(7)

_ONLINE_FLAG, _HAS_WIFI_FLAG = const(1), const(2)

_BYTE_MS = const(300)  # between two bytes of a frame
_LISTENS_MS = const(60_000)  # a client that was heard is told of changes for so long
_MAX_NETWORKS = const(30)
_HOSTNAME_BYTES = const(32)  # what network.hostname takes
_NAME_BYTES = const(48)


class Improv:
    """Answers commands that come over the console.

    `machine` is the Provisioning, `info` gives `(firmware, version, chip, name, os, os version)`,
    `hostname` the default one, `set_hostname(name)` makes another one known.
    """

    def __init__(
        self,
        machine: Any,
        settings: Any,
        store: Any,
        info: Callable[[], tuple],
        hostname: str,
        set_hostname: Callable[[str], object],
    ) -> None:
        self._machine = machine
        self._settings = settings
        self._store = store
        self._info = info
        self._default_hostname = hostname
        self._set_hostname = set_hostname
        self.country = ""  # of the next Wi-Fi; Improv itself knows no countries
        self._buffer = bytearray(256)
        self._listens = False
        self._heard_ms = time.ticks_ms()
        self._trial: Any = None
        self._trial_task: Any = None
        self._scan_task: Any = None
        self._told = 0
        self._error = NO_ERROR
        self._commands = {
            _WIFI: self._set_wifi,
            _GET_STATE: self._tell_state,
            _INFO: self._tell_info,
            _SCAN: self._scan,
            _HOSTNAME: self._hostname,
            _NAME: self._name,
            _NETWORK: self._tell_network,
        }

    async def run(self, console: Any) -> None:
        """Handler of the console: read the rest of a frame and answer it."""
        buffer = self._buffer
        if not await console.get(buffer, 2, _BYTE_MS):
            return
        kind, length = buffer[0], buffer[1]
        if not await console.get(buffer, length + 1, _BYTE_MS):
            log.warning("improv", "a frame breaks off")
            return
        data = bytes(memoryview(buffer)[:length])
        self._listens = True
        self._heard_ms = time.ticks_ms()
        checksum = sum(PREFIX) + kind + length + sum(data)
        if buffer[length] != checksum & 0xFF:
            log.warning("improv", "a frame with a wrong sum")
            self._send_error(INVALID)
        elif kind == COMMAND:
            self._obey(data)

    async def follow(self) -> None:
        """Task: tell a client that was heard lately when the state changes."""
        watch = self._store.watch("net")
        while True:
            await watch.changed()
            # How a trial ended is told by `_tell_outcome`.
            if self._trial is None and self._is_listened_to() and self._state() != self._told:
                self._send_state()

    def close(self) -> None:
        """Stop what is under way."""
        for task in (self._trial_task, self._scan_task):
            if task is not None:
                task.cancel()

    def _obey(self, data: bytes) -> None:
        if len(data) < 2 or data[1] != len(data) - 2:
            self._send_error(INVALID)
            return
        command = self._commands.get(data[0])
        if command is None:
            self._send_error(UNKNOWN_COMMAND)
            return
        command(data[2:])

    def _set_wifi(self, data: bytes) -> None:
        given = texts(data)
        if given is None or len(given) != 2:
            self._send_error(INVALID)
            return
        if self._error:
            self._send_error(NO_ERROR)
        try:
            trial = self._machine.request(given[0], given[1], self.country)
        except ValueError as error:
            log.warning("improv", "refused: %s", error)
            self._send_error(CANNOT_CONNECT)
            return
        self.country = ""
        self._send_state()
        self._trial = trial
        self._trial_task = asyncio.create_task(self._tell_outcome(trial))

    async def _tell_outcome(self, trial: Any) -> None:
        reason = await trial.outcome()
        if self._trial is not trial:  # there is a newer one
            return
        self._trial = None
        self._send_state()  # first: clients end their wait at what comes next
        if reason:
            self._send_error(CANNOT_CONNECT)
        else:
            self._send_url(_WIFI)

    def _tell_state(self, _data: bytes) -> None:
        self._send_state()
        if self._told == PROVISIONED:
            self._send_url(_GET_STATE)

    def _tell_info(self, _data: bytes) -> None:
        self._send_result(_INFO, [text.encode() for text in self._info()])

    def _scan(self, _data: bytes) -> None:
        if self._scan_task is None or self._scan_task.done():
            self._scan_task = asyncio.create_task(self._tell_networks())

    async def _tell_networks(self) -> None:
        for found in nearby(await self._machine.scan())[:_MAX_NETWORKS]:
            secured = b"YES" if found.secured else b"NO"
            self._send_result(_SCAN, [found.ssid, b"%d" % found.rssi, secured])
            await asyncio.sleep_ms(0)
        self._send_result(_SCAN, [])

    def _hostname(self, data: bytes) -> None:
        if data:
            if not _is_hostname(data):
                self._send_error(BAD_HOSTNAME)
                return
            hostname = data.decode()
            self._settings.set_names(hostname=hostname)
            self._set_hostname(hostname)
        hostname = self._settings.hostname or self._default_hostname
        self._send_result(_HOSTNAME, [hostname.encode()])

    def _name(self, data: bytes) -> None:
        if data:
            try:
                name = data.decode().strip()
            except UnicodeError:
                name = ""
            if not name or len(data) > _NAME_BYTES or min(data) < 32:
                self._send_error(INVALID)
                return
            self._settings.set_names(name=name)
        self._send_result(_NAME, [self._info()[3].encode()])

    def _tell_network(self, _data: bytes) -> None:
        url = self._machine.url
        flags = _HAS_WIFI_FLAG | (_ONLINE_FLAG if url else 0)
        answers = [b"%d" % flags]
        if url:
            answers.append(url.encode())
        self._send_result(_NETWORK, answers)

    def _state(self) -> int:
        if self._machine.is_trying:
            return PROVISIONING
        return PROVISIONED if self._machine.url else READY

    def _is_listened_to(self) -> bool:
        if time.ticks_diff(time.ticks_ms(), self._heard_ms) > _LISTENS_MS:
            self._listens = False
        return self._listens

    def _send_state(self) -> None:
        self._told = self._state()
        log.frame(frame(STATE, bytes([self._told])))

    def _send_error(self, error: int) -> None:
        self._error = error
        log.frame(frame(ERROR, bytes([error])))

    def _send_url(self, command: int) -> None:
        url = self._machine.url
        self._send_result(command, [url.encode()] if url else [])

    def _send_result(self, command: int, answers: list) -> None:
        log.frame(frame(RESULT, result(command, answers)))


def _is_hostname(data: bytes) -> bool:
    """RFC 1123: letters, digits and hyphens, none of them at an end; as long as the radio takes."""
    if len(data) > _HOSTNAME_BYTES or data[0] == 45 or data[-1] == 45:
        return False
    for byte in data:
        if not (97 <= byte <= 122 or 65 <= byte <= 90 or 48 <= byte <= 57 or byte == 45):
            return False
    return True
