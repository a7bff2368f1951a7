"""The loader's answers to what esptool never sends: wrong sums, lengths, orders, garbage."""

import hashlib
import struct
import zlib

import pytest

from mynah.virtual import slip
from mynah.virtual.nor import NorFlash
from mynah.virtual.registers import Registers
from mynah.virtual.rom import Op, RomLoader
from mynah.virtual.types import Identity

SIZE = 256 * 1024


class Wire:
    """Sends commands to a loader and reads its answers."""

    def __init__(self, flash):
        self.events = []
        self.out = bytearray()
        identity = Identity(0, "30:ed:a0:01:02:03", "127.0.0.1", "127.0.0.1", flash_size=SIZE)
        self.flash = flash
        self.loader = RomLoader(
            flash,
            Registers(identity, on_watchdog=lambda: self.events.append("watchdog")),
            self.out.extend,
            restart=lambda: self.events.append("restart"),
            run_application=lambda: self.events.append("run"),
        )

    def packets(self):
        found = slip.Decoder().feed(bytes(self.out))
        self.out.clear()
        return found

    def command(self, op, data=b"", checksum=0, size=None):
        header = struct.pack("<BBHI", 0, op, len(data) if size is None else size, checksum)
        self.loader.feed(slip.encode(header + data))
        return self.packets()

    def status(self, op, data=b"", checksum=0, size=None):
        (packet,) = self.command(op, data, checksum, size)
        assert packet[:2] == bytes([1, op])
        return packet[8:10]

    def block(self, op, data, checksum=None):
        total = 0xEF
        for byte in data:
            total ^= byte
        payload = struct.pack("<IIII", len(data), 0, 0, 0) + data
        return self.status(op, payload, total if checksum is None else checksum)

    def start_stub(self):
        self.block(Op.MEM_DATA, b"....OHAI....")
        answers = self.command(Op.MEM_END, struct.pack("<II", 0, 0x40378000))
        assert answers[-1] == b"OHAI"


@pytest.fixture
def wire():
    with NorFlash(size=SIZE) as flash:
        yield Wire(flash)


OK = b"\0\0"


def begin(size, offset=0):
    return struct.pack("<IIIII", size, 1, 0x400, offset, 0)


def test_sync_is_answered_eight_times_and_tells_rom_from_stub(wire):
    packets = wire.command(Op.SYNC, b"\x07\x07\x12\x20" + b"\x55" * 32)
    assert len(packets) == 8
    assert packets[0][4:8] != bytes(4)
    wire.start_stub()
    assert wire.command(Op.SYNC)[0][4:8] == bytes(4)


def test_noise_is_survived(wire):
    for noise in (
        b"\0\xff\x55",
        b"\xc0\xc0",
        b"\xc0\xdb\x00\xc0",
        b"\xc0short\xc0",
        b"\x00" * 500000,
    ):
        wire.loader.feed(noise)
        assert wire.packets() == []
    wire.loader.feed(b"\xc0")
    assert wire.status(Op.SPI_ATTACH, bytes(8)) == OK


def test_packets_come_in_any_pieces(wire):
    data = slip.encode(struct.pack("<BBHI", 0, Op.READ_REG, 4, 0) + struct.pack("<I", 0x60007044))
    for byte in data:
        wire.loader.feed(bytes([byte]))
    (packet,) = wire.packets()
    assert packet[4:8] == bytes([3, 2, 1, 0xA0])


@pytest.mark.parametrize("stub", [False, True])
def test_errors_have_the_roms_and_the_stubs_codes(wire, stub):
    if stub:
        wire.start_stub()
    assert wire.block(Op.MEM_DATA, b"abcd", checksum=1) == bytes([1, 0xC1 if stub else 0x07])
    assert wire.status(0x77) == bytes([1, 0xC3 if stub else 0x05])
    assert wire.status(Op.READ_REG, b"abcd", size=9) == bytes([1, 0xC0 if stub else 0x05])
    assert wire.status(Op.READ_REG, b"ab") == bytes([1, 0xC0 if stub else 0x05])
    assert wire.block(Op.FLASH_DATA, b"abcd") == bytes([1, 0xC6 if stub else 0x06])
    too_far = begin(0x1000, SIZE)
    assert wire.status(Op.FLASH_BEGIN, too_far) == bytes([1, 0xC4 if stub else 0x08])


def test_erasing_is_the_stubs(wire):
    assert wire.status(Op.ERASE_FLASH)[0] == 1
    wire.start_stub()
    wire.flash.program(0, bytes(SIZE))
    assert wire.status(Op.ERASE_REGION, struct.pack("<II", 0x1000, 0x1000)) == OK
    assert wire.status(Op.ERASE_REGION, struct.pack("<II", 0x1001, 0x1000))[0] == 1
    assert wire.flash.read(0x0FFF, 0x1002) == b"\0" + b"\xff" * 0x1000 + b"\0"


