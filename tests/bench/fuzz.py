"""Packets that nobody should send: ``python tests/bench/fuzz.py --packets 1000000 --seed 1``.

Targets, and how many packets each gets:

  codec-host    all        mynah.miio.codec, in this process
  codec-board   all        speaker.miot.codec, in real MicroPython
  server        a tenth    the whole firmware in a simulated world (tests/upy/sim)
  udp           a tenth    its miIO server in a process, over real UDP
  channel       a tenth    the secure channel of the whole firmware, around a good session
  mdns          a tenth    its mDNS responder
  console       a hundredth    its serial console: Improv frames, commands and noise

Packets are made from good ones: bits, fields and lengths changed, cut, doubled, signed again with
the right token around wrong padding or hostile JSON, replayed, stale, from other addresses. An
oracle that knows the protocol's description and the MIoT spec file, but not the server, says what
is due: silence, or a reply and what is in it. The codecs are compared with a third one. It stops,
with exit code 1, at an exception, a fault in the log, a wrong or missing answer, a heap that grew.

The same seed makes the same packets. Work is done in parts, each from a seed of its own: a failure
names its part, `--start` goes on from there, `--state FILE` remembers how far each target is.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "host"))  # where the server's process is

from fuzzing import cases, doors, judge, mutations, reference, targets
from fuzzing.targets import Crash
from mynah.errors import BoardError
from mynah.miio import MiioClient
from mynah.paths import FIRMWARE_DIR

PART = 10_000
"""Packets from one seed."""
HEAP_GROWTH = 4096
"""Bytes that the heap may differ by after the first part's first tenth."""
TOKENS = (bytes.fromhex("00112233445566778899aabbccddeeff"), bytes(16), b"abcdefghijklmnop")
DID = 0x12345678
LATE = {(5, 5)}
"""Actions that are answered in their own time."""


class Codecs:
    """Random and mutated packets for a codec; `expected(packet)` says what it must make of one."""

    batch = 500

    def __init__(self, target, expected):
        self._target = target
        self._expected = expected
        self.heap, self.faults = None, 0
        self.outcomes = 0

    def part(self, chance, count):
        for start in range(0, count, self.batch):
            packets = [self._packet(chance) for _ in range(min(self.batch, count - start))]
            found = self._target.run([(0, packet) for packet in packets])
            self.heap = self._target.heap
            for packet, outcome in zip(packets, found, strict=True):
                wanted = self._expected(packet)
                if outcome != [(0, wanted)]:
                    raise Crash(f"{packet.hex()}\nwas read as {outcome}\nand not as {wanted!r}")
                self.outcomes += wanted[:1] == b"T" or wanted[:1] == b"("

    def _packet(self, chance):
        kind = chance.randrange(8)
        if kind == 0:
            packet = reference.HELLO
        elif kind == 1:
            return mutations.packet(chance, TOKENS[0], DID, chance.getrandbits(32))
        else:
            packet = mutations.packet(chance, chance.choice(TOKENS), DID, 1500)
        if kind in (2, 3):
            return packet
        packet = mutations.mutate(chance, packet)
        if kind == 4 and len(packet) > 32:  # signed again
            packet = reference.sign(TOKENS[0], packet[:16], packet[32:])
        return packet

    def close(self):
        self._target.close()

    def figures(self):
        return f"{self.outcomes} held a text"


def board_reads(packet):
    """What the firmware's codec must say; see tests/upy/sim/fuzz.py."""
    if packet == reference.HELLO:
        return b"H"
    head = reference.header(packet)
    if not head or not 32 < len(packet) <= 1400 or len(packet) % 16:
        return b"L"
    if head[:2] != (reference.MAGIC, len(packet)):
        return b"L"
    if not reference.is_signed(packet, TOKENS[0]):
        return b"C"
    text = reference.text_of(packet, TOKENS[0])
    return b"P" if text is None else b"T" + text


def host_reads(packet):
    """What the host's codec must say: the repr of id, stamp and payload, or b"-"."""
    head = reference.header(packet)
    good = head and head[:2] == (reference.MAGIC, len(packet))
    if not good or not reference.is_signed(packet, TOKENS[0]):
        return b"-"
    text = reference.text_of(packet, TOKENS[0])
    if text is None:
        return b"-"
    try:
        return repr((head[3], head[4], json.loads(text.decode()))).encode()
    except (ValueError, RecursionError):
        return b"-"


class Servers:
    """Batches of cases for a server, judged."""

    def __init__(self, target, token, did, batch):
        self._target = target
        self._token, self._did = token, did
        self._batch = batch
        self._spec = _spec()
        self.judge = judge.Judge(token, did)
        self.heap, self.faults = None, 0

    def part(self, chance, count):
        made = cases.Cases(chance, self._spec, self._token, self._did, LATE)
        while count > 0:
            for sender in cases.LEARNERS:
                replies = self._run([(sender, reference.HELLO)])[sender]
                if len(replies) != 1:
                    raise Crash(f"a hello of sender {sender} got {len(replies)} answers")
                made.learn(sender, replies[0])
            batch = made.batch(min(self._batch, count))
            count -= len(batch) + len(cases.LEARNERS)
            self.judge.batch(batch, self._run([(who, packet) for who, packet, _ in batch]))

    def _run(self, packets):
        """The replies by sender, whatever the target's way of telling is."""
        found = self._target.run(packets)
        self.heap, self.faults = self._target.heap, self._target.faults
        if isinstance(found, dict):
            return found
        replies = {}
        for outcomes in found:
            for whom, reply in outcomes:
                replies.setdefault(whom, []).append(reply)
        return {
            sender: replies.get(sender, []) for sender in {who for who, _ in packets} | set(replies)
        }

    def close(self):
        self._target.close()

    def figures(self):
        return f"{self.judge.answers} answers and {self.judge.silences} silences, as due"


