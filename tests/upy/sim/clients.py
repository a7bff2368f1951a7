"""Who talks to the board: clients with the habits of real ones, and others that mean no good."""

import json
import random

from speaker.miot import codec

PORT = 54321
HELLO = b"\x21\x31\x00\x20" + b"\xff" * 28
AP_CLIENT = "192.168.4.2"


class Endpoint:
    """One UDP port of a peer; what comes in goes to `receive(packet)`."""

    def __init__(self, world, address, port, receive):
        self._net = world.net
        self.here = (address, port)
        self._receive = receive
        self._net.add_peer(address, port, self._take)

    def send(self, packet):
        self._net.to_board(packet, self.here)

    def close(self):
        self._net.remove_peer(*self.here)

    def _take(self, packet, _port):
        self._receive(packet)


class Client:
    """Calls methods, one at a time: the habits of python-miio's `MiIOProtocol.send`, or of ours.

    python-miio takes a new port for each packet, sends the device's last stamp plus one, waits
    5 s, then says hello again and asks once more with an id 100 higher, three times. `twice` is how
    `mynah.miio.MiioClient` does it: 1.5 s, the very same packet once more, then a hello.
    """

    def __init__(self, world, address, first_port, token, twice=False):
        self._world = world
        self._address = address
        self._first_port = first_port
        self._calls = 0
        self._codec = codec.Codec(token)
        self._twice = twice
        self.timeout_ms = 1500 if twice else 5000
        self._stamp = None
        self._did = 0
        self._number = random.randrange(9999)
        self._attempt = 0
        self._done = None
        self._endpoint = None
        self.last_answered = b""  # the packet
        self.push = None  # function of what comes unasked, a dict
        self.retries = 0
        self.wrong = 0  # replies that are none to what was asked

    @property
    def busy(self):
        return self._done is not None

    def call(self, method, params, done):
        """`done(result)` is called with the reply's JSON, or None when there was none."""
        self._method, self._params, self._done = method, params, done
        self._tries = 4 if not self._twice else 6
        self._packet = b""
        self._send()

    def close(self):
        if self._endpoint is not None:
            self._endpoint.close()
            self._endpoint = None

    def _send(self):
        self._calls += 1
        self._attempt += 1
        if self._endpoint is None or not self._twice:
            self.close()
            port = self._first_port + self._calls % 500
            self._endpoint = Endpoint(self._world, self._address, port, self._take)
        if self._stamp is None:
            self._packet = b""
            for _ in range(1 if self._twice else 3):
                self._endpoint.send(HELLO)
        else:
            self._send_request()
        self._world.clock.after(self.timeout_ms, self._late, self._attempt)

    def _send_request(self):
        if not self._packet:
            self._number = self._number % 9999 + 1
            text = json.dumps({"id": self._number, "method": self._method, "params": self._params})
            self._packet = self._codec.encrypt(self._did, self._stamp + 1, text.encode())
        self._endpoint.send(self._packet)

    def tell(self, message):
        """Send JSON that nobody waits for an answer to, if there is a stamp for it."""
        if self._stamp is None:
            return
        text = json.dumps(message).encode()
        self._endpoint.send(self._codec.encrypt(self._did, self._stamp + 1, text))

    def _take(self, packet):
        if self.push is not None and len(packet) > 32 and self._codec.is_signed(packet):
            message = json.loads(self._codec.decrypt(packet))
            if "method" in message:
                self.push(message)
                return
        if self._done is None:  # it came twice, or after the answer to the repeat
            return
        if len(packet) == 32:
            if self._stamp is None:
                did, self._stamp = packet[8:12], codec.stamp_of(packet)
                self._did = int.from_bytes(did, "big")
                self._send_request()
            return
        if codec.header(packet) is None or not self._codec.is_signed(packet):
            self.wrong += 1
            return
        reply = json.loads(self._codec.decrypt(packet))
        if reply.get("id") != self._number:
            self.wrong += 1
            return
        self._stamp = codec.stamp_of(packet)
        self.last_answered = self._packet
        self._finish(reply)

    def _late(self, attempt):
        if attempt != self._attempt or self._done is None:
            return
        self._tries -= 1
        if not self._tries:
            self._stamp = None
            self._finish(None)
            return
        self.retries += 1
        if not self._twice or self._tries % 2 == 0:  # it takes the stamp for too old
            self._stamp = None
            self._number += 100
        self._send()

    def _finish(self, reply):
        done, self._done = self._done, None
        self._attempt += 1
        if not self._twice:
            self.close()
        done(reply)


