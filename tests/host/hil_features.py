"""What the firmware can do, and which test in tests/hil shows it at work.

The features are those of the tables that the firmware works by and of the MIoT spec, and `OTHERS`,
which no table has; the tests name what they show with the mark ``proves``.
``python tests/host/hil_features.py`` prints both.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mynah import boards, privacy
from mynah.improv import frames
from mynah.miio.spec import speaker as spec
from mynah.paths import FIRMWARE_DIR
from mynah.virtual.micropython import micropython_command

SUITE = Path(__file__).parents[1] / "hil"
OTHERS = (
    "light set-up, wrong password",  # the table has only the ways in which reasons flash
    "boot",
    "memory after boot",
    "log lines",
    "console Ctrl-D",
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
_SECTIONS = {"methods": "method", "console": "console", "networks": "network", "sockets": "socket"}
"""Of the privacy report, whose rows are the tables that the firmware works by."""
_ASK = """
import json, sys

class Hardware:
    def __getattr__(self, name):
        return 0

for module in ("network", "neopixel"):  # tables are read, nothing is used
    sys.modules[module] = Hardware()
from speaker.app import indicator
from speaker.drivers import button
print(json.dumps({
    "light": list(indicator.PATTERNS),
    "button boot,": ["%d s" % (ms // 1000) for ms in button.LEVELS_MS],
}))
"""


def declared():
    """The names of all features."""
    reported = privacy.by_section(privacy.of_firmware())
    tables = {
        kind: [row["name"] for row in reported[section]] for section, kind in _SECTIONS.items()
    }
    tables |= _asked()
    described = spec()
    tables["property"] = [name for name, item in described.properties.items() if item.access]
    tables["action"], tables["event"] = described.actions, described.events
    tables["improv"] = map(str, range(frames.SET_WIFI, frames.NETWORK + 1))
    keys = {key for name in boards.names() for key in boards.load(name).buttons}
    tables["button"] = sorted(keys)
    found = [f"{kind} {_plain(name)}" for kind, names in tables.items() for name in names]
    return [*found, *OTHERS]


def _asked():
    done = subprocess.run(
        [*micropython_command(), "-c", _ASK],
        capture_output=True,
        text=True,
        env=dict(os.environ, MICROPYPATH=f"{FIRMWARE_DIR}{os.pathsep}.frozen"),
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def proved():
    """Feature to the tests that prove it, as "test_file.py::test_name"."""
    command = [sys.executable, __file__, "--proved"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def _plain(name):
    """Improv's prefix without its version."""
    return name.partition("\\")[0].strip()


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
