"""The board's modules that few programs use: fetched from the host when one asks for them."""

import io
import sys
import vfs

import _link


_NAMES = ("_buses", "_line_editor", "_nvs", "_prompt", "_pwm", "_rtc")


class _Rom:
    # As in bootstrap.py, whose names are gone by now.
    def mount(self, readonly, mkfs):
        pass

    def umount(self):
        pass

    def stat(self, path):
        if path[1:-4] in _NAMES:
            return (0x8000, 0, 0, 0, 0, 0, 0, 0, 0, 0)
        raise OSError(2)

    def open(self, path, mode):
        return io.BytesIO(_link.request(_link.MODULE, 0, 0, path[1:-4].encode())[1])


def load(name):
    """The module of that name."""
    if name not in sys.modules:
        vfs.mount(_Rom(), "/rom")
        sys.path.insert(0, "/rom")
        try:
            __import__(name)
        finally:
            sys.path.remove("/rom")
            vfs.umount("/rom")
    return sys.modules[name]
