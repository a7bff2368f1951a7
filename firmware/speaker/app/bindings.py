"""Ties the MIoT spec's names to the store and to what the speaker can do."""

import speaker
from speaker.app.state import Store
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
    "wake.wake-word": "wake_word",
    "wake.count": "wake_count",
    "wake.last-probability": "wake_probability",
    "wake.last-time": "wake_time_s",
}


def make_spec(
    store: Store, player: Player, history: Callable[[], str], model: str, serial: str
) -> Spec:
    """The spec of this speaker, bound to its store and player, and to the wake model's history."""
    readers = {name: _reader(store, key) for name, key in _STATE.items()}
    readers["wake.history"] = history
    readers["device-information.manufacturer"] = lambda: "Mynah"
    readers["device-information.model"] = lambda: model
    readers["device-information.serial-number"] = lambda: serial
    readers["device-information.firmware-revision"] = lambda: speaker.VERSION
    writers = {name: _writer(store, key) for name, key in _STATE.items()}
    doers = {
        "play-control.play": _no_result(lambda: player.play(tones.MELODY)),
        "play-control.pause": _no_result(player.pause),
        "play-control.stop": _no_result(player.stop),
    }
    return Spec(spec_table.PROPERTIES, spec_table.ACTIONS, readers, writers, doers)


def _reader(store: Store, key: str) -> Callable[..., Any]:
    return lambda: store.get(key)


def _writer(store: Store, key: str) -> Callable[..., Any]:
    return lambda value: store.set(key, value)


def _no_result(function: Callable[[], object]) -> Callable[..., list]:
    def do(*_arguments: object) -> list:
        function()
        return []

    return do
