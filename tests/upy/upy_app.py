"""Store, settings, board file, log, supervisor, indicator, button: the speaker's small parts."""

# ruff: noqa: E402 - the scripted radio comes before what imports it
import asyncio
import json
import sys

from fakes import radio

radio.install()

from speaker.app import config
from speaker.app.indicator import Indicator
from speaker.app.settings import Settings
from speaker.app.state import DEFAULTS, Store
from speaker.drivers.button import Button
from speaker.drivers.led import Apa102
from speaker.util import clock, flags, log
from speaker.util.supervise import Supervisor

BOARD = {
    "name": "test",
    "model": "mynah.speaker.test",
    "mic": {"id": 0, "sck": 5, "ws": 4, "sd": 6},
    "amp": {"id": 1, "sck": 15, "ws": 16, "sd": 7},
    "led": {"kind": "ws2812", "pin": 48, "clock": None, "count": 1},
    "buttons": {"boot": 0},
}


class Lines:
    """Takes the log's place for a while."""

    def __enter__(self):
        self.text = []
        self._write = log._write
        log._write = lambda *record: self.text.append(record)
        return self

    def __exit__(self, *_):
        log._write = self._write


def run(main):
    asyncio.run(main)
    asyncio.new_event_loop()


def test_store_tells_of_changes_and_coalesces_them():
    store = Store()
    watch = store.watch("volume", "muted")

    async def main():
        assert store.set("volume", 10) and not store.set("volume", 10)
        store.set("volume", 20)
        await asyncio.wait_for_ms(watch.changed(), 50)
        assert store.get("volume") == 20
        store.set("light_on", True)  # nobody asked for it
        try:
            await asyncio.wait_for_ms(watch.changed(), 20)
        except asyncio.TimeoutError:
            return
        raise AssertionError

    run(main())


class Files:
    def __init__(self, values=None):
        self.values = values or {}
        self.saves = 0

    def load(self):
        return True

    def save(self, values):
        if values == self.values:
            return False
        self.values = json.loads(json.dumps(values))
        self.saves += 1
        self.older = "what was before"
        return True

    def forget_older(self):
        self.older = ""


def test_settings_are_saved_at_once_and_forgotten_at_restore():
    files = Files()
    settings = Settings(files, Store())
    settings.load()
    assert len(settings.token) == 16 and not files.saves and not settings.provisioned
    settings.set_network(b"home", "secret123", "DE", by_owner=True)
    assert settings.provisioned and files.values["ssid"] == "home"
    settings.set_names(name="kitchen", hostname="kitchen-speaker")
    again = Settings(files, Store())
    again.load()
    assert again.token == settings.token and again.owned and files.saves == 2 and files.older
    assert (again.name, again.hostname, again.country) == ("kitchen", "kitchen-speaker", "DE")
    again.restore()
    assert not again.provisioned and again.token != settings.token
    assert files.values["password"] == "" and files.values["owned"] is False and not files.older
    assert (again.name, again.hostname, again.country) == ("", "", "")


def test_settings_from_flash_are_checked():
    store = Store()
    values = {
        "volume": 300,
        "muted": "yes",
        "light_brightness": True,
        "light_colour": 0x123456,
        "mic_muted": True,
        "ssid": 5,
        "token": "abc",
        "unknown": 1,
    }
    settings = Settings(Files(values), store)
    settings.load()
    for name in ("volume", "muted", "light_brightness"):
        assert store.get(name) == DEFAULTS[name]
    assert store.get("light_colour") == 0x123456 and store.get("mic_muted")
    assert not settings.provisioned and len(settings.token) == 16


def test_a_slider_is_saved_once():
    files = Files()
    store = Store()
    settings = Settings(files, store)
    settings.load()
    before = files.saves

    async def main():
        task = asyncio.create_task(settings.follow())
        await asyncio.sleep_ms(0)
        for volume in range(50):
            store.set("volume", volume)
            await asyncio.sleep_ms(5)
        assert files.saves == before
        await asyncio.sleep_ms(1200)
        assert files.saves == before + 1 and files.values["volume"] == 49
        task.cancel()

    run(main())


def load(board):
    path = tmp_path + "/board.json"
    with open(path, "w") as file:
        file.write(board if isinstance(board, str) else json.dumps(board))
    return config.load(path)


def test_board_file():
    board = load(BOARD)
    assert board["mic"]["rate"] == 16000 and board["mic"]["shift"] == 16
    assert board["amp"]["enable"] is None
    assert load({key: BOARD[key] for key in ("name", "model", "mic", "amp")})["buttons"] == {}

    def broken(**changes):
        copy = json.loads(json.dumps(BOARD))
        copy.update(changes)
        return copy

    for wrong, word in (
        ("[]", "object"),
        ("{", "syntax"),
        (broken(name=3), "name"),
        (broken(mic=None), "mic"),
        (broken(mic={"id": 0, "sck": 5, "ws": 4}), "mic.sd"),
        (broken(mic={"id": 0, "sck": 5, "ws": 4, "sd": 6, "rate": 8000}), "mic.rate"),
        (broken(mic={"id": 0, "sck": 5, "ws": 4, "sd": 6, "bits": 16}), "mic.bits"),
        (broken(mic={"id": 0, "sck": 5, "ws": 4, "sd": 6, "shift": 3}), "mic.shift"),
        (broken(led={"kind": "lava"}), "led.kind"),
        (broken(led={"kind": "ws2812"}), "led.pin"),
        (broken(led={"kind": "apa102", "pin": 38}), "led.clock"),
        (broken(buttons={"boot": "x"}), "buttons.boot"),
    ):
        try:
            load(wrong)
        except ValueError as error:
            assert word in str(error), (word, error)
        else:
            raise AssertionError(word)


