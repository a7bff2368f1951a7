"""Properties and actions over miIO: get_properties, set_properties, action.

Each item of a request gets a code of its own, as MIoT's LAN calls want it.
"""

import json

from micropython import const

from speaker.miot.request import MAX_TEXT, whole
from speaker.miot.server import INVALID_ARGUMENT, Later, MiioError
from speaker.util import log
from speaker.util.hints import Any

OK = const(0)
NOT_READABLE = const(-4001)
NOT_WRITABLE = const(-4002)
NOT_FOUND = const(-4003)
FAILED = const(-4004)
BAD_VALUE = const(-4005)
BAD_INPUT = const(-4006)
WRONG_DEVICE = const(-4007)

_READ = const(1)
_WRITE = const(2)
_NOTIFY = const(4)
# python-miio asks for 15 at once, other clients for 10.
_MAX_ITEMS = const(32)
# Clients put names of their own, or "0", in the place of a device id (python-miio: the property's
# name). A number that is as long as a real id is one, and then it has to be ours.
_ID_DIGITS = const(6)
_LONG = const(300)  # characters of text: below that, even the longest batch fits
_ROOM = const(60)  # in a reply, for what is around the results, and for code and message
_ASK_ALONE = "too long: ask for it alone"


class NotAvailableError(Exception):
    """What the spec names and this speaker has not got (yet): `NotAvailableError(why)`."""


class Spec:
    """The spec table, bound to what reads, writes and does things.

    `properties` and `actions` are rows.py's, or dicts of the same entries. `readers`
    maps a property's name to a function that returns its value, `writers` to one that
    takes a checked value, `doers` an action's name to a function of its arguments that returns
    the list of its results, or a `Later` of it; it raises ValueError for arguments that name
    nothing, NotAvailableError for what cannot be done. `did` is the device's id.
    """

    def __init__(
        self,
        properties: Any,
        actions: Any,
        readers: Any,
        writers: Any,
        doers: dict,
        did: int = 0,
    ) -> None:
        for name, _, access, _ in properties.values():
            readable = not access & (_READ | _NOTIFY) or name in readers
            writable = not access & _WRITE or name in writers
            if not (readable and writable):
                raise ValueError("property %s is bound to nothing" % name)
        for name, _ in actions.values():
            if name not in doers:
                raise ValueError("action %s is bound to nothing" % name)
        self._properties = properties
        self._actions = actions
        self._readers = readers
        self._writers = writers
        self._doers = doers
        self._did = str(did)

    def methods(self) -> dict:
        """The miIO methods that the server offers for it."""
        return {
            "get_properties": self.get_properties,
            "set_properties": self.set_properties,
            "action": self.action,
        }

    def notifying(self) -> dict:
        """(siid, piid) -> reader of each property whose changes are told."""
        return {
            number: self._readers[entry[0]]
            for number, entry in self._properties.items()
            if entry[2] & _NOTIFY
        }

    def get_properties(self, params: object, _peer: tuple) -> list:
        """`[{did, siid, piid}]` -> `[{did, siid, piid, code, value}]`."""
        return _fitting([self._get(item) for item in _items(params)])

    def set_properties(self, params: object, _peer: tuple) -> list:
        """`[{did, siid, piid, value}]` -> `[{did, siid, piid, code}]`."""
        return [self._set(item) for item in _items(params)]

    def action(self, params: object, _peer: tuple) -> object:
        """`{did, siid, aiid, in}` -> `{did, siid, aiid, code, out}`, at once or as a `Later`."""
        if not isinstance(params, dict):
            raise MiioError(INVALID_ARGUMENT, "params: an object is wanted")
        result, entry = self._look_up(self._actions, params, "aiid")
        if entry is None:
            return result
        name, piids = entry
        arguments = self._arguments(result["siid"], piids, params.get("in", []))
        if arguments is None:
            result["code"] = BAD_INPUT
            return result
        try:
            out = self._doers[name](*arguments)
        except Exception as error:
            return _failed(result, error)
        if isinstance(out, Later):
            return Later(_later(result, out.coroutine))
        return _done(result, out)

    def _get(self, item: dict) -> dict:
        result, entry = self._look_up(self._properties, item, "piid")
        if entry is None:
            return result
        if not entry[2] & _READ:
            result["code"] = NOT_READABLE
            return result
        try:
            result["value"] = self._readers[entry[0]]()
        except Exception as error:
            return _failed(result, error)
        result["code"] = OK
        return result

    def _set(self, item: dict) -> dict:
        result, entry = self._look_up(self._properties, item, "piid")
        if entry is None:
            return result
        name, kind, access, allowed = entry
        value = _plain(item.get("value"), kind)
        if not access & _WRITE:
            result["code"] = NOT_WRITABLE
        elif not is_allowed(value, kind, allowed):
            result["code"] = BAD_VALUE
        else:
            try:
                self._writers[name](value)
            except Exception as error:
                return _failed(result, error)
            result["code"] = OK
        return result

    def _look_up(self, table: Any, item: dict, number: str) -> tuple:
        """What the answer begins with, and the entry that the item is about.

        Where that is None, the answer has its code already.
        """
        result = {key: item[key] for key in ("did", "siid", number) if _is_echoed(item.get(key))}
        siid, iid = whole(item.get("siid")), whole(item.get(number))
        entry = None
        if self._is_other(item.get("did")):
            result["code"] = WRONG_DEVICE
        elif siid is None or iid is None or (siid, iid) not in table:
            result["code"] = NOT_FOUND
        else:
            entry = table[(siid, iid)]
            result["siid"], result[number] = siid, iid
        return result, entry

    def _is_other(self, did: object) -> bool:
        """Whether an item is meant for another device."""
        if did is None:
            return False
        if isinstance(did, int) and not isinstance(did, bool):
            did = str(did)
        if not isinstance(did, str):
            return True
        return len(did) >= _ID_DIGITS and did.isdigit() and did != self._did

    def _arguments(self, siid: int, piids: tuple, values: object) -> list | None:
        """The action's arguments in order, or None when they do not fit.

        Given as plain values, or (as some clients do) as `{piid, value}`.
        """
        if not isinstance(values, list) or len(values) != len(piids):
            return None
        arguments = []
        for piid, value in zip(piids, values):
            named = value if isinstance(value, dict) else {"piid": piid, "value": value}
            _, kind, _, allowed = self._properties[(siid, piid)]
            plain = _plain(named.get("value"), kind)
            if whole(named.get("piid")) != piid or not is_allowed(plain, kind, allowed):
                return None
            arguments.append(plain)
        return arguments


