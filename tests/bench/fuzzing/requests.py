"""JSON requests of every kind, each with what is due for it: nothing, or a reply that is checked.

What is due follows from the MIoT spec file and the protocol's description, not from the server.
"""

import json
from dataclasses import dataclass, field
from typing import Any

OK, NOT_READABLE, NOT_WRITABLE, NOT_FOUND = 0, -4001, -4002, -4003
FAILED, BAD_VALUE, BAD_INPUT, WRONG_DEVICE = -4004, -4005, -4006, -4007
INVALID, UNKNOWN_METHOD = -5001, -10000

_INTEGERS = {
    name: (-(1 << bits - 1), (1 << bits - 1) - 1) if name[0] == "i" else (0, (1 << bits) - 1)
    for bits in (8, 16, 32)
    for name in (f"int{bits}", f"uint{bits}")
}
_MAX_ITEMS = 32
CLOCK = (6, 1)  # moves by itself, and refuses years that cannot be now
# What a value is replaced by to make it wrong, or not.
_ODD = (None, True, False, "", "x", "1", -1, 0, 1, 50, 255, 256, 1 << 31, 1 << 62, 1 << 200, [], {})
_RAW = ("1e999", "-1e999", "1.5", "1E2", "-0", "40.0", "0.0")
_METHODS = (
    "",
    "miIO",
    "miIO.Info",
    "get_props",
    "get_prop",
    "set_power",
    "x" * 300,
    "\x00",
    "__init__",
)


@dataclass(frozen=True)
class Due:
    """What a request must be answered with."""

    id: Any = None
    """None: it must not be answered; ANY: it may."""
    error: int | None = None
    codes: list | None = None
    """Of each item, a set of the codes that it may have."""
    items: list = field(default_factory=list)
    values: dict = field(default_factory=dict)
    """By the item's place, where it is known."""
    loose: bool = False
    """Whatever the answer says."""


SILENCE = Due()
ANY = object()
MAYBE = Due(ANY)


class Raw(float):
    """A number as it is to be written, whatever Python would write."""

    def __new__(cls, text):
        new = super().__new__(cls, text)
        new.text = text
        return new


