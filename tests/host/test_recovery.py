"""Every state that a user gets a board into, and the command that gets it out again.

The commands run as a user runs them, all at once, each on a virtual board of its own.
"""

import contextlib
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from mynah import boards
from mynah.errors import UsageError
from mynah.flash import filesystem
from mynah.flash.plan import plan
from mynah.paths import FIRMWARE_DIR
from mynah.virtual.board import VirtualBoard
from mynah.virtual.chip import State

VIRTUAL = boards.load("virtual")
FLASH_SIZE = 4 << 20
LOOP = b"import machine\nmachine.reset()\n"
NEVER_YIELDS = b"""import micropython
micropython.kbd_intr(-1)
while True:
    try:
        while True:
            pass
    except KeyboardInterrupt:
        pass
"""
NOTE = {"/note.txt": b"a note of the user's"}


def parts(extra=()):
    """The flash of a board with our firmware, some files changed, by offset."""
    what = plan(VIRTUAL)
    what.files.update(NOTE)
    what.files.update(extra)
    return dict(what.parts(FLASH_SIZE))


def damaged(offset, at):
    content = parts()
    data = bytearray(content[offset])
    data[at] ^= 0xFF
    return content | {offset: bytes(data)}


def damaged_filesystem():
    return parts() | {0x200000: b"\x55" * 0x2000}


def plain_micropython():
    """As it comes, with the filesystem that it makes at its first start."""
    return dict(list(parts().items())[:3])


def full():
    """A filesystem with no room for the one file that is to be brought."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mynah.flash.filesystem.RESERVED_BLOCKS", 0)
        n_blocks = (FLASH_SIZE - 0x200000 - len(parts()[0x200000])) // filesystem.BLOCK_SIZE
        for more in range(16, -1, -1):
            song = bytes((n_blocks + more) * (filesystem.BLOCK_SIZE - 4))
            with contextlib.suppress(UsageError):  # it does not fit
                return parts({"/words/en.txt": b"old", "/song.wav": song})
    raise AssertionError


class Case:
    """A board in one of the states, and what came of the commands that were run on it."""

    def __init__(self, state):
        content, command, self.says, self.recovers = STATES[state]
        self.recovered = None
        with VirtualBoard(content=content().items(), flash_size=FLASH_SIZE) as board:
            if state == "download mode":
                hold_boot(board)
            self.code, self.said = run(*command, "--port", board.url)
            if self.code and self.recovers:
                self.recovered = run(*self.recovers, "--port", board.url)
            vfs = plan(VIRTUAL).micropython.filesystem(FLASH_SIZE)
            self.files = filesystem.read(board.flash.read(vfs.offset, vfs.size), vfs.size)


def run(*words):
    """Run a command as a user does; its exit code, and what it said on stderr."""
    command = [sys.executable, "-c", "from mynah.cli import main; main()", *words]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=200
    )
    return done.returncode, done.stderr


def hold_boot(board):
    board.world.buttons.hold(0)
    board.reset()
    board.world.buttons.release(0)
    assert board.state is State.ROM_LOADER


# state -> (content of the flash, the command, what it says, the command that recovers)
DEPLOY, FLASH = ["deploy"], ["flash", "--board", "virtual"]
STATES = {
    "main.py resets the board": (lambda: parts({"/main.py": LOOP}), DEPLOY, None, None),
    "main.py never yields": (
        lambda: parts({"/main.py": NEVER_YIELDS}),
        DEPLOY,
        "mynah flash",  # on a busy computer; else this recovers
        FLASH,
    ),
    "download mode": (parts, DEPLOY, None, None),
    "MicroPython alone": (plain_micropython, [*DEPLOY, "--board", "virtual"], None, None),
    "full filesystem": (full, DEPLOY, "is full.*/song.wav.*deploy --clean", [*DEPLOY, "--clean"]),
    "no MicroPython": (dict, DEPLOY, "the flash is empty.*mynah flash", FLASH),
    "image for another chip": (
        lambda: damaged(0, 12),
        DEPLOY,
        "no boot loader for this chip.*mynah flash",
        FLASH,
    ),
    "half an image": (
        lambda: damaged(0x10000, -40),
        DEPLOY,
        "missing or damaged.*mynah flash",
        FLASH,
    ),
    "damaged filesystem": (
        damaged_filesystem,
        DEPLOY,
        "filesystem is damaged.*mynah flash",
        FLASH,
    ),
}


@pytest.fixture(scope="module")
def cases(request):
    """Every state that is asked for, two at a time: most of the time is waiting."""
    asked = [item.callspec.params["state"] for item in request.session.items if _is_here(item)]
    with ThreadPoolExecutor(max_workers=2) as pool:
        yield {state: pool.submit(Case, state) for state in asked}


def _is_here(item):
    return item.path.name == "test_recovery.py" and hasattr(item, "callspec")


@pytest.mark.parametrize("state", STATES)
def test_a_board_is_recovered(cases, state):
    case = cases[state].result()
    if case.says is None or (case.code == 0 and state == "main.py never yields"):
        assert case.code == 0, case.said
    else:
        assert case.code in {4, 5}, case.said
        assert re.search(case.says, case.said), case.said
        code, said = case.recovered
        assert code == 0, said
        assert case.recovers != FLASH or "the speaker is well" in said
    expected = plan(VIRTUAL).files
    assert {path: case.files[path] for path in expected} == expected
    if case.recovers is None and state != "MicroPython alone":
        assert case.files.keys() >= NOTE.keys()


def test_the_page_has_every_state():
    page = (FIRMWARE_DIR.parent / "host_tools" / "docs" / "flash.md").read_text()
    rows = re.findall(r"^\| ([^|]+) \| [^|]+ \| [^|]*?`mynah (deploy|flash)", page, re.MULTILINE)
    states = {state.replace("`", ""): command for state, command in rows}
    assert list(states) == list(STATES)
    assert states.pop("main.py never yields") == "deploy"
    for state, command in states.items():
        _, _, _, recovers = STATES[state]
        assert command == (recovers or DEPLOY)[0]
