"""Properties and actions over miIO: get_properties, set_properties, action.

Each item of a request gets a code of its own, as MIoT's LAN calls want it.
"""

from micropython import const

from speaker.miot.server import INVALID_ARGUMENT, MiioError
from speaker.util.hints import Any

OK = const(0)
NOT_READABLE = const(-4001)
NOT_WRITABLE = const(-4002)
NOT_FOUND = const(-4003)
BAD_VALUE = const(-4005)
BAD_INPUT = const(-4006)

_READ = const(1)
_WRITE = const(2)
# python-miio asks for 15 at once, other clients for 10.
_MAX_ITEMS = const(32)


class Spec:
    """The spec table, bound to what reads, writes and does things.

    `readers` maps a property's name to a function that returns its value, `writers` to one that
    takes a checked value, `doers` an action's name to a function of its arguments that returns
    the list of its results.
    """

    def __init__(
        self, properties: dict, actions: dict, readers: dict, writers: dict, doers: dict
    ) -> None:
        for name, _, access, _ in properties.values():
            readable = not access & _READ or name in readers
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

    def methods(self) -> dict:
        """The miIO methods that the server offers for it."""
        return {
            "get_properties": self.get_properties,
            "set_properties": self.set_properties,
            "action": self.action,
        }

    def get_properties(self, params: object, _peer: tuple) -> list:
        """`[{did, siid, piid}]` -> `[{did, siid, piid, code, value}]`."""
        return [self._get(item) for item in _items(params)]

    def set_properties(self, params: object, _peer: tuple) -> list:
        """`[{did, siid, piid, value}]` -> `[{did, siid, piid, code}]`."""
        return [self._set(item) for item in _items(params)]

    def action(self, params: object, _peer: tuple) -> dict:
        """`{did, siid, aiid, in}` -> `{did, siid, aiid, code, out}`."""
        if not isinstance(params, dict):
            raise MiioError(INVALID_ARGUMENT, "params: an object is wanted")
        result = _echo(params, "aiid")
        entry = _find(self._actions, params, "aiid")
        values = params.get("in", [])
        if entry is None:
            result["code"] = NOT_FOUND
            return result
        name, piids = entry
        arguments = self._arguments(params["siid"], piids, values)
        if arguments is None:
            result["code"] = BAD_INPUT
            return result
        try:
            result["out"] = self._doers[name](*arguments)
            result["code"] = OK
        except ValueError:  # an argument names what is not there
            result["code"] = BAD_INPUT
        return result

    def _get(self, item: dict) -> dict:
        result = _echo(item, "piid")
        entry = _find(self._properties, item, "piid")
        if entry is None:
            result["code"] = NOT_FOUND
        elif not entry[2] & _READ:
            result["code"] = NOT_READABLE
        else:
            result["code"] = OK
            result["value"] = self._readers[entry[0]]()
        return result

    def _set(self, item: dict) -> dict:
        result = _echo(item, "piid")
        entry = _find(self._properties, item, "piid")
        if entry is None:
            result["code"] = NOT_FOUND
        elif not entry[2] & _WRITE:
            result["code"] = NOT_WRITABLE
        elif "value" not in item or not is_allowed(item["value"], entry[1], entry[3]):
            result["code"] = BAD_VALUE
        else:
            self._writers[entry[0]](item["value"])
            result["code"] = OK
        return result

    def _arguments(self, siid: int, piids: tuple, values: object) -> list | None:
        """The action's arguments in order, or None when they do not fit.

        Given as plain values, or (as some clients do) as `{piid, value}`.
        """
        if not isinstance(values, list) or len(values) != len(piids):
            return None
        arguments = []
        for piid, value in zip(piids, values):
            named = value if isinstance(value, dict) else {"piid": piid, "value": value}
            entry = self._properties[(siid, piid)]
            plain = named.get("value")
            if named.get("piid") != piid or not is_allowed(plain, entry[1], entry[3]):
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


def _items(params: object) -> list:
    if not isinstance(params, list) or len(params) > _MAX_ITEMS:
        raise MiioError(INVALID_ARGUMENT, "params: a list of at most %d is wanted" % _MAX_ITEMS)
    for item in params:
        if not isinstance(item, dict):
            raise MiioError(INVALID_ARGUMENT, "params: objects are wanted")
    return params


def _find(table: dict, item: dict, number: str) -> tuple | None:
    siid, iid = item.get("siid"), item.get(number)
    if not isinstance(siid, int) or not isinstance(iid, int):
        return None
    return table.get((siid, iid))


def _echo(item: dict, number: str) -> dict:
    return {key: item[key] for key in ("did", "siid", number) if key in item}
