"""Runs first after every reset: nothing may fail here, so nothing much is done."""

import gc
import os

import micropython

# A 3 on the console may be data, not Ctrl-C: speaker/app/keyboard.py looks after both.
micropython.kbd_intr(-1)

# Collect early and often: a short collection now costs less sound than a long one later.
gc.collect()
gc.threshold(128 * 1024)


def arrive(folder: str) -> None:
    """Move what lies in /mynah.set + folder to its place; power may fail at any step, and again.

    `X.gone` stands for a file X that is to be deleted. boot.py is left for the end: an older one
    might not know about /mynah.set.
    """
    there = os.listdir(folder or "/")
    for entry in list(os.ilistdir("/mynah.set" + folder)):
        name = entry[0]
        path = folder + "/" + name
        if entry[1] == 0x4000:  # a folder
            if name not in there:
                os.mkdir(path)
            arrive(path)
            os.rmdir("/mynah.set" + path)
            if not os.listdir(path):
                os.rmdir(path)
        elif name.endswith(".gone"):
            if name[:-5] in there:
                os.remove(path[:-5])
            os.remove("/mynah.set" + path)
        elif path != "/boot.py":
            os.rename("/mynah.set" + path, path)


# A set of files that `mynah deploy` has brought as a whole. If one cannot be moved, main.py does
# not run: old and new files together would be neither of the two firmwares.
if "mynah.set" in os.listdir("/"):
    try:
        # Room for folders to grow; and after a move that was cut off, LittleFS hides the next file
        # until something is written or deleted.
        os.remove("/mynah.set/-")
    except OSError:
        pass
    arrive("")
    if "boot.py" in os.listdir("/mynah.set"):
        os.rename("/mynah.set/boot.py", "/boot.py")
    os.rmdir("/mynah.set")
del arrive
