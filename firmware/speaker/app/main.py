"""The speaker as a whole: made, run, taken down."""

import asyncio
import gc
import os
import time

import machine

import speaker
from speaker.app import config, keyboard, stand_ins, wiring
from speaker.app.bindings import make_spec
from speaker.app.console import Console
from speaker.app.counters import Counters
from speaker.app.device import Device
from speaker.app.house import House
from speaker.app.indicator import Indicator
from speaker.app.listener import Listener
from speaker.app.secure_door import SecureDoor
from speaker.app.settings import Settings
from speaker.app.stand_ins import add_commands, add_methods, steps
from speaker.app.state import STOPPED, Store
from speaker.app.wallclock import WallClock
from speaker.app.words import Words
from speaker.audio import tones
from speaker.miot import udp
from speaker.miot.server import Server
from speaker.net.discovery import Discovery
from speaker.net.provisioning import Provisioning
from speaker.net.wifi import Wifi
from speaker.util import log
from speaker.util.clock import Uptime
from speaker.util.flags import Flags
from speaker.util.hints import Callable
from speaker.util.late import Late, NotLoadedError
from speaker.util.storage import TwoCopies
from speaker.util.supervise import Supervisor
from speaker.wake.word import WakeWord

_BOARD_FILE = "/board.json"
_SETTINGS = ("/settings.a", "/settings.b")
_HOME = "/home"
_WORDS = "/words"
_VOLUME_STEP = 5
_RETRY_S = 30
_SSID_BYTES = 32


