"""From an intent to the lamp's acknowledgement: the speaker beside python-miio, in one run."""
