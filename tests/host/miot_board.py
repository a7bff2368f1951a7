"""Runs inside MicroPython: the speaker's miIO side on a loopback address, without hardware.

Arguments: address; `new`, `owned` or `kept` (whatever the settings say); a folder for them; and
perhaps `counted`: the clock of the stamps goes by packets, 25 a second, and the method `test.heap`
tells the heap in use; `did=` with a device id of the test's own; and `holes=`: from then on the
heap has no free place of more bytes. The firmware's own files do
everything but the radio, the amplifier and the socket's address format (the unix port hands out
packed addresses).
"""

# ruff: noqa: E402 - the stand-ins come before what imports them
import asyncio
import gc
import sys

sys.modules["network"] = type("network", (), {"STAT_IDLE": 1000, "STAT_CONNECTING": 1001})
sys.modules["_thread"] = type("_thread", (), {})

from fakes import udp as udp_fake

import speaker
from speaker.app import stand_ins
from speaker.app.bindings import make_spec
from speaker.app.device import Device
from speaker.app.house import House
from speaker.app.secure_door import SecureDoor
from speaker.app.settings import Settings
from speaker.app.stand_ins import add_methods, steps
from speaker.app.state import Store
from speaker.app.wallclock import WallClock
from speaker.app.words import Words
from speaker.miot import udp
from speaker.miot.server import Server
from speaker.net import credentials, wifi
from speaker.net.provisioning import Provisioning
from speaker.util import log
from speaker.util.clock import Uptime
from speaker.util.late import Late
from speaker.util.storage import TwoCopies
from speaker.util.supervise import Supervisor

ADDRESS, OWNER, FOLDER = sys.argv[1:4]
IS_COUNTED = "counted" in sys.argv[4:]
NETWORKS = {"home": "secret123", "caf\u00e9 \U0001f600": 'pass word "x"', "open": ""}
DID = 0x12345678
for argument in sys.argv[4:]:
    if argument.startswith("did="):
        DID = int(argument[4:])
HOLES = 0
for argument in sys.argv[4:]:
    if argument.startswith("holes="):
        HOLES = int(argument[6:])
WORDS = speaker.__file__.rsplit("/", 2)[0] + "/words"


class Model:
    cutoff, window = 229, 5


class Word:
    """A model's settings, without a model."""

    name, wake_word, kind, model, enabled = "alexa", "Alexa", "wake", Model, True
    cutoff, window = 229, 5


class Engine:
    words, vads = [Word()], []


class Radio:
    def __init__(self):
        self.ssid = b""
        self.address = ADDRESS
        self.open = False
        self.aborted = False

    def is_joined(self):
        return bool(self.ssid)

    def set_country(self, code):
        pass

    def leave(self):
        self.ssid = b""

    def abort(self):
        self.aborted = True

    async def scan(self):
        await asyncio.sleep_ms(100)
        return [
            wifi.Found((name.encode(), b"12345%d" % i, 6, -40 - i, 3 * bool(NETWORKS[name]), False))
            for i, name in enumerate(sorted(NETWORKS))
        ]

    async def join(self, ssid, password, tell):
        self.leave()
        self.aborted = False
        tell(wifi.SCANNING)
        await asyncio.sleep_ms(50)
        tell(wifi.ASSOCIATING)
        for _ in range(100 if ssid == b"slow" else 1):
            await asyncio.sleep_ms(100)
            if self.aborted:
                return wifi.ABORTED
        known = NETWORKS.get(credentials.shown(ssid))
        if known is None:
            return wifi.NO_NETWORK
        if known != password:
            return wifi.WRONG_PASSWORD
        tell(wifi.ADDRESS)
        self.ssid = ssid
        return wifi.OK

    def open_set_up(self, ssid):
        self.open = True

    def close_set_up(self):
        self.open = False

    def is_set_up_peer(self, address):
        return self.open

    def report(self):
        return {
            "ap": {"ssid": self.ssid.decode(), "bssid": "", "rssi": -50},
            "netif": {"localIp": ADDRESS, "mask": "255.0.0.0", "gw": ADDRESS},
        }


class Player:
    def __init__(self, store):
        self._store = store

    def play(self, notes):
        self._store.set("playing", 1)

    def pause(self):
        self._store.set("playing", 2)

    def stop(self):
        self._store.set("playing", 0)


