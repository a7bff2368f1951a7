"""Ties the MIoT spec's names to the store and to what the speaker can do."""

import speaker
from speaker.app.state import Store
from speaker.app.wallclock import WallClock
from speaker.app.words import Words
from speaker.audio import tones
from speaker.audio.player import Player
from speaker.miot import rows, spec_table
from speaker.miot.server import Later
from speaker.miot.spec import NotAvailableError, Spec
from speaker.util.hints import Any, Callable

# Spec name -> store name; writable ones are written to the same.
_STATE = {
    "speaker.volume": "volume",
    "speaker.mute": "muted",
    "play-control.playing-state": "playing",
    "microphone.mute": "mic_muted",
    "clock.utc-offset": "utc_offset",
    "indicator-light.on": "light_on",
    "indicator-light.brightness": "light_brightness",
    "indicator-light.color": "light_colour",
    "wake.last-word": "wake_last_word",
    "wake.miss-count": "wake_miss_count",
    "wake.last-miss": "wake_miss",
    "wake.last-miss-word": "wake_miss_word",
    "wake.count": "wake_count",
    "wake.last-probability": "wake_probability",
    "wake.last-time": "wake_time_s",
}

# What of the store subscribers are told of.
TOLD = tuple(_STATE.values()) + ("wake_models",)


def make_spec(
    store: Store,
    player: Player,
    words: Words,
    history: Callable[..., str],
    clock: WallClock,
    model: str,
    serial: str,
    did: int,
    directive: Callable[..., Later] | None = None,
) -> Spec:
    """The spec of this speaker, bound to its store, its player and its wake models.

    `history(word)` gives a model's last outputs. `directive(text)` does what a text says; its
    coroutine returns the answer's text.
    """
    readers = _OfStore(store.get)
    readers["wake.wake-word"] = words.listened_for
    readers["wake.models"] = words.describe
    readers["clock.time"] = clock.now_s
    readers["device-information.manufacturer"] = lambda: "Mynah"
    readers["device-information.model"] = lambda: model
    readers["device-information.serial-number"] = lambda: serial
    readers["device-information.firmware-revision"] = lambda: speaker.VERSION
    writers = _OfStore(store.set)
    writers["clock.time"] = clock.set_s
    doers = {
        "play-control.play": _no_result(lambda: player.play(tones.MELODY)),
        "play-control.pause": _no_result(player.pause),
        "play-control.stop": _no_result(player.stop),
        "intelligent-speaker.play-text": _not_available("no voice yet"),
        "intelligent-speaker.execute-text-directive": _directive(directive),
        "clock.stop-alarm": _not_available("no alarms yet"),
        "wake.enable": _no_result(words.enable),
        "wake.set-sensitivity": _no_result(words.set_sensitivity),
        "wake.set-cutoff": _no_result(words.set_cutoff),
        "wake.read-history": lambda name: [history(words.find(name))],
    }
    return Spec(
        rows.properties(spec_table.PROPERTIES),
        rows.actions(spec_table.ACTIONS),
        readers,
        writers,
        doers,
        did,
    )


class _OfStore:
    """Spec name -> function that reads, or writes, what the store has; and others, as in a dict.

    A function of the store's is made when it is asked for.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._others: dict = {}

    def __contains__(self, name: str) -> bool:
        return name in _STATE or name in self._others

    def __getitem__(self, name: str) -> Callable[..., Any]:
        if name in self._others:
            other: Callable[..., Any] = self._others[name]
            return other
        key = _STATE[name]
        return lambda *value: self._function(key, *value)

    def __setitem__(self, name: str, function: Callable[..., Any]) -> None:
        self._others[name] = function


def _no_result(function: Callable[..., object]) -> Callable[..., list]:
    def do(*arguments: object) -> list:
        function(*arguments)
        return []

    return do


def _not_available(why: str) -> Callable[..., list]:
    def do(*_arguments: object) -> list:
        raise NotAvailableError(why)

    return do


def _directive(execute: Callable[..., Later] | None) -> Callable[..., Any]:
    if execute is None:
        return _not_available("no commands yet")

    async def listed(coroutine: Any) -> list:
        return [await coroutine]

    return lambda text, _silent: Later(listed(execute(text).coroutine))
