"""The board's ``esp32`` module."""

import struct

import _link
import _rom

__name__ = "esp32"

HEAP_DATA = 4
HEAP_EXEC = 1
WAKEUP_ALL_LOW = False
WAKEUP_ANY_HIGH = True
_BLOCK = 4096
_MAX_PROGRAM = 16384


class Partition:
    """A part of the flash (ports/esp32/esp32_partition.c)."""

    TYPE_APP = 0
    TYPE_DATA = 1
    BOOT = 0
    RUNNING = 1

    def __init__(self, which, block_size=_BLOCK):
        if which in (0, 1):
            rows = [_link.call("partition_app", which)]
        else:
            rows = _link.call("partitions", None, None, which)
        if not rows or rows[0] is None:
            raise OSError(2)
        self._set(rows[0], block_size)

    def _set(self, row, block_size):
        if block_size <= 0 or block_size % 1:
            raise ValueError
        self._row = tuple(row)
        self._block = block_size
        self._cache = bytearray(_BLOCK) if block_size < _BLOCK else None

    def __repr__(self):
        type_, subtype, address, size, label, encrypted = self._row
        return "<Partition type=%d, subtype=%d, address=%d, size=%d, label=%s, encrypted=%d>" % (
            type_, subtype, address, size, label, encrypted,
        )  # fmt: skip

    @classmethod
    def find(cls, type=1, subtype=0xFF, label=None, block_size=_BLOCK):
        rows = _link.call("partitions", type, None if subtype == 0xFF else subtype, label)
        found = []
        for row in rows:
            partition = object.__new__(cls)
            partition._set(row, block_size)
            found.append(partition)
        return found

    def info(self):
        return self._row[:5] + (bool(self._row[5]),)

    def readblocks(self, block, buffer, offset=0):
        _read(self._row[2] + block * self._block + offset, buffer)

    def writeblocks(self, block, data, offset=None):
        address = self._row[2] + block * self._block
        if offset is not None:
            _program(address + offset, data)
        elif self._cache is None:
            _erase(address, len(data))
            _program(address, data)
        else:
            self._write_small(address, data)

    def _write_small(self, address, data):
        # Blocks smaller than the flash's: read, change, erase, write.
        view = memoryview(data)
        at = 0
        while at < len(data):
            start = (address + at) & ~(_BLOCK - 1)
            skip = address + at - start
            n = min(_BLOCK - skip, len(data) - at)
            _read(start, self._cache)
            self._cache[skip : skip + n] = view[at : at + n]
            _erase(start, _BLOCK)
            _program(start, self._cache)
            at += n

    def ioctl(self, operation, argument=0):
        if operation in (1, 2, 3):
            return 0
        if operation == 4:
            return self._row[3] // self._block
        if operation == 5:
            return self._block
        if operation == 6:
            if self._block != _BLOCK:
                return -22
            _erase(self._row[2] + argument * _BLOCK, _BLOCK)
            return 0

    def set_boot(self):
        _link.call("partition_set_boot", self._row[4])

    def get_next_update(self):
        row = _link.call("partition_next_update", self._row[4])
        partition = object.__new__(type(self))
        partition._set(row, _BLOCK)
        return partition

    @staticmethod
    def mark_app_valid_cancel_rollback():
        """Nothing waits for it: MicroPython's own images are built without rollback."""


def __getattr__(name):
    if name == "NVS":
        return _rom.load("_nvs").NVS
    raise AttributeError("'module' object has no attribute '%s'" % name)


def mcu_temperature():
    return 40


def idf_heap_info(capabilities):
    # One region: total size, free, largest free block, least free ever.
    import gc

    free = gc.mem_free()
    return [(free + gc.mem_alloc(), free, free, free)]


_flash = open(_link.call("flash_file"), "rb", buffering=0)


def _read(address, buffer):
    _flash.seek(address)
    _flash.readinto(buffer)


_nothing = bytearray(0)
_erase_request = bytearray(9)
_program_request = bytearray(9)


# These two allocate nothing: a file that the garbage collector closes is still written.


def _erase(address, size):
    struct.pack_into("<Bii", _erase_request, 0, _link.FLASH_ERASE, address, size)
    status = _link.exchange(_erase_request, _nothing)
    if status < 0:
        raise OSError(-status)


def _program(address, data):
    if len(data) > _MAX_PROGRAM:
        for i in range(0, len(data), _MAX_PROGRAM):
            _program(address + i, memoryview(data)[i : i + _MAX_PROGRAM])
        return
    operation = _link.FLASH_PROGRAM | _link.PAYLOAD_FOLLOWS
    struct.pack_into("<Bii", _program_request, 0, operation, address, 0)
    status = _link.exchange_data(_program_request, data, _nothing)
    if status < 0:
        raise OSError(-status)
