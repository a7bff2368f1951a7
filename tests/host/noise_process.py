"""Runs inside MicroPython: the speaker's side of Noise, by lines of JSON on stdin and stdout."""

import asyncio
import json
import sys
from binascii import hexlify, unhexlify

from speaker.miot import noise
from speaker.miot.aead import TAG, Aead

AEAD = Aead()
under_way = {}


def start(psk, prologue):
    under_way["it"] = noise.Responder(noise.SharedKey(psk), prologue, AEAD)


def read(message):
    return under_way["it"].read(message)


def write(payload, secret):
    return asyncio.run(under_way["it"].write(payload, secret))


def keys():
    return b"".join(under_way["it"].split()) + under_way["it"].handshake_hash


def hkdf(salt, material, n):
    return b"".join(noise.hkdf(salt, material, n))


def seal(key, counter, ad, text):
    buffer = bytearray(b"<" + text + bytes(TAG) + b">")
    AEAD.seal(key, counter, ad, buffer, 1, len(text))
    assert buffer[:1] == b"<"
    assert buffer[-1:] == b">"
    return bytes(buffer[1:-1])


def open_(key, counter, ad, sealed):
    buffer = bytearray(b"<" + sealed)
    good = AEAD.open(key, counter, ad, buffer, 1, len(sealed) - TAG)
    if not good:
        assert bytes(buffer[1:]) == sealed
        return None
    return bytes(buffer[1 : 1 + len(sealed) - TAG])


def multiply(secret, point):
    return asyncio.run(noise._multiply(bytearray(1000), secret, point))


COMMANDS = {
    f.__name__.rstrip("_"): f for f in (start, read, write, keys, hkdf, seal, open_, multiply)
}

while True:
    line = sys.stdin.readline()
    if not line:
        break
    name, arguments = json.loads(line)
    arguments = [unhexlify(a) if isinstance(a, str) else a for a in arguments]
    result = COMMANDS[name](*arguments)
    print(json.dumps(None if result is None else hexlify(result).decode()))
