"""Ties the MIoT spec's names to the store and to what the speaker can do."""

import speaker
from speaker.app.state import Store
from speaker.app.words import Words
from speaker.audio import tones
from speaker.audio.player import Player
from speaker.miot import spec_table
from speaker.miot.spec import Spec
from speaker.util.hints import Any, Callable

# Spec name -> store name; writable ones are written to the same.
_STATE = {
    "speaker.volume": "volume",
    "speaker.mute": "muted",
    "play-control.playing-state": "playing",
    "microphone.mute": "mic_muted",
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


def make_spec(
    store: Store, player: Player, words: Words, history: Callable[..., str], model: str, serial: str
) -> Spec:
    """The spec of this speaker, bound to its store, its player and its wake models.

    `history(word)` gives a model's last outputs, `history()` those of the first.
    """
    readers = {name: _reader(store, key) for name, key in _STATE.items()}
    readers["wake.history"] = history
    readers["wake.wake-word"] = words.listened_for
    readers["wake.models"] = words.describe
    readers["device-information.manufacturer"] = lambda: "Mynah"
    readers["device-information.model"] = lambda: model
    readers["device-information.serial-number"] = lambda: serial
    readers["device-information.firmware-revision"] = lambda: speaker.VERSION
    writers = {name: _writer(store, key) for name, key in _STATE.items()}
    doers = {
        "play-control.play": _no_result(lambda: player.play(tones.MELODY)),
        "play-control.pause": _no_result(player.pause),
        "play-control.stop": _no_result(player.stop),
        "wake.enable": _no_result(words.enable),
        "wake.set-sensitivity": _no_result(words.set_sensitivity),
        "wake.set-cutoff": _no_result(words.set_cutoff),
        "wake.read-history": lambda name: [history(words.find(name))],
    }
    return Spec(spec_table.PROPERTIES, spec_table.ACTIONS, readers, writers, doers)


def _reader(store: Store, key: str) -> Callable[..., Any]:
    return lambda: store.get(key)


def _writer(store: Store, key: str) -> Callable[..., Any]:
    return lambda value: store.set(key, value)


def _no_result(function: Callable[..., object]) -> Callable[..., list]:
    def do(*arguments: object) -> list:
        function(*arguments)
        return []

    return do
