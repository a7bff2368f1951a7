"""Take out of texts and data what nobody else may read, and count what was taken.

Secrets that are known are found however they are written (`mynah.report.spellings`); what only
looks like one (so many hex digits, ``password=...``) goes, too. Names of people, computers and
networks get stand-ins, the same one each time, so that a log can still be followed.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from mynah.logs.secrets import redact
from mynah.report.spellings import pattern

REMOVED = "<removed>"
_NAMED = "value of a secret's name"
_SHORTEST_SECRET = 4
_SHORTEST_NAME = 3
_WIDE_NAME = 6  # a network's name of so many characters is removed wherever it stands
_SECRET_KEYS = re.compile(
    r"(?i)(?:.*[_-])?(?:password|passwd|passphrase|psk|token|secret|key|credentials?)"
)

# Sizes of tokens (16 bytes) and of the secure mode's keys (32), as hex and as base64.
_HEX = re.compile(r"(?<![0-9A-Fa-f])(?:[0-9A-Fa-f]{64}|[0-9A-Fa-f]{32})(?![0-9A-Fa-f])")
_HEX_PAIRS = re.compile(
    r"(?<![0-9A-Fa-f])(?:0x|\\x)?[0-9A-Fa-f]{2}"
    r"(?:(?:[ :-]|, ?0x|\\x)[0-9A-Fa-f]{2}){15}(?:(?:[ :-]|, ?0x|\\x)[0-9A-Fa-f]{2}){0,16}"
)
_BASE64 = re.compile(
    r"(?<![A-Za-z0-9+/_-])(?:[A-Za-z0-9+/_-]{22}==|[A-Za-z0-9+/_-]{43}=)(?![A-Za-z0-9+/=])"
)
# As `mynah token` is answered over the cable; `mynah.logs.secrets` knows the rest.
_KEY = re.compile(r"(\bkey=)\S+")

_MAC = re.compile(
    r"(?<![0-9A-Fa-f])(?<![0-9A-Fa-f][:-])((?:[0-9A-Fa-f]{2}([:-])){2}[0-9A-Fa-f]{2})"
    r"(?:\2[0-9A-Fa-f]{2}){3}(?![0-9A-Fa-f])(?!\2[0-9A-Fa-f]{2}(?![0-9A-Za-z]))"
)
_MAC_END = re.compile(r"(mynah-|_miap)[0-9A-Fa-f]{4}(?![0-9A-Za-z])")
# The device number of miIO: the last four bytes of the MAC address.
_DEVICE_ID = re.compile(r"(\b(?:device |did[\"']?\s*[=:]\s*))\d{5,10}\b")
_HOME = re.compile(r"(?i)(/home/|/Users/|[A-Z]:[\\/]+Users[\\/]+)[^/\\\s\"':]+")
_SSID = re.compile(r"((?:joining|joined|cannot join) )(.+?)(: [a-z ]+)?$")

_COMMON_USERS = {"root", "user", "admin", "ubuntu", "debian", "runner", "nobody", "home"}


class Redactor:
    """Knows what must not leave this computer.

    Args:
        keep_mac: leave MAC addresses and device numbers as they are.
    """

    def __init__(self, *, keep_mac: bool = False) -> None:
        self.counts: Counter[str] = Counter()
        """What was removed, and how often."""
        self._keep_mac = keep_mac
        self._secrets: dict[bytes, re.Pattern[str]] = {}
        self._names: list[tuple[re.Pattern[str], str, str]] = []
        self._networks: dict[str, str] = {}
        self._devices: dict[str, int] = {}

    def add_secret(self, secret: bytes | str) -> None:
        """A password (text), or a token or key (its bytes): removed in every spelling."""
        data = secret.encode() if isinstance(secret, str) else secret
        if len(data) < _SHORTEST_SECRET:
            return
        self._secrets.setdefault(data, pattern(data))
        if isinstance(secret, bytes):  # what is written is its hex, which may be encoded again
            for text in (secret.hex().encode(), secret.hex().upper().encode()):
                self._secrets.setdefault(text, pattern(text))

    def add_user(self, name: str, folder: str, full_name: str = "", computer: str = "") -> None:
        """Who sits here: the user's name, home folder, full name, and the computer's name."""
        if len(folder) > 1:
            self._names.append((re.compile(re.escape(folder) + r"(?![\w.-])"), "~", "home folder"))
        words = [(full_name, "<full name>", "full name"), (name, "<user>", "user name")]
        words += [(computer, "<computer>", "computer's name")]
        words += [(word, "<full name>", "full name") for word in full_name.split()]
        for word, stand_in, what in words:
            if len(word) >= _SHORTEST_NAME and word.lower() not in {*_COMMON_USERS, "localhost"}:
                self._names.append((_word(word), stand_in, what))

    def add_network(self, ssid: str) -> None:
        """A Wi-Fi's name: it tells where somebody lives."""
        if ssid and ssid not in self._networks:
            self._networks[ssid] = f"<network {len(self._networks) + 1}>"

    def add_mac(self, mac: str) -> None:
        """A device's MAC address: also without separators, and as the miIO device number."""
        digits = re.sub(r"[^0-9A-Fa-f]", "", mac).lower()
        if len(digits) != 12 or self._keep_mac or digits in self._devices:
            return
        number = self._devices.setdefault(digits, len(self._devices) + 1)
        self._names.append((_word(digits), f"<MAC {number}>", "MAC address"))
        device_id = str(int(digits[4:], 16))
        self._names.append((_word(device_id), f"<device {number}>", "device number"))

    def data(self, value: Any) -> Any:
        """A copy of data for JSON, with every text in it redacted."""
        if isinstance(value, dict):
            return {
                self.text(str(key)): self._valued(str(key), each) for key, each in value.items()
            }
        if isinstance(value, (list, tuple)):
            return [self.data(each) for each in value]
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, int) and not isinstance(value, bool):  # a password of digits, say
            text = self.text(str(value))
            return value if text == str(value) else text
        return value

    def text(self, text: str) -> str:
        """The text, with everything taken out."""
        for secret in self._secrets.values():
            text = self._replace(secret, REMOVED, text, "secret")
        text = "\n".join(map(self._line, text.split("\n")))
        for name, stand_in, what in self._names:
            text = self._replace(name, stand_in, text, what)
        text = self._replace(_HOME, r"\1<user>", text, "home folder")
        if not self._keep_mac:
            text = self._replace(_MAC, r"\1\2xx\2xx\2xx", text, "MAC address")
            text = self._replace(_MAC_END, r"\1xxxx", text, "MAC address")
            text = self._replace(_DEVICE_ID, r"\1<device>", text, "device number")
        return self._without_networks(text)

    def leaks(self, text: str) -> bool:
        """Whether a secret that is known is still in a text."""
        return any(secret.search(text) for secret in self._secrets.values())

    def _valued(self, key: str, value: Any) -> Any:
        if _SECRET_KEYS.fullmatch(key) and isinstance(value, (str, bytes)) and value:
            self.counts[_NAMED] += 1
            return REMOVED
        return self.data(value)

    def _line(self, line: str) -> str:
        found = _SSID.search(line)
        if found:
            self.add_network(found[2])
        for looks_secret in (_HEX, _HEX_PAIRS, _BASE64):
            line = self._replace(looks_secret, REMOVED, line, "what looks like a token or key")
        line = self._replace(_KEY, rf"\1{REMOVED}", line, _NAMED)
        shown = redact(line)
        if shown != line:
            self.counts[_NAMED] += 1
        return shown

    def _without_networks(self, text: str) -> str:
        for ssid in sorted(self._networks, key=len, reverse=True):
            stand_in = self._networks[ssid]
            what = "Wi-Fi's name"
            name = re.escape(ssid)
            text = self._replace(re.compile(rf"([\"']){name}\1"), rf"\1{stand_in}\1", text, what)
            asked = re.compile(rf"((?:joining|joined|cannot join) ){name}(?=$|:|\n)", re.MULTILINE)
            text = self._replace(asked, rf"\1{stand_in}", text, what)
            if len(ssid) >= _WIDE_NAME:
                text = self._replace(_word(ssid), stand_in, text, what)
        return text

    def _replace(self, old: re.Pattern[str], new: str, text: str, what: str) -> str:
        text, n = old.subn(new, text)
        if n:
            self.counts[what] += n
        return text


def _word(text: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![A-Za-z0-9]){re.escape(text)}(?![A-Za-z0-9])", re.IGNORECASE)
