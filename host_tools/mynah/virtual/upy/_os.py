"""The board's ``os``: the filesystem in the flash."""

import os as _real
import vfs
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


def dupterm(stream, index=0):
    """Not on this board: the REPL is on the UART."""
    if stream is not None:
        raise OSError(19)
    return None
