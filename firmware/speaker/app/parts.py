"""How the parts are loaded and wired that wait for their first use: steps for util/late.py.

Each function imports its modules one at a time and yields None between; it wires the part, which
takes its place among methods and commands, and yields it at last. `methods` is the miIO server's
table, and `start` the supervisor's.
"""

# ruff: noqa: F401 - what is imported early is what the last module would need all at once

import sys

import speaker
from speaker.util.hints import Any, Callable, Iterator


def home(
    folder: str,
    words: str,
    joined: Callable[[], bool],
    methods: dict,
    start: Any,
    address: str = "0.0.0.0",
) -> Iterator[Any]:
    """The controller of the home's devices: see `speaker.home.home.Home`."""
    from speaker.home import values

    yield None
    from speaker.home import records

    yield None
    from speaker.home import registry

    yield None
    from speaker.home import text

    yield None
    from speaker.miot import client

    yield None
    from speaker.home import device

    yield None
    from speaker.home import devices

    yield None
    from speaker.home import service

    yield None
    from speaker.home.home import Home

    whole = Home(folder, words, joined, address)
    methods.update(whole.methods())
    start("home", whole.run)
    start("home-door", whole.listen)
    start("home-words", whole.follow)
    yield None  # it finds out whether there are devices
    yield whole


def secure(
    settings: Any,
    did: int,
    server: Any,
    send: Any,
    clock_s: Callable[[], int],
    methods: dict,
    start: Any,
) -> Iterator[Any]:
    """The secure mode with its channel."""
    from speaker.kernels import x25519

    yield None
    from speaker.kernels import chacha

    yield None
    from speaker.miot import aead

    yield None
    from speaker.miot import noise

    yield None
    from speaker.miot import session

    yield None
    from speaker.miot import channel

    yield None
    from speaker.app.secure import Secure
    from speaker.miot.channel import Channel

    mode = Secure(settings)
    mode.attach(Channel(did, server.guard, mode.key, server.execute, send, clock_s))
    server.channel = mode.channel
    methods.update(mode.methods())
    start("channel", mode.channel.run)
    yield mode


def push(
    server: Any,
    did: int,
    spec: Any,
    clock_s: Callable[[], int],
    store: Any,
    methods: dict,
    start: Any,
) -> Iterator[Any]:
    """Who is told of changes and events."""
    from speaker.miot.subscribers import Subscribers

    yield None
    from speaker.app.bindings import TOLD
    from speaker.miot import rows, spec_table

    events = rows.events(spec_table.EVENTS)
    table = Subscribers(server.push, did, spec.notifying(), events, clock_s)
    methods.update(table.methods())
    server.subscribers = table
    start("push", table.run)
    start("push-watch", table.follow, store.watch(*TOLD))
    yield table


def set_up(machine: Any, methods: dict) -> Iterator[Any]:
    """What a client on the set-up network calls."""
    from speaker.app.set_up import SetUp

    door = SetUp(machine)
    methods.update(door.methods())
    yield door


def cable(
    machine: Any,
    settings: Any,
    store: Any,
    console: Any,
    set_hostname: Callable[[str], object],
    who: tuple,
    start: Any,
) -> Iterator[Any]:
    """Improv, and what `mynah pair` says beside it over the serial console.

    `who`: the default host name, the device id, the MAC address, and the model.
    """
    from speaker.net import nearby

    yield None
    from speaker.net import improv_frame

    yield None
    from speaker.net.improv import PREFIX, Improv

    yield None
    from speaker.app.cable import Cable

    host, did, mac, model = who

    def about() -> tuple:
        """Firmware, version, chip, name, system, its version."""
        release = "%d.%d.%d" % sys.implementation.version[:3]
        name = settings.name or host
        return "Mynah", speaker.VERSION, "ESP32-S3", name, "MicroPython", release

    improv = Improv(machine, settings, store, about, host, set_hostname)
    console.add(PREFIX, improv.run)
    commands = Cable(machine, settings, improv, did, mac, model)
    commands.add_to(console)
    start("improv", improv.follow)
    yield improv


def privacy(settings: Any, store: Any, console: Any, methods: dict) -> Iterator[Any]:
    """The report of what the board listens on, sends, stores and keeps."""
    from speaker.miot import methods as all_methods

    yield None
    from speaker.app import told

    yield None
    from speaker.app import told_kept

    yield None
    from speaker.app.privacy import COMMAND, Privacy

    report = Privacy(settings, store, console, methods.keys)
    methods.update(report.methods())
    console.add(COMMAND, report.run)
    yield report


def desk(sound: tuple, set_rate: Callable[[int], Any], console: Any) -> Iterator[Any]:
    """Tests on a desk: another baud rate, sound over the console, the models' outputs.

    `sound`: the ring, the flag that is set for each of its frames, the microphone, the listener,
    and the wake engine.
    """
    from speaker.app import baud

    console.add(baud.COMMAND, baud.Baud(set_rate).run)
    yield None
    from speaker.app import outputs

    yield None
    from speaker.app import feed

    ring, ready, microphone, listener, engine = sound
    fed = feed.Feed(ring, ready, microphone, listener, engine)
    console.add(feed.COMMAND, fed.run)
    yield None
    from speaker.app import live

    console.add(live.COMMAND, live.Live(listener, engine).run)
    yield fed
