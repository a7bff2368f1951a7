"""What the secure channel costs: time and heap in MicroPython here, instructions on the chip."""
