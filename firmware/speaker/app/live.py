"""The wake model's outputs in the log while somebody looks at them."""

import time

from micropython import const

from speaker.app.console import Console
from speaker.app.listener import Listener
from speaker.app.outputs import OutputLog
from speaker.util import log
from speaker.util.hints import Any

COMMAND = b"mynah live\n"

_EVERY_MS = const(90)
_KEEP_MS = const(3000)
_STOP = const(113)  # q


class Live:
    """Console handler: logs the outputs until `q` comes, or nothing came for 3 s."""

    def __init__(self, listener: Listener, engine: Any) -> None:
        self._engine = engine
        self._outputs = OutputLog("live", listener, engine)
        self._byte = bytearray(1)

    async def run(self, console: Console) -> None:
        """Show them; any byte keeps it going."""
        if self._engine is None:
            log.error("live", "refused: no wake word model")
            return
        self._outputs.start()
        heard_ms = time.ticks_ms()
        while time.ticks_diff(time.ticks_ms(), heard_ms) < _KEEP_MS:
            if await console.get(self._byte, 1, _EVERY_MS):
                if self._byte[0] == _STOP:
                    break
                heard_ms = time.ticks_ms()
            self._outputs.report()
        log.info("live", "end")
