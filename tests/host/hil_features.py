"""What the firmware can do, and which test in tests/hil shows it at work.

The features are those of the tables that the firmware works by, read from it as it runs in
MicroPython, and `OTHERS`, which no table has; the tests name what they show with the mark
``proves``. ``python tests/host/hil_features.py`` prints both.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mynah import boards
from mynah.improv import frames
from mynah.paths import FIRMWARE_DIR
from mynah.virtual.micropython import micropython_command

SUITE = Path(__file__).parents[1] / "hil"
OTHERS = (
    "light set-up, wrong password",  # the table has only the ways in which reasons flash
    "boot",
    "memory after boot",
    "log lines",
    "keyboard Ctrl-C",
    "keyboard Ctrl-D",
    "raw REPL",
    "deploy on a running board",
    "pairing over its own network",
    "pairing over the cable",
    "pairing with a wrong password",
    "pairing refused to others",
    "pairing broken off",
    "router away and back",
    "settings kept",
    "settings survive a power cut",
    "reset power-on",
    "reset software",
    "reset soft",
    "stalls of the loop",
    "batches",
    "errors",
    "strangers without the token",
    "secure mode",
    "loudspeaker",
    "microphone",
    "wake word",
    "wake words, several",
    "stop word",
    "speech that is no wake word",
    "privacy report",
    "sound stays on the board",
)
_ASK = """
import json, sys

class Hardware:
    def __getattr__(self, name):
        return 0

for module in ("network", "neopixel"):  # tables are read, nothing is used
    sys.modules[module] = Hardware()
from speaker.app import console, indicator
from speaker.drivers import button
from speaker.miot import methods, spec_table
from speaker.net import networks, sockets
print(json.dumps({
    "method": list(methods.METHODS),
    "console": [prefix.decode() for prefix in console.COMMANDS],
    "property": [row[0] for row in spec_table.PROPERTIES.values() if row[2]],
    "action": [row[0] for row in spec_table.ACTIONS.values()],
    "event": list(spec_table.EVENTS),
    "light": list(indicator.PATTERNS),
    "network": list(networks.NETWORKS),
    "socket": list(sockets.SOCKETS),
    "button boot,": ["%d s" % (ms // 1000) for ms in button.LEVELS_MS],
}))
"""


def declared():
    """The names of all features."""
    done = subprocess.run(
        [*micropython_command(), "-c", _ASK],
        capture_output=True,
        text=True,
        env=dict(os.environ, MICROPYPATH=f"{FIRMWARE_DIR}{os.pathsep}.frozen"),
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    tables = json.loads(done.stdout)
    found = [f"{kind} {_plain(name)}" for kind, names in tables.items() for name in names]
    found += [f"improv {number}" for number in range(frames.SET_WIFI, frames.NETWORK + 1)]
    keys = {key for name in boards.names() for key in boards.load(name).buttons}
    return [*found, *(f"button {key}" for key in sorted(keys)), *OTHERS]


def proved():
    """Feature to the tests that prove it, as "test_file.py::test_name"."""
    command = [sys.executable, __file__, "--proved"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def _plain(name):
    """A console command without its line's end, Improv's prefix without its version."""
    return name.strip(" \n\x01")


class _Collector:
    def __init__(self):
        self.found = {}

    def pytest_collection_finish(self, session):
        for item in session.items:
            test = f"{item.path.name}::{getattr(item, 'originalname', item.name)}"
            for name in (name for mark in item.iter_markers("proves") for name in mark.args):
                tests = self.found.setdefault(name, [])
                if test not in tests:
                    tests.append(test)


def _collect():
    collector = _Collector()
    options = ["--collect-only", "-q", "-p", "no:cacheprovider", str(SUITE)]
    code = pytest.main(options, plugins=[collector])
    print(json.dumps(collector.found))
    return code


def _table():
    tests = proved()
    print("| feature | tests in tests/hil |\n|---|---|")
    for feature in declared():
        names = ", ".join(f"`{name}`" for name in tests.get(feature, ())) or "none"
        print(f"| {feature} | {names} |")


if __name__ == "__main__":
    sys.exit(_collect() if sys.argv[1:] == ["--proved"] else _table())