class Output:
    """Takes sys.stdout's place; counts writes."""

    def __init__(self):
        self.writes = []

    def write(self, text):
        self.writes.append(text)


def test_a_log_line_is_one_write_and_one_line():
    out = Output()
    real, log.sys = (
        log.sys,
        type("sys", (), {"stdout": out, "print_exception": sys.print_exception}),
    )
    try:
        log.info("wifi", "joined %s", "home")
        log.warning("wifi", "joined %s", "evil\nI 1 wake: heard\x1b[2J\r")
        log.debug("wifi", "%d", "not even formatted")
        try:
            raise ValueError("inner")
        except ValueError as error:
            log.exception("app", error)
    finally:
        log.sys = real
    head = out.writes[0].split(" ")
    assert head[0] == "I" and head[1].isdigit() and " ".join(head[2:]) == "wifi: joined home\n"
    assert out.writes[1].endswith("wifi: joined evil?I 1 wake: heard?[2J?\n")
    assert all(text.count("\n") == 1 for text in out.writes)
    assert "ValueError: inner" in out.writes[-1] and out.writes[-1].startswith("E ")


def test_supervisor_restarts_and_at_last_resets():
    resets = []
    runs = []
    supervisor = Supervisor(lambda: resets.append(1))

    async def flaky(limit):
        runs.append(1)
        if len(runs) < limit:
            raise OSError(5)

    async def main():
        supervisor.start("flaky", flaky, 3)
        try:
            supervisor.start("flaky", flaky, 3)
        except ValueError:
            pass
        else:
            raise AssertionError
        await asyncio.sleep_ms(1800)
        assert len(runs) == 3 and not resets
        supervisor.start("flaky", flaky, 3)  # it has ended, so its name is free

        async def never():
            raise ValueError("always")

        waits = []

        async def sleep_ms(ms):
            waits.append(ms)
            if len(waits) > 9:
                await never_ending.wait()

        never_ending = asyncio.Event()
        module = sys.modules["speaker.util.supervise"]
        real, module.asyncio = (
            module.asyncio,
            type("asyncio", (), {"sleep_ms": staticmethod(sleep_ms)}),
        )
        try:
            task = asyncio.create_task(supervisor._run("never", never, ()))
            await asyncio.sleep_ms(20)
            task.cancel()
        finally:
            module.asyncio = real
        assert waits[:8] == [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000]
        assert len(resets) == 3  # from the 8th failure on
        supervisor.close()

    with Lines():
        run(main())


def test_cancelling_is_not_swallowed():
    supervisor = Supervisor(None)
    ended = []

    async def task():
        try:
            await asyncio.sleep(100)
        finally:
            ended.append(1)

    async def main():
        supervisor.start("task", task)
        await asyncio.sleep_ms(5)
        supervisor.close()
        await asyncio.sleep_ms(5)

    run(main())
    assert ended == [1]


def test_every_flag_is_poked():
    made = flags.Flags()
    one, two = made.make(), made.make()

    async def main():
        task = asyncio.create_task(made.poke())
        await asyncio.wait_for_ms(one.wait(), 500)
        await asyncio.wait_for_ms(two.wait(), 500)
        task.cancel()

    run(main())


def test_uptime_outlives_the_wrap_of_the_ticks():
    class Ticks:
        now = 2**30 - 5000

        @staticmethod
        def ticks_ms():
            return Ticks.now % 2**30

        @staticmethod
        def ticks_diff(later, earlier):  # the board's period; a PC's is longer
            return (later - earlier + 2**29) % 2**30 - 2**29

    real, clock.time = clock.time, Ticks
    try:
        uptime = clock.Uptime()
        for step in range(1, 101):
            Ticks.now += 100_000_250
            assert uptime.seconds() == step * 100_000_250 // 1000
    finally:
        clock.time = real


class Led:
    def __init__(self):
        self.shown = []

    def show(self, *colour):
        self.shown.append(colour)


