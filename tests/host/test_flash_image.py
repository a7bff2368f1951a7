"""Our images against esptool, which did not come from us: it describes them and finds faults."""

import re
import struct
import subprocess
import sys

import pytest

from mynah.errors import ImageError
from mynah.flash.app_info import AppInfo
from mynah.flash.image import Image, Segment, build_image, virtual_images, xor_bytes


def image_info(path):
    done = subprocess.run(
        [sys.executable, "-m", "esptool", "--chip", "esp32s3", "image-info", str(path)],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


@pytest.fixture(scope="module")
def images():
    return virtual_images("v1.29.0-preview")


@pytest.mark.parametrize("which", [0, 1])
def test_esptool_accepts_the_virtual_boards_images(images, which, tmp_path):
    path = tmp_path / "image.bin"
    path.write_bytes(images[which])
    text = image_info(path)
    assert "Chip ID: 9 (ESP32-S3)" in text
    assert "Flash size: 16MB" in text
    assert re.search(r"Checksum: 0x\w+ \(valid\)", text)
    assert re.search(r"Validation hash: \w{64} \(valid\)", text)
    if which:
        assert "Project name: micropython" in text
        assert "App version: v1.29.0-preview" in text
    else:
        assert "Bootloader version" in text


def test_what_is_built_is_read_back(images):
    image = Image.parse(images[1] + b"\xff" * 999)
    image.verify()
    assert image.length == len(images[1])
    assert image.flash_size == 16 << 20
    assert image.app_info.name == "micropython"
    assert image.app_info.version == "v1.29.0-preview"


def anonymous_app(banner):
    """An application as stock MicroPython's: its descriptor has neither name nor version."""
    info = AppInfo(name="", version="", idf_version="v5.5.1", date="Dec  9 2025")
    rodata = info.build() + b"3.4.0; " + banner + b"; Generic ESP32S3 module with ESP32S3"
    rodata = rodata.ljust(len(rodata) // 4 * 4 + 4, b"\0")
    return build_image([Segment(0x3C000020, rodata), Segment(0x40374000, bytes(4))], 0x40374000)


def test_stock_micropython_is_known_by_its_banner():
    image = Image.parse(anonymous_app(b"MicroPython v1.27.0 on 2025-12-09"))
    assert image.app_info.name == "micropython"
    assert image.app_info.version == "v1.27.0"
    assert image.app_info.idf_version == "v5.5.1"


def test_another_anonymous_application_stays_anonymous():
    assert Image.parse(anonymous_app(b"Blink")).app_info.name == ""


@pytest.mark.parametrize("n", [0, 1, 23, 24, 40, 300, -1])
def test_cut_off(images, n):
    with pytest.raises(ImageError):
        Image.parse(images[1][:n])


@pytest.mark.parametrize(
    ("position", "value", "message"),
    [
        (0, 0x7F, "not a firmware image"),
        (1, 0, "0 segments"),
        (1, 17, "17 segments"),
        (31, 2, "invalid segment length"),
        (28, 1, "invalid segment length"),
    ],
)
def test_broken_structure(images, position, value, message):
    broken = bytearray(images[1])
    broken[position] = value
    with pytest.raises(ImageError, match=message):
        Image.parse(bytes(broken))


def test_another_chips_image_is_refused():
    image = Image.parse(build_image([Segment(0x40080000, bytes(4))], 0x40080000, chip_id=0))
    with pytest.raises(ImageError, match="expected 9, found 0"):
        image.verify()


def test_corrupt_data_is_found(images):
    broken = bytearray(images[1])
    broken[100] ^= 1
    with pytest.raises(ImageError, match="Checksum failed"):
        Image.parse(bytes(broken)).verify()
    broken[101] ^= 1
    with pytest.raises(ImageError, match="hash failed"):
        Image.parse(bytes(broken)).verify()


def test_descriptor_lies_where_esp_idf_puts_it():
    built = AppInfo("name", "v1", idf_version="v5.5", date="Dec  9 2025", time="10:11:12").build()
    assert struct.unpack_from("<I", built)[0] == 0xABCD5432
    assert built[16:18] == b"v1"
    assert built[48:52] == b"name"
    assert built[80:88] == b"10:11:12"
    assert built[96:107] == b"Dec  9 2025"
    assert built[112:116] == b"v5.5"
    assert len(built) == 256


def test_xor_bytes():
    data = bytes(range(1, 200)) * 3
    expected = 0
    for byte in data:
        expected ^= byte
    assert xor_bytes(data) == expected
    assert xor_bytes(b"") == 0
    assert xor_bytes(b"\x5a") == 0x5A
