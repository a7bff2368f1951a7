"""Wi-Fi networks from this computer's second radio, by NetworkManager's ``nmcli``."""

from __future__ import annotations

import subprocess

from mynah.errors import BoardError, BoardTimeoutError

_PREFIX = "mynah-hil-"
_COMMAND_S = 60.0


class NetworkManagerAir:
    """One access point at a time on a Wi-Fi interface that nobody else needs.

    Args:
        interface: its name (``"wlan1"``).
    """

    def __init__(self, interface: str) -> None:
        self._interface = interface

    def add(self, ssid: str, password: str | None) -> None:
        """Open a network at 2.4 GHz, WPA2 if it has a password; addresses come from this computer.

        Raises:
            BoardError: NetworkManager refuses, or is missing.
        """
        self.remove(ssid)
        profile = _PREFIX + ssid
        secret = ["wifi-sec.key-mgmt", "wpa-psk", "wifi-sec.psk", password] if password else []
        _nmcli(
            *("connection", "add", "type", "wifi", "ifname", self._interface),
            *("con-name", profile, "autoconnect", "no", "ssid", ssid),
            *("802-11-wireless.mode", "ap", "802-11-wireless.band", "bg"),
            *("ipv4.method", "shared", *secret),
            what=f"open the network {ssid!r}",
        )
        _nmcli("connection", "up", "id", profile, what=f"open the network {ssid!r}")

    def remove(self, ssid: str) -> None:
        """Close a network and forget it; none of that name is fine.

        Raises:
            BoardError: NetworkManager is missing.
        """
        _nmcli("connection", "delete", "id", _PREFIX + ssid, what=None)


def _nmcli(*arguments: str, what: str | None) -> None:
    """Run nmcli; ``what`` it was to do is for the error, None: a failure does not matter."""
    try:
        done = subprocess.run(
            ["nmcli", *arguments], capture_output=True, text=True, timeout=_COMMAND_S, check=False
        )
    except FileNotFoundError:
        raise BoardError("nmcli (NetworkManager) is not installed") from None
    except subprocess.TimeoutExpired:
        raise BoardTimeoutError(f"nmcli took more than {_COMMAND_S:g} s") from None
    if done.returncode and what:
        said = done.stderr.strip().splitlines()  # it does not repeat the password
        raise BoardError(f"nmcli could not {what}: {said[-1] if said else 'it does not say why'}")
