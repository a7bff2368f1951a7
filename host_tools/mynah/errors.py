"""The errors that Mynah raises on purpose, and the exit code of each.

::

    MynahError             1  something unexpected
    |-- UsageError         2  the command's words or a file it names are off
    |   |-- BoardFileError    a board file breaks a rule
    |   |-- BenchFileError    a bench file breaks a rule
    |   |-- ImageError        a firmware image is truncated, corrupt or for another chip
    |   |-- ModelError        a wake-word model that Mynah cannot run
    |   `-- AudioError        a recording that cannot be read
    |-- PortError          3  the port is missing, busy, or vanished
    |-- BoardError         4  the board answered with an error
    |-- BoardTimeoutError  5  the board did not answer in time
    `-- VerificationError  6  what was written or measured is not what was meant

A message says what happened and what to do next; it never holds a token or a password.
"""

from __future__ import annotations


class MynahError(Exception):
    """Base of every error that Mynah raises on purpose; ``exit_code`` is the process's."""

    exit_code = 1


class UsageError(MynahError):
    """The caller's words, or a file that they name, are off."""

    exit_code = 2


class BoardFileError(UsageError):
    """A board file breaks a rule."""


class BenchFileError(UsageError):
    """A bench file breaks a rule."""


class ImageError(UsageError):
    """A firmware image is truncated, corrupt or made for another chip."""


class ModelError(UsageError):
    """A wake-word model that Mynah cannot run."""


class AudioError(UsageError):
    """A recording that cannot be read."""


class PortError(MynahError):
    """The port is missing, busy, or vanished."""

    exit_code = 3


class BoardError(MynahError):
    """The board answered with an error."""

    exit_code = 4


class BoardTimeoutError(MynahError):
    """The board did not answer in time."""

    exit_code = 5


class VerificationError(MynahError):
    """What was written or measured is not what was meant."""

    exit_code = 6
