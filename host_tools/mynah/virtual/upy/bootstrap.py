# What the child process is started with (``-c``): a filesystem that holds the board's built-in
# modules, fetched from the host, and the jump into ``_start``. The names in capitals are filled in.
import array
import io
import sys
import vfs


class Rom:
    def __init__(self, fd, names):
        self.link = open(fd, "r+b", buffering=0)
        self.names = names

    def mount(self, readonly, mkfs):
        pass

    def umount(self):
        pass

    def stat(self, path):
        if path[-4:] == ".mpy" and path[1:-4] in self.names:
            return (0x8000, 0, 0, 0, 0, 0, 0, 0, 0, 0)
        raise OSError(2)

    def open(self, path, mode):
        self.link.write(b"\x01" + bytes(8) + path[1:-4].encode())
        header = array.array("i", (0, 0))
        self.link.readinto(header)
        module = bytearray(header[1])
        self.link.readinto(module)
        return io.BytesIO(module)


rom = Rom(RPC_FD, MODULES)
vfs.mount(rom, "/rom")
sys.path[:] = ["/rom", ".frozen"]
import _start

_start.main(rom.link, IRQ_FD, globals())
