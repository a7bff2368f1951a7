"""The board's ``os``: the filesystem in the flash."""

import os as _real
import vfs

import _keyboard
import _link
from collections import namedtuple

__name__ = "os"

sep = "/"
chdir = _real.chdir
getcwd = _real.getcwd
ilistdir = _real.ilistdir
listdir = _real.listdir
mkdir = _real.mkdir
remove = _real.remove
rename = _real.rename
rmdir = _real.rmdir
stat = _real.stat
statvfs = _real.statvfs
unlink = _real.unlink
urandom = _real.urandom
mount = vfs.mount
umount = vfs.umount
VfsFat = vfs.VfsFat
VfsLfs2 = vfs.VfsLfs2


def uname():
    """As ports/esp32: system, node, release, version and machine names."""
    import sys

    version = "%d.%d.%d" % sys.implementation.version[:3]
    names = ("sysname", "nodename", "release", "version", "machine")
    return namedtuple("uname", names)(
        "esp32", "esp32", version, sys.version[sys.version.index("; ") + 2 :], sys.MACHINE
    )


def sync():
    """Nothing to do: what is written is in the flash."""


_terminal = None


def dupterm(stream, index=0):
    """Keep the terminal; what is printed does not go there, only `dupterm_notify` reads it."""
    global _terminal
    if index:
        raise ValueError("invalid dupterm index")
    previous, _terminal = _terminal, stream
    return previous


def dupterm_notify(_):
    """Read the terminal: the interrupt character interrupts, other input is lost here."""
    byte = bytearray(1)
    while _terminal is not None and _terminal.readinto(byte):
        if byte[0] == _keyboard.character:
            _link.want_interrupt()
            return
