"""Deploy to whole virtual boards whose power fails: ``python tests/host/deploy_sweep.py [EVERY]``.

Cuts the power at every flash operation of ``mynah deploy`` and of the start after it (with EVERY,
at each so-manieth), lets the board start, and looks at its files and at what its log says.
"""

import sys
import threading
import time

from mynah import boards
from mynah.errors import MynahError
from mynah.flash import filesystem
from mynah.flash.deploy import deploy
from mynah.flash.plan import plan
from mynah.logs.follow import follow
from mynah.virtual.board import VirtualBoard

VIRTUAL = boards.load("virtual")
FLASH_SIZE = 4 << 20
OTHERS = {"/note.txt": b"a note", "/songs/1.txt": b"la" * 700}
_START_S = 30


class Sweep:
    """A board with an older firmware, which gets the newest one again and again."""

    def __init__(self):
        what = plan(VIRTUAL)
        self.new = dict(what.files)
        self.old = dict(what.files)
        for path in ("/speaker/util/log.mpy", "/speaker/miot/codec.mpy", "/words/en.txt"):
            del self.old[path]  # the old set must start, too: same code, in another form
            self.old[path] = self.new[path] + b"\n"
        del self.old["/speaker/util/hints.mpy"]
        self.old["/speaker/util/hints.py"] = b"Any = Awaitable = Callable = Iterator = object\n"
        what.files.clear()
        what.files.update(self.old | OTHERS)
        self.vfs = what.micropython.filesystem(FLASH_SIZE)
        self.board = VirtualBoard(flash_size=FLASH_SIZE, content=what.parts(FLASH_SIZE))
        self.board.power_off()
        self._before = self.board.flash.snapshot()

    def close(self):
        self.board.close()

    def cut_at(self, n):
        """Deploy with a cut at the n-th operation; "old" or "new" set, None: there was no cut."""
        flash = self.board.flash
        flash.restore_power()
        flash.restore(self._before)
        self.board.power_on()
        gone = threading.Event()
        self._wait_until_ready()
        flash.cut_power_at(n, lambda: threading.Thread(target=self._unplug, args=(gone,)).start())
        try:
            deploy(self.board.url)
        except MynahError:
            assert gone.wait(10)
        else:
            flash.cut_power_at(0)
            assert not gone.is_set()
        self.board.power_off()
        self.board.replug()
        self.board.power_on()
        self._wait_until_ready()
        self.board.power_off()
        found = self._files()
        for path, data in OTHERS.items():
            assert found.pop(path) == data, path
        found = {path: found[path] for path in found if not path.startswith("/mynah.new/")}
        assert found in (self.old, self.new), set(found.items()) ^ set(self.new.items())
        if not gone.is_set():
            assert found == self.new
            return None
        return "new" if found == self.new else "old"

    def _unplug(self, gone):
        self.board.unplug()
        gone.set()

    def _wait_until_ready(self):
        for record in follow(self.board.url, timeout_s=_START_S, reset=True):
            if record.source == "app" and record.text == "ready":
                return
        raise AssertionError("the board does not start")

    def _files(self):
        image = self.board.flash.read(self.vfs.offset, self.vfs.size)
        return filesystem.read(image, self.vfs.size)


def main(every=1):
    sweep = Sweep()
    counts = {"old": 0, "new": 0}
    n, started = 1, time.monotonic()
    try:
        while (outcome := sweep.cut_at(n)) is not None:
            counts[outcome] += 1
            print(n, outcome, f"{time.monotonic() - started:.0f} s", flush=True)
            n += every
    finally:
        sweep.close()
    print(counts, "the last operation is before", n)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
