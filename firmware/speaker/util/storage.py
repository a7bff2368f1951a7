"""Settings in two copies: a power cut while one is written leaves the other."""

import binascii
import json

from micropython import const

from speaker.util import log
from speaker.util.files import delete, open_file

# `<magic> <generation> <crc32 of generation and body, 8 hex digits>\n<JSON body>`
_MAGIC = b"mynah1"
_MAX_BYTES = const(8192)


def encode(generation: int, values: dict) -> bytes:
    """One copy as it lies in flash."""
    body = json.dumps(values).encode()
    return b"%s %d %08x\n%s" % (_MAGIC, generation, _crc(generation, body), body)


def decode(data: bytes) -> tuple:
    """`(generation, values)` of one copy; ValueError for a damaged one."""
    head, separator, body = data.partition(b"\n")
    fields = head.split(b" ")
    if not separator or len(fields) != 3 or fields[0] != _MAGIC:
        raise ValueError("not a settings file")
    generation = int(fields[1])
    if int(fields[2], 16) != _crc(generation, body):
        raise ValueError("checksum")
    values = json.loads(body)
    if not isinstance(values, dict):
        raise ValueError("not an object")
    return generation, values


def _crc(generation: int, body: bytes) -> int:
    return binascii.crc32(body, binascii.crc32(b"%d" % generation)) & 0xFFFFFFFF


class TwoCopies:
    """A dict kept in two files; the newest valid copy wins."""

    def __init__(self, path_a: str, path_b: str) -> None:
        self._paths = (path_a, path_b)
        self._generation = 0
        self._newest = 1  # so that the first save goes to copy a
        self.values: dict = {}

    def load(self) -> bool:
        """Read the newest valid copy into `values`.

        False when files were there and none was valid: `values` is empty then and that is
        logged. No file at all (a new board) is no fault.
        """
        found = False
        valid = False
        self.values = {}
        self._generation = 0
        self._newest = 1
        for index, path in enumerate(self._paths):
            try:
                data = _read(path)
            except OSError:
                continue
            found = True
            try:
                generation, values = decode(data)
            except ValueError as error:
                log.warning("settings", "%s is damaged (%s)", path, error)
                continue
            if not valid or generation > self._generation:
                valid = True
                self._generation = generation
                self._newest = index
                self.values = values
        if found and not valid:
            log.warning("settings", "no valid copy: using defaults")
        return valid or not found

    def save(self, values: dict) -> bool:
        """Write `values` over the older copy and read it back; False when nothing changed.

        Raises OSError when the flash does not keep what was written: the newest copy is
        untouched then.
        """
        if self._generation and values == self.values:
            return False
        generation = self._generation + 1
        index = 1 - self._newest
        data = encode(generation, values)
        if len(data) > _MAX_BYTES:
            raise ValueError("settings too large")
        with open_file(self._paths[index], "wb") as file:
            file.write(data)
        if _read(self._paths[index]) != data:
            raise OSError(5, "settings not kept by the flash")
        self._generation = generation
        self._newest = index
        # A copy of its own: the caller may go on changing what it handed in.
        self.values = decode(data)[1]
        return True

    def forget_older(self) -> None:
        """Delete the copy that is not the newest: nobody may read there what was before."""
        delete(self._paths[1 - self._newest])

    def forget(self) -> None:
        """Delete both files, the older first: a power cut between them leaves the newest."""
        self.load()
        for index in (1 - self._newest, self._newest):
            delete(self._paths[index])
        self.values = {}
        self._generation = 0


def _read(path: str) -> bytes:
    with open_file(path, "rb") as file:
        return file.read(_MAX_BYTES + 1)