class Speaker:
    """Every part, wired; `run` is the main task."""

    def __init__(self, board: dict) -> None:
        self._board = board
        self._uptime = Uptime()
        self._flags = Flags()
        self._supervisor = Supervisor(self._reset)
        self.store = Store()
        mac = machine.unique_id()  # of the chip, and its station's
        host = "mynah-%02x%02x" % (mac[4], mac[5])
        self._radio = Wifi(host)  # first: a new token needs its noise
        self.settings = Settings(TwoCopies(*_SETTINGS), self.store)
        self.settings.load()
        self._make_sound()
        if self.settings.hostname:
            host = self.settings.hostname
            self._radio.set_hostname(host)
        self._make_network(mac, host)
        self._indicator = Indicator(wiring.led(board["led"]), self.store)
        self._buttons = wiring.buttons(
            board["buttons"],
            self._flags,
            {
                "boot": (
                    self._on_press("boot", self._play_or_stop),
                    self._indicator.hold,
                    self._on_boot_held,
                ),
                "volume_up": (
                    self._on_press("volume_up", lambda: self._step_volume(_VOLUME_STEP)),
                    None,
                    None,
                ),
                "volume_down": (
                    self._on_press("volume_down", lambda: self._step_volume(-_VOLUME_STEP)),
                    None,
                    None,
                ),
                "mute": (self._on_press("mute", self._toggle_microphone), None, None),
            },
        )
        self._counters = Counters(self._ring, self._microphone, self._server, self._uptime)

    def _make_sound(self) -> None:
        ready = self._flags.make()
        self._microphone, self._ring = wiring.microphone(self._board["mic"], self._flags, ready)
        self._player = wiring.player(self._board["amp"], self._flags, self._on_playing)
        engine = wiring.wake_engine()
        self._words = Words(engine, self.store)
        self._listener = Listener(self._ring, ready, engine, self._on_heard, self._on_missed)
        self._microphone.on_restart = self._listener.reset
        self._console = Console(keyboard.begin())
        sound = (self._ring, ready, self._microphone, self._listener, engine)
        desk = Late("desk", steps, "desk", sound, wiring.set_console_rate, self._console)
        add_commands(self._console, stand_ins.DESK_COMMANDS, desk)

    def _make_network(self, mac: bytes, host: str) -> None:
        self._door = udp.Door()
        ssid = set_up_ssid(self._board["name"], mac)
        self._provisioning = Provisioning(self._radio, self.settings, self.store, ssid)
        address = ":".join(["%02X" % byte for byte in mac])
        did = int.from_bytes(mac[2:6], "big")
        methods: dict = {}
        self._home = Late(
            "home",
            steps,
            "home",
            _HOME,
            _WORDS,
            self._radio.is_joined,
            methods,
            self._supervisor.start,
        )
        add_methods(methods, stand_ins.HOME_METHODS, self._home)
        self._house = House(_HOME, self._home)
        self._device = Device(
            self._board["model"],
            address,
            self._radio,
            self._provisioning,
            self.settings,
            self._uptime,
            self._reset,
            self._house.forget,
        )
        methods.update(self._device.methods())
        self._discovery = Discovery(
            self.store,
            self._radio.home,
            lambda: (self.settings.owned, self.settings.hostname or host),
            self._board["model"],
            did,
            mac,
        )
        self._spec = make_spec(
            self.store,
            self._player,
            self._words,
            self._listener.history,
            WallClock(self._uptime),
            self._board["model"],
            address.replace(":", "").lower(),
            did,
            self._house.directive,
        )
        methods.update(self._spec.methods())
        self._server = Server(
            self.settings.token,
            did,
            self._clock_s,
            methods,
            self._device.shows_token,
            self._door.send,
        )
        self._make_late_parts(methods, did, address, host)
        self._secure_door = SecureDoor(
            self.settings,
            self._secure,
            self._server,
            self._provisioning.is_open_to,
            self._door.send,
        )
        self._door.handle = self._secure_door.handle

    def _clock_s(self) -> int:
        return 1 + self._uptime.seconds()

    def _make_late_parts(self, methods: dict, did: int, mac: str, host: str) -> None:
        """What waits for its first use, but the home; see parts.py."""
        start = self._supervisor.start
        self._secure = Late(
            "secure channel",
            steps,
            "secure",
            self.settings,
            did,
            self._server,
            self._door.send,
            self._clock_s,
            methods,
            start,
        )
        add_methods(methods, stand_ins.SECURE_METHODS, self._secure)
        push = Late(
            "subscribers",
            steps,
            "push",
            self._server,
            did,
            self._spec,
            self._uptime.seconds,
            self.store,
            methods,
            start,
        )
        add_methods(methods, stand_ins.PUSH_METHODS, push)
        self._set_up = Late("set-up", steps, "set_up", self._provisioning, methods)
        add_methods(methods, stand_ins.SET_UP_METHODS, self._set_up)
        privacy = Late(
            "privacy", steps, "privacy", self.settings, self.store, self._console, methods
        )
        add_methods(methods, stand_ins.PRIVACY_METHODS, privacy)
        add_commands(self._console, stand_ins.PRIVACY_COMMANDS, privacy)
        self._cable = Late(
            "cable",
            steps,
            "cable",
            self._provisioning,
            self.settings,
            self.store,
            self._console,
            self._radio.set_hostname,
            (host, did, mac, self._board["model"]),
            start,
        )
        add_commands(self._console, stand_ins.CABLE_COMMANDS, self._cable)

    async def _load_used(self) -> None:
        """What is in use already is loaded at once, and counts in the heap that the log tells."""
        for is_used, part in (
            (self._secure_door.is_on, self._secure),
            (self._house.is_used, self._home),
        ):
            if is_used:
                try:
                    await part.get()
                except NotLoadedError:  # logged; tried again with the next use
                    pass

    async def run(self) -> None:
        """Start every task, then wait for ever."""
        start = self._supervisor.start
        start("flags", self._flags.poke)
        start("mic", self._microphone.run)
        start("wake", self._listener.run)
        start("player", self._player.run)
        start("sound", self._follow_store)
        start("led", self._indicator.run)
        start("settings", self.settings.follow)
        start("mdns", self._discovery.listen)  # before there is a network, see there
        start("mdns-answers", self._discovery.run)
        start("wifi", self._provisioning.run)
        start("set-up", self._provisioning.window.run)
        start("miio", self._door.run)
        start("device", self._device.run)
        start("counters", self._counters.run)
        start("console", self._console.run)
        for i, button in enumerate(self._buttons):
            start("button%d" % i, button.run)
        await self._load_used()
        await asyncio.sleep_ms(0)  # each task has made its first step
        gc.collect()
        used = gc.mem_alloc()
        log.info("app", "heap used %d of %d", used, used + gc.mem_free())
        log.info("app", "ready")
        while True:
            await asyncio.sleep(3600)

    def _reset(self) -> None:
        self._discovery.goodbye()
        machine.reset()

    def let_go_of_input(self) -> None:
        """What is typed from now on is meant for the prompt."""
        self._console.close()

    async def close(self) -> None:
        """Give the hardware back, for the prompt and for a second start."""
        self._discovery.goodbye()
        self._supervisor.close()
        self._server.close()
        self._secure_door.close()
        for late in (self._set_up, self._cable):
            if late.part is not None:
                late.part.close()
        await self._radio.close()
        await asyncio.sleep_ms(20)  # the cancelled tasks clean up after themselves
        self._microphone.close()
        self._player.close()
        for button in self._buttons:
            button.close()
        self._indicator.off()

    async def _follow_store(self) -> None:
        """Task: what the store says about sound becomes true."""
        watch = self.store.watch("volume", "muted", "mic_muted")
        while True:
            self._player.set_volume(self.store.get("volume"), self.store.get("muted"))
            self._microphone.muted = self.store.get("mic_muted")
            self._listener.set_muted(self.store.get("mic_muted"))
            await watch.changed()

    def _on_heard(self, word: WakeWord, probability: int, at: int) -> None:
        self._indicator.wake()
        if word.kind == "stop":
            self._player.stop()
        else:
            self._player.chime(tones.CHIME)
        log.info("wake", 'heard "%s" p=%d at=%d', word.wake_word, probability, at)
        self.store.set("wake_last_word", word.wake_word)
        self.store.set("wake_probability", probability)
        self.store.set("wake_time_s", self._uptime.seconds())
        self.store.set("wake_count", self.store.get("wake_count") + 1)
        self._tell("wake.heard", word.wake_word, probability)

    def _on_missed(self, word: WakeWord, peak: int, at: int) -> None:
        why = "" if peak <= word.cutoff else ", nobody spoke"
        text = 'missed "%s" p=%d of %d%s at=%d'
        log.info("wake", text, word.wake_word, peak, word.cutoff, why, at)
        self.store.set("wake_miss_word", word.wake_word)
        self.store.set("wake_miss", peak)
        self.store.set("wake_miss_count", self.store.get("wake_miss_count") + 1)
        self._tell("wake.missed", word.wake_word, peak)

    def _tell(self, event: str, *values: object) -> None:
        """Tell the subscribers, if there is one."""
        if self._server.subscribers is not None:
            self._server.subscribers.event(event, *values)

    def _on_playing(self, state: int) -> None:
        if self.store.set("playing", state):
            log.info("player", ("stopped", "playing", "paused")[state])

    def _play_or_stop(self) -> None:
        if self.store.get("playing") == STOPPED:
            self._player.play(tones.MELODY)
        else:
            self._player.stop()

    def _on_press(self, name: str, do: Callable[[], object]) -> Callable[[], None]:
        def pressed() -> None:
            self._tell("button.pressed", name)
            do()

        return pressed

    def _on_boot_held(self, level: int) -> None:
        self._tell("button.held", "boot")
        self._indicator.hold(0)
        if level == 1:
            self._provisioning.open_window()
        else:
            self._device.restore()

    def _step_volume(self, step: int) -> None:
        self.store.set("volume", max(0, min(100, self.store.get("volume") + step)))

    def _toggle_microphone(self) -> None:
        self.store.set("mic_muted", not self.store.get("mic_muted"))


