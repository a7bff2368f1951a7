"""The table of what the virtual board does as hardware does, against what it really does."""

import contextlib
import functools
import http.server
import json
import os
import pty
import re
import select
import struct
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from click.testing import CliRunner

from mynah.cli import cli
from mynah.flash.image import Segment, build_image, virtual_images
from mynah.paths import FIRMWARE_DIR
from mynah.virtual.chip import State
from mynah.virtual.truth import CALLS, COMMANDS, MISSING, Verdict, calls_of_firmware
from mynah.virtual.truth.__main__ import PAGE
from mynah.virtual.truth.calls import model_of
from mynah.virtual.truth.commands import ESPTOOL, MPREMOTE
from mynah.virtual.truth.page import markdown

SERVER = Path(__file__).parents[1] / "tools" / "tool_server.py"
WITHOUT_BOARD = {"version", "image-info", "merge-bin", "elf2image", "help", "devs"}
# test_esptool.py runs these both ways.
ELSEWHERE = {
    "flash-id",
    "write-flash",
    "read-flash",
    "erase-region",
    "run",
    "read-mac",
    "verify-flash",
}
NO_STUB = [row for row in COMMANDS if row.rom is not None and row.name not in ELSEWHERE]
CTRL_RIGHT_BRACKET = b"\x1d"
PATIENCE_S = 30


class Tool:
    """A tool that is started once, and runs each command in a process of its own."""

    def __init__(self, name):
        self.process = subprocess.Popen(
            [sys.executable, str(SERVER), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={
                **os.environ,
                "COLUMNS": "200",
                "NO_COLOR": "1",
                "TERM": "dumb",
                "EDITOR": "touch",
            },
        )

    def run(self, *arguments):
        """Exit code and output."""
        self.process.stdin.write(json.dumps(arguments) + "\n")
        self.process.stdin.flush()
        code, text = json.loads(self.process.stdout.readline())
        return code, text.replace("\r\n", "\n")

    def close(self):
        self.process.stdin.close()
        self.process.wait(20)
        self.process.stdout.close()


@pytest.fixture(scope="module")
def tools():
    started = {name: Tool(name) for name in (ESPTOOL, MPREMOTE)}
    yield started
    for tool in started.values():
        tool.close()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """What the rows' words in braces stand for."""
    here = tmp_path_factory.mktemp("truth")
    folder = here / "folder"
    folder.mkdir()
    contents = {
        "data": b"mynah" * 1000,
        "app": virtual_images("v1.29.0")[1],
        "ram": build_image([Segment(0x403C8700, bytes(64))], 0x403C8700),
        "elf": _elf(),
        "script": b"import sys\nprint(sys.platform)\n",
    }
    for name, content in contents.items():
        (here / name).write_bytes(content)
    (folder / "module.py").write_text("print('mounted module')\n")
    web = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(_Quiet, directory=str(folder))
    )
    threading.Thread(target=web.serve_forever, daemon=True).start()
    names = [*contents, "merged", "elf_image", "dump", "read", "copy"]
    yield {
        **{name: str(here / name) for name in names},
        "folder": str(folder),
        "folder_name": "folder",
        "import_module": "import module",
        "url": f"http://127.0.0.1:{web.server_address[1]}/module.py",
    }
    web.shutdown()
    web.server_close()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def _elf():
    """The smallest program for this chip that esptool makes an image of."""
    code, names = bytes(64), b"\0.text\0.shstrtab\0"
    address, start = 0x40374000, 0x54
    sections = [(0, 0, 0, 0, 0, 0), (1, 1, 6, address, start, len(code))]
    sections.append((7, 3, 0, 0, start + len(code), len(names)))
    at = start + len(code) + len(names)
    header = struct.pack("<HHIIIIIHHHHHH", 2, 94, 1, address, 52, at, 0x300, 52, 32, 1, 40, 3, 2)
    program = struct.pack("<8I", 1, start, address, address, len(code), len(code), 5, 4)
    rows = [struct.pack("<10I", *row, 0, 0, 4, 0) for row in sections]
    return b"\x7fELF\1\1\1".ljust(16, b"\0") + header + program + code + names + b"".join(rows)


@pytest.fixture(scope="module")
def board(shared_micropython):
    shared_micropython.console.close()
    return shared_micropython.board


def _arguments(row, files):
    return [word.format(**files) for word in row.arguments.split()]


def _id(row):
    return row.arguments


@pytest.mark.parametrize("row", [row for row in NO_STUB if row.name != "erase-flash"], ids=_id)
def test_esptool_with_the_rom_loader(row, board, tools, files):
    code, text = tools[ESPTOOL].run(
        "--chip", "esp32s3", "--port", board.url, "--no-stub", *_arguments(row, files)
    )
    assert (code, bool(re.search(row.prints, text, re.MULTILINE))) == (row.rom, True), text


@pytest.mark.parametrize("row", [row for row in COMMANDS if row.tool == MPREMOTE], ids=_id)
def test_mpremote(row, board, tools, files, wait_for):
    if row.name == "repl":
        code, text = _typed(board.url)
    else:
        where = [] if row.name in WITHOUT_BOARD else ["connect", board.url]
        code, text = tools[MPREMOTE].run(*where, *_arguments(row, files))
    assert (code, bool(re.search(row.prints, text, re.MULTILINE))) == (row.exit_code, True), text
    if row.name == "bootloader":
        wait_for(lambda: board.state is State.ROM_LOADER)
    elif row.name == "reset":
        wait_for(lambda: board.state is State.RUNNING)


