"""The models that listen, and what the user has set for each: on or off, sensitivity, cutoff."""

from speaker.app.state import Store
from speaker.util.hints import Any
from speaker.wake import sensitivity
from speaker.wake.sensitivity import PROFILES

_NAME = "wake_models"  # in the store: {model: {"on", "level", "cutoff", "window"}}, what differs


class Words:
    """Applies the store's settings to the engine's models. `engine` may be None.

    What a method is asked for a model that is not there: ValueError.
    """

    def __init__(self, engine: Any, store: Store) -> None:
        self._store = store
        self._words = engine.words + engine.vads if engine else []
        for word in self._words:
            self._apply(word)

    def listened_for(self) -> str:
        """The wake words that are listened for, with commas between."""
        words = [word for word in self._words if word.enabled and word.kind != "vad"]
        return ", ".join([word.wake_word for word in words])

    def describe(self) -> str:
        """Every model as `name,wake word,kind,on,sensitivity,cutoff,window`, semicolons between."""
        return ";".join([self._line(word) for word in self._words])

    def enable(self, name: str, on: bool) -> None:
        """Let a model listen, or not."""
        self._change(name, {"on": on})

    def set_sensitivity(self, name: str, number: int) -> None:
        """Choose a profile by its number in `PROFILES`; the window is the model's own again."""
        self._change(name, {"level": PROFILES[number], "cutoff": 0, "window": 0})

    def set_cutoff(self, name: str, cutoff: int, window: int) -> None:
        """Choose cutoff (1..254) and window (1..255) by number."""
        self._change(name, {"cutoff": cutoff, "window": window})

    def find(self, name: str) -> Any:
        """The model of that name."""
        for word in self._words:
            if word.name == name:
                return word
        raise ValueError("no model " + name)

    def _change(self, name: str, values: dict) -> None:
        word = self.find(name)
        everything = dict(self._store.get(_NAME))
        settings = dict(_settings(everything.get(name)))
        settings.update(values)
        everything[name] = settings
        self._store.set(_NAME, everything)
        self._apply(word)

    def _apply(self, word: Any) -> None:
        settings = _settings(self._store.get(_NAME).get(word.name))
        own = word.model.cutoff
        word.enabled = settings["on"]
        word.cutoff = settings["cutoff"] or sensitivity.cutoff(settings["level"], own)
        window = settings["window"] or word.model.window
        if window != word.window:
            word.window = window

    def _line(self, word: Any) -> str:
        settings = _settings(self._store.get(_NAME).get(word.name))
        level = "custom" if settings["cutoff"] else settings["level"]
        on = "on" if word.enabled else "off"
        fields = (word.name, word.wake_word, word.kind, on, level, word.cutoff, word.window)
        return ",".join([str(field) for field in fields])


def _settings(saved: Any) -> dict:
    """What was saved for a model, as far as it makes sense, over the defaults."""
    settings = {"on": True, "level": "default", "cutoff": 0, "window": 0}
    if isinstance(saved, dict):
        if isinstance(saved.get("on"), bool):
            settings["on"] = saved["on"]
        if saved.get("level") in PROFILES:
            settings["level"] = saved["level"]
        for name in ("cutoff", "window"):
            if isinstance(saved.get(name), int) and 1 <= saved[name] <= 255:
                settings[name] = saved[name]
    return settings
