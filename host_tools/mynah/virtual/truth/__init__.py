"""How true the virtual board is: what it does as hardware does, what differs, what is missing.

``python -m mynah.virtual.truth`` writes ``host_tools/docs/truth.md`` anew, and
``mynah virtual --truth`` prints the same. tests/virtual/test_truth.py runs every command of the
table, and reads the firmware for calls that the table does not have.
"""

from mynah.virtual.truth.calls import CALLS, Call, calls_of_firmware
from mynah.virtual.truth.commands import COMMANDS, Command
from mynah.virtual.truth.missing import MISSING, Missing
from mynah.virtual.truth.verdict import Verdict

__all__ = [
    "CALLS",
    "COMMANDS",
    "MISSING",
    "Call",
    "Command",
    "Missing",
    "Verdict",
    "calls_of_firmware",
]