def test_indicator():
    led, store = Led(), Store()
    store.set("light_brightness", 100)
    indicator = Indicator(led, store)

    async def main():
        task = asyncio.create_task(indicator.run())
        store.set("net", "online")
        await asyncio.sleep_ms(5)
        assert led.shown[-1] == (0, 255, 0)  # a moment of green
        await asyncio.sleep_ms(2100)
        assert led.shown[-1] == (0, 0, 0)
        store.set("light_colour", 0x102030)
        store.set("light_on", True)
        await asyncio.sleep_ms(5)
        assert led.shown[-1] == (0x10, 0x20, 0x30)
        store.set("light_brightness", 50)
        await asyncio.sleep_ms(5)
        assert led.shown[-1] == (0x08, 0x10, 0x18)
        indicator.wake()
        assert led.shown[-1] == (0, 127, 80)  # at once, without a task
        store.set("wake_count", 1)
        await asyncio.sleep_ms(1000)
        assert led.shown[-1] == (0, 127, 80)
        await asyncio.sleep_ms(700)
        assert led.shown[-1] == (0x08, 0x10, 0x18)
        store.set("mic_muted", True)
        await asyncio.sleep_ms(5)
        assert led.shown[-1] == (127, 0, 0)
        task.cancel()

    run(main())


def pattern(led, store, ms=20, **values):
    """The colours that an indicator shows one after the other, with steps of that length."""
    module = sys.modules["speaker.app.indicator"]
    real = module.PATTERNS, module._FLASH, module._BETWEEN

    def short(steps):
        return tuple([(colour, min(step_ms, ms)) for colour, step_ms in steps])

    module.PATTERNS = {name: short(steps) for name, steps in module.PATTERNS.items()}
    module._FLASH, module._BETWEEN = short(module._FLASH), short(module._BETWEEN)
    indicator = Indicator(led, store)

    async def main():
        task = asyncio.create_task(indicator.run())
        for name, value in values.items():
            store.set(name, value)
        await asyncio.sleep_ms(5)
        led.shown = led.shown[-1:]
        await asyncio.sleep_ms(16 * ms)
        task.cancel()

    try:
        run(main())
    finally:
        module.PATTERNS, module._FLASH, module._BETWEEN = real
    return led.shown


def test_every_state_of_the_network_has_its_pattern():
    dark, blue, amber, red, violet = (
        (0, 0, 0),
        (0, 60, 255),
        (255, 160, 0),
        (255, 0, 0),
        (160, 0, 255),
    )

    def shown(**values):
        store = Store()
        store.set("light_brightness", 100)
        return pattern(Led(), store, **values)

    for net in ("scanning", "associating", "address", "retrying"):
        assert shown(net=net)[:4] in ([amber, dark, amber, dark], [dark, amber, dark, amber]), net
    assert set(shown(net="off", volume=1)) == {violet, dark}
    assert shown(net="set-up", net_set_up=True) == [blue]
    assert shown(net="set-up", net_set_up=True, mic_muted=True) == [blue]
    # How many times it flashes red tells why the last attempt failed.
    for reason, n in (
        ("wrong password", 1), ("no such network", 2), ("no address", 3), ("timeout", 4)
    ):  # fmt: skip
        colours = shown(net="set-up", net_set_up=True, net_reason=reason)
        start = colours.index(blue)
        one_round = colours[start : start + 1 + 2 * n]
        assert one_round == [blue] + [red, dark] * n, (reason, colours)
        assert colours[start + 1 + 2 * n] == blue
    patterns = sys.modules["speaker.app.indicator"].PATTERNS
    nets = ("scanning", "associating", "address", "online", "set-up", "retrying", "off")
    assert len({patterns[net] for net in nets}) == len(nets)


class Pin:
    def __init__(self):
        self.level = 1
        self.edges = []

    def irq(self, handler, _trigger=None):
        self.handler = handler

    def value(self, level=None):
        if level is None:
            return self.level
        self.level = level
        self.edges.append(level)
        return None

    def push(self, level):
        self.level = level
        if not level:
            self.handler(self)


def test_button():
    module = sys.modules["speaker.drivers.button"]
    module.LEVELS_MS = (200, 400)
    pin, events = Pin(), []
    button = Button(
        pin,
        0,
        asyncio.ThreadSafeFlag(),
        lambda: events.append("press"),
        lambda level: events.append(("holding", level)),
        lambda level: events.append(("held", level)),
    )

    async def push(ms):
        events[:] = []
        pin.push(0)
        await asyncio.sleep_ms(ms)
        down = list(events)
        pin.push(1)
        await asyncio.sleep_ms(100)
        return down, events[len(down) :]

    async def main():
        task = asyncio.create_task(button.run())
        assert await push(5) == ([], [])  # a spike
        assert await push(120) == ([], ["press"])
        assert await push(300) == ([("holding", 1)], [("held", 1)])
        # Nothing is done while it is down, however long.
        down = [("holding", 1), ("holding", 2)]
        assert await push(700) == (down, [("held", 2)])
        task.cancel()

    run(main())
    button.close()
    assert pin.handler is None


def test_apa102_frames():
    class Spi:
        sent = b""

        def write(self, data):
            self.sent += data

    spi = Spi()
    Apa102(spi, 2).show(0x12, 0x34, 0x56)
    pixel = b"\xff\x56\x34\x12"
    assert spi.sent == bytes(4) + pixel + pixel + b"\xff" * 4