class Requests:
    """Makes requests for a device of this spec and id, and knows its state.

    `late` names the actions that may be answered later, which are left out.
    """

    def __init__(self, random, spec, did, late=()):
        self._random = random
        self._did = did
        self._number = 0
        self.state = {}
        self._properties = {}
        self._actions = {}
        for service in spec["services"]:
            for entry in service.get("properties", []):
                self._properties[service["iid"], entry["iid"]] = entry
            for entry in service.get("actions", []):
                key = service["iid"], entry["iid"]
                if key not in late:
                    self._actions[key] = [
                        self._properties.get((service["iid"], iid)) for iid in entry["in"]
                    ]
        self._known = [
            key
            for key, entry in self._properties.items()
            if "write" in entry["access"] and "read" in entry["access"] and key != CLOCK
        ]

    def make(self):
        """`(text, Due)` of one more."""
        random = self._random
        self._number += 1
        kind = random.randrange(20)
        if kind < 6:
            return self._get()
        if kind < 10:
            return self._set()
        if kind < 12:
            return self._act()
        if kind == 12:
            method = random.choice(_METHODS)
            return self._written({"method": method, "params": self._junk(3)}, error=UNKNOWN_METHOD)
        if kind == 13:
            return self._wrong_params()
        if kind == 14:
            return self._odd_id()
        if kind == 15:
            return self._no_request()
        if kind == 16:
            return self._deep()
        if kind == 17:
            return self._broken()
        if kind == 18:
            return self._escapes()
        return self._too_long()

    def _written(self, request, **due):
        request = {"id": self._number, **request}
        if self._random.randrange(8) == 0:  # in another order
            request = dict(sorted(request.items(), key=lambda _: self._random.random()))
        text = dump(request)
        if self._random.randrange(8) == 0:
            text = b"\xef\xbb\xbf" + text
        if self._random.randrange(4) == 0:
            text += bytes(self._random.randrange(3))
        return text, Due(self._number, **due)

    def _key(self, table):
        random = self._random
        if random.randrange(6):
            return random.choice(list(table))
        return random.choice(((0, 0), (2, 99), (99, 1), (-1, 1), (1 << 40, 2), (2, 1 << 40)))

    def _device(self, item):
        """Perhaps the wrong device's id; whether it is."""
        random = self._random
        kind = random.randrange(8)
        if kind == 0:
            item["did"] = random.choice((str(self._did), self._did, "0", "x", "volume"))
        elif kind == 1:
            item["did"] = str(self._did + random.randrange(1, 99))
            return True
        elif kind == 2:
            item["did"] = random.choice(([], {}, True, 1.5))
            return True
        elif kind > 3:
            item["did"] = f"p{random.randrange(99)}"
        return False

    def _get(self):
        random = self._random
        items, codes, values = [], [], {}
        for _ in range(random.choice((0, 1, 1, 2, 5, 10, 15))):
            key = self._key(self._properties)
            item = {"siid": key[0], "piid": key[1]}
            entry = self._properties.get(key)
            if key == (8, 5):  # the history: too much for one reply
                continue
            code = {NOT_FOUND} if entry is None else {OK}
            if entry is not None and "read" not in entry["access"]:
                code = {NOT_READABLE}
            if self._device(item):
                code = {WRONG_DEVICE}
            elif random.randrange(16) == 0:
                item[random.choice(("siid", "piid"))] = random.choice((None, "1", True, [], 1.5))
                code = {NOT_FOUND}
            if code == {OK} and key in self.state:
                values[len(items)] = self.state[key]
            items.append(item)
            codes.append(code)
        return self._written(
            {"method": "get_properties", "params": items}, codes=codes, items=items, values=values
        )

    def _set(self):
        random = self._random
        items, codes = [], []
        for _ in range(random.choice((1, 1, 2, 4))):
            key = self._key(self._properties)
            entry = self._properties.get(key)
            item = {"siid": key[0], "piid": key[1]}
            wrong_device = self._device(item)
            value = self._value(entry)
            if random.randrange(10):
                item["value"] = value
            code = {NOT_FOUND} if entry is None else {BAD_VALUE}
            if entry is not None:
                if "write" not in entry["access"]:
                    code = {NOT_WRITABLE}
                elif "value" in item and fits(entry, value):
                    code = {OK, BAD_VALUE} if key == CLOCK else {OK}
            if wrong_device:
                code = {WRONG_DEVICE}
            if code == {OK} and key in self._known:
                self.state[key] = int(value) if isinstance(value, float) else value
            items.append(item)
            codes.append(code)
        return self._written(
            {"method": "set_properties", "params": items}, codes=codes, items=items
        )

    def _act(self):
        random = self._random
        key = self._key(self._actions)
        takes = self._actions.get(key)
        request = {"siid": key[0], "aiid": key[1]}
        code = {NOT_FOUND} if takes is None else {OK, FAILED, BAD_INPUT}
        wrong_device = self._device(request)
        if takes is not None:
            values = [self._value(entry) for entry in takes]
            if not all(fits(entry, value) for entry, value in zip(takes, values, strict=True)):
                code = {BAD_INPUT}
            if random.randrange(4) == 0:
                values = random.choice((None, {}, "x", [*values, 1], values[:-1]))
                if values != [] or takes:
                    code = {BAD_INPUT}
            request["in"] = values
        if wrong_device:
            code = {WRONG_DEVICE}
        return self._written({"method": "action", "params": request}, codes=[code], items=[request])

    def _value(self, entry):
        """A value for a property, right as often as not."""
        random = self._random
        if entry is None or random.randrange(3) == 0:
            return Raw(random.choice(_RAW)) if random.randrange(4) == 0 else random.choice(_ODD)
        if entry["format"] == "bool":
            return bool(random.getrandbits(1))
        if entry["format"] == "string":
            return "".join(
                random.choices('ab\u00e9\u4e2d\U0001f600"\\/\x01\n', k=random.randrange(9))
            )
        if "value-list" in entry:
            return random.choice(entry["value-list"])["value"] + random.randrange(2)
        low, high = limits(entry)
        return random.choice((low, high, low - 1, high + 1, random.randint(low, high)))

    def _wrong_params(self):
        random = self._random
        method = random.choice(("get_properties", "set_properties", "action"))
        if method == "action":
            return self._written(
                {"method": method, "params": random.choice((None, 1, "x", [], [1]))}, error=INVALID
            )
        params = random.choice(
            (None, 1, "x", {}, [1], [[]], [None], [{}, "x"], [{}] * (_MAX_ITEMS + 1))
        )
        return self._written({"method": method, "params": params}, error=INVALID)

    def _odd_id(self):
        random = self._random
        # The number makes the packet one that was not sent before.
        method = {"method": "nothing", "params": [self._number]}
        good = random.choice((0, -1, 1 << 31, 1 << 63, 10**30, -(10**30), Raw("3.0"), Raw("1e3")))
        if random.getrandbits(1):
            return dump({"id": good, **method}), Due(int(good), error=UNKNOWN_METHOD)
        bad = random.choice(
            (None, True, False, "1", [], {}, Raw("1.5"), Raw("1e999"), Raw("-1e999"))
        )
        return dump({"id": bad, **method}), SILENCE

    def _no_request(self):
        random = self._random
        return random.choice(
            (
                b"",
                b"null",
                b"1",
                b'"id"',
                b"[]",
                b"{}",
                b'[{"id":1}]',
                dump({"method": "miIO.info"}),
                dump({"id": self._number, "result": ["ok"]}),
                dump({"id": self._number, "error": {"code": -1}}),
                random.randbytes(random.randrange(40)) + b"\xff",
            )
        ), SILENCE

    def _deep(self):
        depth = self._random.choice((10, 100, 300, 600))
        opening, closing = self._random.choice((("[", "]"), ('{"a":', "}")))
        n = min(depth, 1200 // len(opening + closing))
        value = opening * n + "0" + closing * n
        where = self._random.choice(("params", "did", "value", "in"))
        if where == "params":
            request = '{"id":%d,"method":"nothing","params":%s}' % (self._number, value)
            return request.encode(), Due(self._number, error=UNKNOWN_METHOD)
        if where == "did":
            item = '{"did":%s,"siid":2,"piid":1}' % value
            codes, method = [{WRONG_DEVICE}], "get_properties"
        elif where == "value":
            item = '{"value":%s,"siid":2,"piid":1}' % value
            codes, method = [{BAD_VALUE}], "set_properties"
        else:
            request = '{"id":%d,"method":"action","params":{"siid":3,"aiid":1,"in":%s}}'
            return (request % (self._number, value)).encode(), Due(
                self._number, codes=[{BAD_INPUT}]
            )
        request = '{"id":%d,"method":"%s","params":[%s]}' % (self._number, method, item)
        return request.encode(), Due(self._number, codes=codes)

    def _broken(self):
        """JSON with a few characters changed: who reads it anyway may answer."""
        random = self._random
        text, _ = self._get()
        text = bytearray(text)
        for _ in range(random.randrange(1, 4)):
            at = random.randrange(len(text))
            kind = random.randrange(3)
            if kind == 0:
                text[at] = random.choice(b'{}[]",:0-e.\\x\x00\xff')
            elif kind == 1:
                del text[at]
            else:
                del text[at:]
                break
            if not text:
                break
        return bytes(text), MAYBE

    def _escapes(self):
        """Escaped characters in a name that the answer repeats."""
        written, shown = self._random.choice(
            (
                (r"\ud83d\ude00", "\U0001f600"),
                (r"\ud83d", "\ufffd"),
                (r"\ude00x", "\ufffdx"),
                (r"\u0000", "\0"),
                (r"\"\\\/\b\f\n\r\t", '"\\/\b\f\n\r\t'),
                (r"\\u0041", "\\u0041"),
                (r"\u00e9\u4E2d", "\u00e9\u4e2d"),
                ("\u00e9\U0001f600", "\u00e9\U0001f600"),
                (r"\\\ud83d\ude00", "\\\U0001f600"),
            )
        )
        item = '{"did":"%s","siid":2,"piid":1}' % written
        text = '{"id":%d,"method":"get_properties","params":[%s]}' % (self._number, item)
        items = [{"did": shown, "siid": 2, "piid": 1}]
        values = {0: self.state[2, 1]} if (2, 1) in self.state else {}
        return text.encode(), Due(self._number, codes=[{OK}], items=items, values=values)

    def _too_long(self):
        """More than a packet can hold as an answer."""
        item = {"did": "x" * 20, "siid": 1, "piid": 1}
        return self._written({"method": "get_properties", "params": [item] * 21}, error=INVALID)

    def _junk(self, depth):
        random = self._random
        kind = random.randrange(5)
        if depth and kind == 0:
            return [self._junk(depth - 1) for _ in range(random.randrange(4))]
        if depth and kind == 1:
            return {str(i): self._junk(depth - 1) for i in range(random.randrange(4))}
        return random.choice(_ODD)


def dump(value):
    """JSON with `Raw` numbers as they are."""
    return _dump(value).encode()


def load(text):
    """JSON by the book; ValueError for what is not."""
    return json.loads(text.decode("utf-8", "strict"), parse_constant=_refuse)


def _refuse(name):
    raise ValueError(name)


def _dump(value):
    if isinstance(value, Raw):
        return value.text
    if isinstance(value, dict):
        return "{%s}" % ",".join(f"{json.dumps(key)}:{_dump(item)}" for key, item in value.items())
    if isinstance(value, list):
        return "[%s]" % ",".join(_dump(item) for item in value)
    return json.dumps(value)


def limits(entry):
    low, high = _INTEGERS[entry["format"]]
    low, high, _ = entry.get("value-range", (low, high, 1))
    return low, high


def fits(entry, value):
    """Whether MIoT lets a property have this value."""
    kind = entry["format"]
    if kind == "bool":
        return isinstance(value, bool)
    if kind == "string":
        return isinstance(value, str)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    if value in (float("inf"), float("-inf")) or value != int(value):
        return False
    if "value-list" in entry:
        return int(value) in [choice["value"] for choice in entry["value-list"]]
    low, high = limits(entry)
    return low <= value <= high


def complaint(due, reply):
    """What is wrong with a reply (its JSON), or nothing."""
    if due.id is ANY:
        if not isinstance(reply.get("id"), int) or not ("result" in reply) ^ ("error" in reply):
            return "a reply that is none"
        return ""
    if due.id is None:
        return "a reply where none is due"
    if reply.get("id") != due.id or isinstance(reply.get("id"), bool):
        return f"id {reply.get('id')!r}, not {due.id}"
    if due.loose:
        return "" if ("result" in reply) ^ ("error" in reply) else "neither result nor error"
    if due.error is not None:
        code = reply.get("error", {}).get("code")
        return "" if code == due.error else f"error {code}, not {due.error}"
    results = reply.get("result")
    if isinstance(results, dict):
        results = [results]
    if not isinstance(results, list) or len(results) != len(due.codes):
        return "not as many results as items"
    for i, (result, codes) in enumerate(zip(results, due.codes, strict=True)):
        if result.get("code") not in codes:
            return f"item {i}: code {result.get('code')}, not of {sorted(codes)}"
        if i in due.values and result.get("value") != due.values[i]:
            return f"item {i}: value {result.get('value')!r}, not {due.values[i]!r}"
        did = due.items[i].get("did") if due.items else None
        if isinstance(did, str) and result.get("did") != did:
            return f"item {i}: did {result.get('did')!r}, not {did!r}"
    return ""
