"""What a check tells: a fault and what to do, something in order, or what it cannot see."""

from __future__ import annotations

from dataclasses import dataclass

FAULT = "fault"
"""It does not work until somebody does something."""
WARNING = "warning"
"""It works, but not well, or not for ever."""
NOTE = "note"
"""Worth knowing."""
SEVERITIES = (FAULT, WARNING, NOTE)


@dataclass(frozen=True, slots=True)
class Cause:
    """A kind of fault that the doctor knows; `mynah.doctor.catalogue` holds all of them.

    ``what`` and ``do`` may hold ``{fields}``, which `found` fills in.
    """

    name: str
    severity: str
    what: str
    seen: str
    """How it is told, for the documentation."""
    do: tuple[str, ...]

    def found(self, *evidence: str, where: str = "", **fields: object) -> Finding:
        """A finding of this kind.

        Args:
            evidence: what was seen, a line each.
            where: which port, board or address.
            fields: the values of the texts' fields; ``where`` is one of them.
        """
        values = {"where": where, **fields}
        return Finding(
            cause=self.name,
            severity=self.severity,
            where=where,
            what=self.what.format_map(values),
            evidence=evidence,
            do=tuple(step.format_map(values) for step in self.do),
        )


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong, or worth knowing."""

    cause: str
    """Its name in the catalogue, as "port-busy"; it stays the same from version to version."""
    severity: str
    """`FAULT`, `WARNING` or `NOTE`."""
    where: str
    what: str
    evidence: tuple[str, ...]
    do: tuple[str, ...]
    """What to do, a step each; the first is what to try first."""


@dataclass(frozen=True, slots=True)
class Looked:
    """Something that was looked at and found in order."""

    topic: str
    text: str


@dataclass(frozen=True, slots=True)
class Unseen:
    """Something that could not be looked at, and why."""

    topic: str
    why: str


Item = Finding | Looked | Unseen
"""What a check yields."""
