"""Why the board has started, and what is as it was."""

import pytest

from mynah.hil.controls import wait_until
from mynah.miio import MiioClient

POWER_ON, HARD, SOFT = 1, 2, 5
"""``machine.PWRON_RESET``, ``HARD_RESET``, ``SOFT_RESET`` of MicroPython's port for the ESP32."""
CAUSE = r"last reset: (\d)"


def cause(device):
    found = int(device.expect(CAUSE, 10)[1])
    device.board.wait_ready()
    return found


@pytest.mark.proves("reset power-on")
def test_the_supply_comes_and_goes(device, power):
    device.skip()
    power.cycle(off_s=0.1)
    assert cause(device) == POWER_ON


@pytest.mark.proves("reset software", "method miIO.reboot")
def test_a_client_restarts_it(device, paired, net):
    device.skip()
    assert paired.call("miIO.reboot") == ["ok"]
    assert cause(device) == HARD  # what `machine.reset()` is told as
    with MiioClient(net.wait(), paired._token) as client:
        assert client.info()["life"] < 30


@pytest.mark.proves("reset soft", "console Ctrl-C", "console Ctrl-D")
def test_ctrl_c_and_ctrl_d_and_it_is_back(device, paired):
    device.write("\x03")
    device.expect("app: stopped by the keyboard", 5)
    device.expect("^>>> $", 5)
    device.write("1 + 41\r\n")
    device.expect("^42$", 5)
    device.write("\x04")
    assert cause(device) == SOFT
    device.expect("wifi: joined", 10)
    assert paired.get("speaker.volume") == 60
    device.write("\x03")
    device.expect("^>>> $", 5)
    device.write("from speaker.app.main import run; run()\r\n")  # without any reset
    device.board.wait_ready()
    device.expect("wifi: joined", 10)
    assert paired.get("speaker.volume") == 60


@pytest.mark.needs("virtual")
@pytest.mark.proves("method miIO.restore")
def test_a_client_makes_it_forget_its_owner(device, paired, world, flash):
    secret = paired._token.hex().encode()
    assert paired.call("miIO.restore") == ["ok"]
    device.expect("app: restored", 3)
    device.board.wait_ready()
    device.expect("led: set-up", 5)
    assert world.wifi.joined is None
    assert not any(secret in data for data in flash.files().values())


@pytest.mark.proves("settings survive a power cut")
def test_the_power_fails_while_settings_are_saved(device, paired, power, net):
    """At some operations of the flash; tests/virtual goes through all of them."""
    token, volume = paired._token, paired.get("speaker.volume")
    for n in (1, 3, 5):
        with MiioClient(net.wait(), token) as client:
            power.cut_at(n)
            client.set("speaker.volume", volume + 1)
            off = lambda: device.board.virtual.state.value == "off"  # noqa: E731
            wait_until(off, 5, f"operation {n} of the flash")
            device.skip()
            power.on()
            device.board.wait_ready()
        with MiioClient(net.wait(), token) as client:
            after = client.get("speaker.volume")
        assert after in {volume, volume + 1}
        volume = after
    assert not any("no valid copy" in line for line in device.lines)


STALL = """
import asyncio, time
from speaker.app import main
from speaker.util import log
async def stalls():
    for ms in (300, 1500):
        await asyncio.sleep(1)
        time.sleep_ms(ms)
        log.info("test", "stalled for %d ms", ms)
start = main.Speaker.run
async def run(self):
    task = asyncio.create_task(stalls())
    await start(self)
main.Speaker.run = run
main.run()
"""
BUFFERED_MS = 312  # 40,000 bytes of I2S buffer, 8 bytes a frame, 16 frames a ms


@pytest.mark.proves("stalls of the loop")
def test_a_short_stall_loses_no_sound_and_a_long_one_is_told(device, say):
    """A task that somebody adds at the prompt holds the event loop up."""
    device.write("\x03")
    device.expect("^>>> $", 5)
    device.write("\x05")  # paste mode
    device.expect("^paste mode", 5)
    device.write(STALL.replace("\n", "\r") + "\x04")
    device.board.wait_ready()
    device.expect("test: stalled for 300 ms", 10)
    device.expect("test: stalled for 1500 ms", 10)
    lost = int(device.expect(r"mic: ms of sound lost in a stall: \d+ more, (\d+) in all", 8)[1])
    assert abs(lost - (1500 - BUFFERED_MS)) < 100
    assert not any("ring full" in line or "mic: restarts" in line for line in device.lines)
    say()
