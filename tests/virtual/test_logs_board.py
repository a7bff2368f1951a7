"""``mynah logs`` on a virtual board: the boot from its first line, a pulled cable, a crash."""

import threading

import pytest

from mynah.cli import cli
from mynah.link.place import Place
from mynah.link.port import open_port
from mynah.logs.follow import follow_lines
from mynah.virtual.board import VirtualBoard
from mynah.virtual.factory import flash_content
from mynah.virtual.wire import Wire


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("MYNAH_CACHE", str(tmp_path / "cache"))


def logs(*arguments):
    cli.main(["logs", *map(str, arguments)], standalone_mode=False)


def test_the_boot_is_there_from_the_roms_first_line_and_explained(micropython, capsys):
    micropython.console.close()
    logs("--port", micropython.board.url, "--reset", "--until", ">>>", "--timeout", 20)
    lines = capsys.readouterr().out.splitlines()
    start = lines.index("ESP-ROM:esp32s3-20210327")
    assert lines[start + 1] == "Build:Mar 27 2021"
    assert lines[start + 2].startswith("rst:0x1 (POWERON)")
    assert lines[start + 3].startswith("    -> power came on")


def test_a_cable_that_is_pulled_and_put_back(micropython, wait_for):
    micropython.console.close()
    board = micropython.board
    said, lines = [], []
    stop = threading.Event()

    def run():
        for found in follow_lines(Place(board.url), talk=said.append, stop=stop):
            lines.extend(found)

    reader = threading.Thread(target=run)
    reader.start()
    try:
        wait_for(lambda: said)  # it has the port
        board.unplug()
        wait_for(lambda: any("vanished" in text for text in said))
        board.replug()
        wait_for(lambda: any("is back" in text for text in said))
        board.reset()
        wait_for(lambda: any(line.startswith("ESP-ROM") for line in lines))
    finally:
        stop.set()
        reader.join()


def test_a_crash_on_the_board_fails_a_script_and_names_the_line(
    micropython, capsys, tmp_path, monkeypatch
):
    source = "def divide(x):\n    return 1 // x\n"
    (tmp_path / "calc.py").write_text(source)
    monkeypatch.chdir(tmp_path)
    micropython.run(f"with open('calc.py', 'w') as f: f.write({source!r})")
    micropython.run("with open('main.py', 'w') as f: f.write('import calc; calc.divide(0)')")
    micropython.console.close()
    with pytest.raises(Exception, match="crashed: ZeroDivisionError"):
        logs("--port", micropython.board.url, "--reset", "--fail-on-crash", "--src", tmp_path)
    assert "    -> calc.py:2: return 1 // x" in capsys.readouterr().out.splitlines()


def test_a_wire_takes_its_time(monkeypatch):
    now, sent = [100.0], []
    monkeypatch.setattr("mynah.virtual.wire.time.monotonic", lambda: now[0])
    monkeypatch.setattr(
        "mynah.virtual.wire.time.sleep", lambda seconds: now.__setitem__(0, now[0] + seconds)
    )
    wire = Wire(sent.append, 115200)
    wire(b"x" * 11520)
    assert now[0] == pytest.approx(101, abs=0.03)
    assert b"".join(sent) == b"x" * 11520
    assert max(map(len, sent)) < 30


def test_a_board_that_sends_at_its_baud_rate_still_sends_all():
    with (
        VirtualBoard(content=flash_content(), uart_baud=2_000_000) as board,
        open_port(board.url) as port,
    ):
        port.write(b"\r\x03")
        seen = b""
        port.write(b"print('x' * 5000, 'end')\r")
        while b"x end\r\n" not in seen:
            seen += port.read(1000)
    assert b"x" * 5000 + b" end\r\n" in seen
