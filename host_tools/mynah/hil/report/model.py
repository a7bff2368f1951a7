"""The results of a test session."""

from __future__ import annotations

from dataclasses import dataclass, field

from mynah.hil.evidence import Evidence

PASSED, FAILED, ERROR, SKIPPED, XFAILED = "passed", "failed", "error", "skipped", "xfailed"
OUTCOMES = (FAILED, ERROR, PASSED, XFAILED, SKIPPED)
"""In the order of their interest."""


def in_short(reason: str) -> str:
    """The one line of a failure that says what happened, or of a skip that says why.

    Args:
        reason: as `TestResult.reason`.
    """
    lines = [line for line in reason.splitlines() if line]
    errors = [line[1:].strip() for line in lines if line.startswith("E  ")]
    if errors:
        return errors[0]
    died = [n for n, line in enumerate(lines) if line.startswith("Traceback")]
    if died:  # the board's: the exception is the first line behind it that is not indented
        behind = (line for line in lines[died[0] + 1 :] if not line.startswith(" "))
        return f"{lines[0]} {next(behind, lines[-1])}" if died[0] else next(behind, lines[-1])
    if lines and lines[0].endswith(":") and len(lines) > 1:
        return f"{lines[0]} {lines[1].strip()}"
    return lines[0] if lines else ""


@dataclass(slots=True)
class TestResult:
    """One test."""

    __test__ = False  # pytest takes what is called Test for one

    name: str
    """pytest's node id."""
    outcome: str = PASSED
    seconds: float = 0.0
    board: str = ""
    """Empty where no board was used, and so are the next two."""
    port: str = ""
    firmware: str = ""
    reason: str = ""
    """The failure as pytest shows it, or why it was skipped."""
    log: str = ""
    evidence: Evidence = field(default_factory=Evidence)

    @property
    def is_bad(self) -> bool:
        """Whether somebody has to look at it."""
        return self.outcome in {FAILED, ERROR}


@dataclass(slots=True)
class Run:
    """A test session."""

    project: str
    """Name of its folder."""
    revision: str
    """Of the project's source as git describes it; empty where there is none."""
    started: float
    """Seconds since 1970."""
    seconds: float = 0.0
    tests: list[TestResult] = field(default_factory=list)

    def count(self, outcome: str, board: str | None = None) -> int:
        """How many tests ended so, on one board or in all."""
        return sum(test.outcome == outcome and board in {None, test.board} for test in self.tests)

    @property
    def boards(self) -> dict[str, tuple[str, str]]:
        """Port and firmware of each board that was used, by its name."""
        return {test.board: (test.port, test.firmware) for test in self.tests if test.board}
