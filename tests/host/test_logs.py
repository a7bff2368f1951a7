"""A board's log: parsing, showing noise safely, following through a pulled cable."""

import json
import os
import subprocess
import sys

import pytest
import serial

from mynah.cli import cli
from mynah.errors import BoardTimeoutError, PortError
from mynah.link import open_port
from mynah.logs import LogRecord, clean, parse
from mynah.logs import follow as following
from mynah.logs.follow import follow
from mynah.logs.lines import LineSplitter


@pytest.mark.parametrize(
    ("line", "record"),
    [
        ("I 12345 wifi: joined home", LogRecord("joined home", "I", 12345, "wifi")),
        ("E 7 app: a: b: c", LogRecord("a: b: c", "E", 7, "app")),
        ("W 1 net.udp: ", LogRecord("", "W", 1, "net.udp")),
        ("rst:0x1 (POWERON),boot:0x8", LogRecord("rst:0x1 (POWERON),boot:0x8")),
        ("E (100) boot: no app", LogRecord("no app", "E", 100, "boot", by_idf=True)),
        ("V (1) wifi: x", LogRecord("x", "V", 1, "wifi", by_idf=True)),
        ("X 1 wifi: no such level", LogRecord("X 1 wifi: no such level")),
        ("Traceback (most recent call last):", LogRecord("Traceback (most recent call last):")),
    ],
)
def test_lines_of_the_logger_are_records_and_all_else_is_raw(line, record):
    assert parse(line) == record
    assert str(parse(line)) == line


def test_what_a_terminal_would_obey_is_taken_out():
    nasty = "a\x1b[31mred\x1b]0;title\x07\x1b(B\x00\x07\x9b2Jb\tc\u202ed"
    assert clean(nasty) == "ared2Jb\tcd"
    assert clean("[bold]not markup[/bold]") == "[bold]not markup[/bold]"


def test_bytes_become_lines_however_they_are_cut():
    data = "I 1 a: é\r\nhalf".encode() + b"\xff\nno end"
    for size in (1, 3, 100):
        splitter = LineSplitter()
        lines = [
            line
            for start in range(0, len(data), size)
            for line in splitter.feed(data[start : start + size])
        ]
        assert lines == ["I 1 a: é", "half\\xff"]
        assert splitter.flush() == ["no end"]
        assert splitter.flush() == []


def test_following_survives_a_port_that_vanishes(serve, monkeypatch):
    monkeypatch.setattr(following, "_REOPEN_S", 0.05)
    server = serve(b"I 1 app: first\r\n", b"I 2 app: second\r\n")
    said = []
    texts = []
    records = follow(server.url, timeout_s=20, talk=said.append)
    for record in records:
        texts.append(record.text)
        if record.text == "second":
            break
        server.hang_up.set()
    records.close()
    assert texts == ["first", "second"]
    said = [text for text in said if "others may use" not in text]
    assert said == [f"{server.url} vanished; waiting for it", f"{server.url} is back"]


def test_a_reset_that_takes_the_port_away_is_done_once(serve, monkeypatch):
    resets = []

    def vanish(port):
        resets.append(port)
        raise serial.SerialException("the chip's own USB is gone")

    monkeypatch.setattr("mynah.link.sharing.reset_board", vanish)
    server = serve(b"I 900 app: before\r\n", b"I 1 app: afterwards\r\n")
    records = follow(server.url, timeout_s=20, reset=True)
    assert next(records).text == "afterwards"
    records.close()
    assert len(resets) == 1


def test_logs_stops_at_the_line_that_it_waits_for(serve, capsys):
    server = serve(b"boot noise \x1b[2J[red]\r\nI 5 app: hidden\r\nW 9 app: ready\r\nI 10 x: y\r\n")
    cli.main(
        ["logs", "--port", server.url, "--level", "W", "--until", "app: rea", "--timeout", "20"],
        standalone_mode=False,
    )
    assert capsys.readouterr().out.splitlines() == ["boot noise [red]", "W 9 app: ready"]


def test_logs_as_json_and_a_line_that_does_not_come_in_time(serve, capsys):
    server = serve(b"I 5 app: hello\r\n")
    command = ["logs", "--port", server.url, "--json", "--until", "never", "--timeout", "1.5"]
    with pytest.raises(BoardTimeoutError, match=r"no line with 'never' in 1\.5 s"):
        cli.main(command, standalone_mode=False)
    (line,) = capsys.readouterr().out.splitlines()
    record = json.loads(line)
    assert record.pop("host_time") > 0
    assert record == {
        "board": server.url,
        "kind": "log",
        "level": "I",
        "ticks_ms": 5,
        "source": "app",
        "text": "hello",
        "notes": [],
    }


def test_a_port_that_is_not_there_is_an_error_at_once():
    with pytest.raises(PortError, match="there is no port"):
        next(follow("/dev/no-such-port"))


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_a_port_that_another_process_holds_names_the_process():
    import pty

    master, slave = pty.openpty()
    device = os.ttyname(slave)
    hold = (
        "import fcntl, sys; f = open(sys.argv[1], 'r+b', 0); fcntl.flock(f, fcntl.LOCK_EX); "
        "print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold, device], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        holder.stdout.readline()
        with pytest.raises(PortError, match=rf"busy: python.* \(process {holder.pid}\) has it"):
            open_port(device)
        holder.stdin.close()
    os.close(master)
    os.close(slave)
