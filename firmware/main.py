"""Start the speaker."""

import micropython

# MicroPython has switched it on again for this file.
micropython.kbd_intr(-1)

from speaker.app import keyboard  # noqa: E402 - nothing may come before

keyboard.begin()
try:
    from speaker.app.main import run

    run()
finally:
    keyboard.end()
