"""What `mynah report` takes out: planted secrets, written as every program writes them."""

import base64
import binascii
import html
import json
import random
import shlex
import urllib.parse

import pytest

from mynah.report.redact import REMOVED, Redactor

TOKEN = bytes.fromhex("8f3ac1d27be4905566a17c02de3b4f90")
KEY = bytes.fromhex("c0ffee00112233445566778899aabbccddeeff0123456789abcdef0011223344")
PASSWORD = 'pass "w\u00f6rd" \\ 1+/='

SPELL_BYTES = {
    "hex": lambda secret: secret.hex(),
    "hex in capitals": lambda secret: secret.hex().upper(),
    "hex with colons": lambda secret: secret.hex(":"),
    "hex with blanks in capitals": lambda secret: secret.hex(" ").upper(),
    "C": lambda secret: ", ".join(f"0x{byte:02X}" for byte in secret),
    "escapes": lambda secret: "".join(f"\\x{byte:02x}" for byte in secret),
    "a dump of two lines": lambda secret: secret[:8].hex(" ") + "\n" + secret[8:].hex(" "),
    "decimals": lambda secret: str(list(secret)),
    "repr": repr,
    "base64": lambda secret: base64.b64encode(secret).decode(),
    "base64 for URLs": lambda secret: base64.urlsafe_b64encode(secret).decode(),
    "base64 of its hex": lambda secret: base64.b64encode(secret.hex().encode()).decode(),
    "base64 of its hex in capitals": lambda s: base64.b64encode(s.hex().upper().encode()).decode(),
    "hex of its hex": lambda secret: secret.hex().encode().hex(),
    "base64 in something longer": lambda s: base64.b64encode(b"log " + s + b" end of it").decode(),
    "base64 in something else": lambda s: base64.b64encode(b"key: " + s + b".").decode(),
    "base64 in lines": lambda s: base64.encodebytes(bytes(50) + s + bytes(50)).decode(),
    "quoted-printable": lambda s: binascii.b2a_qp(s.hex().encode()).decode(),
    "percent": lambda secret: urllib.parse.quote(secret.hex()),
    "JSON": lambda secret: json.dumps({"token": secret.hex()}),
}  # fmt: skip
SPELL_TEXT = {
    "as it is": str,
    "JSON": json.dumps,
    "JSON with its letters": lambda text: json.dumps(text, ensure_ascii=False),
    "JSON in JSON": lambda text: json.dumps(json.dumps(text)),
    "JSON in JSON in JSON": lambda text: json.dumps(json.dumps(json.dumps(text))),
    "HTML": lambda text: html.escape(text).replace("/", "&#x2f;"),
    "ASCII": ascii,
    "Python": repr,
    "percent": urllib.parse.quote,
    "a form": urllib.parse.quote_plus,
    "all percent": lambda text: urllib.parse.quote(text, safe=""),
    "shell": shlex.quote,
    "hex": lambda text: text.encode().hex(),
    "hex in capitals": lambda text: text.encode().hex(":").upper(),
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "basic authentication": lambda text: base64.b64encode(f"me:{text}".encode()).decode(),
    "bytes": lambda text: repr(text.encode()),
}


def is_in(secret, text):
    """Whether a reader who decodes what is left gets at a secret, or half of it."""
    squeezed = "".join(text.split()).lower()
    digits = "".join(c for c in squeezed.replace("0x", "").replace("\\x", "") if c.isalnum())
    half = len(secret) // 2
    parts = {secret[:half], secret[half:]}
    return any(part.hex() in digits or _in_base64(part, text) for part in parts) or any(
        part in _decoded(text) for part in parts
    )


def _in_base64(secret, text):
    plain = "".join(text.split()).replace("-", "+").replace("_", "/")
    words = plain.replace('"', " ").replace("'", " ").replace("<removed>", " ").split()
    for word in words:
        for start in range(4):
            piece = word[start:].rstrip("=")
            try:
                if secret in base64.b64decode(piece[: len(piece) // 4 * 4]):
                    return True
            except ValueError:
                continue
    return False


def _decoded(text):
    data = text.encode()
    return data + urllib.parse.unquote_plus(text).encode() + data.replace(b"\\\\", b"\\")


@pytest.mark.parametrize("how", SPELL_BYTES)
@pytest.mark.parametrize("secret", [TOKEN, KEY], ids=["token", "key"])
def test_a_known_token_or_key_goes_however_it_is_written(secret, how):
    redactor = Redactor()
    redactor.add_secret(secret)
    written = SPELL_BYTES[how](secret)
    for text in (written, f"I 12 app: it is {written}, really", f"x{written}x", written.upper()):
        left = redactor.text(text)
        assert not is_in(secret, left), left
    assert redactor.counts


@pytest.mark.parametrize("how", SPELL_TEXT)
def test_a_known_password_goes_however_it_is_written(how):
    redactor = Redactor()
    redactor.add_secret(PASSWORD)
    written = SPELL_TEXT[how](PASSWORD)
    for text in (written, f"W 12 wifi: with {written}!"):
        left = redactor.text(text)
        assert not is_in(PASSWORD.encode(), left), left
        assert "rd" not in left


def test_any_secret_goes():
    chance = random.Random(20261125)
    for _ in range(10):
        secret = chance.randbytes(chance.choice([16, 32]))
        redactor = Redactor()
        redactor.add_secret(secret)
        for how, spell in SPELL_BYTES.items():
            if how not in {"repr", "quoted-printable"}:
                left = redactor.text(f"a {spell(secret)} b")
                assert not is_in(secret, left), (secret.hex(), how, left)


@pytest.mark.parametrize("how", ["hex", "hex in capitals", "base64", "C", "escapes", "JSON"])
@pytest.mark.parametrize("secret", [TOKEN, KEY], ids=["token", "key"])
def test_what_looks_like_a_token_or_key_goes_though_nobody_knows_it(secret, how):
    left = Redactor().text(f"I 12 app: {SPELL_BYTES[how](secret)} end")
    assert not is_in(secret, left)
    assert left.startswith("I 12 app: ")
    assert left.endswith(" end")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("I 5 cable: token did=7 mac=x key=abc123", "I 5 cable: token did=7 mac=x key=<removed>"),
        ('{"password": "hunter22"}', '{"password": ***}'),
        ("passwd='hunter 22', x", "passwd=***, x"),
        (">>> w.connect('net', 'a)b')", ">>> w.connect('net', ***)"),
        ("rfc2217://me:hunter22@bench:4000", "rfc2217://me:***@bench:4000"),
        ("WIFI_PSK=hunter22", "WIFI_PSK=***"),
    ],
)
def test_values_that_are_named_as_secrets_go(text, left):
    assert Redactor().text(text) == left


