"""Start the speaker."""

from speaker.app.main import run

run()
