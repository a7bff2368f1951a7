"""The composition root: wiring, tasks, configuration, state."""
