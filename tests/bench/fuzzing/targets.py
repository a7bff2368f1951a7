"""What is fuzzed: each target takes cases and says of each what became of it."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import subprocess

from fuzzing import reference
from mynah.miio import codec as host_codec
from mynah.paths import FIRMWARE_DIR
from mynah.virtual.micropython import micropython_command

UPY = FIRMWARE_DIR.parent / "tests" / "upy"


class Crash(Exception):
    """A target did what it never may: an exception, a fault in the log, a wrong outcome."""


class HostCodec:
    """The host's codec, in this process."""

    def __init__(self, token):
        self._token = token
        self.heap = None
        self.faults = 0

    def run(self, packets):
        return [[(0, self._read(packet))] for _, packet in packets]

    def _read(self, packet):
        with contextlib.suppress(host_codec.PacketError):
            host_codec.parse_hello(packet)
        try:
            decoded = host_codec.decode(packet, self._token)
        except host_codec.PacketError:
            return b"-"
        return repr((decoded.device_id, decoded.stamp, decoded.payload)).encode()

    def close(self):
        pass


class OnBoard:
    """A function of tests/upy/sim/fuzz.py in MicroPython, over pipes."""

    def __init__(self, call, stderr):
        self._process = subprocess.Popen(
            [
                *micropython_command(),
                "-X",
                "heapsize=32M",
                "-c",
                f"from sim import fuzz; fuzz.{call}",
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            env={
                **os.environ,
                "MICROPYPATH": os.pathsep.join([str(FIRMWARE_DIR), str(UPY), ".frozen"]),
            },
        )
        self._in, self._out = self._process.stdin, self._process.stdout
        self.heap = None
        self.faults = 0

    def ready(self):
        """What the board says when it is ready, after its mark: token and device id."""
        assert self.read(5) == b"READY"
        return self.read(16), struct.unpack("<I", self.read(4))[0]

    def run(self, packets):
        """Outcomes, `(whom, bytes)`, of each `(sender, packet)`."""
        data = b"".join(struct.pack("<BH", who, len(packet)) + packet for who, packet in packets)
        try:
            self._in.write(struct.pack("<H", len(packets)) + data)
            self._in.flush()
        except BrokenPipeError:
            raise Crash("MicroPython has ended") from None
        outcomes = [self._outcomes() for _ in packets]
        self.heap, self.faults = struct.unpack("<IH", self.read(6))
        return outcomes

    def _outcomes(self):
        count = self.read(1)[0]
        found = []
        for _ in range(count):
            whom, size = struct.unpack("<BH", self.read(3))
            found.append((whom, self.read(size)))
        return found

    def read(self, size):
        data = self._out.read(size)
        if len(data) != size:
            raise Crash("MicroPython has ended")
        return data

    def close(self):
        with contextlib.suppress(BrokenPipeError):
            self._in.write(struct.pack("<H", 0))
            self._in.close()
        self._process.wait(10)
        self._out.close()


class OverUdp:
    """A server on a real socket: senders have loopback addresses of their own, four ports each.

    After each batch a hello of a sender of its own is answered: by then everything else is.
    """

    def __init__(self, address, port, senders_at):
        self._to = address, port
        self._senders_at = senders_at
        self._sockets = {}
        self._marker = self._open((f"{senders_at}.250", 0))
        self.heap = None
        self.faults = 0

    def run(self, packets):
        places = []
        for sender, packet in packets:
            self._socket(sender).send(packet)
            places.append(sender)
        self._wait()
        return {sender: self._drain(sender) for sender in set(places)}

    def _socket(self, sender):
        if sender not in self._sockets:
            self._sockets[sender] = self._open((f"{self._senders_at}.{50 + sender // 4}", 0))
        return self._sockets[sender]

    def _open(self, local):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.bind(local)
        sock.connect(self._to)
        sock.settimeout(5)
        return sock

    def _wait(self):
        self._marker.send(reference.HELLO)
        try:
            self._marker.recv(64)
        except TimeoutError:
            raise Crash("the server is silent") from None

    def _drain(self, sender):
        sock = self._sockets[sender]
        found = []
        sock.setblocking(False)
        try:
            while True:
                found.append(sock.recv(4096))
        except BlockingIOError:
            return found
        finally:
            sock.settimeout(5)

    def close(self):
        for sock in [self._marker, *self._sockets.values()]:
            sock.close()
