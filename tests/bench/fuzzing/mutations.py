"""Structure-aware mutations: the packet's fields are hit more often than chance would."""

import struct

from fuzzing import reference

_FIELDS = ((0, 2), (2, 2), (4, 4), (8, 4), (12, 4), (16, 16))
_NUMBERS = (0, 1, 15, 16, 31, 32, 33, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0xFFFFFFFF)


def text(random):
    """Something to encrypt: JSON more or less, of any length that fits."""
    kind = random.randrange(6)
    if kind == 0:
        return random.randbytes(random.randrange(80))
    if kind == 1:  # deeper than a parser's stack, now and then
        return random.choice((b"[", b'{"a":')) * random.choice((3, 80, 200, random.randrange(9000)))
    if kind == 2:
        return b'{"id":%d,"result":["ok"]}' % random.randrange(1 << 33)
    if kind == 3:
        return b"[" + b"0," * random.randrange(600) + b"0]"
    if kind == 4:
        return b'"' + bytes(random.choices(b'abc\\"u0\xc3\xa9\xff\x00', k=60)) + b'"'
    return b'{"id":1,"method":"miIO.info","params":[]}' + bytes(random.randrange(40))


def plain(random):
    """A text with its padding, which may be wrong."""
    padded = reference.pad(text(random))
    kind = random.randrange(8)
    if kind == 0:
        return padded[:-1] + bytes([random.choice((0, 17, 255, padded[-1] ^ 1))])
    if kind == 1:
        return random.randbytes(16 * random.randrange(1, 20))
    if kind == 2:
        return padded + b"\x10" * 16
    return padded


def packet(random, token, did, stamp):
    """A signed packet whose header or plain text may be wrong."""
    changes = {}
    if random.randrange(4) == 0:
        changes["unknown"] = random.getrandbits(32)
    if random.randrange(8) == 0:
        changes["length"] = random.choice(_NUMBERS)
    if random.randrange(16) == 0:
        changes["magic"] = random.getrandbits(16)
    return reference.seal(token, did, stamp, plain(random), **changes)


def mutate(random, data):
    """A few changes: bits, bytes, fields, lengths, pieces cut, doubled or moved."""
    data = bytearray(data)
    for _ in range(random.choice((1, 1, 1, 2, 4))):
        n = len(data)
        kind = random.randrange(10)
        if kind == 0 and n:
            data[random.randrange(n)] ^= 1 << random.randrange(8)
        elif kind == 1 and n:
            data[random.randrange(n)] = random.randrange(256)
        elif kind == 2:
            del data[random.randrange(n + 1) :]
        elif kind == 3:
            data += random.randbytes(random.choice((1, 15, 16, 32, 200)))
        elif kind == 4 and n >= 32:
            at, size = random.choice(_FIELDS)
            data[at : at + size] = random.randbytes(size)
        elif kind == 5 and n >= 32:
            at, size = random.choice(_FIELDS[:5])
            value = random.choice(_NUMBERS) & (1 << 8 * size) - 1
            data[at : at + size] = value.to_bytes(size, "big")
        elif kind == 6 and n >= 4:
            struct.pack_into(">H", data, 2, n & 0xFFFF)
        elif kind == 7 and n > 48:
            at = 32 + 16 * random.randrange((n - 32) // 16)
            data[at : at + 16] = data[32:48]
        elif kind == 8 and n:
            at = random.randrange(n)
            data[at:at] = data[: random.randrange(64)]
        elif kind == 9 and n > 1:
            del data[random.randrange(n)]
    return bytes(data[:1472])
