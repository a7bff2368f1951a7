"""Both sides of Noise against published vectors, the package `noiseprotocol`, and each other."""

import json
import random
from pathlib import Path

import crypt_reference as reference
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from noise.connection import Keypair, NoiseConnection
from upy_lines import Lines

from mynah.miio import noise
from mynah.miio.noise import Cipher, Initiator, NoiseError

NAME = b"Noise_NNpsk0_25519_ChaChaPoly_SHA256"
VECTOR = json.loads(Path(__file__).with_name("noise_vectors.json").read_text())
PSK, PROLOGUE = bytes(range(32)), b"what both have seen"


class Speaker(Lines):
    """The speaker's code, in MicroPython; it answers with bytes."""

    def __getattr__(self, name):
        call = super().__getattr__(name)

        def answer(*arguments):
            digits = call(*arguments)
            return None if digits is None else bytes.fromhex(digits)

        return answer


@pytest.fixture(scope="module")
def board():
    speaker = Speaker("noise_process.py")
    yield speaker
    speaker.close()


def independent(role, psk=PSK, prologue=PROLOGUE, secret=None):
    """`noiseprotocol` as ``initiator`` or ``responder``."""
    connection = NoiseConnection.from_name(NAME)
    connection.set_psks(psk)
    connection.set_prologue(prologue)
    getattr(connection, f"set_as_{role}")()
    if secret:
        connection.set_keypair_from_private_bytes(Keypair.EPHEMERAL, secret)
    connection.start_handshake()
    return connection


def messages():
    return [
        (bytes.fromhex(m["payload"]), bytes.fromhex(m["ciphertext"])) for m in VECTOR["messages"]
    ]


def given(name):
    value = VECTOR[name]
    return bytes.fromhex(value[0] if isinstance(value, list) else value)


