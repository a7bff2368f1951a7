"""A whole session of unmodified python-miio with the firmware's own server in real MicroPython."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from loopback import own_address
from miot_process import Board

pytest.importorskip("miio")
pytestmark = pytest.mark.skipif(
    sys.platform == "darwin", reason="macOS has one loopback address: one speaker at a time"
)

TESTS = Path(__file__).parents[1]
SESSION = TESTS / "tools" / "python_miio_session.py"
# A network of our own, in which a broadcast goes nowhere else.
NAMESPACE = """
set -e
ip link set lo up
ip link add lan type veth peer name far
ip addr add 10.9.8.7/24 dev lan
ip link set lan up
ip link set far up
ip route add default dev lan
exec "$@"
"""
IN_NAMESPACE = f"""
import pathlib, sys
sys.path[:0] = {[str(TESTS / "host"), str(TESTS / "tools")]}
import miot_process, python_miio_session
board = miot_process.Board("0.0.0.0", "new", pathlib.Path(sys.argv[1]))
try:
    sys.exit(python_miio_session.main("everybody", "home", "secret123"))
finally:
    board.close()
"""


def session(*command):
    """The steps of a session: what was called -> what came back."""
    done = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Ignoring" not in done.stderr, done.stderr  # genericmiot takes every answer
    steps = done.stdout.split(">>> ")[1:]
    return {step.partition("\n")[0]: step.partition("\n")[2].strip() for step in steps}


def check(steps):
    assert steps["device.configure_wifi(ssid, password)"] == "ok"
    assert '"state": "ONLINE"' in steps['device.send("miIO.wifi_assoc_state")']
    assert steps["device = DeviceFactory.create(address, token); device"] == "GenericMiot"
    assert steps["device.info()"].startswith("mynah.speaker.test")
    assert steps["device.supports_miot()"] == "true"
    status = steps["device.status()"]
    assert '"speaker:volume": 60' in status
    assert '"wake:wake-word": "Alexa"' in status
    assert '"code": 0' in steps['device.change_setting("speaker:volume", 30)']
    assert steps['device.status()["speaker:volume"]'] == "30"
    assert '"code": -4005' in steps['device.change_setting("speaker:volume", 101)']
    assert steps['device.status()["play-control:playing-state"]'] == "1"
    said = steps['device.call_action("intelligent-speaker:play-text", ["hello"])']
    assert '"code": -4004' in said
    assert "no voice yet" in said
    assert "no updates over the network" in steps["device.update_state()"]
    assert steps['device.send("miIO.restore")'] == '["ok"]'


def test_hello_provision_read_set_act(tmp_path):
    address = own_address()
    board = Board(address, "new", tmp_path)
    try:
        steps = session(sys.executable, "-W", "ignore", SESSION, address, "home", "secret123")
    finally:
        board.close()
    hello = steps[f"MiIOProtocol.discover({address!r})"]
    assert re.fullmatch(r"id 12345678, token [0-9a-f]{32}", hello)
    check(steps)


def test_it_is_discovered_by_broadcast(tmp_path):
    """python-miio's own way, 255.255.255.255, then the same session with whom it found."""
    namespace = ["unshare", "--user", "--map-root-user", "--net", "sh", "-c", NAMESPACE, "sh"]
    if not all(map(shutil.which, ("unshare", "ip"))) or (
        subprocess.run([*namespace, "true"], capture_output=True, check=False).returncode
    ):
        pytest.skip("this system gives a user no network namespace with a veth pair")
    steps = session(*namespace, sys.executable, "-W", "ignore", "-c", IN_NAMESPACE, tmp_path)
    found = steps["MiIOProtocol.discover()"]
    assert re.fullmatch(r"IP 10\.9\.8\.7 \(ID: 12345678\) - token: b'[0-9a-f]{32}'", found)
    check(steps)
