"""The `miIO.*` methods: who the speaker is, start it again."""

import asyncio
import gc
import sys

import speaker
from speaker.app.settings import Settings
from speaker.miot.server import UNKNOWN_METHOD, MiioError
from speaker.net.provisioning import Provisioning
from speaker.net.wifi import Wifi
from speaker.util import log
from speaker.util.clock import Uptime
from speaker.util.hints import Callable

# A reply must have left before the board goes down.
_REPLY_MS = 500


class Device:
    """Methods for the miIO server.

    `reset` restarts the board; `forget` forgets what else belongs to the owner.
    """

    def __init__(
        self,
        model: str,
        mac: str,
        radio: Wifi,
        provisioning: Provisioning,
        settings: Settings,
        uptime: Uptime,
        reset: Callable[[], object],
        forget: Callable[[], object],
    ) -> None:
        self._model = model
        self._mac = mac
        self._radio = radio
        self._provisioning = provisioning
        self._settings = settings
        self._uptime = uptime
        self._reset = reset
        self._forget = forget
        self._restart = asyncio.Event()

    def methods(self) -> dict:
        """Name -> function(params, peer)."""
        return {
            "miIO.info": self._info,
            "miIO.reboot": self._reboot,
            "miIO.restore": self._restore,
            "miIO.ota": _no_update,
            "miIO.get_ota_state": _no_update,
            "miIO.get_ota_progress": _no_update,
        }

    def shows_token(self, peer: tuple) -> bool:
        """Whether a hello from this peer may see the token."""
        return self._provisioning.shows_token_to(peer[0])

    def restore(self) -> None:
        """Forget the owner and start again, ready to be set up."""
        log.warning("app", "restored: network, token and devices are forgotten")
        # The settings last: were the power cut between, the speaker would still have its owner,
        # who sees that it is not done.
        self._forget()
        self._settings.restore()
        self._restart.set()

    async def run(self) -> None:
        """Task: restart the board when a method asked for it."""
        await self._restart.wait()
        await asyncio.sleep_ms(_REPLY_MS)
        log.info("app", "restart")
        self._reset()

    def _info(self, _params: object, _peer: tuple) -> dict:
        """Every field that real devices have, but the token, which nobody needs who asks signed."""
        info = {
            "model": self._model,
            "fw_ver": speaker.VERSION,
            "hw_ver": "ESP32-S3",
            "wifi_fw_ver": "MicroPython %d.%d.%d" % sys.implementation.version[:3],
            "mac": self._mac,
            "life": self._uptime.seconds(),
            "mmfree": gc.mem_free(),
            "cfg_time": 0,
            # The way to a cloud, and how often it was tried: there is none.
            "ot": "otu",
            "otu_stat": [0, 0, 0, 0, 0, 0],
            "ott_stat": [0, 0, 0, 0],
        }
        info.update(self._radio.report())
        return info

    def _reboot(self, _params: object, _peer: tuple) -> list:
        self._restart.set()
        return ["ok"]

    def _restore(self, _params: object, _peer: tuple) -> list:
        self.restore()
        return ["ok"]


def _no_update(_params: object, _peer: tuple) -> object:
    raise MiioError(UNKNOWN_METHOD, "no updates over the network yet")
