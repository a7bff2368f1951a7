"""Wake words in recordings: the firmware's own engine, run on this computer, and its picture."""

from mynah.wake.engine import SETTLE_S, Detection, WakeResult, run
from mynah.wake.picture import plot

__all__ = ["SETTLE_S", "Detection", "WakeResult", "plot", "run"]
