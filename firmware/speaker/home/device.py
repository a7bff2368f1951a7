"""One device of the home: its roles read, set and acted through MIoT or the old miIO methods."""

from micropython import const

from speaker.home import values
from speaker.home.text import fold
from speaker.miot.client import Client, NoAnswerError, Remote
from speaker.miot.server import MiioError
from speaker.util import log
from speaker.util.hints import Any

READ_ONLY = "read only"

# Of these types nothing is ever set, whatever their record says.
_READ_ONLY_TYPES = ("lock", "sensor")
_N_AT_ONCE = const(10)  # properties a request; other clients ask for 10 to 15
_POLL_TRIES = const(2)
_DONE = (0, 1)  # done, and accepted but not yet done


class RefusedError(Exception):
    """The device has no such role, or it cannot be set: `args[0]` says which."""


class Device:
    """A device that was told to us: where it is, what it can, its last known state.

    `online` is None before the first contact. `state` holds what people say (home/values.py), by
    role. `failure` says why the last contact failed, or "".
    """

    def __init__(self, record: dict, client: Client) -> None:
        token = bytes.fromhex(record["token"])
        self.record = {field: record[field] for field in record if field != "token"}
        self.remote = Remote(record["address"], record["port"], record["did"], token)
        self.name = record["name"]
        self.room = record["room"]
        self.said = fold(self.name)  # as sentences have it
        self.said_room = fold(self.room)
        self.place: str | None = None  # the room's key, see home/sentence.py
        self.type = record["type"]
        self.roles = record["roles"]
        self.online: bool | None = None
        self.failure = ""
        self.state: dict = {}
        self._client = client

    def describe(self) -> dict:
        """The record without its token, whether it is online, and the last known state."""
        described = dict(self.record)
        described["online"] = self.online
        described["state"] = self.state
        return described

    def address(self) -> tuple:
        """`(address, port, did)` as the record has them."""
        return self.record["address"], self.record["port"], self.record["did"]

    def move(self, address: str, port: int, did: int) -> None:
        """The device has proven to be there: the record says so from now on."""
        self.record.update(address=address, port=port, did=did)

    def can_read(self, role: str) -> bool:
        """Whether the role has a value."""
        entry = self.roles.get(role)
        if entry is None or "v" in entry or entry.get("w"):
            return False
        return "p" in entry or "get" in entry

    def can_set(self, role: str) -> bool:
        """Whether the role's value may be set."""
        entry = self.roles.get(role)
        if entry is None or self.type in _READ_ONLY_TYPES:
            return False
        return "set" in entry or ("p" in entry and "v" not in entry and not entry.get("r"))

    def can_act(self, role: str) -> bool:
        """Whether the role is something to do: an action, or a value that is written."""
        entry = self.roles.get(role)
        if entry is None or self.type in _READ_ONLY_TYPES:
            return False
        return "x" in entry or "v" in entry

    async def read(self, roles: list | None = None, patient: bool = True) -> dict:
        """Ask for the values of these roles, or of all; the state, with them in it.

        What the device does not tell is missing. Raises NoAnswerError or MiioError.
        """
        tries = 3 if patient else _POLL_TRIES
        wanted = [role for role in roles or self.roles if self.can_read(role)]
        properties = [role for role in wanted if "p" in self.roles[role]]
        for i in range(0, len(properties), _N_AT_ONCE):
            await self._get_properties(properties[i : i + _N_AT_ONCE], tries)
        old = [role for role in wanted if "p" not in self.roles[role]]
        n = self.record.get("n", _N_AT_ONCE)
        for i in range(0, len(old), n):
            await self._get_prop(old[i : i + n], tries)
        return self.state

    async def write(self, wanted: list) -> None:
        """Set `(role, value)`, in this order.

        Raises RefusedError, ValueError for a bad value, NoAnswerError or MiioError.
        """
        items = []
        for role, value in wanted:
            if not self.can_set(role):
                raise RefusedError(READ_ONLY if role in self.roles else "no " + role)
            items.append((role, values.to_device(role, self.roles[role], value)))
        properties = [item for item in items if "p" in self.roles[item[0]]]
        if properties:
            await self._set_properties(properties)
        for role, raw in items:
            if "p" not in self.roles[role]:
                await self._call_setter(self.roles[role], raw)
        for role, raw in items:
            self.state[role] = values.from_device(role, self.roles[role], raw)

    async def act(self, role: str) -> None:
        """Do what that role does. Raises RefusedError, NoAnswerError or MiioError."""
        if not self.can_act(role):
            raise RefusedError(READ_ONLY if role in self.roles else "no " + role)
        if "v" in self.roles[role]:
            await self._set_properties([(role, self.roles[role]["v"])])
            return
        siid, aiid = self.roles[role]["x"]
        params = {"did": str(self.remote.did), "siid": siid, "aiid": aiid, "in": []}
        _check_codes([await self._call("action", params, once=True)])

    async def _get_properties(self, roles: list, tries: int) -> None:
        items = [self._item(role) for role in roles]
        results = await self._call("get_properties", items, tries)
        for result in results if isinstance(results, list) else []:
            for role, item in zip(roles, items):
                if _is_of(result, item) and result.get("code", 0) in _DONE and "value" in result:
                    self._take(role, result["value"])

    async def _get_prop(self, roles: list, tries: int) -> None:
        names = [self.roles[role]["get"] for role in roles]
        results = await self._call("get_prop", names, tries)
        if isinstance(results, list) and len(results) == len(roles):
            for role, raw in zip(roles, results):
                self._take(role, raw)

    def _take(self, role: str, raw: Any) -> None:
        if raw is not None and raw != "":  # what an old device says of a property that it lacks
            self.state[role] = values.from_device(role, self.roles[role], raw)

    async def _set_properties(self, items: list) -> None:
        params = []
        for role, raw in items:
            item = self._item(role)
            item["value"] = raw
            params.append(item)
        result = await self._call("set_properties", params)
        _check_codes(result if isinstance(result, list) else [])

    async def _call_setter(self, entry: dict, raw: Any) -> None:
        setter = entry["set"]
        if isinstance(setter, list):  # a method for off and one for on
            await self._call(setter[bool(raw)], [])
        else:
            await self._call(setter, [raw] + entry.get("args", []))

    def _item(self, role: str) -> dict:
        siid, piid = self.roles[role]["p"]
        return {"did": str(self.remote.did), "siid": siid, "piid": piid}

    async def _call(self, method: str, params: object, tries: int = 3, once: bool = False) -> Any:
        try:
            result = await self._client.call(self.remote, method, params, tries, once)
        except NoAnswerError as error:
            self._note(error.args[0])
            raise
        except MiioError:  # it is there, and says no
            self._note("")
            raise
        self._note("")
        return result

    def _note(self, failure: str) -> None:
        if failure and failure != self.failure:
            log.warning("home", "%s: %s", self.name, failure)
        elif not failure and self.online is not True:
            log.info("home", "%s: online", self.name)
        self.failure = failure
        self.online = not failure


def _is_of(result: Any, item: dict) -> bool:
    if not isinstance(result, dict):
        return False
    return result.get("siid") == item["siid"] and result.get("piid") == item["piid"]


def _check_codes(results: list) -> None:
    """Raise the first code that is no success; some devices answer with no codes at all."""
    for result in results:
        code = result.get("code", 0) if isinstance(result, dict) else 0
        if code not in _DONE:
            raise MiioError(code, "refused by the device")
