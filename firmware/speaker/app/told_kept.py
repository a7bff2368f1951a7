"""As told.py, of what the board stores and keeps, and of the microphone."""

from speaker.app import config
from speaker.audio import ring
from speaker.miot import guard, limits
from speaker.util.files import READ, WRITTEN
from speaker.wake import history

# secret: what of it is a secret, or "nothing"; what: what it holds.
FILES = {
    "/board.json": {
        "secret": "nothing",
        "what": "which part is on which pin; from mynah flash",
    },
    "/models/*.wake": {
        "secret": "nothing",
        "what": "a wake word model; from mynah flash",
    },
    "/words/*.txt": {
        "secret": "nothing",
        "what": "what people say to home devices, in one language; from mynah flash",
    },
    "/settings.a": {
        "secret": "token, secure mode's key and Wi-Fi password, not encrypted",
        "what": "the settings listed here; first of two copies",
    },
    "/settings.b": {
        "secret": "token, secure mode's key and Wi-Fi password, not encrypted",
        "what": "the settings listed here; second of two copies",
    },
    "/home/*.a": {
        "secret": "the device's token, not encrypted",
        "what": "a home device: name, room, address, what it can; first of two copies",
    },
    "/home/*.b": {
        "secret": "the device's token, not encrypted",
        "what": "a home device: name, room, address, what it can; second of two copies",
    },
}

# What is read without `open_file`: code, by MicroPython itself.
SYSTEM_FILES = {
    "/boot.py, /main.py, /speaker/*": {
        "access": READ,
        "secret": "nothing",
        "what": "the firmware; from mynah flash and mynah deploy",
    },
    "/mynah.set/*": {
        "access": WRITTEN,
        "secret": "nothing",
        "what": "files of the firmware on their way in; from mynah deploy, moved at the next start",
    },
    "nvs partition": {
        "access": WRITTEN,
        "secret": "nothing",
        "what": "the radio's calibration, of ESP-IDF; MicroPython keeps no Wi-Fi password there",
    },
}

# Settings: of the store's state, and what is kept beside it.
SAVED = {
    "volume": "loudness, 0 to 100",
    "muted": "whether the loudspeaker is muted",
    "mic_muted": "whether the microphone is muted",
    "light_on": "whether the light is on",
    "light_brightness": "brightness of the LED, 1 to 100 %",
    "light_colour": "colour of the light",
    "utc_offset": "the clock's offset from UTC, in minutes",
    "wake_models": "for each wake word: on or off, sensitivity",
}

OWN = {
    "token": "signs and encrypts the requests of the owner's clients; made on the board",
    "owned": "whether somebody was handed the token",
    "ssid": "name of the owner's Wi-Fi",
    "ssid_bytes": "the same in hexadecimal digits, where it is no text",
    "password": "password of the owner's Wi-Fi",
    "country": "where the speaker is, as its owner said: which channels it may use",
    "hostname": "what the router is told as its name, if somebody chose one",
    "name": "what it is called, if somebody chose a name",
    "channel_key": "the secure mode's key, made on the board; none while it is off",
}

MEMORY = {
    "sound": {
        "how much": "%d ms" % (ring.N_FRAMES * ring.FRAME_MS),
        "what": "the newest sound, until the wake engine has taken it; then it is overwritten",
    },
    "sound, not yet read": {
        "how much": "%d bytes" % config.MIC_BUFFER,
        "what": "of the I2S driver; board.json may say another number",
    },
    "wake outputs": {
        "how much": "%d a model" % history.N,
        "what": "how sure the model was, every 30 ms; not sound",
    },
    "last wake": {
        "how much": "1",
        "what": "word, certainty and time of the last detection and near miss, and their counts",
    },
    "home devices": {
        "how much": "%d" % limits.N_HOME_DEVICES,
        "what": "what /home holds, and the last known state of each",
    },
    "replies": {
        "how much": "%d of %d clients" % (guard.N_KEPT, guard.N_HOLDERS),
        "what": "the last replies to whoever has the token, for requests that come twice",
    },
    "packets": {
        "how much": "%d of %d clients" % (guard.N_SEEN, guard.N_HOLDERS),
        "what": "checksum and time of those that were taken, so that none is taken twice",
    },
    "subscribers": {
        "how much": "%d clients" % limits.N_SUBSCRIBERS,
        "what": "address and number of who is told of changes, until they are silent for 3 minutes",
    },
    "who asked": {
        "how much": "%d addresses" % guard.N_OFFSETS,
        "what": "of the newest who asked; how often those without the token guessed, to slow them",
    },
    "secure sessions": {
        "how much": "%d" % limits.N_SESSIONS,
        "what": "address and two keys of each; no more than two of one address",
    },
    "log": {
        "how much": "nothing",
        "what": "lines go to the serial console and are not kept; no token or password is in them",
    },
}

MICROPHONE = {
    "listens": "whenever the board has power, for the wake words of its models",
    "mute": "by button or miIO; zeroes every sample where it enters; is kept over a power cut",
    "hardware switch": "none: mute is the firmware's",
    "sound leaves the board": "never: nothing that sends or stores is handed a sample",
}
