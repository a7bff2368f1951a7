"""A set of files arrives as a whole or not at all: the power fails at every flash operation."""

import hashlib
import re
from functools import partial

import pytest
from deploy_process import FlashProcess, PowerLost

from mynah.errors import BoardError
from mynah.flash import delivery
from mynah.paths import FIRMWARE_DIR

BOOT = (FIRMWARE_DIR / "boot.py").read_bytes()
USERS = {"/settings.a": b"the owner's" * 20, "/home/lamp.a": b"a lamp", "/song.txt": b"la" * 700}


def noise(size, seed):
    """Bytes that do not compress, the same each time."""
    state, data = seed, bytearray()
    while len(data) < size:
        state = state * 1103515245 + 12345 & 0x7FFFFFFF
        data.append(state >> 16 & 0xFF)
    return bytes(data)


OLD = {
    "/boot.py": BOOT,
    "/main.py": b"started = 'old'\n",
    "/board.json": b'{"name":"old"}',
    "/speaker/__init__.mpy": noise(90, 1),
    "/speaker/app/main.mpy": noise(5000, 2),
    "/speaker/app/gone.mpy": noise(3000, 3),
    "/speaker/old/gone.mpy": noise(700, 4),
    "/speaker/util.mpy": noise(500, 5),
    "/models/word.wake": noise(9000, 6),
}
NEW = {
    "/boot.py": BOOT + b"# newer\n",
    "/main.py": b"started = 'new'\n",
    "/board.json": OLD["/board.json"],
    "/speaker/__init__.mpy": noise(90, 1),
    "/speaker/app/main.mpy": noise(5200, 12),
    "/speaker/util/__init__.mpy": b"",  # a folder takes a module's name
    "/speaker/util/log.mpy": b"compresses " * 300,
    "/models/word.wake": OLD["/models/word.wake"],
    "/models/other.wake": noise(4200, 16),
}


@pytest.fixture
def board():
    board = FlashProcess()
    yield board
    board.close()


def deliver(board, new=NEW):
    """As `mynah.flash.deploy` does it."""
    there = delivery.contents(board)
    sha = {path: hashlib.sha256(data).hexdigest() for path, data in new.items()}
    changed = {path: data for path, data in new.items() if there.get(path) != sha[path]}
    stale = sorted(set(there) - set(new))
    if changed or stale:
        delivery.deliver(board, changed, stale)


def own(files):
    """The firmware's files; the users' must be what they were."""
    for path, data in USERS.items():
        assert files.pop(path) == data
    return files


def prepare(board, old=OLD):
    board.restart()
    board.write({**old, **USERS})
    board.keep()


def cuts(board, act):
    """Do ``act`` on what was kept, with a cut at each of its operations; yields after each cut."""
    cut_at = 0
    while True:
        cut_at += 1
        board.put_back()
        try:
            act(cut_at)
        except PowerLost:
            yield cut_at
        else:
            return


def test_power_cut_at_every_operation_of_a_delivery(board):
    def try_to_deliver(cut_at):
        board.power_on()
        board.cut_power_at(cut_at)
        deliver(board)

    prepare(board)
    outcomes = []
    for cut_at in cuts(board, try_to_deliver):
        board.restart()
        found = own(board.files())
        files = {path: found[path] for path in found if not path.startswith("/mynah.new/")}
        assert files in (OLD, NEW), cut_at
        assert board.run("print(started)").strip() == ("old" if files == OLD else "new")
        outcomes.append(files == NEW)
        if cut_at % 8 == 0:  # and the next try succeeds
            deliver(board)
            board.restart()
            assert own(board.files()) == NEW
    assert outcomes == sorted(outcomes)
    assert outcomes[0] is False
    print(len(outcomes), "cuts in a delivery,", sum(outcomes), "of them start the new set")


