"""The filesystem image, with MicroPython's own LittleFS as the judge."""

import random
import subprocess
from hashlib import sha256

import pytest

from mynah.errors import UsageError
from mynah.flash import filesystem
from mynah.virtual.micropython import micropython_command

SIZE = 2 << 20

_RAM_DISK = """
import hashlib, os, sys, vfs
class Disk:
    def __init__(self, data): self.data = data
    def readblocks(self, block, buf, off=0):
        at = block * 4096 + off
        buf[:] = self.data[at : at + len(buf)]
    def writeblocks(self, block, buf, off=0):
        at = block * 4096 + off
        self.data[at : at + len(buf)] = buf
    def ioctl(self, op, arg):
        if op == 4: return len(self.data) // 4096
        if op == 5: return 4096
        if op == 6:
            self.data[arg * 4096 : (arg + 1) * 4096] = b"\\xff" * 4096
            return 0
def walk(path=""):
    for name, kind, *_ in os.ilistdir("/disk" + path):
        if kind == 0x4000: walk(path + "/" + name)
        else:
            with open("/disk" + path + "/" + name, "rb") as f:
                print(path + "/" + name, hashlib.sha256(f.read()).digest().hex())
"""


def _run(code, *arguments):
    command = [*micropython_command(), "-X", "heapsize=16M", "-c", _RAM_DISK + code]
    done = subprocess.run(
        [*command, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def _files():
    chance = random.Random(1)
    files = {f"/speaker/part{i % 4}/m{i}.mpy": chance.randbytes(i * 137) for i in range(40)}
    return files | {"/boot.py": b"import speaker\n", "/models/a.wake": chance.randbytes(123_457)}


def test_micropython_mounts_the_image_reads_every_file_and_writes_on(tmp_path):
    files = _files()
    image = filesystem.build(files, SIZE)
    path = tmp_path / "image"
    path.write_bytes(image)
    # What lies behind the image in the flash is left over from before: it must not matter.
    read_and_write = """
data = bytearray(b"\\x5a" * int(sys.argv[2]))
with open(sys.argv[1], "rb") as f: data[:int(sys.argv[3])] = f.read()
disk = Disk(data)
vfs.mount(disk, "/disk")
walk()
with open("/disk/new", "wb") as f:
    for i in range(200): f.write(bytes([i]) * 4096)
vfs.umount("/disk")
with open(sys.argv[1], "wb") as f: f.write(data)
"""
    listed = dict(
        line.split() for line in _run(read_and_write, path, SIZE, len(image)).splitlines()
    )
    assert listed == {name: sha256(data).hexdigest() for name, data in files.items()}
    written = {"/new": b"".join(bytes([i]) * 4096 for i in range(200))}
    assert filesystem.read(path.read_bytes(), SIZE) == files | written


def test_a_filesystem_that_micropython_made_is_read(tmp_path):
    path = tmp_path / "image"
    make = """
disk = Disk(bytearray(int(sys.argv[2])))
vfs.VfsLfs2.mkfs(disk)
vfs.mount(disk, "/disk")
os.mkdir("/disk/d")
with open("/disk/d/hello", "w") as f: f.write("from the board")
vfs.umount("/disk")
with open(sys.argv[1], "wb") as f: f.write(disk.data)
"""
    _run(make, path, SIZE)
    assert filesystem.read(path.read_bytes(), SIZE) == {"/d/hello": b"from the board"}


def test_only_the_used_start_of_the_partition_is_built():
    files = _files()
    contents = sum(map(len, files.values()))
    assert contents < len(filesystem.build(files, 14 << 20)) < 2 * contents


def test_files_that_do_not_fit_are_refused_with_figures():
    with pytest.raises(UsageError, match=r"need about \d+ KB .* has 256 KB"):
        filesystem.build({"/models/huge.wake": bytes(300_000)}, 256 * 1024)


def test_room_for_settings_is_kept():
    almost = 256 * 1024 - 8 * 4096
    with pytest.raises(UsageError, match="need about"):
        filesystem.build({"/x": bytes(almost)}, 256 * 1024)
