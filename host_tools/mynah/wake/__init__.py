"""Wake words in recordings: the firmware's own engine, run on this computer, and its picture."""

from mynah.wake.engine import Detection, WakeResult, run
from mynah.wake.picture import plot

__all__ = ["Detection", "WakeResult", "plot", "run"]
