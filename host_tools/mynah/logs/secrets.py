"""Take secrets out of a line before it is shown or kept: somebody may have typed or printed one."""

from __future__ import annotations

import re

HIDDEN = "***"

_KEY = r"(?:pass(?:wor[dt]|wd|phrase)?|pwd|psk|token|secret|(?:api|private|auth)[_-]?key)"
_QUOTED = r"""(?P<quote>["'])(?:\\.|(?!(?P=quote)).)*(?P=quote)"""
_PATTERNS = (
    # password = x, token=x, "passwd": "x", 'psk': x, password: "x"; prose as `wrong password: try
    # again` stays.
    re.compile(
        rf"""(?P<head>\b[\w-]*{_KEY}["']?\s*=\s*)(?:b?{_QUOTED}|[^\s,;&)}}\]]+)""", re.IGNORECASE
    ),
    re.compile(rf"""(?P<head>["'][\w-]*{_KEY}["']\s*:\s*)(?:{_QUOTED}|[^\s,}}]+)""", re.IGNORECASE),
    re.compile(rf"""(?P<head>\b[\w-]*{_KEY}\s*:\s*)b?{_QUOTED}""", re.IGNORECASE),
    # network.WLAN: connect(ssid, key)
    re.compile(
        rf"""(?P<head>\bconnect\(\s*b?(["'])(?:\\.|(?!\2).)*\2\s*,\s*)b?{_QUOTED}""", re.IGNORECASE
    ),
    # user:password@host in an address
    re.compile(r"(?P<head>\b[a-z][a-z0-9+.-]*://[^\s/:@]+:)[^\s/@]+(?=@)", re.IGNORECASE),
    # a miIO token by itself
    re.compile(r"(?P<head>)(?<![0-9a-fA-F])[0-9a-fA-F]{32}(?![0-9a-fA-F])"),
)
# A quick look that lets nearly every line pass: one of these is in whatever a pattern finds.
_SUSPECT = ("pass", "pwd", "psk", "token", "secret", "key", "connect(", "://")
_HEX = re.compile(r"[0-9a-f]{32}")


def redact(text: str) -> str:
    """The text with what looks like a password, a key or a token replaced by ``***``."""
    lower = text.lower()
    if not any(word in lower for word in _SUSPECT) and not _HEX.search(lower):
        return text
    for pattern in _PATTERNS:
        text = pattern.sub(lambda match: match["head"] + HIDDEN, text)
    return text
