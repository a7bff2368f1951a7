"""Run viper sources in CPython with the integers of the board: 32 bits, wrapping round.

MicroPython on a PC gives viper 64 bits, which hides an overflow. Here every value that comes from
memory or from an argument is an `Int32`, and pointers read and write one flat memory.
"""

import sys
import types

_MASK = 0xFFFFFFFF


class Int32(int):
    """An int whose arithmetic wraps to 32 bits, signed, as the chip's registers do."""

    def __new__(cls, value=0):
        value = int.__int__(value) & _MASK
        return super().__new__(cls, value - (1 << 32) if value >> 31 else value)

    __hash__ = int.__hash__


def _wrapping(name):
    plain = getattr(int, name)

    def method(self, other):
        return Int32(plain(self, int(other)))

    return method


for _name in ("add", "sub", "mul", "and", "or", "xor", "lshift", "rshift"):
    setattr(Int32, f"__{_name}__", _wrapping(f"__{_name}__"))
    setattr(Int32, f"__r{_name}__", _wrapping(f"__r{_name}__"))


class Memory:
    """Flat memory; ``put`` lays bytes down and gives their address."""

    def __init__(self, size=1 << 20):
        self.data = bytearray(size)
        self.used = 64

    def put(self, content):
        address = self.used
        self.data[address : address + len(content)] = content
        self.used += -(-len(content) // 16) * 16 + 16
        return address

    def get(self, address, size):
        return bytes(self.data[address : address + size])

    def load(self, path):
        """The functions of a viper source, which take addresses for their pointers."""
        fake = types.ModuleType("micropython")
        fake.viper, fake.const = self._viper, lambda value: value
        names = {
            "ptr8": self._pointer(1),
            "ptr16": self._pointer(2),
            "ptr32": self._pointer(4),
            "int": lambda value: Int32(getattr(value, "address", value)),
        }
        before = sys.modules.get("micropython")
        sys.modules["micropython"] = fake
        try:
            exec(compile(path.read_text(), str(path), "exec"), names)
        finally:
            if before is None:
                del sys.modules["micropython"]
            else:
                sys.modules["micropython"] = before
        return types.SimpleNamespace(**names)

    def _viper(self, function):
        kinds = [function.__annotations__.get(name) for name in _parameters(function)]

        def call(*arguments):
            assert len(arguments) == len(kinds)
            return function(*(kind(a) for kind, a in zip(kinds, arguments, strict=True)))

        return call

    def _pointer(self, width):
        memory = self.data

        class Pointer:
            def __init__(self, address):
                self.address = getattr(address, "address", address)
                assert 0 <= self.address < len(memory)

            def __getitem__(self, i):
                at = self.address + i * width
                assert 0 < at <= len(memory) - width
                return Int32(int.from_bytes(memory[at : at + width], "little"))

            def __setitem__(self, i, value):
                at = self.address + i * width
                assert 0 < at <= len(memory) - width
                memory[at : at + width] = (int(value) & (1 << 8 * width) - 1).to_bytes(
                    width, "little"
                )

        return Pointer


def _parameters(function):
    return function.__code__.co_varnames[: function.__code__.co_argcount]
