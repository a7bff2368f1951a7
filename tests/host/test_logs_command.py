"""``mynah logs`` on several boards: filters, files, endings, saved logs."""

import gzip
import json
import re

import pytest

from mynah.cli import cli
from mynah.errors import BenchFileError, BoardError, BoardTimeoutError, PortError, UsageError
from mynah.link.ports import PortInfo
from mynah.logs.decode import Decoder
from mynah.logs.keep import RotatingFile
from mynah.logs.show import TextShow

LOG = """\
ESP-ROM:esp32s3-20210327
D 1 net.udp: opened
I 2 app: ready
W 3 wifi: weak
Traceback (most recent call last):
  File "x.py", line 1, in f
ValueError: bad
E 4 net.tcp: refused
"""


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "saved.log"
    path.write_text(LOG)
    return path


def logs(*arguments):
    return cli.main(["logs", *map(str, arguments)], standalone_mode=False)


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        (["--level", "W"], [0, 3, 4, 5, 6, 7]),
        (["--source", "net.*"], [1, 4, 5, 6, 7]),
        (["--source", "!net.*"], [0, 2, 3, 4, 5, 6]),
        (["--source", "app", "--source", "wifi"], [2, 3, 4, 5, 6]),
        (["--grep", "ready", "--grep", "^E "], [2, 7]),
        (["--hide", "File|Trace", "--level", "E"], [0, 6, 7]),
    ],
)
def test_filters(saved, capsys, options, kept):
    logs("--from", saved, *options)
    lines = LOG.splitlines()
    assert capsys.readouterr().out.splitlines() == [lines[index] for index in kept]


def test_two_boards_at_once_each_with_its_name_and_the_hosts_time(serve, capsys, tmp_path):
    one = serve(b"I 1 app: first\r\nI 5 app: done\r\n")
    two = serve(b"I 7 app: second\r\nI 9 app: done\r\n")
    ports = ["--port", f"kitchen={one.url}", "--port", f"hall={two.url}"]
    logs(*ports, "--until", "done", "--timeout", 20, "--save", tmp_path / "kept")
    out = capsys.readouterr().out
    times = r"\d\d:\d\d:\d\d\.\d\d\d "
    assert all(re.match(times, line) for line in out.splitlines())
    text = re.sub(times, "", out)
    assert sorted(text.splitlines()) == [
        "hall    I 7 app: second",
        "hall    I 9 app: done",
        "kitchen I 1 app: first",
        "kitchen I 5 app: done",
    ]
    kept = (tmp_path / "kept" / "kitchen.log").read_text()
    assert re.sub(times, "", kept) == "I 1 app: first\nI 5 app: done\n"
    assert (tmp_path / "kept" / "hall.log").exists()


def test_the_ending_waits_for_every_board_and_names_those_that_are_late(serve):
    one = serve(b"I 1 app: done\r\n")
    two = serve(b"I 7 app: busy\r\n")
    three = serve(b"I 7 app: busy\r\n")
    ports = [f"--port={name}={port.url}" for name, port in (("a", one), ("b", two), ("c", three))]
    with pytest.raises(BoardTimeoutError, match=r"no line with 'done' from b, c in 2 s"):
        logs(*ports, "--until", "done", "--timeout", 2)


def test_a_script_is_told_of_a_failure_at_once(saved):
    with pytest.raises(BoardError, match="W 3 wifi: weak"):
        logs("--from", saved, "--fail", "weak")
    with pytest.raises(BoardError, match="crashed: ValueError: bad"):
        logs("--from", saved, "--fail-on-crash")
    logs("--from", saved, "--fail-on-crash", "--until", "ready")


def test_a_saved_log_keeps_its_times_and_may_be_compressed(saved, tmp_path, capsys):
    path = tmp_path / "a.log.1.gz"
    text = "12:34:56.789 I 2 app: ready\n    -> an old note\n"
    path.write_bytes(gzip.compress(text.encode()))
    logs("--from", path, "--time")
    assert capsys.readouterr().out == "12:34:56.789 I 2 app: ready\n"
    logs("--from", path, "--json")
    assert json.loads(capsys.readouterr().out)["ticks_ms"] == 2