def _typed(url):
    """``mpremote repl`` on a terminal, where Ctrl-] is to end it."""
    return _on_terminal(["-m", "mpremote", "connect", url, "repl"], [(b"to exit this shell", b"")])


def _on_terminal(arguments, dialogue):
    """Exit code and output of a program that, after each text, is given an answer; then Ctrl-]."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, *arguments], stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    text = b""
    with os.fdopen(ours, "r+b", buffering=0) as terminal:
        for wanted, answer in [*dialogue, (b"", CTRL_RIGHT_BRACKET)]:
            while wanted not in text:
                assert select.select([terminal], [], [], PATIENCE_S)[0], text
                text += terminal.read(4096)
            terminal.write(answer)
        with contextlib.suppress(OSError):  # the end of it
            while more := terminal.read(4096):
                text += more
    return process.wait(PATIENCE_S), text.decode()


def test_pyserials_terminal_is_a_prompt(board):
    board.reset()
    code, text = _on_terminal(
        ["-m", "serial.tools.miniterm", board.url, "115200"],
        [(b"---", b"\r\x03\x03\x02"), (b">>> ", b"6 * 7\r"), (b"42", b"")],
    )
    assert code == 0
    assert "--- exit ---" in text


@pytest.mark.parametrize("row", [row for row in COMMANDS if row.tool == ESPTOOL], ids=_id)
def test_esptool_with_its_stub(row, board, tools, files, wait_for):
    where = ["--port", board.url]
    if row.name != "run":  # the others leave their stub to the next one
        where += ["--after", "no-reset-stub"]
        if board.state is State.ROM_LOADER:
            where += ["--before", "no-reset"]
    if row.name in WITHOUT_BOARD:
        where = []
    code, text = tools[ESPTOOL].run("--chip", "esp32s3", *where, *_arguments(row, files))
    assert (code, bool(re.search(row.prints, text, re.MULTILINE))) == (row.exit_code, True), text
    if row.name == "run":
        wait_for(lambda: board.state is State.RUNNING)
    elif row.name == "erase-flash":
        assert board.flash.read(0, 0x20000) == b"\xff" * 0x20000


def test_the_rom_loader_has_no_command_to_erase_everything(board, tools):
    (row,) = [row for row in NO_STUB if row.name == "erase-flash"]
    code, text = tools[ESPTOOL].run("--port", board.url, "--no-stub", row.name)
    assert code == row.rom
    assert "ROM does not support" in text


def _ask(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    return set(json.loads(done.stdout))


def test_every_command_of_esptool_is_in_the_table():
    listed = _ask("import esptool, json; print(json.dumps(list(esptool.cli.commands)))")
    assert {row.name for row in COMMANDS if row.tool == ESPTOOL} == listed


def test_every_command_of_mpremote_is_in_the_table():
    listed = _ask("from mpremote import main; import json; print(json.dumps(list(main._COMMANDS)))")
    names = {row.name for row in COMMANDS if row.tool == MPREMOTE}
    assert listed <= names | {"connect"}
    expansions = _ask(
        "from mpremote import main; import json\n"
        "print(json.dumps(list(main._BUILTIN_COMMAND_EXPANSIONS)))"
    )
    assert names - listed <= expansions
    # The rest are options, and short names of ports, for `connect`.
    assert {name for name in expansions - names if not re.match(r"--|[acu]\d$", name)} == set()


def test_every_call_of_the_firmware_is_in_the_table():
    used = calls_of_firmware(FIRMWARE_DIR)
    assert {"machine.I2S.readinto", "network.WLAN.scan", "time.ticks_ms"} <= set(used)
    assert [name for name in used if model_of(name) is None] == []
    models = [model_of(name) for name in used]
    assert [row.name for row in CALLS if row not in models] == []


def test_what_is_modelled_is_there(micropython):
    """Each name that the firmware uses exists on the virtual board, or the table says that not."""
    names = [name for name in calls_of_firmware(FIRMWARE_DIR) if name != "micropython.asm_xtensa"]
    code = (
        f"import sys\nfor name in {names}:\n"
        "  module, *rest = name.split('.')\n"
        "  try:\n    o = __import__(module)\n    for part in rest: o = getattr(o, part)\n"
        "  except (ImportError, AttributeError): print(name)"
    )
    missing = set(micropython.run(code).split())
    said = {name for name in names if model_of(name).verdict is Verdict.MISSING}
    # What only the compiler knows has no attribute.
    assert missing - {"micropython.viper", "micropython.native"} == said


def test_what_is_said_to_be_missing_is(micropython):
    names = [name for row in MISSING for name in row.names]
    code = (
        f"for name in {names}:\n  module, *rest = name.split('.')\n"
        "  try:\n    o = __import__(module)\n    for part in rest: o = getattr(o, part)\n"
        "    print(name)\n  except (ImportError, AttributeError): pass"
    )
    assert micropython.run(code) == ""


def test_the_page_is_that_of_the_table():
    assert PAGE.read_text(encoding="utf-8") == markdown(), "run: python -m mynah.virtual.truth"


def test_the_command_prints_it():
    page = CliRunner().invoke(cli, ["virtual", "--truth"])
    assert page.exit_code == 0
    assert page.stdout == markdown()
    data = json.loads(CliRunner().invoke(cli, ["virtual", "--truth", "--json"]).stdout)
    assert len(data["commands"]) == len(COMMANDS)
    assert {row["verdict"] for row in data["commands"]} == {"same", "differs", "missing"}
    assert all(row["files"] for row in data["calls"])
    assert data["missing"]
