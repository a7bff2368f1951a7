"""What a test session found out, as data and as one HTML page."""

from mynah.hil.report.model import Run, TestResult

__all__ = ["Run", "TestResult"]