@pytest.mark.parametrize("free_blocks", [None, 32], ids=["much room", "little room"])
def test_power_cut_at_every_operation_of_the_start_that_moves_the_files(board, free_blocks):
    prepare(board)
    board.power_on()
    if free_blocks:
        fill(board, free_blocks)
    deliver(board)
    board.keep()
    n = 0
    for cut_at in cuts(board, board.power_on):
        board.restart()
        found = own(board.files())
        found.pop("/filler", None)
        assert found == NEW, cut_at
        assert board.run("print(started)").strip() == "new"
        n = cut_at
    assert n > 20
    print(n, "cuts in a start")


def fill(board, free_blocks):
    board.run(
        f"import os\nn = os.statvfs('/')[3] - {free_blocks}\n"
        "with open('/filler', 'wb') as f:\n for _ in range(n): f.write(bytes(4088))"
    )


def test_power_cuts_again_in_the_start_after(board):
    prepare(board)
    board.power_on()
    deliver(board)
    board.keep()
    n = 0
    for first in range(1, 35, 3):
        for second in cuts(board, partial(start_twice, board, first)):
            board.restart()
            assert own(board.files()) == NEW, (first, second)
            n += 1
    assert n > 100
    print(n, "second cuts")


def start_twice(board, first, second):
    with pytest.raises(PowerLost):
        board.power_on(first)
    board.power_off()
    board.power_on(second)


def test_a_boot_py_of_before_is_renewed_first(board):
    before = {**OLD, "/boot.py": b"import gc\n"}

    def try_to_deliver(cut_at):
        board.power_on()
        board.cut_power_at(cut_at)
        deliver(board)
        board.power_off()
        board.power_on()

    prepare(board, before)
    for cut_at in cuts(board, try_to_deliver):
        board.restart()
        found = own(board.files())
        files = {path: found[path] for path in found if not path.startswith("/mynah.new/")}
        # the new boot.py alone changes nothing of what the old set does
        assert files in (before, {**before, "/boot.py": NEW["/boot.py"]}, NEW), cut_at
    assert own(board.files()) == NEW


def test_whatever_room_there_is_all_arrives_or_nothing_changes(board):
    arrived, messages = set(), set()
    for n_blocks in range(2, 40):
        board.power_off()
        board.tell("nor.data[:] = b'\\xff' * len(nor.data)\nformat_flash()")
        prepare(board)
        board.power_on()
        fill(board, n_blocks)
        before = board.files()
        try:
            deliver(board)
        except BoardError as error:
            messages.add(str(error))
            expected = before
        else:
            arrived.add(n_blocks)
            expected = {**NEW, **USERS, "/filler": before["/filler"]}
        board.restart()
        assert board.files() == expected, n_blocks
    assert arrived == set(range(min(arrived), 40))
    assert all(re.search("is full: .*/filler .*mynah deploy --clean", text) for text in messages)


def test_what_is_damaged_on_its_way_is_not_put_in_place(board):
    class Noisy:
        def run(self, code):
            return board.run(code.replace("Y29t", "Y29u"))

    prepare(board)
    board.power_on()
    there = delivery.contents(board)
    with pytest.raises(BoardError, match="damaged on its way"):
        delivery.deliver(Noisy(), {"/words/en.txt": b"compresses"}, [])
    board.restart()
    assert own(board.files()) == OLD
    assert delivery.contents(board) == there


def test_files_that_are_not_the_speakers_are_found_and_removed(board):
    prepare(board)
    board.power_on()
    board.write({"/photos/day/1.jpg": b"1", "/photos/2.jpg": b"22"})
    delivery.contents(board)
    assert delivery.foreign(board) == {
        "/photos/day/1.jpg": 1,
        "/photos/2.jpg": 2,
        "/song.txt": 1400,
    }
    delivery.remove(board, delivery.foreign(board))
    assert {"/settings.a", "/home/lamp.a"} == set(board.files()) - set(OLD)
    assert "photos" not in board.run("import os\nprint(os.listdir('/'))")