def test_boards_of_a_bench_file_and_all_that_are_there(serve, tmp_path, capsys, monkeypatch):
    one = serve(b"I 1 app: done\r\n", b"I 1 app: done\r\n")
    bench = tmp_path / "bench.toml"
    bench.write_text(
        f'[[board]]\nname = "kitchen"\nport = "{one.url}"\n\n'
        '[[board]]\nname = "tests"\nport = "virtual"\n'
    )
    logs("--bench", bench, "--until", "done", "--timeout", 20)
    assert capsys.readouterr().out == "I 1 app: done\n"
    with pytest.raises(UsageError, match="tests is a virtual board"):
        logs("--bench", bench, "tests")
    found = [
        PortInfo(one.url, "virtual", "", None, ()),
        PortInfo("/dev/ttyS0", None, "", None, ()),
        PortInfo("/dev/ttyUSB7", "bridge", "", None, ("minicom (process 7)",)),
    ]
    monkeypatch.setattr("mynah.link.ports.find_ports", lambda: found)
    logs("--all", "--until", "done", "--timeout", 20, "--json", "--no-share")
    told = capsys.readouterr()
    assert json.loads(told.out)["board"] == one.url
    assert "/dev/ttyUSB7 is left out: minicom (process 7) has it" in told.err


def test_a_program_that_somebody_stopped_has_not_crashed(tmp_path):
    path = tmp_path / "a.log"
    path.write_text('Traceback (most recent call last):\n  File "x", line 1\nKeyboardInterrupt: \n')
    logs("--from", path, "--fail-on-crash")


def test_what_contradicts_itself_is_a_usage_error(tmp_path, saved):
    bench = tmp_path / "bench.toml"
    bench.write_text('[[board]]\nname = "kitchen"\nserial_number = "no such one"\n')
    for arguments, error, words in (
        (["--grep", "("], UsageError, "--grep '\\(' is no regular expression"),
        (["kitchen"], UsageError, "of which bench file"),
        (["--bench", bench, "hall"], UsageError, "has no board 'hall'; it has: kitchen"),
        (["--bench", bench, "--all"], UsageError, "goes without"),
        (["--bench", tmp_path / "missing"], BenchFileError, "No such file"),
        (["--bench", bench], PortError, "USB serial number no such one"),
        (["--from", saved, "--save", saved], UsageError, "cannot be written"),
    ):
        with pytest.raises(error, match=words):
            logs(*arguments)


def test_full_files_are_renamed_and_the_oldest_goes(tmp_path):
    path = tmp_path / "new" / "b.log"
    with RotatingFile(path, max_size=20, n_old=2) as file:
        for number in range(6):
            file.write(f"line number {number}\n")
    names = sorted(each.name for each in path.parent.iterdir())
    assert names == ["b.log", "b.log.1", "b.log.2"]
    assert [path.with_name(name).read_text() for name in names] == [
        "line number 5\n",
        "line number 4\n",
        "line number 3\n",
    ]
    with RotatingFile(path, max_size=40, n_old=2) as file:  # goes on where it was
        file.write("line number 6\n")
    assert path.read_text() == "line number 5\nline number 6\n"


def test_older_files_are_compressed_and_no_line_is_lost(tmp_path):
    path = tmp_path / "b.log"
    lines = [f"I {n} app: line number {n} 好\n" for n in range(1000)]
    with RotatingFile(path, max_size=5000, n_old=100, compress=True) as file:
        for line in lines:
            file.write(line)
    packed = sorted(tmp_path.glob("b.log.*.gz"), key=lambda each: -int(each.name.split(".")[2]))
    assert len(packed) > 3
    whole = b"".join(gzip.decompress(each.read_bytes()) for each in packed) + path.read_bytes()
    assert whole.decode() == "".join(lines)
    assert not list(tmp_path.glob("*.part"))


def test_one_file_alone_is_begun_anew(tmp_path):
    with RotatingFile(tmp_path / "b.log", max_size=10, n_old=0) as file:
        file.write("aaaaaaaaa\n")
        file.write("b\n")
    assert [each.read_text() for each in tmp_path.iterdir()] == ["b\n"]


def test_colours_mark_what_is_sought_and_end_where_the_line_does():
    show = TextShow(["b"], colour=True, host_time=False, highlight=[re.compile("joi.ed")])
    text = show(Decoder("b").take("W 1 wifi: joined home", 1.0))
    assert "\x1b[7mjoined\x1b[0m\x1b[33m home" in text
    assert text.endswith("\x1b[0m\n")
