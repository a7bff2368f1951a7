"""Check and word what a client wants the speaker to join with.

A network's name is any bytes (IEEE 802.11, "SSID element"): most are UTF-8, so a door may hand in
text.
"""

from micropython import const

from speaker.util.hints import Any

_SSID_BYTES = const(32)
_PASSWORD_MIN = const(8)  # WPA passphrase: 8 to 63 characters, or 64 hex digits
_PASSWORD_MAX = const(63)


def check(ssid: Any, password: Any) -> tuple:
    """`(ssid, password)` as bytes and text, ready for use.

    Takes text or bytes. ValueError says what is wrong, without the password.
    """
    try:
        ssid = whole_characters(ssid).encode() if isinstance(ssid, str) else bytes(ssid)
        password = whole_characters(password if isinstance(password, str) else password.decode())
    except (TypeError, AttributeError):
        raise ValueError("ssid and passwd: strings are wanted") from None
    except UnicodeError:
        raise ValueError("passwd: not UTF-8") from None
    if not 1 <= len(ssid) <= _SSID_BYTES:
        raise ValueError("ssid: 1 to 32 bytes")
    if b"\x00" in ssid or "\x00" in password:  # the driver's strings end there
        raise ValueError("ssid and passwd: no zero bytes")
    n = len(password.encode())
    if n and not _PASSWORD_MIN <= n <= _PASSWORD_MAX and not _is_key(password):
        raise ValueError("passwd: 8 to 63 bytes, or 64 hex digits, or empty")
    return ssid, password


def check_country(code: object) -> str:
    """An ISO 3166 code in capitals, or "" for none; ValueError for what cannot be one."""
    if not isinstance(code, str) or len(code) not in (0, 2):
        raise ValueError("country: two letters")
    code = code.upper()
    for letter in code:
        if not "A" <= letter <= "Z":
            raise ValueError("country: two letters")
    return code


def shown(ssid: bytes) -> str:
    r"""A network's name as text for logs and clients; bytes that are no text as `\xNN`."""
    try:
        return ssid.decode()
    except UnicodeError:
        return "".join([chr(c) if 32 <= c < 127 and c != 92 else "\\x%02x" % c for c in ssid])


def is_text(ssid: bytes) -> bool:
    """Whether JSON can carry the name as it is."""
    try:
        ssid.decode()
    except UnicodeError:
        return False
    return True


def whole_characters(text: str) -> str:
    """Join the two surrogates that MicroPython's JSON parser makes of an escaped emoji."""
    data = text.encode()
    at = data.find(b"\xed")
    while at >= 0:
        pair = data[at : at + 6]
        if len(pair) == 6 and pair[3] == 0xED and 0xA0 <= pair[1] < 0xB0 <= pair[4] < 0xC0:
            high = (pair[1] & 0x0F) << 6 | (pair[2] & 0x3F)
            low = (pair[4] & 0x0F) << 6 | (pair[5] & 0x3F)
            data = data[:at] + chr(0x10000 + (high << 10 | low)).encode() + data[at + 6 :]
        at = data.find(b"\xed", at + 1)
    return data.decode()


def _is_key(password: str) -> bool:
    if len(password) != _PASSWORD_MAX + 1:
        return False
    return all(c in "0123456789abcdefABCDEF" for c in password)