@pytest.mark.parametrize(
    "text",
    [
        "I 12345 app: heap used 550976 of 8291328",
        "rst:0x1 (POWERON),boot:0x8 (SPI_FAST_FLASH_BOOT)",
        "load:0x3fce2810,len:0x50",
        "Backtrace: 0x42009c6d:0x3fcebe20 0x420096ba:0x3fcebe40",
        "W 900 wifi: cannot join it: wrong password",
        '  File "speaker/app/main.py", line 12, in run',
        "the speaker takes this computer's requests",
    ],
)
def test_a_log_can_still_be_read(text):
    redactor = Redactor()
    redactor.add_secret(TOKEN)
    redactor.add_secret("secret123")
    kept = redactor.text(text)
    assert kept == text.replace("join it:", "join <network 1>:")


def test_people_computers_and_folders_have_stand_ins():
    redactor = Redactor()
    redactor.add_user("alice", "/home/alice", "Alice Liddell", "rabbit-hole")
    text = (
        "/home/alice/work /home/bob/x C:\\Users\\Bob\\y /Users/carol/z by alice (Alice Liddell) on "
        "rabbit-hole, not malice; file:///home/alice"
    )
    assert redactor.text(text) == (
        "~/work /home/<user>/x C:\\Users\\<user>\\y /Users/<user>/z by <user> (<full name>) on "
        "<computer>, not malice; file://~"
    )


def test_mac_addresses_are_cut_unless_they_are_wanted():
    text = "30:ED:A0:56:CB:9F 30-ed-a0-56-cb-9f 30eda056cb9f mynah-cb9f x_miapCB9F did=2690042783"
    redactor = Redactor()
    redactor.add_mac("30:ED:A0:56:CB:9F")
    left = redactor.text(text)
    assert left == (
        "30:ED:A0:xx:xx:xx 30-ed-a0-xx-xx-xx <MAC 1> mynah-xxxx x_miapxxxx did=<device 1>"
    )
    assert redactor.data({"did": 2690042783}) == {"did": "<device 1>"}
    name = "/dev/serial/by-id/usb-Espressif_USB_JTAG_serial_debug_unit_30:ED:A0:11:22:33-if00"
    assert redactor.text(name).endswith("unit_30:ED:A0:xx:xx:xx-if00")
    stranger = "10.0.0.7 answers, device 2690990900; did=305419896"
    assert redactor.text(stranger) == "10.0.0.7 answers, device <device>; did=<device>"
    keeping = Redactor(keep_mac=True)
    keeping.add_mac("30:ED:A0:56:CB:9F")
    assert keeping.text(text) == text


def test_networks_have_stand_ins_the_same_each_time():
    redactor = Redactor()
    text = "I 1 wifi: joining home\nW 2 wifi: cannot join home: timeout\nI 3 wifi: joined Liddells"
    redactor.text(text)
    assert redactor.text(text) == (
        "I 1 wifi: joining <network 1>\nW 2 wifi: cannot join <network 1>: timeout\n"
        "I 3 wifi: joined <network 2>"
    )
    assert redactor.text("it hears 'home', Liddells; see /home") == (
        "it hears '<network 1>', <network 2>; see /home"
    )


def test_data_is_redacted_through_and_through():
    redactor = Redactor()
    redactor.add_secret("12345678")
    data = {"a": [{"password": "x", "b": "12345678"}, 12345678, True, None, 1.5], "12345678": 1}
    assert redactor.data(data) == {
        "a": [{"password": REMOVED, "b": REMOVED}, REMOVED, True, None, 1.5],
        REMOVED: 1,
    }


def test_what_is_left_is_told():
    redactor = Redactor()
    redactor.add_secret(TOKEN)
    assert redactor.leaks(f"x {TOKEN.hex()}")
    assert not redactor.leaks(redactor.text(f"x {TOKEN.hex()}"))


@pytest.mark.parametrize(
    "password", ["\\" * 20, "\\n" * 16, "\\\\a\\\\\\b\\c\\d\\", "a" * 20, " " * 10]
)
def test_a_search_that_fails_comes_to_an_end(password):
    # Each of these took minutes with a pattern that may match in many ways.
    redactor = Redactor()
    redactor.add_secret(password)
    for text in ("\\" * 20000, "\\n" * 3000 + "\\", "\\" * 5000 + "x", "0, " * 3000, " \n" * 900):
        if password not in text:
            assert redactor.text(text) == text or redactor.counts
    assert REMOVED in redactor.text(f"x{json.dumps(password)}x")
