"""Time and heap of the secure channel in MicroPython on this computer."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass

from mynah.errors import MynahError
from mynah.miio.noise import PSK_SIZE, Initiator
from mynah.paths import FIRMWARE_DIR
from mynah.virtual.micropython import micropython_command

TEXT_SIZES = (100, 1372)
"""Bytes of JSON: a usual call, and what fills a packet of 1,400 bytes."""

# Runs in MicroPython. Times are of whole calls, and of the longest piece between two turns of other
# tasks; allocations are counted with the collector off.
_RUNNER = """
import asyncio, gc, json, sys, time
from binascii import unhexlify
from speaker.kernels import chacha, x25519
from speaker.miot import noise
from speaker.miot.aead import TAG, Aead
from speaker.miot.channel import Channel
from speaker.miot.session import HEADER, Session
psk, start, takes = unhexlify(sys.argv[1]), unhexlify(sys.argv[2]), int(sys.argv[3])
sizes = json.loads(sys.argv[4])
aead = Aead()

def heap(work):
    gc.collect()
    gc.disable()
    before = gc.mem_alloc()
    made = work()
    allocated = gc.mem_alloc() - before
    gc.enable()
    gc.collect()
    kept = gc.mem_alloc() - before
    return allocated, kept, made

def median(times):
    return sorted(times)[len(times) // 2]

def timed(work):
    times = []
    for _ in range(takes):
        begin = time.ticks_us()
        work()
        times.append(time.ticks_diff(time.ticks_us(), begin))
    return median(times)

shared = noise.SharedKey(psk)
def prove():
    handshake = noise.Responder(shared, b"", aead)
    assert handshake.read(start) == b""
    return handshake
def answer():
    assert asyncio.run(prove().write(b"1234"))
async def longest():
    gaps = []
    done = []
    async def watch():
        last = time.ticks_us()
        while not done:
            await asyncio.sleep_ms(0)
            now = time.ticks_us()
            gaps.append(time.ticks_diff(now, last))
            last = now
    task = asyncio.create_task(watch())
    await asyncio.sleep_ms(0)
    await prove().write(b"1234")
    done.append(True)
    await task
    return max(gaps)
answer()
result = {"backends": [x25519.BACKEND, chacha.BACKEND], "messages": []}
result["proof_us"] = timed(prove)
result["handshake_us"] = timed(answer)
result["longest_us"] = median([asyncio.run(longest()) for _ in range(takes)])
result["handshake_heap"] = heap(answer)[0]
result["channel_heap"] = heap(lambda: Channel(0, None, None, None, None, None))[1]
packet = bytearray(1400)
one, other = Session(aead, b"MY\\1\\5"), Session(aead, b"MY\\1\\5")
keys = [bytes(32), bytes([1] * 32)]
one.open(1, 2, (), None, keys, 0)
other.open(2, 1, (), None, keys[::-1], 0)
for size in sizes:
    text = bytes(size)
    seal = lambda: one.seal(text, packet)
    sealed = bytes(packet[: seal()])
    scratch = bytearray(1400)
    counter = [one._n_sent - 1]
    def take():
        scratch[: size + TAG] = memoryview(sealed)[HEADER:]
        assert other.take(counter[0], scratch, size, 0)
    figures = {"size": size, "seal_us": timed(seal), "open_us": timed(take)}
    figures["seal_heap"], figures["open_heap"] = heap(seal)[0], heap(take)[0]
    result["messages"].append(figures)
print(json.dumps(result))
"""


@dataclass(frozen=True, slots=True)
class Message:
    """Of a text of ``size`` bytes: microseconds and bytes of heap, to seal it and to open it."""

    size: int
    seal_us: int
    open_us: int
    seal_heap: int
    open_heap: int


@dataclass(frozen=True, slots=True)
class Figures:
    """Medians, in microseconds; heap in bytes, of a MicroPython with words of 64 bits."""

    backends: tuple[str, ...]
    """Kinds of the kernels' code: X25519's, ChaCha20's."""
    proof_us: int
    """Reading a first message: what a forged one costs."""
    handshake_us: int
    """A whole handshake, with the proof."""
    longest_us: int
    """How long other tasks wait at most meanwhile."""
    handshake_heap: int
    """Allocated during a handshake; all of it is free afterwards."""
    channel_heap: int
    """What the channel holds from the start, all its sessions included."""
    messages: tuple[Message, ...]


def measure(takes: int) -> Figures:
    """Time handshakes and messages.

    Raises:
        MynahError: MicroPython is missing or failed.
    """
    psk = bytes(range(PSK_SIZE))
    arguments = [psk.hex(), Initiator(psk).write().hex(), str(takes), json.dumps(TEXT_SIZES)]
    done = subprocess.run(
        [*micropython_command(), "-X", "heapsize=4M", "-c", _RUNNER, *arguments],
        capture_output=True,
        env=dict(os.environ, MICROPYPATH=f"{FIRMWARE_DIR}{os.pathsep}.frozen"),
        check=False,
    )
    if done.returncode:
        said = (done.stdout + done.stderr).decode(errors="replace")[-500:]
        raise MynahError(f"the secure channel failed: {said}")
    said = json.loads(done.stdout)
    messages = tuple(Message(**each) for each in said.pop("messages"))
    return Figures(backends=tuple(said.pop("backends")), messages=messages, **said)
