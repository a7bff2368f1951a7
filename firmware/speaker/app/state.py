"""The one store of what the speaker is and does: many doors, one state."""

import asyncio

from speaker.util.hints import Any

# name -> value at boot. What a user sets and expects to find again is in SAVED.
DEFAULTS = {
    "volume": 60,  # 0..100, see audio/volume.py
    "muted": False,
    "mic_muted": False,
    "playing": 0,  # STOPPED, PLAYING, PAUSED
    "light_on": False,
    "light_brightness": 60,  # 1..100 %
    "light_colour": 0xFFFFFF,  # 0xRRGGBB
    "utc_offset": 0,  # minutes that local time is ahead of UTC
    "wake_models": {},  # what the user has set for each model, see app/words.py
    "wake_last_word": "",
    "wake_count": 0,
    "wake_probability": 0,  # 0..255, of the last detection
    "wake_time_s": 0,  # uptime of the last detection; 0 before the first
    "wake_miss_count": 0,
    "wake_miss": 0,  # 0..255, peak of the last close miss
    "wake_miss_word": "",
    "net": "starting",  # see net/provisioning.py
    "net_reason": "",
    "net_set_up": False,  # whether the set-up network is open
}

# `app/settings.py` has what is kept beside the state.
SAVED = (
    "volume",
    "muted",
    "mic_muted",
    "light_on",
    "light_brightness",
    "light_colour",
    "utc_offset",
    "wake_models",
)

STOPPED = 0
PLAYING = 1
PAUSED = 2


class Watch:
    """What one subscriber has not seen yet.

    Changes coalesce: only the names are kept, the newest value is read from the store, so a
    slow subscriber misses steps but never the outcome, and nothing can overflow.
    """

    def __init__(self, names: tuple) -> None:
        self._names = names
        self._event = asyncio.Event()

    def notify(self, name: str) -> None:
        """Called by the store on every change."""
        if name in self._names:
            self._event.set()

    async def changed(self) -> None:
        """Wait until one of the names has changed since the last call."""
        await self._event.wait()
        self._event.clear()


class Store:
    """Named values; whoever wants to know of changes holds a `Watch`."""

    def __init__(self) -> None:
        self._values = dict(DEFAULTS)
        self._watches: list = []

    def get(self, name: str) -> Any:
        """The value now. KeyError for a name that DEFAULTS lacks."""
        return self._values[name]

    def set(self, name: str, value: object) -> bool:
        """Change a value (trusted: checked at the door where it came in); False when equal."""
        if self._values[name] == value:
            return False
        self._values[name] = value
        for watch in self._watches:
            watch.notify(name)
        return True

    def watch(self, *names: str) -> Watch:
        """A new subscription to these names."""
        watch = Watch(names)
        self._watches.append(watch)
        return watch
