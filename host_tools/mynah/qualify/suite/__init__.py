"""The tests that `mynah qualify` runs; they use the fixtures of `mynah.hil` and `score`."""