class Pairing:
    """Gets the token over the set-up network and hands in a Wi-Fi; `done(token)` at the end."""

    def __init__(self, world, ssid, password, done):
        self._world = world
        self._ssid, self._password = ssid, password
        self._done = done
        self._client = None
        self._endpoint = Endpoint(world, AP_CLIENT, 40000, self._hello)
        self._say_hello()

    def _say_hello(self):
        if self._client is None:
            self._endpoint.send(HELLO)
            self._world.clock.after(1000, self._say_hello)

    def _hello(self, packet):
        if self._client is None:
            token = packet[16:]
            assert token != b"\xff" * 16, "no token on the set-up network"
            self.token = token
            self._client = Client(self._world, AP_CLIENT, 41000, token)
            wifi = {"ssid": self._ssid, "passwd": self._password, "uid": 0}
            self._client.call("miIO.config_router", wifi, self._accepted)

    def _accepted(self, reply):
        assert reply and reply["result"] == ["ok"], reply
        self._ask()

    def _ask(self):
        self._client.call("miIO.wifi_assoc_state", [], self._told)

    def _told(self, reply):
        if reply is None or reply["result"]["state"] == "ONLINE":
            self._endpoint.close()
            self._done(self.token)
        else:
            self._world.clock.after(1000, self._ask)


class Poller:
    """Asks for properties every so often, as home automation does."""

    def __init__(self, world, report, client, every_ms, properties):
        self._world = world
        self._report = report
        self._client = client
        self._every_ms = every_ms
        self._params = [
            {"did": "p%d" % i, "siid": siid, "piid": piid}
            for i, (siid, piid) in enumerate(properties)
        ]
        world.clock.after(random.randrange(every_ms), self._poll)

    def _poll(self):
        self._world.clock.after(self._every_ms, self._poll)
        if not self._client.busy:
            self._asked_us = self._world.clock.now_us
            self._client.call("get_properties", self._params, self._answered)

    def _answered(self, reply):
        if reply is None:
            self._report.unanswered(self._asked_us)
            return
        result = reply.get("result")
        good = isinstance(result, list) and len(result) == len(self._params)
        if good:
            for asked, told in zip(self._params, result):
                good = good and told["code"] == 0 and "value" in told
                good = good and (told["siid"], told["piid"]) == (asked["siid"], asked["piid"])
        self._report.answered(self._asked_us, good, reply)


class Owner:
    """Moves sliders, plays, presses buttons."""

    def __init__(self, world, report, client, every_ms):
        self._world = world
        self._report = report
        self._client = client
        self._every_ms = every_ms
        world.clock.after(every_ms, self._act)

    def _act(self):
        self._world.clock.after(self._every_ms, self._act)
        kind = random.getrandbits(2)
        if kind == 0:
            self._slide(20)
        elif kind == 1:
            self._set(4, 1, bool(random.getrandbits(1)))
        elif kind == 2 and not self._client.busy:
            asked_us = self._world.clock.now_us
            what = {"did": "o", "siid": 3, "aiid": 1, "in": []}
            self._client.call("action", what, lambda reply: self._told(asked_us, reply))
        else:
            self._press()

    def _slide(self, left):
        self._set(2, 1, random.randrange(101))
        if left:
            self._world.clock.after(100, self._slide, left - 1)

    def _set(self, siid, piid, value):
        if not self._client.busy:
            asked_us = self._world.clock.now_us
            what = [{"did": "o", "siid": siid, "piid": piid, "value": value}]
            self._client.call("set_properties", what, lambda reply: self._told(asked_us, reply))

    def _told(self, asked_us, reply):
        if reply is None:
            self._report.unanswered(asked_us)
        else:
            result = reply.get("result")
            told = result[0] if isinstance(result, list) else result or {}
            self._report.answered(asked_us, told.get("code") == 0, reply)

    def _press(self):
        pin = _boot_pin()
        if pin is not None:
            pin.push(0)
            self._world.clock.after(120, pin.push, 1)


def _boot_pin():
    from machine import Pin

    return Pin.made.get(0)


class Silence:
    """Sends what deserves no answer; `report.wrong_answer` is told of every one that comes."""

    def __init__(self, world, report, address, port, what):
        self._report = report
        self._what = what
        self._endpoint = Endpoint(world, address, port, self._take)
        self.sent = 0

    def send(self, packet):
        self.sent += 1
        self._endpoint.send(packet)

    def _take(self, packet):
        self._report.wrong_answer(self._what, packet)


