"""How a frame of Improv begins: the console and the keyboard look for it all the time."""

PREFIX = b"IMPROV\x01"