def test_the_speaker_against_published_vectors(board):
    (first, second, *rest) = messages()
    board.start(given("resp_psks"), given("resp_prologue"))
    assert board.read(first[1]) == first[0]
    assert board.write(second[0], given("resp_ephemeral")) == second[1]
    keys = board.keys()
    assert keys[64:] == given("handshake_hash")
    for i, (text, sealed) in enumerate(rest):
        key = keys[:32] if i % 2 == 0 else keys[32:64]
        assert board.seal(key, i // 2, b"", text) == sealed
        assert board.open(key, i // 2, b"", sealed) == text


def test_the_host_against_published_vectors():
    (first, second, *rest) = messages()
    host = Initiator(given("init_psks"), given("init_prologue"), given("init_ephemeral"))
    assert host.write(first[0]) == first[1]
    assert host.read(second[1]) == second[0]
    assert host.handshake_hash == given("handshake_hash")
    sent, received = host.split()
    for i, (text, sealed) in enumerate(rest):
        cipher = (sent, received)[i % 2]
        assert cipher.seal(i // 2, text) == sealed
        assert cipher.open(i // 2, sealed) == text


def test_the_speaker_answers_an_independent_initiator(board):
    for payload in (b"", b"x" * 100):
        other = independent("initiator")
        board.start(PSK, PROLOGUE)
        assert board.read(bytes(other.write_message(payload))) == payload
        assert other.read_message(board.write(b"reply", b"")) == b"reply"
        keys = board.keys()
        assert keys[64:] == other.get_handshake_hash()
        for counter, size in enumerate((0, 1, 64, 1300)):
            text = random.Random(size).randbytes(size)
            assert board.open(keys[:32], counter, b"", other.encrypt(text)) == text
            assert other.decrypt(board.seal(keys[32:64], counter, b"", text)) == text


def test_the_host_meets_an_independent_responder():
    other, host = independent("responder"), Initiator(PSK, PROLOGUE)
    assert other.read_message(host.write(b"hello")) == b"hello"
    assert host.read(bytes(other.write_message(b"reply"))) == b"reply"
    assert host.handshake_hash == other.get_handshake_hash()
    sent, received = host.split()
    for counter, size in enumerate((0, 1, 64, 1300)):
        text = random.Random(size).randbytes(size)
        assert other.decrypt(sent.seal(counter, text)) == text
        assert received.open(counter, other.encrypt(text)) == text


def test_host_and_speaker(board):
    host = Initiator(PSK, PROLOGUE)
    board.start(PSK, PROLOGUE)
    assert board.read(host.write(b"one")) == b"one"
    assert host.read(board.write(b"two", b"")) == b"two"
    sent, received = host.split()
    keys = board.keys()
    assert board.open(keys[:32], 7, b"", sent.seal(7, b"text")) == b"text"
    assert received.open(9, board.seal(keys[32:64], 9, b"", b"text")) == b"text"


def test_the_first_message_proves_that_its_sender_has_the_key(board):
    """Every bit counts, as do the key and the prologue; what is short is refused as well."""
    message = Initiator(PSK, PROLOGUE).write(b"payload")

    def read(data, psk=PSK, prologue=PROLOGUE):
        board.start(psk, prologue)
        return board.read(data)

    assert read(message) == b"payload"
    for i in range(len(message)):
        assert read(message[:i] + bytes([message[i] ^ 1 << i % 8]) + message[i + 1 :]) is None
        assert read(message[:i]) is None
    assert read(message + b"\0") is None
    assert read(message, psk=PSK[:-1] + b"\0") is None
    assert read(message, prologue=b"what both have seem") is None


def test_the_second_message_proves_it_too(board):
    board.start(PSK, PROLOGUE)
    host = Initiator(PSK, PROLOGUE)
    board.read(host.write())
    message = board.write(b"payload", b"")
    for i in range(len(message)):
        with pytest.raises(NoiseError):
            host.read(message[:i] + bytes([message[i] ^ 1 << i % 8]) + message[i + 1 :])
        with pytest.raises(NoiseError):
            host.read(message[:i])
    assert host.read(message) == b"payload"  # what was damaged did not spoil the handshake


@pytest.mark.parametrize("point", reference.LOW_ORDER)
def test_points_of_small_order_are_refused(board, point):
    """A session whose key anybody can compute does not come about, on either side."""
    attacker = Initiator(PSK, PROLOGUE)
    attacker._private = _Fixed(point)
    board.start(PSK, PROLOGUE)
    assert board.read(attacker.write(b"in")) == b"in"
    assert board.write(b"out", b"") is None
    host = Initiator(PSK, PROLOGUE)
    host.write()
    with pytest.raises(NoiseError, match="order"):
        host.read(point + bytes(16))


class _Fixed:
    """Stands for a private key whose public one is given."""

    def __init__(self, point):
        self._point = point

    def public_key(self):
        return self

    def public_bytes(self, *_):
        return self._point


def test_x25519_on_the_speaker(board):
    rng = random.Random(1)
    for _ in range(10):
        secret, point = rng.randbytes(32), rng.randbytes(32)
        assert board.multiply(secret, point) == reference.exchange(secret, point)


def test_aead_on_the_speaker(board):
    """Against `cryptography`, with additional data, and every byte changed."""
    rng = random.Random(2)
    for size, n_ad in ((0, 0), (1, 1), (15, 16), (16, 17), (64, 12), (65, 40), (1372, 0)):
        key, ad, text = rng.randbytes(32), rng.randbytes(n_ad), rng.randbytes(size)
        counter = rng.randrange(2**30)
        nonce = bytes(4) + counter.to_bytes(8, "little")
        sealed = ChaCha20Poly1305(key).encrypt(nonce, text, ad)
        assert board.seal(key, counter, ad, text) == sealed
        assert board.open(key, counter, ad, sealed) == text
        assert board.open(key, counter + 1, ad, sealed) is None
        assert board.open(key, counter, ad + b"\0", sealed) is None
        for i in range(0, len(sealed), 1 + len(sealed) // 100):
            damaged = sealed[:i] + bytes([sealed[i] ^ 0x80]) + sealed[i + 1 :]
            assert board.open(key, counter, ad, damaged) is None


def test_keys_are_derived_as_rfc_5869_says(board):
    for n in (1, 2, 3):
        wanted = HKDF(hashes.SHA256(), 32 * n, salt=b"salt", info=b"").derive(b"material")
        assert board.hkdf(b"salt", b"material", n) == wanted
        assert b"".join(noise.hkdf(b"salt", b"material", n)) == wanted


def test_a_wrong_tag_is_an_error():
    with pytest.raises(NoiseError):
        Cipher(PSK).open(0, b"short")
    with pytest.raises(NoiseError):
        Cipher(PSK).open(1, Cipher(PSK).seal(0, b"text"))
