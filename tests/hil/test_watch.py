"""A board tells a subscriber of what happens to it: its button, its wake word."""

from mynah.miio.watch import Change, Happened


def test_the_button_and_what_it_starts(button, told):
    told(
        lambda: button.press("boot"),
        lambda message: message == Happened("button.pressed", {"name": "boot"}),
        lambda message: message == Change("play-control.playing-state", 1),
    )


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
