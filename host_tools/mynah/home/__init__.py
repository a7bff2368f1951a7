"""The devices that a speaker controls: what they can do, and how they get onto the speaker."""
