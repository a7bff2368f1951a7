"""The networks that the radio is part of: one table, one way to open an access point.

`NETWORKS` is what `mynah privacy` tells: whoever opens an access point adds a row and calls
`open_access_point` with its name. Each row says:

    kind      "station" or "access point"
    security  of an access point: a key of `_SECURITY`; of the station: what it joins
    when      while what it is on the air
    tells     what anybody in reach can see of it
"""

from speaker.util.hints import Any

# As network.WLAN.SEC_OPEN (ports/esp32/modnetwork_globals.h).
_SECURITY = {"open": 0}

NETWORKS = {
    "set-up": {
        "kind": "access point",
        "security": "open",
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


def open_access_point(name: str, wlan: Any, ssid: str) -> None:
    """Put that access point on the air as `ssid`; `wlan` is the WLAN of the kind AP."""
    row = NETWORKS[name]
    wlan.active(True)
    wlan.config(ssid=ssid, security=_SECURITY[row["security"]])
