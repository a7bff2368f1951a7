"""The generated tables of the MIoT spec (spec_table.py), read a row at a time.

They are text: as dicts of tuples they would take four times the memory, and a row is wanted now and
then. What a row looks like is in spec_table.py.
"""

from speaker.util.hints import Any, Callable, Iterator


class Rows:
    """A table by (siid, piid or aiid), to be read like a dict.

    `parse` makes an entry of a row's fields behind the number.
    """

    def __init__(self, text: bytes, parse: Callable[[list], tuple]) -> None:
        self._text = text
        self._parse = parse

    def __contains__(self, number: tuple) -> bool:
        return row(self._text, "%d.%d" % number) is not None

    def __getitem__(self, number: tuple) -> tuple:
        found = row(self._text, "%d.%d" % number)
        if found is None:
            raise KeyError(number)
        return self._parse(found)

    def items(self) -> Iterator[tuple]:
        """((siid, piid or aiid), entry) of each row."""
        for line in lines(self._text):
            siid, _, iid = line[0].partition(".")
            yield (int(siid), int(iid)), self._parse(line[1:])

    def values(self) -> Iterator[tuple]:
        """The entry of each row."""
        for line in lines(self._text):
            yield self._parse(line[1:])


def properties(text: bytes) -> Rows:
    """Entries: (name, format, access bits, allowed).

    Access: 1 read, 2 write, 4 notify. Allowed: (lowest, highest, step), a list of values, or None.
    """
    return Rows(text, _property)


def actions(text: bytes) -> Rows:
    """Entries: (name, piids of the arguments)."""
    return Rows(text, lambda fields: (fields[0], _numbers(fields[1:])))


def events(text: bytes) -> dict:
    """All of them: name -> (siid, eiid, piids of what comes with it)."""
    return {line[0]: (int(line[1]), int(line[2]), _numbers(line[3:])) for line in lines(text)}


def row(text: bytes, key: str) -> Any:
    """The fields behind a row's first one, or None: there is no such row."""
    start = text.find(b"\n%s " % key.encode())
    if start < 0:
        return None
    return text[start + 1 : text.find(b"\n", start + 1)].decode().split(" ")[1:]


def lines(text: bytes) -> Iterator[list]:
    """The fields of each row."""
    start = 1
    while start < len(text):
        end = text.find(b"\n", start)
        yield text[start:end].decode().split(" ")
        start = end + 1


def _property(fields: list) -> tuple:
    name, kind, access, allowed = fields
    if allowed == "-":
        return name, kind, int(access), None
    if ":" in allowed:
        return name, kind, int(access), _numbers(allowed.split(":"))
    return name, kind, int(access), list(_numbers(allowed.split(",")))


def _numbers(fields: list) -> tuple:
    return tuple([int(field) for field in fields])
