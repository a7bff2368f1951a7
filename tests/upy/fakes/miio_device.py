"""A miIO device of the home, scripted: properties, faults, packets lost on the way."""

import asyncio
import json

from speaker.miot import codec
from speaker.net import sockets
from speaker.util.streams import readable

TOKEN = "00112233445566778899aabbccddeeff"


class FakeDevice:
    """Answers as a real device: hello, stamps checked, get/set_properties, action, get_prop, set_*.

    `values` maps (siid, piid) or a property's old name to its value. What is to go wrong is set
    as an attribute; `requests` lists what was asked.
    """

    def __init__(self, did=0x1234, token=TOKEN, values=None, stamp=5000):
        self.did = did
        self.codec = codec.Codec(bytes.fromhex(token))
        self.values = values or {}
        self.stamp = stamp
        self.requests = []
        self.hellos = 0
        self.lose = 0  # so many packets of any kind get no answer
        self.lose_replies = 0  # so many requests are done and not answered
        self.errors = []  # error codes of the next requests
        self.deaf = False
        self.twice = False  # every reply comes twice
        self.answer = None  # function(request) -> reply, or None for the usual

    def handle(self, packet):
        """The replies to a packet."""
        if self.deaf:
            return []
        if self.lose:
            self.lose -= 1
            return []
        if codec.is_hello(packet):
            self.hellos += 1
            return [codec.hello_reply(self.did, self.stamp, None)]
        did, stamp = codec.header(packet)
        # A real device drops what is not its own, not signed, or stale.
        if did != self.did or not self.codec.is_signed(packet) or stamp < self.stamp - 60:
            return []
        request = json.loads(self.codec.decrypt(packet))
        self.requests.append(request)
        reply = self.answer(request) if self.answer else self._answer(request)
        if self.lose_replies:
            self.lose_replies -= 1
            return []
        return [self.packet(reply)] * (2 if self.twice else 1)

    def packet(self, reply):
        text = reply if isinstance(reply, bytes) else json.dumps(reply).encode()
        return self.codec.encrypt(self.did, self.stamp, text)

    def _answer(self, request):
        if self.errors:
            return {"id": request["id"], "error": {"code": self.errors.pop(0), "message": "no"}}
        return {"id": request["id"], "result": self._do(request["method"], request["params"])}

    def _do(self, method, params):
        if method == "get_properties":
            return [self._get(dict(item)) for item in params]
        if method == "set_properties":
            return [self._set(dict(item)) for item in params]
        if method == "action":
            return {"code": 0, "out": []}
        if method == "get_prop":
            return [self.values.get(name) for name in params]
        if method.startswith("set_"):
            self.values[method[4:]] = params[0] if params else True
            return ["ok"]
        return method

    def _get(self, item):
        key = (item["siid"], item["piid"])
        item["code"] = 0 if key in self.values else -4003
        if key in self.values:
            item["value"] = self.values[key]
        return item

    def _set(self, item):
        key = (item["siid"], item["piid"])
        item["code"] = 0 if key in self.values else -4003
        self.values[key] = item.pop("value")
        return item


class Network:
    """Carries packets between a client and fake devices at addresses, in no time."""

    def __init__(self):
        self.devices = {}  # (address, port) -> FakeDevice
        self.client = None
        self.sent = []

    def send(self, packet, peer):
        self.sent.append(peer)
        found = [(peer, self.devices[peer])] if peer in self.devices else []
        if peer[0] == "255.255.255.255":
            found = list(self.devices.items())
        for where, device in found:
            for reply in device.handle(packet):
                asyncio.get_event_loop().create_task(self._deliver(reply, where))

    async def _deliver(self, reply, where):
        await asyncio.sleep_ms(0)
        self.client.handle(reply, where)


async def serve(device, address, port):
    """Task: the fake device on a real socket (fakes/udp.py installed)."""
    sock = sockets.socket.socket(sockets.socket.AF_INET, sockets.socket.SOCK_DGRAM)
    sock.setsockopt(sockets.socket.SOL_SOCKET, sockets.socket.SO_REUSEADDR, 1)
    sock.setblocking(False)
    sock.bind(sockets.socket.getaddrinfo(address, port)[0][-1])
    try:
        while True:
            await readable(sock)
            packet, peer = sock.recvfrom(2048)
            for reply in device.handle(packet):
                sock.sendto(reply, peer)
    finally:
        sock.close()
