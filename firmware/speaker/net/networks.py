"""The networks that the radio is part of: one table, one way to open an access point.

`ACCESS_POINTS` is what `mynah privacy` tells: whoever opens one adds its name with a key of
`_SECURITY`, says in app/told.py what it is for, and calls `open_access_point` with the name.
"""

from speaker.util.hints import Any

# As network.WLAN.SEC_OPEN (ports/esp32/modnetwork_globals.h).
_SECURITY = {"open": 0}

ACCESS_POINTS = {"set-up": "open"}


def open_access_point(name: str, wlan: Any, ssid: str) -> None:
    """Put that access point on the air as `ssid`; `wlan` is the WLAN of the kind AP."""
    security = _SECURITY[ACCESS_POINTS[name]]
    wlan.active(True)
    wlan.config(ssid=ssid, security=security)
