"""The devices of the home in flash: one pair of files a device, so that a power cut loses none."""

import os

from speaker.home import records
from speaker.miot.limits import N_HOME_DEVICES
from speaker.util import log
from speaker.util.files import make_folder
from speaker.util.hints import Iterator
from speaker.util.storage import TwoCopies


class FullError(Exception):
    """There are N_HOME_DEVICES devices already."""


class Registry:
    """Keeps records (with their tokens) in the files `<folder>/<slot>.a` and `.b`.

    It keeps none in memory: `load` hands them out, and who uses them keeps what it needs.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._slots: dict = {}  # folded name -> slot

    def load(self) -> Iterator[dict]:
        """Every good record, one at a time; a damaged one is logged and its slot used again."""
        for slot in self._used():
            files = self._files(slot)
            if not (files.load() and files.values):
                files.forget()
                continue
            try:
                record = records.check(files.values)
            except ValueError as error:
                log.error("home", "device in %s: %s", self._path(slot), error)
                continue
            self._slots[key(record["name"])] = slot
            yield record

    def save(self, record: dict) -> None:
        """Keep a checked record; one of the same name is replaced. Raises FullError or OSError."""
        name = key(record["name"])
        slot = self._slots.get(name)
        if slot is None:
            used = self._slots.values()
            slot = next((i for i in range(N_HOME_DEVICES) if i not in used), None)
            if slot is None:
                raise FullError
        make_folder(self._folder)
        files = self._files(slot)
        files.load()
        files.save(record)
        self._slots[name] = slot

    def read(self, name: str) -> dict:
        """The record of a device; KeyError when there is none (any more)."""
        files = self._files(self._slots[key(name)])
        if not (files.load() and files.values):
            raise KeyError(name)
        return files.values

    def forget(self, name: str) -> None:
        """Forget a device; KeyError when there is none."""
        self._files(self._slots[key(name)]).forget()
        del self._slots[key(name)]

    def clear(self) -> None:
        """Forget every device."""
        for slot in self._used():
            self._files(slot).forget()
        self._slots = {}

    def _used(self) -> list:
        """The slots that have files."""
        try:
            names = os.listdir(self._folder)
        except OSError:  # no device was ever added
            return []
        return sorted({int(name[:2]) for name in names if name[2:] in {".a", ".b"}})

    def _files(self, slot: int) -> TwoCopies:
        path = self._path(slot)
        return TwoCopies(path + ".a", path + ".b")

    def _path(self, slot: int) -> str:
        return "%s/%02d" % (self._folder, slot)


def key(name: str) -> str:
    """What makes two names the same name."""
    return " ".join(name.lower().split())
