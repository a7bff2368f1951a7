"""The tables behind `mynah privacy` cannot be passed by: nothing opens or stores beside them."""

import ast
import re

import pytest

from mynah.paths import FIRMWARE_DIR

SOURCES = {
    path.relative_to(FIRMWARE_DIR).as_posix(): path.read_text()
    for path in sorted(FIRMWARE_DIR.rglob("*.py"))
}
TREES = {name: ast.parse(text) for name, text in SOURCES.items()}

# Module -> the only files that may import it. What is no key and not harmless is allowed nowhere.
GATES = {
    "socket": {"speaker/net/sockets.py"},
    "network": {"speaker/net/wifi.py"},
    "_thread": {"speaker/net/wifi.py"},
}
NOWHERE = {
    *("_espnow", "_webrepl", "aioespnow", "bluetooth", "btree", "esp", "esp32"),
    *("espnow", "flashbdev", "mip", "ntptime", "requests", "ssl", "tls", "umqtt", "urequests"),
    *("usocket", "vfs", "webrepl", "websocket", "aioble", "onewire", "inisetup"),
}
# What changes files without opening them.
FILE_CALLS = {"remove", "rename", "unlink", "mkdir", "rmdir", "mount", "umount", "chdir"}
# The sound's way: who sees samples, and what must not.
SOUND = re.compile(r"speaker/(audio|wake|kernels)/|speaker/app/(listener|feed|wiring|outputs)\.py")
SAMPLES = {"speaker.audio.ring", "speaker.audio.microphone"}


def imports(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def calls(tree):
    """`(name of what is called, whether it is an attribute)`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Name):
                yield node.func.id, False
            elif isinstance(node.func, ast.Attribute):
                yield node.func.attr, True


every_source = pytest.mark.parametrize("name", SOURCES)


@every_source
def test_radio_sockets_and_flash_are_reached_by_one_module_each(name):
    for module in imports(TREES[name]):
        root = module.split(".")[0]
        assert root not in NOWHERE, f"{module}: what it does is in no table of `mynah privacy`"
        assert name in GATES.get(root, {name}), f"{module} is only for {GATES[root]}"


@every_source
def test_files_are_opened_by_the_table_of_files(name):
    called = set(calls(TREES[name]))
    if name != "speaker/util/files.py":
        assert ("open", False) not in called, "use speaker.util.files.open_file"
        if name != "boot.py":  # it moves the firmware's files that `mynah deploy` brought
            assert not {call for call, attribute in called if attribute} & FILE_CALLS
    if name != "speaker/app/keyboard.py":  # it gives Ctrl-C back to MicroPython
        assert ("dupterm", True) not in called
    assert not {call for call, attribute in called if not attribute} & {
        "exec",
        "eval",
        "__import__",
    }
    assert "io.open" not in set(imports(TREES[name]))
    if name not in {"speaker/util/log.py", "speaker/app/feed.py"}:
        assert ("print", False) not in called, "use speaker.util.log"
        assert "stdout" not in SOURCES[name], "use speaker.util.log"


@every_source
def test_access_points_are_opened_by_the_table_of_networks(name):
    text = SOURCES[name]
    if name not in {"speaker/net/wifi.py", "speaker/net/networks.py"}:
        assert "IF_AP" not in text
        assert "WLAN" not in text
    if name != "speaker/net/networks.py":
        assert not re.search(r"config\([^)]*\b(ssid|essid)=", text)


@every_source
def test_no_address_of_anybody_elses(name):
    """No host name, no URL, no address outside of the home network: there is no cloud to call."""
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
            assert not re.search(r"(?<!miio)://|\b[\w-]+\.(com|org|net|io|cn|de|eu)\b", text), text
            for address in re.findall(r"\b\d+\.\d+\.\d+\.\d+\b", text):
                # Any; the set-up network; broadcast; link-local multicast (mDNS).
                assert re.match(r"0\.0\.0\.0|192\.168\.4\.|255\.255\.255\.|224\.0\.0\.", address)


@every_source
def test_what_sees_samples_neither_sends_nor_stores(name):
    modules = set(imports(TREES[name]))
    if SOUND.match(name):
        for module in modules:
            assert not re.match(r"speaker\.(net|miot|home|util\.storage)\b", module), module
    elif name not in {"speaker/app/main.py", "speaker/app/counters.py", "speaker/app/told_kept.py"}:
        assert not modules & SAMPLES
