"""What the speaker can do, as MIoT properties and actions.

Generated from firmware/spec/mynah-speaker.json by mynah.miio.specgen: do not edit.
"""

# (siid, piid): (name, format, access, allowed)
#   access: 1 read, 2 write, 4 notify
#   allowed: (lowest, highest, step), a list of values, or None
PROPERTIES = {
    (1, 1): ("device-information.manufacturer", "string", 1, None),
    (1, 2): ("device-information.model", "string", 1, None),
    (1, 3): ("device-information.serial-number", "string", 1, None),
    (1, 4): ("device-information.firmware-revision", "string", 1, None),
    (2, 1): ("speaker.volume", "uint8", 7, (0, 100, 1)),
    (2, 2): ("speaker.mute", "bool", 7, None),
    (3, 1): ("play-control.playing-state", "uint8", 5, [0, 1, 2]),
    (4, 1): ("microphone.mute", "bool", 7, None),
    (5, 1): ("indicator-light.on", "bool", 7, None),
    (5, 2): ("indicator-light.brightness", "uint8", 7, (1, 100, 1)),
    (5, 3): ("indicator-light.color", "uint32", 7, (0, 16777215, 1)),
    (6, 1): ("wake.wake-word", "string", 5, None),
    (6, 2): ("wake.count", "uint32", 5, (0, 4294967295, 1)),
    (6, 3): ("wake.last-probability", "uint8", 5, (0, 255, 1)),
    (6, 4): ("wake.last-time", "uint32", 5, (0, 4294967295, 1)),
    (6, 5): ("wake.history", "string", 1, None),
    (6, 6): ("wake.last-word", "string", 5, None),
    (6, 7): ("wake.models", "string", 5, None),
    (6, 8): ("wake.miss-count", "uint32", 5, (0, 4294967295, 1)),
    (6, 9): ("wake.last-miss", "uint8", 5, (0, 255, 1)),
    (6, 10): ("wake.last-miss-word", "string", 5, None),
    (6, 11): ("wake.model", "string", 0, None),
    (6, 12): ("wake.enabled", "bool", 0, None),
    (6, 13): ("wake.sensitivity", "uint8", 0, [0, 1, 2]),
    (6, 14): ("wake.cutoff", "uint8", 0, (1, 254, 1)),
    (6, 15): ("wake.window", "uint8", 0, (1, 255, 1)),
}

# (siid, aiid): (name, piids of the arguments)
ACTIONS = {
    (3, 1): ("play-control.play", ()),
    (3, 2): ("play-control.pause", ()),
    (3, 3): ("play-control.stop", ()),
    (6, 1): ("wake.enable", (11, 12)),
    (6, 2): ("wake.set-sensitivity", (11, 13)),
    (6, 3): ("wake.set-cutoff", (11, 14, 15)),
    (6, 4): ("wake.read-history", (11,)),
}