class Guesser(Silence):
    """Tries tokens, with right headers and stamps."""

    def __init__(self, world, report, address, did, every_ms):
        super().__init__(world, report, address, 30000, "a guessed token")
        self._world = world
        self._did = did
        self._every_ms = every_ms
        self._stamps = Endpoint(world, address, 30001, self._hello)
        self._stamp = 0
        self._n = 0
        self._guess()

    def _hello(self, packet):
        self._stamp = codec.stamp_of(packet)

    def _guess(self):
        self._world.clock.after(self._every_ms, self._guess)
        self._n += 1
        if self._n % 30 == 1:
            self._stamps.send(HELLO)
        text = b'{"id":%d,"method":"miIO.info","params":[]}' % self._n
        self.send(codec.Codec(_noise(16)).encrypt(self._did, self._stamp + 1, text))


class Thief(Silence):
    """Sends again what a client sent and the board took, from elsewhere and later."""

    def __init__(self, world, report, address, client, every_ms):
        super().__init__(world, report, address, 31000, "a replay")
        self._world = world
        self._client = client
        self._every_ms = every_ms
        world.clock.after(every_ms, self._steal)

    def _steal(self):
        self._world.clock.after(self._every_ms, self._steal)
        packet = self._client.last_answered
        if packet:
            for delay_ms in (500, 20_000, 200_000):
                self._world.clock.after(delay_ms, self.send, packet)


class Flooder:
    """Hundreds of datagrams in a second: hellos, noise, empty and oversize ones, cut packets."""

    def __init__(self, world, address, did, every_ms, n=600):
        self._world = world
        self._did = did
        self._every_ms = every_ms
        self._n = n
        self._endpoint = Endpoint(world, address, 32000, self._take)
        self.sent = 0
        self.answers = 0
        world.clock.after(every_ms, self._flood)

    def _take(self, _packet):
        self.answers += 1

    def _flood(self):
        self._world.clock.after(self._every_ms, self._flood)
        for i in range(self._n):
            self._world.clock.after(1000 * i / self._n, self._send)

    def _send(self):
        self.sent += 1
        kind = random.getrandbits(3)
        if kind < 3:
            packet = HELLO
        elif kind == 3:
            packet = _noise(random.randrange(1, 1400))
        elif kind == 4:
            packet = _noise(1472)
        elif kind == 5:
            packet = HELLO[: random.randrange(32)]  # empty ones among them
        else:
            packet = codec.Codec(bytes(16)).encrypt(self._did, 1, _noise(600))
        self._endpoint.send(packet)


class Subscriber:
    """Is told of changes, and must know the volume as it is, once it has been at rest."""

    _EVERY_MS = 60_000
    _REST_US = 40_000_000

    def __init__(self, world, report, client):
        self._world, self._report, self._client = world, report, client
        client.push = self._pushed
        self._volume = None
        self._since_us = self._subscribed_us = 0
        self._seen = None
        self.pushes = 0
        world.clock.after(5000, self._subscribe)
        world.clock.after(1000, self._look)

    def _subscribe(self):
        self._world.clock.after(self._EVERY_MS, self._subscribe)
        if not self._client.busy:
            params = {"did": "77", "update_ts": 1, "sub_method": "."}
            self._client.call("miIO.sub", params, self._subscribed)

    def _subscribed(self, reply):
        if reply is None or "result" not in reply:
            self._volume = None
        else:  # what changed before is not told
            self._volume = self._now()
            self._subscribed_us = self._world.clock.now_us

    def _now(self):
        return self._world.speaker.store.get("volume") if self._world.speaker else None

    def _pushed(self, message):
        self.pushes += 1
        self._client.tell({"id": message["id"], "result": {"code": 0}})
        if message["method"] == "properties_changed":
            for item in message["params"]:
                if (item["siid"], item["piid"]) == (2, 1):
                    self._volume = item["value"]

    def _look(self):
        """Every second: has what it was told been wrong for too long?"""
        clock = self._world.clock
        clock.after(1000, self._look)
        now = self._now()
        if now != self._seen:
            self._seen, self._since_us = now, clock.now_us
        rest_us = max(self._since_us, self._subscribed_us, self._report.disturbed_us)
        if self._volume is None or clock.now_us < rest_us + self._REST_US:
            return
        if self._volume != now and not self._report.is_disturbed():
            self._report.violation("a subscriber was told %s, it is %s" % (self._volume, now))
            self._volume = now


