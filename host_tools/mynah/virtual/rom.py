"""The ESP32-S3's serial ROM loader, and the flasher stub that esptool uploads through it.

Source: esptool's documentation, "Serial Protocol". The stub is not executed: it is recognised by
the greeting that it carries, and its commands are answered from then on.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import TYPE_CHECKING

from mynah.flash.image import CHIP_ID_ESP32_S3, xor_bytes
from mynah.virtual import slip
from mynah.virtual.flasher import Fault, Reader, RefusedError, Writer, erase, md5
from mynah.virtual.nor import PowerCut

if TYPE_CHECKING:
    from collections.abc import Callable

    from mynah.virtual.nor import NorFlash
    from mynah.virtual.registers import Registers

_REQUEST, _RESPONSE = 0x00, 0x01
_CHECKSUM_SEED = 0xEF
_ROM_SYNC_VALUE = 0x20120707
_SYNC_REPLIES = 8
_GREETING = b"OHAI"
_SLOW_READ_SIZE = 64


class Op(IntEnum):
    """Commands; those from ``ERASE_FLASH`` on are the stub's alone."""

    FLASH_BEGIN = 0x02
    FLASH_DATA = 0x03
    FLASH_END = 0x04
    MEM_BEGIN = 0x05
    MEM_END = 0x06
    MEM_DATA = 0x07
    SYNC = 0x08
    WRITE_REG = 0x09
    READ_REG = 0x0A
    SPI_SET_PARAMS = 0x0B
    SPI_ATTACH = 0x0D
    READ_FLASH_SLOW = 0x0E
    CHANGE_BAUDRATE = 0x0F
    FLASH_DEFL_BEGIN = 0x10
    FLASH_DEFL_DATA = 0x11
    FLASH_DEFL_END = 0x12
    SPI_FLASH_MD5 = 0x13
    GET_SECURITY_INFO = 0x14
    ERASE_FLASH = 0xD0
    ERASE_REGION = 0xD1
    READ_FLASH = 0xD2
    RUN_USER_CODE = 0xD3


_CHECKSUMMED = {Op.FLASH_DATA, Op.MEM_DATA, Op.FLASH_DEFL_DATA}


