"""What `mynah pair` says over the cable beside Improv: above all, it takes the token.

Improv gives the speaker a Wi-Fi, but nobody a token, and the home network never sees one. Who has
the cable may have it, while the speaker has no owner or its set-up window is open. So that neither
the log nor what records it holds a secret, the host sends 16 random bytes, used once, and gets the
token XORed with them; the mask itself is never printed. Then the host keeps the token, and only
then says `mynah paired`: the speaker has an owner from then on. Whatever breaks off before leaves a
speaker without one, and the host asks again.

    mynah token <mask in hex>      -> cable: token did=<id> mac=<MAC> model=<model> key=<in hex>
                                   or cable: refused did=<id>: <why>
    mynah paired                   -> cable: paired
    mynah country <two letters>    -> cable: country <two letters>
    mynah cancel                   -> cable: cancelled
"""

import binascii

from micropython import const

from speaker.net.credentials import check_country
from speaker.util import log
from speaker.util.hints import Any

_BYTE_MS = const(300)
_DIGITS = const(32)
_DIFFERENT = const(8)  # bytes of a mask: one that hides nothing is a mistake of the host


class Cable:
    """Handlers of the console. `model` and `mac` are told; the device id is the miIO one."""

    def __init__(
        self, machine: Any, settings: Any, improv: Any, did: int, mac: str, model: str
    ) -> None:
        self._machine = machine
        self._settings = settings
        self._improv = improv
        self._did = did
        self._mac = mac
        self._model = model
        self._buffer = bytearray(_DIGITS)

    def add_to(self, console: Any) -> None:
        """Make the commands known to the console."""
        console.add(b"mynah token ", self._token)
        console.add(b"mynah paired\n", self._paired)
        console.add(b"mynah country ", self._country)
        console.add(b"mynah cancel\n", self._cancel)

    async def _token(self, console: Any) -> None:
        if not await console.get(self._buffer, _DIGITS, _BYTE_MS):
            return
        if not self._may_be_claimed():
            text = "refused did=%d: it has an owner; holding its BOOT button for 5 s allows it"
            log.warning("cable", text, self._did)
            return
        try:
            mask = binascii.unhexlify(bytes(self._buffer))
        except ValueError:
            mask = b""
        if len(set(mask)) < _DIFFERENT:
            log.warning("cable", "refused did=%d: the mask is not random", self._did)
            return
        key = bytes([a ^ b for a, b in zip(self._settings.token, mask)])
        fields = (self._did, self._mac, self._model, binascii.hexlify(key).decode())
        log.info("cable", "token did=%d mac=%s model=%s key=%s", *fields)

    async def _paired(self, _console: Any) -> None:
        if not self._may_be_claimed():
            log.warning("cable", "refused did=%d: it has an owner", self._did)
            return
        self._settings.set_owned()
        self._machine.window.close()
        log.info("cable", "paired")

    async def _country(self, console: Any) -> None:
        if not await console.get(self._buffer, 2, _BYTE_MS):
            return
        try:
            self._improv.country = check_country(bytes(self._buffer[:2]).decode())
        except ValueError as error:
            log.warning("cable", "refused: %s", error)
            return
        log.info("cable", "country %s", self._improv.country)

    async def _cancel(self, _console: Any) -> None:
        self._machine.abort()
        log.info("cable", "cancelled")

    def _may_be_claimed(self) -> bool:
        return not self._settings.owned or self._machine.window.is_open