def test_the_rom_erases_first_and_the_stub_as_it_goes(wire):
    wire.flash.program(0, bytes(0x4000))
    wire.status(Op.FLASH_BEGIN, begin(0x2000))
    assert wire.flash.read(0, 0x2001) == b"\xff" * 0x2000 + b"\0"
    wire.start_stub()
    wire.status(Op.FLASH_BEGIN, begin(0x2000, 0x2000))
    assert wire.flash.read(0x2000, 0x2000) == bytes(0x2000)
    wire.block(Op.FLASH_DATA, b"abcd")
    assert wire.flash.read(0x2000, 0x1001) == b"abcd" + b"\xff" * 0xFFC + b"\0"


def test_padding_after_the_end_is_not_written(wire):
    wire.status(Op.FLASH_BEGIN, begin(6))
    assert wire.block(Op.FLASH_DATA, b"abcdef" + b"\0" * 10) == OK
    assert wire.flash.read(0, 8) == b"abcdef\xff\xff"
    assert wire.block(Op.FLASH_DATA, b"more") == bytes([1, 0x0B])


def test_compressed_writes_are_checked(wire):
    plain = bytes(range(256)) * 16
    packed = zlib.compress(plain)
    wire.start_stub()

    def start():
        wire.status(Op.FLASH_DEFL_BEGIN, begin(len(plain)))

    start()
    assert wire.block(Op.FLASH_DEFL_DATA, packed[:50]) == OK
    assert wire.block(Op.FLASH_DATA, b"abcd") == bytes([1, 0xC6])
    assert wire.status(Op.FLASH_DEFL_END, struct.pack("<I", 1)) == bytes([1, 0xC8])
    assert wire.block(Op.FLASH_DEFL_DATA, packed[50:]) == OK
    assert wire.status(Op.FLASH_DEFL_END, struct.pack("<I", 1)) == OK
    assert wire.flash.read(0, len(plain)) == plain
    start()
    assert wire.block(Op.FLASH_DEFL_DATA, b"not deflate") == bytes([1, 0xC7])
    start()
    assert wire.block(Op.FLASH_DEFL_DATA, zlib.compress(plain + b"!")) == bytes([1, 0xC9])


def test_md5_in_hex_by_the_rom_and_raw_by_the_stub(wire):
    wire.flash.program(0x100, b"mynah")
    expected = hashlib.md5(b"mynah")
    where = struct.pack("<IIII", 0x100, 5, 0, 0)
    (packet,) = wire.command(Op.SPI_FLASH_MD5, where)
    assert packet[8:40] == expected.hexdigest().encode()
    wire.start_stub()
    (packet,) = wire.command(Op.SPI_FLASH_MD5, where)
    assert packet[8:24] == expected.digest()


def test_reading_waits_for_acknowledgements(wire):
    wire.flash.program(0, bytes(range(256)) * 8)
    wire.start_stub()
    answer, *blocks = wire.command(Op.READ_FLASH, struct.pack("<IIII", 0, 0x800, 0x200, 2))
    assert answer[8:10] == OK
    assert [len(block) for block in blocks] == [0x200, 0x200]
    for received in (0x200, 0x400):
        wire.loader.feed(slip.encode(struct.pack("<I", received)))
        blocks += wire.packets()
    assert b"".join(blocks) == bytes(range(256)) * 8
    wire.loader.feed(slip.encode(struct.pack("<I", 0x800)))
    assert wire.packets() == [hashlib.md5(b"".join(blocks)).digest()]
    assert wire.status(Op.SPI_ATTACH, bytes(4)) == OK


def test_a_read_that_the_host_gives_up_is_forgotten(wire):
    wire.start_stub()
    wire.command(Op.READ_FLASH, struct.pack("<IIII", 0, 0x800, 0x200, 1))
    assert wire.status(Op.SPI_ATTACH, bytes(8)) == OK


@pytest.mark.parametrize(
    ("stub", "stay", "event"),
    [(False, 0, ["restart"]), (False, 1, ["run"]), (True, 0, ["restart"]), (True, 1, [])],
)
def test_leaving(wire, stub, stay, event):
    if stub:
        wire.start_stub()
    wire.status(Op.FLASH_BEGIN, begin(0))
    assert wire.status(Op.FLASH_END, struct.pack("<I", stay)) == OK
    assert wire.events == event


def test_the_watchdog_needs_its_key(wire):
    def write(address, value):
        wire.status(Op.WRITE_REG, struct.pack("<IIII", address, value, 0xFFFFFFFF, 0))

    write(0x60008098, 1 << 31)
    assert wire.events == []
    write(0x600080B0, 0x50D83AA1)
    write(0x60008098, 1 << 31)
    assert wire.events == ["watchdog"]


def test_a_power_cut_is_not_answered(wire):
    wire.start_stub()
    wire.flash.cut_power_at(1)
    assert wire.command(Op.ERASE_REGION, struct.pack("<II", 0, 0x1000)) == []
