"""Deploying to a virtual board that runs: real MicroPython, its own filesystem, raw REPL."""

import hashlib
import time

import pytest

from mynah import boards
from mynah.cli import cli
from mynah.errors import BoardError
from mynah.flash import filesystem
from mynah.flash.deploy import deploy
from mynah.flash.plan import plan
from mynah.link import open_port
from mynah.link.repl import Repl
from mynah.models import shipped
from mynah.virtual.board import VirtualBoard

VIRTUAL = boards.load("virtual")
FLASH_SIZE = 4 << 20
SETTINGS = b"stands for the user's settings"


def _start(extra):
    """A running board whose filesystem holds the firmware and some files more."""
    what = plan(VIRTUAL)
    what.files.update(extra)
    board = VirtualBoard(flash_size=FLASH_SIZE)
    for offset, data in what.parts(FLASH_SIZE):
        board.flash.program(offset, data)
    board.reset()
    return board


def _files(board):
    """What is in the board's flash, read without its help."""
    vfs = plan(VIRTUAL).micropython.filesystem(FLASH_SIZE)
    return filesystem.read(board.flash.read(vfs.offset, vfs.size), vfs.size)


@pytest.fixture(scope="module")
def board():
    with _start({"/note.txt": SETTINGS}) as board:
        yield board


def test_nothing_is_sent_when_nothing_changed(board):
    log = []
    report = deploy(board.url, on_log=log.append)
    assert (report.board, report.changed) == ("virtual", False)
    assert set(report.unchanged) == set(plan(VIRTUAL).files)
    assert log[-1].text == "ready"


def test_only_what_changed_is_sent_and_what_is_gone_is_deleted(board):
    with Repl(board.url) as repl:
        repl.run(
            "import os\n"
            "os.mkdir('/speaker/old')\n"
            "open('/speaker/old/gone.mpy', 'w').close()\n"
            "open('/models/cut_off.wake.new', 'w').close()\n"
            "with open('/speaker/util/log.mpy', 'a') as f: f.write('x')\n"
        )
    stale = ["/models/cut_off.wake.new", "/speaker/old/gone.mpy"]
    changed = ["/speaker/util/log.mpy"]
    planned = deploy(board.url, dry_run=True, reset=False)
    assert (planned.written, planned.deleted) == (changed, stale)
    assert stale[1] in _files(board)
    shares = []
    done = deploy(board.url, progress=shares.append)
    assert (done.written, done.deleted) == (changed, stale)
    assert shares[-1] == 1.0
    found = _files(board)
    assert found.pop("/note.txt") == SETTINGS
    ours = {path: data for path, data in found.items() if not path.startswith("/settings")}
    assert ours == plan(VIRTUAL).files
    with Repl(board.url) as repl:
        assert "old" not in repl.value("__import__('os').listdir('/speaker')")


def test_a_full_filesystem_is_an_error_and_the_old_files_are_intact(monkeypatch):
    monkeypatch.setattr(filesystem, "RESERVED_BLOCKS", 0)
    vfs = plan(VIRTUAL).micropython.filesystem(FLASH_SIZE)
    used = len(filesystem.build(plan(VIRTUAL).files, vfs.size))
    filler = {"/filler": bytes(vfs.size - used - 4 * filesystem.BLOCK_SIZE)}
    with _start(filler) as board:
        before = _files(board)
        models = ["okay_nabu", "alexa", "hey_jarvis", "hey_mycroft"]
        with pytest.raises(BoardError, match=r"filesystem is full: \d+ KB .* intact"):
            deploy(board.url, models=models)
        after = _files(board)
    ours = {path: _hash(data) for path, data in before.items() if path in plan(VIRTUAL).files}
    assert ours.items() <= {path: _hash(data) for path, data in after.items()}.items()
    assert not [path for path in after if path.endswith(".new")]


def test_ctrl_c_leaves_the_old_files_and_a_board_that_runs(board):
    def press(_):
        raise KeyboardInterrupt

    before = _files(board)
    models = ["okay_nabu", "alexa", "hey_jarvis", "hey_mycroft"]
    with pytest.raises(KeyboardInterrupt):
        deploy(board.url, models=models, progress=press)
    assert _is_running(board)
    after = _files(board)
    assert {path: after[path] for path in before} == before
    assert {path for path in after.keys() - before.keys() if "/mynah.new/" not in path} == set()


def _is_running(board):
    """Whether Ctrl-C stops the speaker's firmware, and not nothing."""
    port = open_port(board.url)
    said = b""
    deadline = time.monotonic() + 20
    while b"stopped by the keyboard" not in said and time.monotonic() < deadline:
        port.write(b"\x03")
        said += port.read(1000)
    port.close()
    return b"stopped by the keyboard" in said


def test_a_board_that_does_not_say_what_it_is_must_be_named(board):
    with Repl(board.url) as repl:
        repl.run("import os\nos.rename('/board.json', '/was.json')")
    with pytest.raises(BoardError, match="name it with --board"):
        deploy(board.url, reset=False)
    report = deploy(board.url, board=VIRTUAL)
    assert report.written == ["/board.json"]


def test_what_code_raises_on_the_board_is_told(board):
    with Repl(board.url) as repl:
        assert repl.value("6 * 7") == 42
        with pytest.raises(BoardError, match="the board raised ValueError: no such luck"):
            repl.run("raise ValueError('no such luck')")
        assert repl.value("'still there'") == "still there"


def _hash(data):
    return hashlib.sha256(data).hexdigest()


def test_a_model_of_the_users_own_stays(board):
    with Repl(board.url) as repl:
        repl.run("with open('/models/my_word.wake', 'w') as f: f.write('mine')\n")
    report = deploy(board.url, dry_run=True, reset=False)
    assert report.deleted == []
    assert "/models/okay_nabu.wake" in report.unchanged


def test_a_model_file_is_installed_under_its_own_name():
    tflite = shipped()["alexa"].tflite
    files = plan(VIRTUAL, [str(tflite)]).files
    assert "/models/alexa.wake" in files


def test_a_dry_run_says_that_it_restarts_and_shows_no_boot_log(board, capsys):
    def mynah(*arguments):
        cli.main(["deploy", *arguments], standalone_mode=False)
        return capsys.readouterr()

    assert "speaker is stopped and restarted" in " ".join(mynah("--help").out.split())
    shown = mynah("--port", board.url, "--dry-run")
    assert "0 written" in shown.err
    assert "(dry run)" in shown.err
    assert "app: ready" not in shown.err
    assert "app: ready" in mynah("--port", board.url).err
