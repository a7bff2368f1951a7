"""Runs first after every reset: nothing may fail here, so nothing much is done."""

import gc

import micropython

# A 3 on the console may be data, not Ctrl-C: speaker/app/keyboard.py looks after both.
micropython.kbd_intr(-1)

# Collect early and often: a short collection now costs less sound than a long one later.
gc.collect()
gc.threshold(128 * 1024)
