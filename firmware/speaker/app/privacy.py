"""What the board listens on, sends, stores and keeps, from the tables that its code works by.

`mynah privacy` reads `table` from the firmware that it would flash, and a board's own by the miIO
method `mynah.privacy` or over the console. The rule for whoever changes the firmware: a socket, an
access point, a file, a setting, a console command, a miIO method is a row in its table (sockets.py,
networks.py, files.py, settings.py and state.py, console.py, methods.py), or it cannot be used.
told.py and told_kept.py have what is said of each, and of what no table has. Rows are
short: a row is one log line.
"""

import json

from speaker.app import console, settings, state, told, told_kept
from speaker.miot import methods, rows, spec_table
from speaker.miot.server import INVALID_ARGUMENT, MiioError
from speaker.net import networks, sockets
from speaker.util import files, log
from speaker.util.hints import Any, Callable

COMMAND = b"mynah privacy\n"

_PAGE_BYTES = 1100  # of rows: what a reply holds, with room for the rest of it
_LIST_ITEMS = 8  # in a row


def table() -> list:
    """Every row, as a dict with `section` and `name`; the same for every board."""
    rows = _section("networks", _networks())
    rows += _section("sockets", _sockets())
    rows += _section("sockets of MicroPython", told.SYSTEM_SOCKETS)
    rows += _section(
        "methods", {name: {"tells": methods.METHODS[name]} for name in methods.METHODS}
    )
    rows += _section("properties", _properties())
    rows += _section("console", _console())
    rows += _section("files", _files())
    rows += _section("files of MicroPython", told_kept.SYSTEM_FILES)
    rows += _section("settings", _settings())
    rows += _section("memory", told_kept.MEMORY)
    rows += _section(
        "microphone", {name: {"is": told_kept.MICROPHONE[name]} for name in told_kept.MICROPHONE}
    )
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


def _networks() -> dict:
    found = {name: dict(told.NETWORKS[name]) for name in told.NETWORKS}
    for name, security in networks.ACCESS_POINTS.items():
        found[name]["security"] = security
    return found


def _sockets() -> dict:
    found = {}
    for name, (port, to) in sockets.SOCKETS.items():
        found[name] = dict(told.SOCKETS[name], port=port, to=to)
    return found


def _files() -> dict:
    return {path: dict(told_kept.FILES[path], access=files.FILES[path]) for path in files.FILES}


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
    rows = {_shown(prefix): {"does": told.COMMANDS[prefix]} for prefix in console.COMMANDS}
    rows["Ctrl-C"] = {
        "does": "ends the firmware: the prompt can read all that is stored, secrets too, and hear"
    }
    return rows


def _settings() -> dict:
    rows = {name: {"secret": "no", "what": told_kept.SAVED[name]} for name in state.SAVED}
    for name, secret in settings.OWN.items():
        rows[name] = {"secret": "yes" if secret else "no", "what": told_kept.OWN[name]}
    return rows


def _shown(prefix: bytes) -> str:
    """A console command as it is typed; bytes that cannot be are shown in hex."""
    text = ""
    for byte in prefix.rstrip(b"\n"):
        text += chr(byte) if 32 <= byte < 127 else "\\x%02x" % byte
    return text.rstrip(" ")
