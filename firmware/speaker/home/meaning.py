"""What was understood: an `Intent`, or a `Problem` that says why nothing is done."""

from micropython import const

from speaker.util.hints import Any

_SHOWN = const(8)  # names in what is told of an intent


class Intent:
    """Something to do or to ask.

    `action`: on, off, open, close, stop, set, ask. `devices` are those that are meant; `broad` says
    that they were not named one by one (all, a room, a type), so those that cannot do it are left
    out. `values` are `(what, value)`: percent, degrees, kelvin, level, number, colour, mode, end,
    step. `role` is what of the device, or "". `asked` is the state that is asked for, or "".
    """

    def __init__(self, action: str, language: str) -> None:
        self.action = action
        self.language = language
        self.devices: list = []
        self.broad = False
        self.role = ""
        self.values: list = []
        self.asked = ""

    def describe(self) -> dict:
        """What is told of it, as JSON."""
        names = [device.name for device in self.devices[:_SHOWN]]
        told: dict = {"action": self.action, "devices": names}
        if len(self.devices) > _SHOWN:
            told["more"] = len(self.devices) - _SHOWN
        if self.role:
            told["role"] = self.role
        if self.asked:
            told["asked"] = self.asked
        for what, value in self.values:
            told[what] = _told(what, value)
        return told


def _told(what: str, value: Any) -> Any:
    if what == "colour":
        return "#%06x" % value
    # Of a mode's alternatives the first; a step without a size ends in a space.
    return value.split("/")[0].strip() if isinstance(value, str) else value


class Problem:
    """Why nothing is done: `what` names a template of the data files, `text` goes into it.

    `candidates` are names that may have been meant. They are still to be found where there are
    `unknown` pieces; `pool` are the devices that the rest of the sentence leaves.
    """

    def __init__(self, what: str, language: str, text: str = "", candidates: Any = None) -> None:
        self.what = what
        self.language = language
        self.text = text
        self.candidates = candidates or []
        self.unknown: list = []
        self.pool: list = []
