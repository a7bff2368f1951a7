"""What the board listens on, sends, stores and keeps, from the tables that its code works by.

`mynah privacy` reads `table` from the firmware that it would flash, and a board's own by the miIO
method `mynah.privacy` or over the console. The rule for whoever changes the firmware: a socket, an
access point, a file, a setting, a console command, a miIO method is a row in its table (sockets.py,
networks.py, files.py, settings.py and state.py, console.py, methods.py), or it cannot be used. What
is kept in memory only, and the microphone, stand here. Rows are short: a row is one log line.
"""

import json

from speaker.app import config, console, settings, state
from speaker.audio import ring
from speaker.miot import guard, limits, methods, rows, spec_table
from speaker.miot.server import INVALID_ARGUMENT, MiioError
from speaker.net import networks, sockets
from speaker.util import files, log
from speaker.util.hints import Any, Callable
from speaker.wake import history

COMMAND = b"mynah privacy\n"

_PAGE_BYTES = 1100  # of rows: what a reply holds, with room for the rest of it
_LIST_ITEMS = 8  # in a row

MEMORY = {
    "sound": {
        "how much": "%d ms" % (ring.N_FRAMES * ring.FRAME_MS),
        "what": "the newest sound, until the wake engine has taken it; then it is overwritten",
    },
    "sound, not yet read": {
        "how much": "%d bytes" % config.MIC_BUFFER,
        "what": "of the I2S driver; board.json may say another number",
    },
    "wake outputs": {
        "how much": "%d a model" % history.N,
        "what": "how sure the model was, every 30 ms; not sound",
    },
    "last wake": {
        "how much": "1",
        "what": "word, certainty and time of the last detection and near miss, and their counts",
    },
    "home devices": {
        "how much": "%d" % limits.N_HOME_DEVICES,
        "what": "what /home holds, and the last known state of each",
    },
    "replies": {
        "how much": "%d of %d clients" % (guard.N_KEPT, guard.N_HOLDERS),
        "what": "the last replies to whoever has the token, for requests that come twice",
    },
    "packets": {
        "how much": "%d of %d clients" % (guard.N_SEEN, guard.N_HOLDERS),
        "what": "checksum and time of those that were taken, so that none is taken twice",
    },
    "subscribers": {
        "how much": "%d clients" % limits.N_SUBSCRIBERS,
        "what": "address and number of who is told of changes, until they are silent for 3 minutes",
    },
    "who asked": {
        "how much": "%d addresses" % guard.N_OFFSETS,
        "what": "of the newest who asked; how often those without the token guessed, to slow them",
    },
    "secure sessions": {
        "how much": "%d" % limits.N_SESSIONS,
        "what": "address and two keys of each; no more than two of one address",
    },
    "log": {
        "how much": "nothing",
        "what": "lines go to the serial console and are not kept; no token or password is in them",
    },
}

MICROPHONE = {
    "listens": "whenever the board has power, for the wake words of its models",
    "mute": "by button or miIO; zeroes every sample where it enters; is kept over a power cut",
    "hardware switch": "none: mute is the firmware's",
    "sound leaves the board": "never: nothing that sends or stores is handed a sample",
}


def table() -> list:
    """Every row, as a dict with `section` and `name`; the same for every board."""
    rows = _section("networks", networks.NETWORKS)
    rows += _section("sockets", sockets.SOCKETS)
    rows += _section("sockets of MicroPython", sockets.SYSTEM_SOCKETS)
    rows += _section(
        "methods", {name: {"tells": methods.METHODS[name]} for name in methods.METHODS}
    )
    rows += _section("properties", _properties())
    rows += _section("console", _console())
    rows += _section("files", files.FILES)
    rows += _section("files of MicroPython", files.SYSTEM_FILES)
    rows += _section("settings", _settings())
    rows += _section("memory", MEMORY)
    rows += _section("microphone", {name: {"is": MICROPHONE[name]} for name in MICROPHONE})
    return rows


class Privacy:
    """Answers for a running board: its table, and under `now` what is in use at the moment.

    `names` gives the server's methods.
    """

    def __init__(
        self, settings_: Any, store: state.Store, console_: console.Console, names: Callable
    ) -> None:
        self._settings = settings_
        self._store = store
        self._console = console_
        self._names = names

    def methods(self) -> dict:
        """Name -> function(params, peer)."""
        return {"mynah.privacy": self._page}

    async def run(self, _console: console.Console) -> None:
        """Handler of the console: one row a log line, then `end`."""
        for row in self._rows():
            log.info("privacy", "%s", json.dumps(row))
        log.info("privacy", "end")

    def _page(self, params: Any, _peer: tuple) -> dict:
        """`{"from": i}` -> `{"rows": [...], "next": where to go on, or null}`."""
        start = params.get("from", 0) if isinstance(params, dict) else 0
        if not isinstance(start, int) or start < 0:
            raise MiioError(INVALID_ARGUMENT, "from: a number is wanted")
        rows = self._rows()
        size = 0
        end = start
        while end < len(rows):
            size += len(json.dumps(rows[end]))
            if size > _PAGE_BYTES:
                break
            end += 1
        return {"rows": rows[start:end], "next": end if end < len(rows) else None}

    def _rows(self) -> list:
        rows = table()
        muted = self._store.get("mic_muted")
        for name, items in (
            ("network", [self._store.get("net")]),
            ("microphone", ["muted" if muted else "listening"]),
            ("sockets", sockets.opened),
            ("methods", self._names()),
            ("console", [_shown(prefix) for prefix in self._console.prefixes()]),
            ("settings that are set", self._settings.own_that_are_set()),
            ("files", files.present()),
        ):
            ordered = sorted(items)
            for i in range(0, len(ordered), _LIST_ITEMS):
                part = ordered[i : i + _LIST_ITEMS]
                rows.append({"section": "now", "name": name, "items": part})
        return rows


def _section(section: str, entries: dict) -> list:
    rows = []
    for name in sorted(entries):
        row = {"section": section, "name": name}
        row.update(entries[name])
        rows.append(row)
    return rows


def _properties() -> dict:
    services: dict = {}
    for name, _, access, _ in sorted(rows.properties(spec_table.PROPERTIES).values()):
        service, _, own = name.partition(".")
        for bit, how in ((1, "can be read"), (2, "can be set")):
            if access & bit:
                row = services.setdefault(service, {"can be read": [], "can be set": []})
                row[how].append(own)
    return services


def _console() -> dict:
    rows = {_shown(prefix): {"does": does} for prefix, does in console.COMMANDS.items()}
    rows["Ctrl-C"] = {
        "does": "ends the firmware: the prompt can read all that is stored, secrets too, and hear"
    }
    return rows


def _settings() -> dict:
    rows = {name: {"secret": "no", "what": state.SAVED[name]} for name in state.SAVED}
    for name, (secret, what) in settings.OWN.items():
        rows[name] = {"secret": "yes" if secret else "no", "what": what}
    return rows


def _shown(prefix: bytes) -> str:
    """A console command as it is typed; bytes that cannot be are shown in hex."""
    text = ""
    for byte in prefix.rstrip(b"\n"):
        text += chr(byte) if 32 <= byte < 127 else "\\x%02x" % byte
    return text.rstrip(" ")
