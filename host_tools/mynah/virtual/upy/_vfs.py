"""The board's ``vfs``: no host filesystem."""

import vfs as _real

__name__ = "vfs"

mount = _real.mount
umount = _real.umount
VfsFat = _real.VfsFat
VfsLfs2 = _real.VfsLfs2
VfsRom = _real.VfsRom
