"""A board tells a subscriber of what happens to it: its button, its wake word."""

import pytest

from mynah.miio.watch import Change


@pytest.mark.proves("event wake.heard", "property wake.count", "method miIO.sub")
def test_the_wake_word(mic, recordings, told):
    _, samples = recordings("okay_nabu")[0]
    seen = told(
        lambda: mic.play(samples),
        lambda message: message.name == "wake.heard",
        lambda message: message == Change("wake.count", 1),
    )
    (heard,) = [message for message in seen if message.name == "wake.heard"]
    assert heard.arguments["last-word"] == "Okay Nabu"
    assert heard.arguments["last-probability"] > 200


@pytest.mark.proves("method miIO.sub", "method miIO.unsub", "event button.pressed")
def test_who_has_unsubscribed_is_told_nothing(paired, button):
    subscription = {"version": "2.0", "did": "77", "update_ts": 1, "sub_method": "."}
    paired.call("miIO.sub", subscription)
    button.press("boot")
    told = iter(lambda: paired.next_message(5), None)
    assert any(message["method"] == "event_occured" for message in told)
    paired.call("miIO.unsub", subscription)
    while paired.next_message(0.5) is not None:
        pass  # what was on its way
    paired.set("speaker.volume", 31)
    assert paired.next_message(1.0) is None