class Counted:
    n = 0

    @classmethod
    def of(cls, handle, packet, peer):
        cls.n += 1
        return handle(packet, peer)


def heap(_params, _peer):
    gc.collect()
    return gc.mem_alloc()


def crumble(size):
    """Fill the heap with blocks of a size, and let go of every other one."""
    gc.collect()
    blocks = [None] * (gc.mem_free() // size)
    i = 0
    try:
        while True:
            blocks[i] = bytearray(size - 8)
            i += 1
    except MemoryError:
        pass
    for i in range(0, len(blocks), 2):
        blocks[i] = None
    gc.collect()
    return blocks


def restart():
    log.info("app", "the board would restart")


async def main():
    store = Store()
    files = TwoCopies(FOLDER + "/settings.a", FOLDER + "/settings.b")
    settings = Settings(files, store)
    if OWNER == "owned":
        files.load()
        files.save(
            {
                "token": "00112233445566778899aabbccddeeff",
                "ssid": "home",
                "password": "secret123",
            }
        )
    settings.load()
    uptime = Uptime()
    radio = Radio()
    provisioning = Provisioning(radio, settings, store, "mynah-speaker-test_miap0001")
    supervisor = Supervisor(restart)
    start = supervisor.start
    methods = {}
    folder = FOLDER + "/home"
    home = Late("home", steps, "home", folder, WORDS, radio.is_joined, methods, start, ADDRESS)
    house = House(folder, home)
    device = Device(
        "mynah.speaker.test",
        "30:ED:A0:00:00:01",
        radio,
        provisioning,
        settings,
        uptime,
        restart,
        house.forget,
    )
    methods.update(device.methods())
    add_methods(methods, stand_ins.HOME_METHODS, home)
    set_up = Late("set-up", steps, "set_up", provisioning, methods)
    add_methods(methods, stand_ins.SET_UP_METHODS, set_up)
    spec = make_spec(
        store,
        Player(store),
        Words(Engine, store),
        lambda word=None: word.name if word else "",
        WallClock(uptime),
        "mynah.speaker.test",
        "30eda0000001",
        DID,
    )
    methods.update(spec.methods())
    door = udp.Door(ADDRESS)

    def clock_s():
        return 1500 + (Counted.n // 25 if IS_COUNTED else uptime.seconds())

    server = Server(
        settings.token,
        DID,
        clock_s,
        methods,
        device.shows_token,
        door.send,
    )
    push = Late(
        "subscribers",
        steps,
        "push",
        server,
        DID,
        spec,
        uptime.seconds,
        store,
        methods,
        start,
    )
    add_methods(methods, stand_ins.PUSH_METHODS, push)

    def press(params, _peer):
        if server.subscribers:
            server.subscribers.event("button.pressed", params[0])
        return ["ok"]

    methods["test.press"] = press
    mode = Late(
        "secure channel",
        steps,
        "secure",
        settings,
        DID,
        server,
        door.send,
        clock_s,
        methods,
        start,
    )
    add_methods(methods, stand_ins.SECURE_METHODS, mode)
    secure = SecureDoor(settings, mode, server, provisioning.is_open_to, door.send)
    door.handle = secure.handle
    if IS_COUNTED:
        methods["test.heap"] = heap
        door.handle = lambda packet, peer: Counted.of(secure.handle, packet, peer)
    udp_fake.install()
    supervisor.start("wifi", provisioning.run)
    supervisor.start("set-up", provisioning.window.run)
    supervisor.start("device", device.run)
    supervisor.start("settings", settings.follow)
    supervisor.start("miio", door.run)
    for is_used, part in ((secure.is_on, mode), (house.is_used, home)):
        if is_used:
            await part.get()
    await asyncio.sleep_ms(0)
    wanted = "set-up" if OWNER == "new" else "online"
    while store.get("net") != wanted and OWNER != "kept":
        await asyncio.sleep_ms(10)
    kept = crumble(HOLES) if HOLES else None  # noqa: F841 - as long as the speaker runs
    log.info("app", "ready")
    dropped = 0
    while True:
        await asyncio.sleep_ms(50)
        if sum(server.dropped.values()) != dropped:
            dropped = sum(server.dropped.values())
            log.info("test", "dropped %s", sorted([i for i in server.dropped.items() if i[1]]))


asyncio.run(main())
