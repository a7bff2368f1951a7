"""What unmodified python-miio does with a new speaker, as a transcript.

    python tests/tools/python_miio_session.py 127.77.1.2 home secret123

ADDRESS is where the speaker's set-up network has it (a virtual board's, or 192.168.4.1), then name
and password of the Wi-Fi. `everybody` for ADDRESS looks for it by broadcast, as python-miio does.
It ends with a speaker that has been given back: it forgets its owner.
"""

import json
import logging
import os
import shutil
import sys
import tempfile
import time
import warnings
from pathlib import Path

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import miio
    from miio.miioprotocol import MiIOProtocol

ROOT = Path(__file__).resolve().parents[2]
EVERYBODY = "everybody"


def say(call, result=None):
    """One step: what is called, and what comes back."""
    print(f">>> {call}")
    if result is not None:
        print(
            result if isinstance(result, str) else json.dumps(result, sort_keys=True, default=str)
        )
    sys.stdout.flush()


class Found(logging.Handler):
    """python-miio only logs whom its broadcast finds."""

    def __init__(self):
        super().__init__()
        self.lines = []

    def emit(self, record):
        if "ID:" in record.getMessage():
            self.lines.append(record.getMessage().strip())


def discover():
    """Say hello to everybody; address and token of the first who answers."""
    found = Found()
    logger = logging.getLogger("miio.miioprotocol")
    logger.setLevel(logging.INFO)
    logger.addHandler(found)
    MiIOProtocol.discover(timeout=1)
    say("MiIOProtocol.discover()", "\n".join(found.lines))
    logger.removeHandler(found)
    words = found.lines[0].split()
    return words[1], words[-1].strip("b'")


def hello(address):
    """Say hello to one."""
    message = MiIOProtocol.discover(address)
    token = message.checksum.hex()
    did = message.header.value.device_id.hex()
    say(f"MiIOProtocol.discover({address!r})", f"id {did}, token {token}")
    return token


def provision(device, ssid, password):
    """Hand it the Wi-Fi and wait until it is there."""
    say("device.configure_wifi(ssid, password)", device.configure_wifi(ssid, password))
    for _ in range(300):
        state = device.send("miIO.wifi_assoc_state")
        if state["state"] in {"ONLINE", "SET-UP"}:
            break
        time.sleep(0.1)
    say('device.send("miIO.wifi_assoc_state")', state)
    return state["state"] == "ONLINE"


def hand_over_the_spec(model):
    """Put our spec file where python-miio keeps those that it has fetched (for six hours)."""
    cache = Path(os.environ["XDG_CACHE_HOME"]) / "python-miio"
    cache.mkdir(parents=True, exist_ok=True)
    source = ROOT / "firmware" / "spec" / "mynah-speaker.json"
    shutil.copyfile(source, cache / f"{model}.json")
    say(f"cp firmware/spec/mynah-speaker.json ~/.cache/python-miio/{model}.json")


def control(address, token):
    """Read, set and act, by names that python-miio takes from our spec file."""
    device = miio.DeviceFactory.create(address, token)
    info = device.info()
    say("device = DeviceFactory.create(address, token); device", type(device).__name__)
    say("device.info()", f"{info.model} {info.firmware_version} {info.mac_address}")
    say("device.supports_miot()", device.supports_miot())
    hand_over_the_spec(info.model)
    status = device.status()
    say("device.status()", status.data)
    say('device.change_setting("speaker:volume", 30)', device.change_setting("speaker:volume", 30))
    say('device.status()["speaker:volume"]', device.status().data["speaker:volume"])
    say(
        'device.change_setting("speaker:volume", 101)', device.change_setting("speaker:volume", 101)
    )
    say('device.call_action("play-control:play")', device.call_action("play-control:play"))
    playing = device.status().data["play-control:playing-state"]
    say('device.status()["play-control:playing-state"]', playing)
    say('device.call_action("play-control:stop")', device.call_action("play-control:stop"))
    said = device.call_action("intelligent-speaker:play-text", ["hello"])
    say('device.call_action("intelligent-speaker:play-text", ["hello"])', said)
    try:
        device.update_state()
    except miio.DeviceError as error:
        say("device.update_state()", f"DeviceError: {error}")
    return device


def main(address, ssid, password):
    """The whole session."""
    os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp()
    say("import miio", f"python-miio {miio.__version__}")
    if address == EVERYBODY:
        address, token = discover()
    else:
        token = hello(address)
    device = miio.Device(address, token)
    online = provision(device, ssid, password)
    if online:
        address = device.info(skip_cache=True).ip_address.replace("0.0.0.0", address)
        device = control(address, token)
    say('device.send("miIO.restore")', device.send("miIO.restore"))
    return 0 if online else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