def is_allowed(value: object, kind: str, allowed: Any) -> bool:
    """Whether a value from the network has the format and lies in the range of a property."""
    if kind == "bool":
        return isinstance(value, bool)
    if kind == "string":
        return isinstance(value, str)
    if not isinstance(value, int) or isinstance(value, bool):
        return False
    if isinstance(allowed, list):
        return value in allowed
    low, high, step = allowed
    return low <= value <= high and (value - low) % step == 0


def _is_echoed(value: object) -> bool:
    """Whether an answer repeats it: infinity, say, would be no JSON."""
    return isinstance(value, (int, str))


def _plain(value: object, kind: str) -> object:
    """A value as its property holds it, if it is one at all."""
    return whole(value) if kind not in ("bool", "string") else value


def _items(params: object) -> list:
    if not isinstance(params, list) or len(params) > _MAX_ITEMS:
        raise MiioError(INVALID_ARGUMENT, "params: a list of at most %d is wanted" % _MAX_ITEMS)
    for item in params:
        if not isinstance(item, dict):
            raise MiioError(INVALID_ARGUMENT, "params: objects are wanted")
    return params


def _fitting(results: list) -> list:
    """Results that fit a reply: a text that is too long beside the others is left out, with a code.

    Clients put ten properties into a call without knowing which of them are long.
    """
    texts = [item for item in results if isinstance(item.get("value"), str)]
    if sum([len(item["value"]) for item in texts]) < _LONG:
        return results
    size = _ROOM + len(json.dumps(results).encode())
    while size > MAX_TEXT and texts:
        longest = max(texts, key=lambda item: len(item["value"]))
        texts = [item for item in texts if item is not longest]
        size -= len(json.dumps(longest["value"]).encode())
        del longest["value"]
        longest["code"] = FAILED
        longest["message"] = _ASK_ALONE
        size += len(_ASK_ALONE)
    return results


async def _later(result: dict, coroutine: Any) -> dict:
    try:
        return _done(result, await coroutine)
    except Exception as error:
        return _failed(result, error)


def _done(result: dict, out: list) -> dict:
    result["code"] = OK
    result["out"] = out
    return result


def _failed(result: dict, error: Exception) -> dict:
    """The answer to what was asked for rightly and went wrong. A fault of ours is logged."""
    if isinstance(error, NotAvailableError):
        result["code"] = FAILED
        result["message"] = error.args[0]
    elif isinstance(error, ValueError):  # an argument names what is not there
        result["code"] = BAD_INPUT if "aiid" in result else BAD_VALUE
    else:
        log.exception("miot", error)
        result["code"] = FAILED
    return result
