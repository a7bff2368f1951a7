"""Sound on the board without its firmware: MicroPython's I2S on the pins of the board file.

So the measures are of microphone and amplifier, and any firmware may be on the board.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING

import numpy as np

from mynah.errors import UsageError
from mynah.hil.parts import MissingPartError
from mynah.link.repl import ReplError

if TYPE_CHECKING:
    from mynah.boards import Board
    from mynah.hil.repl import BoardRepl
    from mynah.hil.sound import Floats

RATE_HZ = 16000

_CHUNK = 3072
_IBUF = 40_000  # more than a second: nothing is lost while the board does something else

_PROGRAM = """
import array, binascii, gc, machine, time

def port(pins, mode, bits, ibuf):
    return machine.I2S(pins["id"], sck=machine.Pin(pins["sck"]), ws=machine.Pin(pins["ws"]),
        sd=machine.Pin(pins["sd"]), mode=mode, bits=bits, format=machine.I2S.MONO,
        rate=%d, ibuf=ibuf)

def amplifier(pins, on):
    if pins["enable"] is not None:
        machine.Pin(pins["enable"], machine.Pin.OUT, value=on)

def play(pins, data):
    out = port(pins, machine.I2S.TX, 16, %d)
    amplifier(pins, 1)
    out.write(data)
    time.sleep_ms(%d)
    amplifier(pins, 0)
    out.deinit()

def listen(pins, skip, n):
    global heard
    heard = None
    gc.collect()
    slots = array.array("i", bytes(4 * n))
    start = array.array("i", bytes(4 * 1600))
    into = port(pins, machine.I2S.RX, 32, %d)
    for _ in range(skip // 1600):
        into.readinto(start)
    into.readinto(slots)
    into.deinit()
    heard = slots

def hear_oneself(amp, mic, n_quiet, n):
    global heard
    gc.collect()
    slots = array.array("i", bytes(4 * (n_quiet + n)))
    view = memoryview(slots)
    into = port(mic, machine.I2S.RX, 32, %d)
    into.readinto(view[:6400])
    out = port(amp, machine.I2S.TX, 16, 4000)
    amplifier(amp, 1)
    into.readinto(view[:n_quiet])
    out.irq(nothing)  # from now on it plays in the background
    out.write(sound)
    into.readinto(view[n_quiet:])
    amplifier(amp, 0)
    out.deinit()
    into.deinit()
    heard = slots

def nothing(_):
    pass

def to_16_bits():
    global heard
    samples = array.array("h", bytes(2 * len(heard)))
    for i in range(len(heard)):
        samples[i] = heard[i] >> 16
    heard = samples

def tell(size):
    # memoryview(heard) would count items, not bytes, and differ between ports
    import uctypes
    data = uctypes.bytearray_at(uctypes.addressof(heard), size)
    for i in range(0, size, %d):
        print(str(binascii.b2a_base64(data[i : i + %d]), "ascii"), end="")
"""


class BoardSound:
    """The microphone and the amplifier of a board whose firmware is stopped.

    Args:
        repl: its raw REPL.
        board: its board file.

    Raises:
        MissingPartError: the board has not got the memory; so do the other methods.
    """

    def __init__(self, repl: BoardRepl, board: Board) -> None:
        self._repl = repl
        pins = json.loads(board.device_json())
        self._mic, self._amp = pins["mic"], pins["amp"]
        drain_ms = _IBUF * 1000 // (2 * RATE_HZ) + 200
        self._run(_PROGRAM % (RATE_HZ, _IBUF, drain_ms, _IBUF, _IBUF, _CHUNK, _CHUNK))

    def send(self, samples: Floats) -> None:
        """Bring samples (-1 to 1) into the board's memory, for `play`."""
        data = np.rint(np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()
        self._run(f"gc.collect(); sound = bytearray({len(data)})")
        for i in range(0, len(data), _CHUNK):
            text = base64.b64encode(data[i : i + _CHUNK]).decode()
            self._run(f"sound[{i}:{i + _CHUNK}] = binascii.a2b_base64({text!r})")

    def play(self, seconds: float) -> None:
        """Play what was sent, which is so long; returns when it is over."""
        self._run(f"play({self._amp!r}, sound)", timeout_s=seconds + 20)

    def listen(self, seconds: float, *, skip_s: float = 0.4) -> None:
        """Record, after as much as the microphone takes to wake up; `heard` brings it here."""
        n, skip = round(seconds * RATE_HZ), round(skip_s * RATE_HZ)
        self._run(f"listen({self._mic!r}, {skip}, {n})", timeout_s=seconds + skip_s + 20)

    def hear_oneself(self, quiet_s: float, seconds: float) -> None:
        """Record a quiet room, then what was sent while the board plays it; see `heard`."""
        n_quiet, n = round(quiet_s * RATE_HZ), round(seconds * RATE_HZ)
        code = f"hear_oneself({self._amp!r}, {self._mic!r}, {n_quiet}, {n})"
        self._run(code, timeout_s=quiet_s + seconds + 20)

    def heard(self, *, bits: int = 16) -> Floats:
        """What was recorded, from -1 to 1 of the microphone's full scale.

        Args:
            bits: 32 brings everything that the microphone gave, in twice the time.
        """
        if bits not in {16, 32}:
            raise UsageError(f"samples have 16 or 32 bits, not {bits}")
        if bits == 16:
            self._run("to_16_bits()", timeout_s=60)
        size = bits // 8
        text = self._run(f"tell({size} * len(heard))", timeout_s=60)
        data = b"".join(base64.b64decode(line) for line in text.split())
        samples = np.frombuffer(data, "<i2" if bits == 16 else "<i4").astype(np.float64)
        result: Floats = samples / 2.0 ** (bits - 1)
        return result

    def _run(self, code: str, *, timeout_s: float = 10.0) -> str:
        try:
            return self._repl.run(code, timeout_s=timeout_s)
        except ReplError as error:
            if error.exception.startswith("MemoryError"):
                raise MissingPartError("the board has no memory for that much sound") from None
            raise
