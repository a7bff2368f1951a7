"""What `mynah privacy` says of each row of the tables that the firmware works by, and of the rest.

The tables stand where they are used: sockets.py, networks.py, files.py, settings.py, state.py,
console.py. What they lack is refused there; a row that lacks its text here fails the tests. The
texts are loaded for the report alone; told_kept.py has the other half of them.
"""

from speaker.net.improv_prefix import PREFIX
from speaker.net.sockets import PEERS

# when: while what it is on the air; tells: what anybody in reach can see of it.
NETWORKS = {
    "set-up": {
        "kind": "access point",
        "when": "ten minutes after a start without an owner or after its button was held for 5 s",
        "tells": "name mynah-speaker-<board>_miap<four digits of the MAC>; no way to anywhere else",
    },
    "home": {
        "kind": "station",
        "security": "the network that the owner named, as its router demands",
        "when": "always, once somebody has given it a network",
        "tells": "MAC address, and while it looks for the network that network's name",
    },
}

# when: while what it is open; takes: what it does with what comes in, and from whom; sends: what
# leaves by it.
SOCKETS = {
    "miio": {
        "when": "always",
        "takes": "a hello from anybody; methods from whoever holds the token, or in secure mode"
        " the key",
        "sends": "number and a clock to who says hello, replies to methods, changes to subscribers",
    },
    "home": {
        "when": "once there is a home device",
        "takes": "what home devices answer, signed with their token",
        "sends": "hellos, questions and commands; a hello to all when a device has moved",
    },
    "mdns": {
        "when": "always; it answers while on the home network",
        "takes": "questions for the speaker and its host name, from the home network",
        "sends": "model, device number, MAC and IP address, host name: asked, and when it joins",
    },
}

# What MicroPython opens by itself under the firmware (ports/esp32/network_common.c,
# network_wlan.c and ESP-IDF's mdns component). to: the only places that it sends to.
SYSTEM_SOCKETS = {
    "dhcp client": {
        "port": 68,
        "when": "on the home network",
        "takes": "an address from the router",
        "sends": "MAC address and host name, mynah- and four digits of the MAC",
        "to": ("255.255.255.255:67", "router:67"),
    },
    "dhcp server": {
        "port": 67,
        "when": "while the set-up network is open",
        "takes": "requests for an address on the set-up network",
        "sends": "addresses",
        "to": ("set-up network:68",),
    },
    "mdns": {
        "port": 5353,
        "when": "on the home network, should our own mdns not have been able to take the port",
        "takes": "questions for the host name",
        "sends": "host name and address",
        "to": ("224.0.0.251:5353", PEERS),
    },
}

# What may come in over the serial console: the start of a line -> what it does.
COMMANDS = {
    PREFIX: "Improv: gives the speaker a Wi-Fi, tells its name, its state and networks in reach",
    b"mynah baud ": "another baud rate while a host uses it",
    b"mynah feed\n": "sound from the host in the place of the microphone's, for tests on a desk",
    b"mynah privacy\n": "what the board listens on, sends, stores and keeps, in the log",
    b"mynah token ": "tells the token, masked by what the host sends, while there is no owner",
    b"mynah paired\n": "ends that: the host has the token",
    b"mynah country ": "the country of the Wi-Fi that Improv gives next",
    b"mynah cancel\n": "breaks off what Improv has begun, and goes back to the old Wi-Fi",
    b"mynah live\n": "the wake models' outputs in the log, while the host asks for them",
}
