"""ChaCha20-Poly1305 (RFC 8439, 2.8), in place."""

import struct

from micropython import const

from speaker.kernels import chacha
from speaker.util.hints import Any

TAG = const(16)

_CONSTANT = b"expand 32-byte k"
_ONE_TIME = const(32)


class Aead:
    """Seals and opens messages inside a buffer; allocates nothing for them. Any task may use it."""

    def __init__(self) -> None:
        self._cipher = bytearray(chacha.CIPHER)
        self._mac = bytearray(chacha.MAC)
        self._one_time = bytearray(_ONE_TIME)
        self._lengths = bytearray(TAG)
        self._tag = bytearray(TAG)

    def seal(self, key: bytes, counter: int, ad: bytes, buffer: Any, at: int, n: int) -> None:
        """Encrypt `n` bytes of `buffer` from `at` on; the tag goes behind them.

        `key` has 32 bytes; the nonce is Noise's (rev 34, 12.3): 4 zeros, then `counter`.
        """
        self._start(key, counter)
        chacha.crypt(self._cipher, buffer, at, n)
        self._authenticate(ad, buffer, at, n)
        for i in range(TAG):
            buffer[at + n + i] = self._tag[i]

    def open(self, key: bytes, counter: int, ad: bytes, buffer: Any, at: int, n: int) -> bool:
        """Decrypt `n` bytes, behind which the tag is; False: it is wrong, and nothing is done."""
        self._start(key, counter)
        self._authenticate(ad, buffer, at, n)
        different = 0
        for i in range(TAG):
            different |= self._tag[i] ^ buffer[at + n + i]
        if different:
            return False
        chacha.crypt(self._cipher, buffer, at, n)
        return True

    def _start(self, key: bytes, counter: int) -> None:
        """Block 0 of the key stream gives the MAC's key; the cipher goes on with block 1."""
        cipher = self._cipher
        cipher[:16] = _CONSTANT
        cipher[16:48] = key
        struct.pack_into("<IIII", cipher, 48, 0, 0, counter, 0)
        one_time = self._one_time
        for i in range(_ONE_TIME):
            one_time[i] = 0
        chacha.crypt(cipher, one_time, 0, _ONE_TIME)
        chacha.mac_start(self._mac, one_time)

    def _authenticate(self, ad: bytes, buffer: Any, at: int, n: int) -> None:
        struct.pack_into("<IIII", self._lengths, 0, len(ad), 0, n, 0)
        chacha.mac_update(self._mac, ad, 0, len(ad), 1)
        chacha.mac_update(self._mac, buffer, at, n, 1)
        chacha.mac_update(self._mac, self._lengths, 0, TAG, 1)
        chacha.mac_finish(self._mac, self._tag)
