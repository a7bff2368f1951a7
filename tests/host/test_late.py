"""Parts that are loaded with first use, in a heap that has become small and full of holes.

The firmware's own server in real MicroPython, from the .mpy files that a board gets; half of its
heap is taken, in blocks with free places of one size between them.
"""

import re
import shutil
import sys

import pytest
from loopback import own_address
from miot_process import Board

from mynah import boards
from mynah.errors import BoardError
from mynah.flash import files
from mynah.miio import MiioClient
from mynah.miio.channel import ChannelKey

pytestmark = pytest.mark.skipif(
    sys.platform == "darwin", reason="macOS has one loopback address: one speaker at a time"
)

TOKEN = bytes.fromhex("00112233445566778899aabbccddeeff")
HEAP = 3 << 20
# The largest single block that loading needs is a table of names, 14 KB here.
ENOUGH, TOO_SMALL = 16384, 4096
SUBSCRIPTION = {"did": "77", "update_ts": 1, "sub_method": "."}


@pytest.fixture(scope="module")
def firmware(tmp_path_factory):
    """A folder with the files of a virtual board."""
    folder = tmp_path_factory.mktemp("firmware")
    kind = boards.load("virtual")
    for path, data in files.firmware_files(kind, [], files.arch_of(kind)).items():
        target = folder / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    return folder


@pytest.fixture
def board(firmware, tmp_path):
    """A function: a paired speaker in whose heap no free place is larger than that."""
    made = []

    def make(holes, firmware=firmware):
        more = f"holes={holes}"
        made.append(Board(own_address(), "owned", tmp_path, more, firmware=firmware, heap=HEAP))
        return made[-1]

    yield make
    for each in made:
        each.process.kill()
        each.process.wait()


def test_everything_is_loaded_into_holes(board):
    speaker = board(ENOUGH)
    assert " loaded in " not in speaker.log
    with MiioClient(speaker.address, TOKEN) as client:
        client.set("speaker.volume", 21)
        client.call("miIO.sub", SUBSCRIPTION)
        client.call("test.press", ["boot"])
        methods = set()
        while message := client.next_message(2):
            methods.add(message["method"])
            if "event_occured" in methods:
                break
        assert "event_occured" in methods
        assert client.call("mynah.home.list", {})["devices"] == []
        done = client.call("mynah.home.do", {"text": "turn on the lamp"})
        assert done["why"] == "no-devices"
    key = ChannelKey.of_token(TOKEN)
    with MiioClient(speaker.address, TOKEN, key=key) as client:
        assert client.get("speaker.volume") == 21
        assert client.call("mynah.secure.status")["sessions"] == 1
    for part in ("subscribers", "home", "secure channel"):
        speaker.expect(f"app: {part}: loaded in ")
    assert "Traceback" not in speaker.log


def test_in_holes_that_are_too_small_the_speaker_lives_on(board):
    """What finds no room says so; where that happens is MicroPython's business."""
    speaker = board(TOO_SMALL)
    with MiioClient(speaker.address, TOKEN) as client:
        refused = []
        for method, params in (
            ("miIO.sub", SUBSCRIPTION),
            ("mynah.secure.status", []),
            ("mynah.home.list", {}),
            ("mynah.home.do", {"text": "turn on the lamp"}),
        ):
            try:
                client.call(method, params)
            except BoardError as error:
                refused.append(str(error))
        assert refused
        assert all(re.search("not loaded.*restart|internal error", text) for text in refused)
        client.set("speaker.volume", 22)
        assert client.get("speaker.volume") == 22
    assert "MemoryError" in speaker.log


def test_a_part_whose_file_is_no_good_says_so_and_the_speaker_lives_on(board, firmware, tmp_path):
    changed = tmp_path / "firmware"
    shutil.copytree(firmware, changed)
    module = changed / "speaker" / "home" / "records.mpy"
    module.write_bytes(b"M\x05" + module.read_bytes()[2:])  # of another MicroPython
    speaker = board(ENOUGH, changed)
    with MiioClient(speaker.address, TOKEN) as client:
        for _ in range(3):
            with pytest.raises(BoardError, match=r"home: not loaded.*restart"):
                client.call("mynah.home.list", {})
        client.set("speaker.volume", 22)
        assert client.get("speaker.volume") == 22
        assert client.call("mynah.secure.status") == {"on": False, "sessions": 0}
    speaker.expect("E .* app: home cannot be loaded")
    assert speaker.log.count("cannot be loaded") == 1  # who asks again soon costs nothing