class RomLoader:
    """Answers the loader's commands; everything happens in the thread that calls `feed`."""

    def __init__(
        self,
        flash: NorFlash,
        registers: Registers,
        send: Callable[[bytes], None],
        *,
        restart: Callable[[], None],
        run_application: Callable[[], None],
    ) -> None:
        """``send`` transmits on the UART; the last two are called to leave the loader."""
        self._flash = flash
        self._registers = registers
        self._send = send
        self._restart = restart
        self._run_application = run_application
        self._decoder = slip.Decoder()
        self._is_stub = False
        self._writer: Writer | None = None
        self._reader: Reader | None = None
        self._ram = bytearray()
        self._after: Callable[[], None] | None = None
        self._handlers: dict[int, Callable[[bytes], int | bytes | None]] = {
            Op.FLASH_BEGIN: self._write_begin,
            Op.FLASH_DATA: self._write_data,
            Op.FLASH_END: self._write_end,
            Op.MEM_BEGIN: self._memory_begin,
            Op.MEM_END: self._memory_end,
            Op.MEM_DATA: self._memory_data,
            Op.SYNC: self._sync,
            Op.WRITE_REG: self._write_registers,
            Op.READ_REG: self._read_register,
            Op.SPI_SET_PARAMS: self._accept,
            Op.SPI_ATTACH: self._accept,
            Op.READ_FLASH_SLOW: self._read_slowly,
            Op.CHANGE_BAUDRATE: self._accept,
            Op.FLASH_DEFL_BEGIN: self._deflated_begin,
            Op.FLASH_DEFL_DATA: self._deflated_data,
            Op.FLASH_DEFL_END: self._write_end,
            Op.SPI_FLASH_MD5: self._flash_md5,
            Op.GET_SECURITY_INFO: self._security_info,
        }

    def feed(self, data: bytes) -> None:
        """Take bytes from the UART; a power cut in a command leaves it unanswered."""
        try:
            for packet in self._decoder.feed(data):
                self._handle(packet)
        except PowerCut:
            return

    def _handle(self, packet: bytes) -> None:
        if self._reader is not None:
            self._continue_reading(packet)
            return
        if len(packet) < 8 or packet[0] != _REQUEST:
            return
        _, command, size, checksum = struct.unpack_from("<BBHI", packet)
        data = packet[8:]
        try:
            answer = self._run(command, data, size, checksum)
        except RefusedError as error:
            self._respond(command, error=error.fault)
            return
        except (struct.error, ValueError):
            self._respond(command, error=Fault.INVALID_MESSAGE)
            return
        self._respond(command, answer)
        after, self._after = self._after, None
        if after is not None:
            after()

    def _run(self, command: int, data: bytes, size: int, checksum: int) -> int | bytes | None:
        if len(data) != size:
            raise RefusedError(Fault.INVALID_MESSAGE)
        handler = self._handlers.get(command)
        if handler is None:
            raise RefusedError(Fault.UNKNOWN_COMMAND)
        if command in _CHECKSUMMED and xor_bytes(data[16:]) ^ _CHECKSUM_SEED != checksum & 0xFF:
            raise RefusedError(Fault.BAD_CHECKSUM)
        return handler(data)

    def _respond(
        self, command: int, answer: int | bytes | None = None, error: Fault | None = None
    ) -> None:
        value = answer if isinstance(answer, int) else 0
        status = bytes(2) if error is None else bytes([1, error.value[self._is_stub]])
        body = (answer if isinstance(answer, bytes) else b"") + status
        if not self._is_stub:
            body += bytes(2)
        packet = slip.encode(struct.pack("<BBHI", _RESPONSE, command, len(body), value) + body)
        self._send(packet * (_SYNC_REPLIES if command == Op.SYNC and error is None else 1))

    def _sync(self, _: bytes) -> int:
        return 0 if self._is_stub else _ROM_SYNC_VALUE

    def _read_register(self, data: bytes) -> int:
        (address,) = struct.unpack("<I", data)
        return self._registers.read(address)

    def _write_registers(self, data: bytes) -> None:
        for address, value, mask, _delay_us in struct.iter_unpack("<IIII", data):
            self._registers.write(address, value, mask)

    def _security_info(self, _: bytes) -> bytes:
        flags, crypt_count, key_purposes, api_version = 0, 0, bytes(7), 0
        return struct.pack(
            "<IB7sII", flags, crypt_count, key_purposes, CHIP_ID_ESP32_S3, api_version
        )

    def _accept(self, _: bytes) -> None:
        """Nothing to do: any baud rate, pins and chip geometry are fine."""

    def _memory_begin(self, data: bytes) -> None:
        struct.unpack("<IIII", data)

    def _memory_data(self, data: bytes) -> None:
        (size,) = struct.unpack_from("<I12x", data)
        if size != len(data) - 16:
            raise RefusedError(Fault.INVALID_MESSAGE)
        self._ram += data[16:]

    def _memory_end(self, data: bytes) -> None:
        stay, _entry = struct.unpack("<II", data)
        if not stay and _GREETING in self._ram:
            self._after = self._start_stub
        self._ram.clear()

    def _start_stub(self) -> None:
        self._is_stub = True
        self._handlers |= {
            Op.ERASE_FLASH: self._erase_all,
            Op.ERASE_REGION: self._erase_region,
            Op.READ_FLASH: self._read_fast,
            Op.RUN_USER_CODE: self._run_user_code,
        }
        self._send(slip.encode(_GREETING))

    def _write_begin(self, data: bytes, *, compressed: bool = False) -> None:
        size, _blocks, _block_size, offset = struct.unpack_from("<IIII", data)
        self._writer = Writer(
            self._flash, offset, size, compressed=compressed, erase_first=not self._is_stub
        )

    def _deflated_begin(self, data: bytes) -> None:
        self._write_begin(data, compressed=True)

    def _write_data(self, data: bytes, *, compressed: bool = False) -> None:
        (size,) = struct.unpack_from("<I12x", data)
        if size != len(data) - 16:
            raise RefusedError(Fault.INVALID_MESSAGE)
        if self._writer is None or self._writer.compressed != compressed:
            raise RefusedError(Fault.NOT_IN_FLASH_MODE)
        self._writer.write(data[16:])

    def _deflated_data(self, data: bytes) -> None:
        self._write_data(data, compressed=True)

    def _write_end(self, data: bytes) -> None:
        (stay,) = struct.unpack("<I", data)
        if self._writer is None:
            raise RefusedError(Fault.NOT_IN_FLASH_MODE)
        self._writer.check_finished()
        self._writer = None
        if not stay:
            self._after = self._restart
        elif not self._is_stub:
            self._after = self._run_application

    def _flash_md5(self, data: bytes) -> bytes:
        offset, size = struct.unpack_from("<II", data)
        digest = md5(self._flash, offset, size)
        return digest if self._is_stub else digest.hex().encode()

    def _read_slowly(self, data: bytes) -> bytes:
        offset, size = struct.unpack("<II", data)
        if size > _SLOW_READ_SIZE:
            raise RefusedError(Fault.INVALID_MESSAGE)
        return self._flash.read(offset, size).ljust(_SLOW_READ_SIZE, b"\0")

    def _erase_all(self, _: bytes) -> None:
        self._flash.erase(0, self._flash.size)

    def _erase_region(self, data: bytes) -> None:
        offset, size = struct.unpack("<II", data)
        erase(self._flash, offset, size)

    def _read_fast(self, data: bytes) -> None:
        reader = Reader(self._flash, data)

        def begin() -> None:
            self._reader = reader
            self._send_blocks(acknowledged=0)

        self._after = begin

    def _continue_reading(self, packet: bytes) -> None:
        if len(packet) != 4:
            self._reader = None  # the host gave up and asks for something else
            self._handle(packet)
            return
        self._send_blocks(int.from_bytes(packet, "little"))

    def _send_blocks(self, acknowledged: int) -> None:
        assert self._reader is not None
        for block in self._reader.packets(acknowledged):
            self._send(slip.encode(block))
        if self._reader.done:
            self._reader = None

    def _run_user_code(self, _: bytes) -> None:
        self._after = self._run_application
