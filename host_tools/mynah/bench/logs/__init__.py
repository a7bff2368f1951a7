"""How fast a log can come: `mynah logs` beside pyserial's miniterm and esp-idf-monitor."""

from mynah.bench.logs.measure import Figure, measure

__all__ = ["Figure", "measure"]
