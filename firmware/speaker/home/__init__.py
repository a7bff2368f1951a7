"""The devices that the speaker knows, what was said about them, and doing it."""