class Lamp:
    """A lamp of the home that is switched by its wall switch now and then, and then is off."""

    ADDRESS, TOKEN, DID = "192.168.1.30", "0123456789abcdef" * 2, 4711

    def __init__(self, world):
        from fakes.miio_device import FakeDevice

        self._world = world
        self.device = FakeDevice(self.DID, self.TOKEN, {(2, 1): False})
        self.since_us = 0
        world.net.add_peer(self.ADDRESS, PORT, self._take)
        world.clock.after(3_600_000, self._switch, True)

    @property
    def is_on(self):
        return self.device.values[2, 1]

    def _take(self, packet, port):
        for reply in self.device.handle(packet):
            self._world.net.to_board(reply, (self.ADDRESS, PORT), port)
        del self.device.requests[:]

    def _switch(self, off):
        self.device.deaf = off
        self.since_us = self._world.clock.now_us
        self._world.clock.after(600_000 if off else 3_600_000, self._switch, not off)

    def record(self):
        return {
            "name": "ceiling lamp",
            "room": "kitchen",
            "type": "lamp",
            "model": "test.light",
            "address": self.ADDRESS,
            "did": self.DID,
            "token": self.TOKEN,
            "roles": {"on": {"p": [2, 1], "f": "bool"}},
        }


class Resident:
    """Says to the speaker what the lamp shall do."""

    _EVERY_MS = 240_000
    _TIMEOUT_MS = 8000  # as `mynah home do` waits: a device that is off is asked more than once
    _KNOWN_US = 180_000_000  # until it must have noticed that the lamp is there again

    def __init__(self, world, report, client, lamp):
        self._world, self._report, self._client, self._lamp = world, report, client, lamp
        self._on = False
        self.done = self.refused = 0
        client.timeout_ms = self._TIMEOUT_MS
        client.call("mynah.home.add", lamp.record(), self._added)

    def _added(self, reply):
        if reply is None or reply.get("result") != ["ok"]:
            self._report.violation("the lamp was not added: %s" % reply)
        self._world.clock.after(self._EVERY_MS, self._say)

    def _say(self):
        self._world.clock.after(self._EVERY_MS, self._say)
        if self._client.busy:
            return
        self._on = not self._on
        text = "turn %s the kitchen lamp" % ("on" if self._on else "off")
        asked_us = self._world.clock.now_us
        self._client.call(
            "mynah.home.do", {"text": text}, lambda reply: self._told(asked_us, reply)
        )

    def _told(self, asked_us, reply):
        if reply is None:
            self._report.unanswered(asked_us)
            return
        result = reply.get("result", {})
        if result.get("ok"):
            self.done += 1
            self._report.answered(asked_us, self._lamp.is_on == self._on, reply)
            return
        self.refused += 1
        rest_us = max(self._lamp.since_us, self._report.disturbed_us) + self._KNOWN_US
        is_at_fault = not self._lamp.device.deaf and asked_us > rest_us
        self._report.answered(asked_us, not is_at_fault, reply)


class Browser:
    """Looks for the speaker by mDNS, up to five times, every two minutes."""

    _QUERY = bytes(4) + b"\x00\x01" + bytes(6) + b"\x05_miio\x04_udp\x05local\x00\x00\x0c\x00\x01"
    _ADDRESS = ("192.168.1.95", 5353)

    def __init__(self, world, report):
        self._world, self._report = world, report
        self.found = 0
        self._left = 0
        world.net.add_peer("224.0.0.251", 5353, self._take)
        world.clock.after(10_000, self._begin)

    def _begin(self):
        self._world.clock.after(120_000, self._begin)
        self._left = 5
        self._asked_us = self._world.clock.now_us
        self._ask()

    def _ask(self):
        if not self._left:
            return
        self._left -= 1
        if not self._left:
            self._report.unanswered(self._asked_us)
            return
        self._world.net.to_board(self._QUERY, self._ADDRESS, 5353)
        self._world.clock.after(2000, self._ask)

    def _take(self, packet, _port):
        if self._left and packet[2] & 0x80 and b"_miio" in packet:
            self._left = 0
            self.found += 1
            self._report.answered(self._asked_us, True, None)


def _noise(count):
    return bytes([random.getrandbits(8) for _ in range(count)])
