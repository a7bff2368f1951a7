"""Read and check `/board.json`: what hangs on which pin of this board."""

import json

from micropython import const

from speaker.util.files import open_file

SAMPLE_RATE_HZ = const(16000)  # of the wake engine; the microphone is clocked to it

_LED_KINDS = ("none", "ws2812", "apa102")
MIC_BUFFER = const(40_000)  # bytes of DMA where the file does not say: 312 ms at 8 bytes a frame
_DEFAULT_AMP_BUFFER = const(3_200)  # bytes of DMA: 100 ms, so that stop is heard at once


def load(path: str) -> dict:
    """The board's facts, checked and with defaults filled in.

    ValueError (it says which key) for a wrong file, OSError when there is none.
    """
    with open_file(path, "r") as file:
        board = json.load(file)
    if not isinstance(board, dict):
        raise ValueError("board: not an object")
    _require(board, "board", ("name", "model"), str)
    for part, buffer in (("mic", MIC_BUFFER), ("amp", _DEFAULT_AMP_BUFFER)):
        _require(board, "board", (part,), dict)
        _require(board[part], part, ("id", "sck", "ws", "sd"), int)
        board[part].setdefault("ibuf", buffer)
        board[part].setdefault("rate", SAMPLE_RATE_HZ)
    if board["mic"]["rate"] != SAMPLE_RATE_HZ:
        raise ValueError("mic.rate: only 16000")
    if board["mic"].setdefault("bits", 32) != 32:
        raise ValueError("mic.bits: only 32")
    shift = board["mic"].setdefault("shift", 16)
    if not isinstance(shift, int) or not 8 <= shift <= 16:
        raise ValueError("mic.shift: 8 to 16")
    board["amp"].setdefault("enable", None)
    led = board.setdefault("led", {"kind": "none"})
    if led.get("kind") not in _LED_KINDS:
        raise ValueError("led.kind: one of " + ", ".join(_LED_KINDS))
    if led["kind"] != "none":
        _require(led, "led", ("pin",), int)
        led.setdefault("count", 1)
    if led["kind"] == "apa102":
        _require(led, "led", ("clock",), int)
    buttons = board.setdefault("buttons", {})
    _require(buttons, "buttons", tuple(buttons), int)
    return board


def _require(values: dict, where: str, keys: tuple, kind: type) -> None:
    for key in keys:
        if not isinstance(values.get(key), kind):
            raise ValueError("%s.%s: missing or of the wrong type" % (where, key))
