"""A simulated world for the whole firmware: clock, air, network, flash and pins, at the level of
MicroPython's own modules. Nothing waits: where the firmware would, the clock moves on to the next
thing that happens.
"""
