"""The miIO door of provisioning: methods for a client on the set-up network."""

import asyncio
import binascii
import json
import time

from micropython import const

from speaker.miot.server import INVALID_ARGUMENT, UNKNOWN_METHOD, MiioError
from speaker.net import provisioning
from speaker.net.credentials import is_text
from speaker.net.nearby import nearby
from speaker.util import log
from speaker.util.hints import Any

_FRESH_MS = const(15_000)
_PAGE_BYTES = const(1100)  # of networks: what a reply holds, with room for the rest of it


class SetUp:
    """Methods for the miIO server, all but `wifi_assoc_state` for the set-up network only."""

    def __init__(self, machine: provisioning.Provisioning) -> None:
        self._machine = machine
        self._scan_task: Any = None
        self._networks: list = []
        self._scanned_ms = time.ticks_ms()

    def methods(self) -> dict:
        """Name -> function(params, peer)."""
        return {
            "miIO.config_router": self._config_router,
            "miIO.wifi_assoc_state": lambda _params, _peer: self._machine.report(),
            "mynah.wifi.scan": self._scan,
            "mynah.wifi.cancel": self._cancel,
        }

    def close(self) -> None:
        """Stop what is under way."""
        if self._scan_task is not None:
            self._scan_task.cancel()

    def _admit(self, peer: tuple) -> None:
        if not self._machine.is_open_to(peer[0]):
            log.warning("miio", "refused: not over the set-up network")
            raise MiioError(
                UNKNOWN_METHOD, "only over the set-up network: holding BOOT for 5 s opens it"
            )

    def _config_router(self, params: Any, peer: tuple) -> list:
        """`{"ssid": ..., "passwd": ...}`, with `ssid_hex` for a name that is no text.

        The country is in `cc` or `country_domain`, as clients of other devices send it.
        """
        self._admit(peer)
        if not isinstance(params, dict):
            raise MiioError(INVALID_ARGUMENT, "params: an object is wanted")
        try:
            ssid = params.get("ssid")
            if "ssid_hex" in params:
                ssid = binascii.unhexlify(params["ssid_hex"])
            country = params.get("cc") or params.get("country_domain") or ""
            self._machine.request(ssid, params.get("passwd", ""), country, by_owner=True)
        except TypeError:
            raise MiioError(INVALID_ARGUMENT, "ssid_hex: hexadecimal digits are wanted") from None
        except ValueError as error:
            raise MiioError(INVALID_ARGUMENT, error.args[0]) from error
        return ["ok"]

    def _cancel(self, _params: object, peer: tuple) -> list:
        self._admit(peer)
        self._machine.abort()
        return ["ok"]

    def _scan(self, params: Any, peer: tuple) -> dict:
        """`{"scanning": true}` until there are results: `networks`, and `next` for `{"from": i}`.

        The first call starts a scan, which takes the radio off the client's channel for a while.
        """
        self._admit(peer)
        start = params.get("from", 0) if isinstance(params, dict) else 0
        if not isinstance(start, int) or start < 0:
            raise MiioError(INVALID_ARGUMENT, "from: a number is wanted")
        running = self._scan_task is not None and not self._scan_task.done()
        age_ms = time.ticks_diff(time.ticks_ms(), self._scanned_ms)
        if not running and not start and (self._scan_task is None or age_ms > _FRESH_MS):
            self._scan_task = asyncio.create_task(self._listen())
            running = True
        if running:
            return {"scanning": True, "networks": [], "next": None}
        rows = []
        size = 0
        end = start
        while end < len(self._networks):
            size += len(json.dumps(self._networks[end]))
            if size > _PAGE_BYTES:
                break
            rows.append(self._networks[end])
            end += 1
        return {
            "scanning": False,
            "networks": rows,
            "next": end if end < len(self._networks) else None,
        }

    async def _listen(self) -> None:
        await asyncio.sleep_ms(provisioning.REPLY_MS)
        self._networks = [_row(found) for found in nearby(await self._machine.scan())]
        self._scanned_ms = time.ticks_ms()


def _row(found: Any) -> dict:
    row = {"rssi": found.rssi, "channel": found.channel, "auth": found.auth}
    if is_text(found.ssid):
        row["ssid"] = found.ssid.decode()
    else:
        row["ssid_hex"] = binascii.hexlify(found.ssid).decode()
    return row
