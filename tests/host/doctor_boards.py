"""What is in the flash of the virtual boards that the doctor and the report look at."""

import binascii
import json

from mynah import boards
from mynah.flash import files, filesystem, partitions
from mynah.virtual.factory import flash_content

MIB = 1 << 20


def with_files(content, flash_size=16 * MIB):
    """A flash's content with MicroPython and those files."""
    rows = partitions.with_filesystem(partitions.stock(), flash_size)
    vfs = partitions.find(rows, partitions.VFS_LABEL)
    return [*flash_content(), (vfs.offset, filesystem.build(content, vfs.size))]


def speaker_files(models=("okay_nabu",)):
    board = boards.load("virtual")
    return files.firmware_files(board, models, files.arch_of(board))


def settings(**values):
    """A copy of the settings as firmware/speaker/util/storage.py keeps them."""
    body = json.dumps(values).encode()
    checksum = binascii.crc32(body, binascii.crc32(b"1")) & 0xFFFFFFFF
    return b"mynah1 1 %08x\n" % checksum + body
