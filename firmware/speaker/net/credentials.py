"""Check what a client wants the speaker to join with."""

from micropython import const

_SSID_BYTES = const(32)  # IEEE 802.11, 9.4.2.2
_PASSWORD_MIN = const(8)  # WPA passphrase: 8 to 63 characters, or 64 hex digits
_PASSWORD_MAX = const(63)


def check(ssid: object, password: object) -> tuple:
    """`(ssid, password)` ready for use; ValueError says what is wrong, without the password."""
    if not isinstance(ssid, str) or not isinstance(password, str):
        raise ValueError("ssid and passwd: strings are wanted")
    ssid = whole_characters(ssid)
    password = whole_characters(password)
    if not 1 <= len(ssid.encode()) <= _SSID_BYTES:
        raise ValueError("ssid: 1 to 32 bytes")
    n = len(password.encode())
    if n and not _PASSWORD_MIN <= n <= _PASSWORD_MAX and not _is_key(password):
        raise ValueError("passwd: 8 to 63 bytes, or 64 hex digits, or empty")
    return ssid, password


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
