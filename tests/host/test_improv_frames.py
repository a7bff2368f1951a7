"""Improv's frames on the host: the examples of the facts, noise, and the log readers."""

import random

from mynah.improv import Frame, Splitter, frames
from mynah.logs.lines import LineSplitter

STATE_READY = bytes.fromhex("494d50524f56010101 02e2".replace(" ", ""))
HOME = bytes.fromhex("494d50524f56010311010f04686f6d6509736563726574313233d4")


def test_the_bytes_are_the_protocols():
    assert frames.command(frames.GET_STATE)[:-1] == bytes.fromhex("494d50524f560103020200e5")
    assert frames.command(frames.GET_INFO)[:-1] == bytes.fromhex("494d50524f560103020300e6")
    assert frames.command(frames.SCAN)[:-1] == bytes.fromhex("494d50524f560103020400e7")
    assert frames.wifi(b"home", b"secret123")[:-1] == HOME
    assert frames.encode(frames.STATE, b"\x02")[:-1] == STATE_READY


def test_texts_of_a_result():
    result = Frame(frames.RESULT, b"\x04\x09\x04home\x03-50")
    assert result.texts(frames.SCAN) == [b"home", b"-50"]
    assert result.texts(frames.GET_INFO) is None
    assert Frame(frames.RESULT, b"\x04\x00").texts(frames.SCAN) == []
    assert Frame(frames.STATE, b"\x04\x00").texts(frames.SCAN) is None


def stream(rng):
    """Log lines and frames, some frames damaged: bytes, the good frames, and the lines."""
    data, good, lines = b"", [], []
    for number in range(30):
        kind = rng.randrange(3)
        if kind == 0:
            line = f"I {number} wifi: IMPROV is a word, IMPRO too"
            data += line.encode() + b"\r\n"
            lines.append(line)
        else:
            content = bytes(rng.choices(range(256), k=rng.randrange(40)))
            frame = frames.encode(frames.RESULT, content)
            if kind == 1:
                data += frame
                good.append(Frame(frames.RESULT, content))
    return data, good, lines


def test_frames_and_lines_are_told_apart_wherever_the_stream_is_cut():
    rng = random.Random(7)
    for _ in range(40):
        data, good, lines = stream(rng)
        splitter, line_splitter = Splitter(), LineSplitter()
        found, shown, at = [], [], 0
        while at < len(data):
            part = data[at : at + rng.randrange(1, 30)]
            found += splitter.feed(part)[0]
            shown += line_splitter.feed(part)
            at += len(part)
        assert found == good
        assert [line.rstrip("\r") for line in shown] == lines


def test_a_damaged_frame_is_text_and_the_next_one_is_found():
    damaged = STATE_READY[:-1] + b"\x00\n"
    found, text = Splitter().feed(damaged + b"I 1 app: x\n" + STATE_READY + b"\n")
    assert found == [Frame(frames.STATE, b"\x02")]
    assert text.endswith(b"I 1 app: x\n")
    # One that claims to be longer than it is takes what comes for its data, and gives it back.
    short = frames.PREFIX + b"\x04\x40"
    found, text = Splitter().feed(short + b"I 1 app: x\n" * 6 + STATE_READY + b"\n")
    assert found == [Frame(frames.STATE, b"\x02")]
    assert text.count(b"app: x") == 6
