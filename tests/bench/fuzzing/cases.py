"""What is sent to a server, by whom, and what is due for it.

Senders are numbers: four ports of one address each. Addresses tell friend from foe, as the server
does: who guesses is slowed, so what must be answered comes from elsewhere.
"""

from fuzzing import mutations, reference, requests
from fuzzing.requests import SILENCE

OWNERS, LOOSE, THIEF, GREETER = (0, 1, 2, 3), (4, 5, 6, 7), 8, 12
STRANGERS = tuple(range(16, 36))
LEARNERS = (OWNERS[0], LOOSE[0], THIEF, GREETER, *STRANGERS[::4])
"""One sender of each address: its hello tells the stamps that are good there."""

PACKETS_A_SECOND = 25
_PROBE = bytes.fromhex("21310020" + "ff" * 12) + b"MDID" + bytes(range(8)) + bytes(4)

GREETING, TOLD_PROBE, SAME = "a hello's answer", "a probe's answer", "the same answer again"

# Called with junk: any answer is right, as long as it is one. Not those that end the session.
_ANY_METHOD = (
    *("miIO.info", "miIO.config_router", "miIO.wifi_assoc_state", "miIO.ota", "miIO.sub"),
    *("miIO.get_ota_progress", "miIO.unsub", "get_properties", "set_properties", "action"),
    *("mynah.privacy", "mynah.home.list", "mynah.home.remove", "mynah.home.add"),
    *("mynah.secure.status", "mynah.secure.prepare", "mynah.secure.on"),
)


class Cases:
    """Makes batches of `(sender, packet, due)`.

    `due` is `requests.Due`, or one of GREETING, TOLD_PROBE and SAME.
    """

    def __init__(self, random, spec, token, did, late=()):
        self._random = random
        self._token, self._did = token, did
        self._requests = requests.Requests(random, spec, did, late)
        self._stamps = {}
        self._sent = 0
        self._stolen = []

    def learn(self, sender, reply):
        """Keep the stamp that a hello's reply tells, good for that sender's address."""
        self._stamps[sender // 4] = reference.header(reply)[4]
        self._sent = 0

    def batch(self, count):
        self._stolen = []
        made = []
        while len(made) < count:
            made += self._some()
        return made

    def _stamp(self, sender):
        """One that is in the window now."""
        return self._stamps[sender // 4] + 1 + self._sent // PACKETS_A_SECOND

    def _seal(self, sender, text, *, stamp=None, **changes):
        stamp = self._stamp(sender) if stamp is None else stamp
        return reference.seal(self._token, self._did, stamp, reference.pad(text), **changes)

    def _some(self):
        random = self._random
        self._sent += 1
        kind = random.randrange(20)
        if kind < 8:
            return self._request()
        if kind < 10:
            return self._loose()
        if kind < 12:
            return self._stale()
        if kind < 14:
            return self._replay()
        if kind == 14:
            return self._greeting()
        if kind == 15:
            return self._guess()
        return self._mutated()

    def _request(self):
        """A request of the owner; now and then the same packet or the same request comes again."""
        random = self._random
        sender = random.choice(OWNERS)
        text, due = self._requests.make()
        if due is requests.MAYBE:
            sender = random.choice(LOOSE)
        packet = self._seal(sender, text)
        if len(packet) > 1400:
            return [(sender, packet, SILENCE)]
        made = [(sender, packet, due)]
        if due is requests.MAYBE or sender not in OWNERS:
            return made
        self._stolen.append((sender, packet))
        again = random.randrange(8)
        if again == 0:
            made.append((sender, packet, SAME if due.id is not None else SILENCE))
        elif again == 1 and due.id is not None:
            later = self._seal(sender, text, stamp=self._stamp(sender) + 1)
            made.append((sender, later, SAME))
        return made

    def _loose(self):
        """Any method with any parameters."""
        random = self._random
        self._requests._number += 1
        number = self._requests._number
        request = {"id": number, "method": random.choice(_ANY_METHOD)}
        request["params"] = self._requests._junk(3)
        sender = random.choice(LOOSE)
        packet = self._seal(sender, requests.dump(request))
        return [(sender, packet, requests.Due(number, loose=True))]

    def _stale(self):
        """Rightly signed, with a header that is not to be taken."""
        random = self._random
        sender = random.choice(OWNERS)
        text, _ = self._requests._get()
        kind = random.randrange(5)
        stamp = self._stamp(sender)
        if kind == 0:
            packet = self._seal(sender, text, stamp=stamp + random.choice((-300, -5000, 300, 9999)))
        elif kind == 1:
            packet = reference.seal(self._token, self._did ^ 1, stamp, reference.pad(text))
        elif kind == 2:
            packet = self._seal(sender, text, length=random.choice((0, 32, 48, 1400, 65535)))
            if reference.header(packet)[1] == len(packet):
                return []
        elif kind == 3:
            packet = self._seal(sender, text, magic=random.choice((0, 0x2132, 0x3121)))
        else:  # wrong padding
            plain = reference.pad(text)
            packet = reference.seal(self._token, self._did, stamp, plain[:-1] + b"\x11")
        return [(sender, packet, SILENCE)]

    def _replay(self):
        """A packet of the owner, from another port or another address."""
        if not self._stolen:
            return []
        sender, packet = self._random.choice(self._stolen)
        thief = self._random.choice((THIEF, THIEF + 1, OWNERS[(sender + 1) % 4]))
        return [(thief, packet, SILENCE)]

    def _greeting(self):
        random = self._random
        sender = GREETER + random.randrange(4)
        kind = random.randrange(4)
        if kind == 0:
            return [(sender, _PROBE, TOLD_PROBE)]
        if kind == 1:
            wrong = bytearray(reference.HELLO)
            wrong[random.randrange(32)] ^= 1 << random.randrange(8)
            return [(sender, bytes(wrong), SILENCE)]
        return [(sender, reference.HELLO, GREETING)]

    def _guess(self):
        random = self._random
        sender = random.choice(STRANGERS)
        text, _ = self._requests._get()
        token = random.randbytes(16)
        packet = reference.seal(token, self._did, self._stamp(sender), reference.pad(text))
        return [(sender, packet, SILENCE)]

    def _mutated(self):
        """Noise, or a packet of the owner's with something changed, from a stranger."""
        random = self._random
        sender = random.choice(STRANGERS)
        if random.randrange(8) == 0 or not self._stolen:
            packet = random.randbytes(random.choice((1, 31, 32, 33, 48, 64, 1400, 1401, 1472)))
        else:
            packet = mutations.mutate(random, random.choice(self._stolen)[1])
        if packet in (b"", reference.HELLO) or packet.startswith(_PROBE[:20]):
            return []
        return [(sender, packet, SILENCE)]
