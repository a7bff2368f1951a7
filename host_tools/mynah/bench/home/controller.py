"""The bench's program inside MicroPython: the speaker's controller, asked in lines of JSON.

Everything is the firmware's own but the socket: the unix port hands out packed addresses, the
board's port readable ones. The tasks that keep the devices' state are not started, as python-miio
has none.
"""

PROGRAM = r"""
import asyncio, json, socket, sys, time
import speaker
from speaker.home.home import Home
from speaker.miot import udp
from speaker.miot.server import Later
from speaker.net import sockets
from speaker.util import log
from speaker.util.streams import readable

log.set_level(log.ERROR)

class Socket:
    def __init__(self, family, kind):
        self.inner = socket.socket(family, kind)
        self._peers = {}

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def recvfrom(self, n):
        data, packed = self.inner.recvfrom(n)
        _, address, port = socket.sockaddr(packed)
        return data, ("%d.%d.%d.%d" % tuple(address), port)

    def sendto(self, data, peer):
        if peer not in self._peers:
            self._peers[peer] = socket.getaddrinfo(peer[0], peer[1])[0][-1]
        return self.inner.sendto(data, self._peers[peer])

class Module:
    def __getattr__(self, name):
        return Socket if name == "socket" else getattr(socket, name)

sockets.socket = Module()
udp.readable = lambda sock: readable(sock.inner)

async def sentence(home, n, value):
    text = "turn %s %s" % ("on" if value else "off", "lamp 1" if n == 1 else "all lamps")
    answer = home.methods()["mynah.home.do"]({"text": text}, ("127.0.0.1", 1))
    if isinstance(answer, Later):
        answer = await answer.coroutine
    if not answer["ok"]:
        raise ValueError("%s: %s" % (text, answer))

async def call(home, n, value):
    wanted = [home.devices.find("lamp %d" % (i + 1)) for i in range(n)]
    await asyncio.gather(*[device.write([("on", value)]) for device in wanted])

async def take(home, what, n, value, cold):
    if cold:
        for device in home.devices.all():
            device.remote.set_clock(-1)
    start_us = time.ticks_us()
    await {"sentence": sentence, "call": call}[what](home, n, value)
    return time.ticks_diff(time.ticks_us(), start_us)

async def main():
    with open(sys.argv[1]) as file:
        records = json.load(file)
    words = speaker.__file__.rsplit("/", 2)[0] + "/words"
    home = Home(sys.argv[2] + "/home", words, lambda: True)
    home.devices.loaded = True
    for record in records:
        home.devices.add(record)
    listening = asyncio.create_task(home.listen())
    await asyncio.sleep_ms(10)
    print("ready")
    while True:
        line = sys.stdin.readline()
        if not line:
            return
        request = json.loads(line)
        print(await take(home, **request))

asyncio.run(main())
"""
