"""machine.I2C, SoftI2C, SPI, SoftSPI (extmod/machine_i2c.c, machine_spi.c)."""

import _link
from _pin import Pin


class SoftI2C:
    def __init__(self, scl, sda, *, freq=400000, timeout=50000):
        self._bus = Pin(sda)._number
        self._scl = Pin(scl)._number

    def init(self, scl, sda, *, freq=400000):
        self.__init__(scl, sda, freq=freq)

    def deinit(self):
        pass

    def scan(self):
        return _link.call("i2c_scan", self._bus)

    def readfrom(self, addr, nbytes, stop=True):
        return _link.request(_link.I2C_READ, self._bus << 8 | addr, nbytes)[1]

    def readfrom_into(self, addr, buf, stop=True):
        memoryview(buf)[:] = self.readfrom(addr, len(buf), stop)

    def writeto(self, addr, buf, stop=True):
        return _link.request(_link.I2C_WRITE, self._bus << 8 | addr, 0, bytes(buf))[0]

    def writevto(self, addr, vector, stop=True):
        return self.writeto(addr, b"".join(bytes(v) for v in vector), stop)

    def readfrom_mem(self, addr, memaddr, nbytes, *, addrsize=8):
        self.writeto(addr, _memory_address(memaddr, addrsize), False)
        return self.readfrom(addr, nbytes)

    def readfrom_mem_into(self, addr, memaddr, buf, *, addrsize=8):
        memoryview(buf)[:] = self.readfrom_mem(addr, memaddr, len(buf), addrsize=addrsize)

    def writeto_mem(self, addr, memaddr, buf, *, addrsize=8):
        self.writeto(addr, _memory_address(memaddr, addrsize) + bytes(buf))


class I2C(SoftI2C):
    def __init__(self, id=0, *, scl=None, sda=None, freq=400000, timeout=50000):
        if id not in (0, 1):
            raise ValueError("I2C(%d) doesn't exist" % id)
        # ports/esp32/machine_i2c.c: the pins that a generic ESP32-S3 board takes by default.
        scl = (9, 1)[id] if scl is None else scl
        sda = (8, 0)[id] if sda is None else sda
        SoftI2C.__init__(self, scl, sda, freq=freq, timeout=timeout)


def _memory_address(memaddr, addrsize):
    if addrsize % 8 or not 0 < addrsize <= 32:
        raise ValueError("invalid addrsize")
    return memaddr.to_bytes(addrsize // 8, "big")


class SoftSPI:
    MSB = 0
    LSB = 1

    def __init__(
        self, baudrate=500000, *, polarity=0, phase=0, bits=8, firstbit=0,
        sck=None, mosi=None, miso=None,
    ):  # fmt: skip
        if sck is None or mosi is None or miso is None:
            raise ValueError("must specify all of sck/mosi/miso")
        self._mosi = Pin(mosi)._number

    def init(self, baudrate=-1, **kwargs):
        if kwargs.get("mosi") is not None:
            self._mosi = Pin(kwargs["mosi"])._number

    def deinit(self):
        pass

    def write(self, buf):
        _link.request(_link.SPI_WRITE, self._mosi, 0, bytes(buf))

    def read(self, nbytes, write=0):
        self.write(bytes([write]) * nbytes)
        return bytes(nbytes)

    def readinto(self, buf, write=0):
        memoryview(buf)[:] = self.read(len(buf), write)

    def write_readinto(self, write_buf, read_buf):
        if len(write_buf) != len(read_buf):
            raise ValueError("buffers must be the same length")
        self.write(write_buf)
        memoryview(read_buf)[:] = bytes(len(read_buf))


class SPI(SoftSPI):
    def __init__(self, id, baudrate=500000, *, sck=None, mosi=None, miso=None, **kwargs):
        if id not in (1, 2):
            raise ValueError("SPI(%d) doesn't exist" % id)
        # ports/esp32/machine_hw_spi.c: the IO_MUX pins of the ESP32-S3.
        SoftSPI.__init__(
            self,
            baudrate,
            sck=(12, 36)[id - 1] if sck is None else sck,
            mosi=(11, 35)[id - 1] if mosi is None else mosi,
            miso=(13, 37)[id - 1] if miso is None else miso,
            **kwargs,
        )
