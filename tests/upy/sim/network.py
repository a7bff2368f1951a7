"""The simulated network: datagrams that are lost, doubled, late and out of order, and `socket`."""

import io
import random

# What the board's processor needs for a datagram, all told: so a flood can fill the queue.
_COST_US = 2000
_QUEUE = 6  # datagrams that a socket of the board holds: CONFIG_LWIP_UDP_RECVMBOX_SIZE
_MAX_DATAGRAM = 1472  # a frame's worth
_ANY = "0.0.0.0"
_EADDRINUSE, _EHOSTUNREACH, _EAGAIN = 112, 118, 11

GROUP = "224.0.0.251"


class Net:
    """Carries datagrams between the board's sockets and peers, through what the radio allows.

    `radio.way_to(address)` says by which of the board's addresses a peer is reached, or None.
    A peer is a function `(packet, port of the board)`, called for what the board sends to it.
    """

    def __init__(self, clock, seed):
        self._clock = clock
        self._random = random
        random.seed(seed)
        self.radio = None
        self.loss = 0.0
        self.double = 0.0
        self.delay_ms = (2, 40)
        self._sockets = {}  # port -> socket
        self._peers = {}  # (address, port) -> function
        self.sent = 0  # by the board
        self.taken = 0  # by the board
        self.overrun = 0  # packets for a socket whose queue was full

    def add_peer(self, address, port, receive):
        self._peers[(address, port)] = receive

    def remove_peer(self, address, port):
        self._peers.pop((address, port), None)

    def to_board(self, packet, sender, port=54321):
        """A datagram of a peer for the board."""
        for _ in range(self._copies()):
            self._clock.after(self._delay(), self._arrive, packet, sender, port)

    def reset(self):
        """The board's power was cut: its sockets are gone."""
        self._sockets.clear()

    def from_board(self, packet, destination, port):
        if self.radio.way_to(destination[0]) is None:
            raise OSError(_EHOSTUNREACH)
        self.sent += 1
        for _ in range(self._copies()):
            self._clock.after(self._delay(), self._deliver, packet, destination, port)

    def _deliver(self, packet, destination, port):
        if self.radio.way_to(destination[0]) is None:
            return
        receive = self._peers.get(destination)
        if receive is not None:
            receive(packet, port)

    def _arrive(self, packet, sender, port):
        self.put(packet, sender, port)

    def put(self, packet, sender, port):
        """Put a datagram into the queue of the board's socket at once, if it gets through."""
        socket = self._sockets.get(port)
        if socket is None or self.radio.way_to(sender[0]) is None or len(packet) > _MAX_DATAGRAM:
            return
        if not socket.put(packet, sender):
            self.overrun += 1

    def _copies(self):
        if self._random.random() < self.loss:
            return 0
        return 2 if self._random.random() < self.double else 1

    def _delay(self):
        low, high = self.delay_ms
        return low + self._random.random() * (high - low)

    def work(self, us):
        """The board's processor is busy for so long."""
        self._clock.spend(us)

    def open(self, socket, port):
        if port == 0:
            port = 49152
            while port in self._sockets:
                port += 1
        if port in self._sockets:
            raise OSError(_EADDRINUSE)
        self._sockets[port] = socket
        return port

    def close(self, port):
        self._sockets.pop(port, None)


class Socket(io.IOBase):
    """A UDP socket of the board, as ports/esp32/modsocket.c has it: an empty datagram ends it."""

    net = None

    def __init__(self, family=2, kind=2, proto=0):
        if kind != 2:
            raise OSError(93)
        self._port = None
        self._queue = []
        self._ended = False

    def setsockopt(self, *_):
        pass

    def setblocking(self, flag):
        pass

    def settimeout(self, seconds):
        pass

    def bind(self, address):
        self._port = self.net.open(self, address[1])

    def put(self, packet, sender):
        if len(self._queue) >= _QUEUE:
            return False
        self._queue.append((packet, sender))
        return True

    def recvfrom(self, n, flags=0):
        if self._ended:
            return b"", (_ANY, 0)
        if not self._queue:
            raise OSError(_EAGAIN)
        packet, sender = self._queue.pop(0)
        self.net.taken += 1
        self.net.work(_COST_US)
        self._ended = not packet
        return packet[:n], sender

    def sendto(self, packet, destination):
        if self._port is None:
            self._port = self.net.open(self, 0)
        self.net.from_board(bytes(packet), tuple(destination), self._port)
        return len(packet)

    def ioctl(self, request, flags):
        if request == 3:
            ready = 4 | (1 if self._queue or self._ended else 0)
            return flags & ready
        return 0

    def close(self):
        if self._port is not None:
            self.net.close(self._port)
            self._port = None


class SocketModule:
    """The module `socket`."""

    AF_INET, SOCK_DGRAM, SOCK_STREAM = 2, 2, 1
    SOL_SOCKET, SO_REUSEADDR, SO_BROADCAST = 4095, 4, 32
    IPPROTO_IP, IP_ADD_MEMBERSHIP, IPPROTO_UDP = 0, 3, 17
    socket = Socket

    @staticmethod
    def getaddrinfo(host, port, *_):
        return [(2, 2, 0, host, (host, port))]