class Udp(Servers):
    """The same for a process of its own, whose heap is asked for."""

    def __init__(self, folder):
        from loopback import addresses
        from miot_process import Board

        self._addresses = addresses(1)
        (address,) = self._addresses.__enter__()
        self._board = Board(address, "owned", folder, "counted")
        self._load(address)
        # Of the server's own address, which nobody else has, so that no other test is met.
        senders = "127.1" + address.removeprefix("127.").rpartition(".")[0]
        super().__init__(targets.OverUdp(address, 54321, senders), TOKENS[0], DID, 32)

    @staticmethod
    def _load(address):
        """Use every part once: from then on its methods are answered at once, as the others."""
        with MiioClient(address, TOKENS[0]) as client:
            for method in ("miIO.unsub", "mynah.secure.status", "mynah.home.list"):
                with contextlib.suppress(BoardError):
                    client.call(method)
            client.call("miIO.wifi_assoc_state")

    def part(self, chance, count):
        super().part(chance, count)
        self.heap = self._ask_heap()
        if "Traceback" in self._board.log:
            raise Crash(self._board.log[-3000:])

    def _ask_heap(self):
        (hello,) = self._run([(cases.LEARNERS[0], reference.HELLO)])[cases.LEARNERS[0]]
        stamp = reference.header(hello)[4] + 1
        text = reference.pad(b'{"id":1,"method":"test.heap"}')
        packet = reference.seal(self._token, self._did, stamp, text)
        (reply,) = self._run([(0, packet)])[0]
        return json.loads(reference.text_of(reply, self._token))["result"]

    def close(self):
        super().close()
        self._board.close()
        self._addresses.__exit__(None, None, None)


def make(name, folder, log):
    """The target of that name."""
    if name == "codec-host":
        return Codecs(targets.HostCodec(TOKENS[0]), host_reads)
    if name == "codec-board":
        return Codecs(targets.OnBoard(f"codecs({TOKENS[0]!r})", log), board_reads)
    if name == "udp":
        return Udp(folder)
    door, packet_ms, settle_ms = {
        "server": ("miio", 1000 // cases.PACKETS_A_SECOND, 1),
        "channel": ("miio", 1000 // cases.PACKETS_A_SECOND, 20),
        "mdns": ("mdns", 20, 1500),
        "console": ("console", 20, 700),
    }[name]
    board = targets.OnBoard(f"session(1, {door!r}, {packet_ms}, {settle_ms})", log)
    token, did = board.ready()
    if name == "server":
        return Servers(board, token, did, 200)
    if name == "channel":
        return doors.Channel(board, token, _spec(), did, LATE)
    return doors.Mdns(board) if name == "mdns" else doors.Console(board)


def _spec():
    return json.loads((FIRMWARE_DIR / "spec" / "mynah-speaker.json").read_text())


SHARES = {
    "codec-host": 1,
    "codec-board": 1,
    "server": 10,
    "udp": 10,
    "channel": 10,
    "mdns": 10,
    "console": 100,
}


def fuzz(name, packets, seed, start, progress):
    """Give a target its packets, from the part `start` on; the figures. Raises Crash."""
    n_parts = -(-packets // PART)
    first = None
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "stderr").open("w+b") as log:
        target = make(name, Path(folder), log)
        part = start
        try:
            for part in range(start, n_parts):
                count = min(PART, packets - part * PART)
                target.part(random.Random(f"{seed}/{name}/{part}"), count)
                if target.faults:
                    raise Crash(f"{target.faults} faults in the log")
                if target.heap is not None:
                    first = target.heap if first is None else first
                    if target.heap - first > HEAP_GROWTH:
                        raise Crash(f"the heap grew from {first} to {target.heap} bytes")
                progress(part + 1, n_parts)
        except Crash as crash:
            target.close()
            log.seek(0)
            said = log.read().decode(errors="replace")[-3000:]
            again = f"--target {name} --packets {packets} --seed {seed} --start {part}"
            raise Crash(f"{name}, part {part} (again: {again}):\n{crash}\n{said}") from None
        target.close()
    heap = "" if first is None else f"; heap {first} bytes, {target.heap - first:+d} at the end"
    return f"{packets} packets, {target.figures()}{heap}"


def main():
    """Fuzz the targets that are asked for; the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--packets", type=int, default=100_000, help="for each codec (100000)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--target", choices=SHARES, action="append", help="only this one; repeatable"
    )
    parser.add_argument("--start", type=int, default=0, metavar="PART", help="go on from this part")
    parser.add_argument("--state", type=Path, help="file that remembers how far each target is")
    options = parser.parse_args()
    state = (
        json.loads(options.state.read_text()) if options.state and options.state.exists() else {}
    )
    for name in options.target or SHARES:
        packets = options.packets // SHARES[name]
        key = f"{name} {packets} {options.seed}"
        began = time.monotonic()

        def progress(done, of, name=name, key=key):
            state[key] = done
            if options.state:
                options.state.write_text(json.dumps(state))
            if sys.stderr.isatty():
                print(f"\r{name}: {done} of {of} parts ", end="", file=sys.stderr)

        try:
            figures = fuzz(
                name, packets, options.seed, options.start or state.get(key, 0), progress
            )
        except Crash as crash:
            print(f"\nFOUND: {crash}")
            return 1
        if sys.stderr.isatty():
            print("\r", end="", file=sys.stderr)
        print(f"{name}: {figures}; {time.monotonic() - began:.0f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
