"""How many of what the speaker keeps at a time, where who tells of it is not who keeps it."""

N_SESSIONS = 4  # of the secure channel
N_SUBSCRIBERS = 6
N_HOME_DEVICES = 64
