"""The buttons of the board: short presses, and what holding BOOT for 5 and for 10 seconds does."""

import pytest

from mynah.errors import BoardTimeoutError
from mynah.hil.controls import wait_until
from mynah.miio import MiioClient
from mynah.miio.watch import Change, Happened

SET_UP_S, FORGET_S = 5.3, 10.3


def check_pressable(device, *names):
    """Skip where the bench has nothing that presses them."""
    for name in names:
        device.board.button(name)


def pressed(name):
    return lambda message: message == Happened("button.pressed", {"name": name})


def changed(name, value):
    return lambda message: message == Change(name, value)


@pytest.mark.proves("button boot", "event button.pressed", "method miIO.sub")
def test_boot_plays_and_stops(device, button, told, speaker):
    check_pressable(device, "boot")
    with speaker.record() as recording:
        told(
            lambda: button.press("boot"),
            pressed("boot"),
            changed("play-control.playing-state", 1),
        )
        told(lambda: button.press("boot"), changed("play-control.playing-state", 0))
    assert not recording.sound.is_silent


@pytest.mark.needs("button-volume_up", "button-volume_down")
@pytest.mark.proves("button volume_up", "button volume_down", "event button.pressed")
def test_the_volume_keys_step_up_and_down(device, paired, button, told):
    check_pressable(device, "volume_up", "volume_down")
    paired.set("speaker.volume", 97)
    told(
        lambda: button.press("volume_up"), pressed("volume_up"), changed("speaker.volume", 100)
    )  # not beyond
    told(lambda: button.press("volume_down"), pressed("volume_down"), changed("speaker.volume", 95))


@pytest.mark.needs("button-mute")
@pytest.mark.proves("button mute", "event button.pressed", "light muted")
def test_the_mute_key_silences_the_microphone_and_shows_it(device, button, led, told, say):
    check_pressable(device, "mute")
    told(lambda: button.press("mute"), pressed("mute"), changed("microphone.mute", True))
    led.wait_for(lambda colour: colour[0] > 0 and colour[1:] == (0, 0))
    told(lambda: button.press("mute"), changed("microphone.mute", False))
    say()
    assert sum("wake: heard" in line for line in device.lines) == 1


@pytest.mark.needs("virtual")
@pytest.mark.proves(
    "button boot, 5 s",
    "event button.held",
    "light hold for set-up",
    "light set-up",
    "light address",
    "pairing broken off",
    "method miIO.config_router",
    "method mynah.wifi.cancel",
)
def test_boot_held_for_5_s_opens_set_up_and_the_owner_may_think_better_of_it(
    device, paired, button, led, net, told, world
):
    told(
        lambda: button.press("boot", SET_UP_S),
        lambda message: message == Happened("button.held", {"name": "boot"}),
    )
    device.expect("led: hold for set-up", 1)
    device.expect("net: set-up network .+ is open", 3)
    led.wait_for(lambda colour: colour[2] > max(colour[:2]))
    home = world.wifi.joined
    assert home is not None
    assert paired.get("speaker.volume") == 60
    with MiioClient(net.access_point) as stranger:
        assert stranger.hello().token is None, "an owner's token is not shown again"
    world.wifi.add("slow", "secret123", no_dhcp=True)
    with MiioClient(net.access_point, paired._token) as owner:
        assert owner.call("miIO.config_router", {"ssid": "slow", "passwd": "secret123"}) == ["ok"]
        device.expect("led: address #", 10)
        assert owner.call("mynah.wifi.cancel") == ["ok"]
        wait_until(lambda: world.wifi.joined == home, 10, "the old network")


@pytest.mark.needs("virtual")
@pytest.mark.proves("button boot, 10 s", "light hold for set-up", "light hold for restore")
def test_boot_held_for_10_s_forgets_the_owner(device, paired, button, led, net, flash, world):
    token, before = paired._token, b"".join(flash.files().values())
    paired.set("speaker.volume", 7)
    button.hold("boot")
    device.expect("led: hold for set-up", 7)
    led.wait_for(lambda colour: colour[2] > 0)
    device.expect("led: hold for restore", 7)
    led.wait_for(lambda colour: colour[0] > 0 and not any(colour[1:]))
    button.release("boot")
    device.expect("app: restored", 3)
    device.board.wait_ready()
    wait_until(lambda: world.wifi.access_point is not None, 5, "the set-up network")
    assert world.wifi.joined is None
    with MiioClient(net.access_point) as stranger:
        made_anew = stranger.hello().token
    assert made_anew not in {None, token}
    with MiioClient(net.access_point, made_anew) as owner:
        assert owner.get("speaker.volume") == 60
    with (
        MiioClient(net.access_point, token, timeout_s=0.3, retries=0) as former,
        pytest.raises(BoardTimeoutError),
    ):
        former.info()
    after = b"".join(flash.files().values())
    for secret in (token.hex().encode(), b"quoted"):  # of the password
        assert secret in before
        assert secret not in after
