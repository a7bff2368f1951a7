"""Bytes that a serial port may bring: noise, cut characters, escapes, forgeries, secrets."""

import json
import os
import random

import pytest

from mynah.logs.decode import Decoder
from mynah.logs.lines import MAX_LINE, NOISE, LineSplitter
from mynah.logs.secrets import redact
from mynah.logs.show import TextShow, as_json

BOOT = "ESP-ROM:esp32s3-20210327"


def lines_of(data, chunk=1000):
    splitter = LineSplitter()
    found = []
    for start in range(0, len(data), chunk):
        found += splitter.feed(data[start : start + chunk])
    return found + splitter.flush()


def shown(data):
    decoder = Decoder("b")
    entries = [decoder.take(line, 1.0) for line in lines_of(data)]
    return "".join(map(TextShow(["b"], host_time=False), entries)), entries


@pytest.mark.parametrize("chunk", [1, 7, 4096])
def test_noise_is_counted_in_one_line_and_no_text_around_it_is_lost(chunk):
    noise = bytes(random.Random(1).choices([0, 1, 2, 0x80, 0x91, 0xFE, 0xFF], k=5000))
    data = b"before\r\n" + noise + b"\n" + noise + b"\n\0\0" + BOOT.encode() + b"\r\nafter\n"
    found = lines_of(data, chunk)
    assert found[0] == "before"
    assert found[1].startswith(f"{NOISE}10,000 bytes, ")
    assert found[2].replace("\0", "") == BOOT
    assert found[3:] == ["after"]


def test_esptools_packets_do_not_swallow_the_line_behind_them():
    packet = b"\xc0\x01\x0a\x04\x00\x09\x00\x00\x00\x00\x00\x00\x00\xc0"
    found = lines_of(packet * 50 + BOOT.encode() + b"\r\nBuild:Mar 27 2021\r\n")
    assert [line for line in found if not line.startswith(NOISE)] == [BOOT, "Build:Mar 27 2021"]
    assert len(found) == 3


def test_what_raw_paste_mode_adds_is_not_shown():
    """As unmodified mpremote's answers come: R 1, window, flow control, end, output, errors."""
    data = b"raw REPL; CTRL-B to exit\r\n>R\x01\x80\x00\x01\x01\x0442\r\n\x04\x04>"
    found, _ = shown(data)
    assert found == "raw REPL; CTRL-B to exit\n>42\n>\n"


def test_ten_megabytes_without_a_line_end_come_in_pieces():
    size = 10 << 20
    found = lines_of(b"x" * size, 65536)
    assert sum(map(len, found)) == size
    assert max(map(len, found)) <= MAX_LINE
    quiet = lines_of(b"\xaa" * size, 65536)
    assert len(quiet) <= 16
    assert all(line.startswith(NOISE) for line in quiet)


def test_a_long_line_is_not_cut_within_a_character():
    text = "好" * 5000
    assert "".join(lines_of(text.encode())) == text


def test_cut_characters_are_shown_as_bytes_and_the_rest_stays():
    assert lines_of("你好世".encode()[:-1] + b" end\n") == ["你好\\xe4\\xb8 end"]
    assert lines_of("好".encode() * 9 + b"\xe5\xa5\n") == ["好" * 9 + "\\xe5\\xa5"]


@pytest.mark.parametrize(
    "forged",
    [
        "name\rI 1 app: forged",
        "name\u2028I 1 app: forged",
        "name\x85I 1 app: forged",
        "name\x0bI 1 app: forged",
        "name\x1b[2K\x1b[1GI 1 app: forged",
        "name\x1b]0;title\x07\x1bcI 1 app: forged",
        "name\u202eI 1 app: forged",
    ],
)
def test_a_name_cannot_forge_a_second_line(forged):
    text, entries = shown(f"I 9 wifi: joined {forged}\n".encode())
    assert len(entries) == 1
    assert len(text.splitlines()) == 1
    assert text.startswith("I 9 wifi: joined name")
    assert not set(text) & set(map(chr, (0x1B, 0x07, 0x0D, 0x85, 0x2028, 0x202E)))
    assert len(as_json(entries[0]).splitlines()) == 1
    assert json.loads(as_json(entries[0]))["source"] == "wifi"


def test_anything_at_all_can_be_shown(tmp_path):
    data = os.urandom(200_000)
    text, entries = shown(data)
    for character in text:
        assert character in "\n\t" or (
            ord(character) >= 0x20 and not 0x7F <= ord(character) <= 0x9F
        )
    for entry in entries:
        assert json.loads(as_json(entry))["board"] == "b"


TOKEN = "0123456789abcdef0123456789ABCDEF"


@pytest.mark.parametrize(
    ("line", "safe"),
    [
        ('{"ssid": "home", "passwd": "s3cr3t \\"x"}', '{"ssid": "home", "passwd": ***}'),
        ("{'psk': b'geheim', 'n': 1}", "{'psk': ***, 'n': 1}"),
        (f"token={TOKEN}, id=4", "token=***, id=4"),
        ("wifi_password = 'two words'", "wifi_password = ***"),
        ("WLAN().connect('home', 'two words')", "WLAN().connect('home', ***)"),
        ("get http://me:geheim@10.0.0.1/x", "get http://me:***@10.0.0.1/x"),
        (f"paired, {TOKEN.lower()}", "paired, ***"),
        ("API_KEY: 'abc'", "API_KEY: ***"),
    ],
)
def test_secrets_are_not_shown(line, safe):
    assert redact(line) == safe
    text, entries = shown(line.encode() + b"\n")
    assert text == safe + "\n"
    assert "eheim" not in as_json(entries[0])


@pytest.mark.parametrize(
    "line",
    [
        "wrong password: try again",
        "W 4 wifi: the password was refused",
        "SHA-256 " + "0123456789abcdef" * 4,
        "socket.connect(('127.0.0.1', 80))",
        "mpremote connect rfc2217://127.0.0.1:4000",
        "rst:0x1 (POWERON),boot:0x8 (SPI_FAST_FLASH_BOOT)",
    ],
)
def test_what_is_no_secret_stays(line):
    assert redact(line) == line