def set_up_ssid(board: str, mac: bytes) -> str:
    """`mynah-speaker-<board>_miapXXXX`, the board's name cut so that an SSID's 32 bytes suffice."""
    end = "_miap%02X%02X" % (mac[4], mac[5])
    start = "mynah-speaker-" + board
    return start[: _SSID_BYTES - len(end)].rstrip("-") + end


def run() -> None:
    """Run the speaker until Ctrl-C or a fault; a fault that a restart may cure restarts it."""
    keyboard.begin()
    log.info("app", "Mynah %s on %s", speaker.VERSION, os.uname().machine)
    try:
        board = config.load(_BOARD_FILE)
    except (OSError, ValueError) as error:
        log.error("app", "board file %s: %s", _BOARD_FILE, error)
        keyboard.end()
        return
    log.info("app", "board %s, last reset: %d", board["name"], machine.reset_cause())
    whole = None
    try:
        whole = Speaker(board)
        asyncio.run(whole.run())
    except KeyboardInterrupt:
        log.info("app", "stopped by the keyboard")
    except Exception as error:
        log.exception("app", error)
        log.error("app", "restart in %d s; Ctrl-C for the prompt", _RETRY_S)
        time.sleep(_RETRY_S)
        machine.reset()
    finally:
        keyboard.end()
        if whole is not None:
            whole.let_go_of_input()
            # In a run of its own: the task that Ctrl-C broke into still counts as the current one.
            asyncio.run(whole.close())
        asyncio.new_event_loop()
