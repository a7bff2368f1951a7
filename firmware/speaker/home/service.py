"""The `mynah.home.*` methods of the speaker's own miIO server."""

import json

from micropython import const

from speaker.home.devices import Devices
from speaker.home.registry import FullError
from speaker.miot.limits import N_HOME_DEVICES
from speaker.miot.server import BUSY, INTERNAL, INVALID_ARGUMENT, Later, MiioError
from speaker.util.hints import Any, Callable

# What a page of `list` may take of a reply (see miot/server.py); the rest is its wrapper.
_MAX_PAGE = const(1200)


class Service:
    """Methods for the miIO server; `do(text)` gives the coroutine that does a sentence."""

    def __init__(self, devices: Devices, do: Callable[[object], Any]) -> None:
        self._devices = devices
        self._run = do

    def methods(self) -> dict:
        """Name -> function(params, peer)."""
        return {
            "mynah.home.add": self._add,
            "mynah.home.remove": self._remove,
            "mynah.home.list": self._list,
            "mynah.home.do": self._do,
        }

    def _add(self, params: Any, _peer: tuple) -> list:
        self._check_loaded()
        try:
            self._devices.add(params)
        except ValueError as error:
            raise MiioError(INVALID_ARGUMENT, error.args[0]) from error
        except FullError as error:
            text = "%d devices are known, more do not fit: remove one first" % N_HOME_DEVICES
            raise MiioError(INVALID_ARGUMENT, text) from error
        except OSError as error:
            raise MiioError(INTERNAL, "not saved: flash error %s" % error.errno) from error
        return ["ok"]

    def _remove(self, params: Any, _peer: tuple) -> list:
        self._check_loaded()
        if not isinstance(params, list) or len(params) != 1 or not isinstance(params[0], str):
            raise MiioError(INVALID_ARGUMENT, "params: the list of one name is wanted")
        try:
            self._devices.forget(params[0])
        except KeyError as error:
            raise MiioError(INVALID_ARGUMENT, "there is no device of that name") from error
        return ["ok"]

    def _list(self, params: Any, _peer: tuple) -> dict:
        self._check_loaded()
        start = params.get("from", 0) if isinstance(params, dict) else 0
        if not isinstance(start, int) or isinstance(start, bool) or start < 0:
            raise MiioError(INVALID_ARGUMENT, "from: the number of a device is wanted")
        devices = self._devices.all()
        page: list = []
        size = 0
        for index in range(start, len(devices)):
            described = devices[index].describe()
            n = _size(described)
            if n > _MAX_PAGE:  # the record alone always fits
                described["state"] = {}
                n = _size(described)
            size += n + 1
            if page and size > _MAX_PAGE:
                return {"devices": page, "next": index}
            page.append(described)
        return {"devices": page, "next": None}

    def _do(self, params: Any, _peer: tuple) -> Later:
        self._check_loaded()
        text = params.get("text") if isinstance(params, dict) else None
        if not isinstance(text, str):
            raise MiioError(INVALID_ARGUMENT, "text: a sentence is wanted")
        return Later(self._run(text))

    def _check_loaded(self) -> None:
        if not self._devices.loaded:
            raise MiioError(BUSY, "busy: ask again")


def _size(value: dict) -> int:
    return len(json.dumps(value, separators=(",", ":")).encode())
