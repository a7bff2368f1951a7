"""What the doctor reads in a board's log; the texts are of real boards where a source is named."""

import pytest

from mynah import __version__
from mynah.doctor.bootlog import BootLog, check_log
from mynah.doctor.finding import Finding
from mynah.doctor.wifi import address, check_wifi, is_settled
from mynah.miio.door import Nearby

START = """\
ESP-ROM:esp32s3-20210327
Build:Mar 27 2021
rst:0x1 (POWERON),boot:0x8 (SPI_FAST_FLASH_BOOT)
"""
BOOTED = """\
SPIWP:0xee
mode:DIO, clock div:1
load:0x3fce2810,len:0x50
entry 0x403c8700
"""
READY = f"""\
I 121 app: Mynah {__version__} on Generic ESP32S3 module with Octal-SPIRAM with ESP32S3
I 122 app: board bread-compact, last reset: 1
I 188 app: heap used 550976 of 8291328
I 188 app: ready
"""


def read(text, **options):
    """What is found in a log, by cause."""
    options = {"was_reset": True, "is_idle": True} | options
    log = BootLog("PORT", text.splitlines(), **options)
    return {each.cause: each for each in check_log(log) if isinstance(each, Finding)}


def test_a_good_start_has_no_finding():
    assert read(START + BOOTED + READY) == {}


@pytest.mark.parametrize(
    "text",
    [
        # ESP-IDF 4 and 5, then the ROM's reason
        "\nBrownout detector was triggered\n\nESP-ROM:esp32s3-20210327\n",
        "E BOD: Brownout detector was triggered\nrst:0x3 (RTC_SW_SYS_RST),boot:0x8 (SPI)\n",
        "rst:0xf (RTCWDT_BROWN_OUT_RESET),boot:0x8 (SPI_FAST_FLASH_BOOT)\n",
    ],
)
def test_a_supply_that_breaks_down(text):
    found = read(START + BOOTED + READY + text)
    assert found["low-voltage"].severity == "fault"
    assert list(found) == ["low-voltage"]
    assert "once" in found["low-voltage"].what


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        (START + "invalid header: 0xffffffff\n" * 8, "flash-empty"),
        (START + "invalid header: 0x00000020\n" * 8, "boot-loader-damaged"),
        (
            START + "Invalid chip id. Expected 9 read 0. Bootloader for wrong chip?\n",
            "boot-loader-damaged",
        ),
        (
            START + "load:0x3fce2810,len:0x50\nChecksum failure. Calculated 0x1 stored 0x2\n",
            "boot-loader-damaged",
        ),
        (
            START + BOOTED + "E (100) flash_parts: partition 0 invalid magic number 0x20\n"
            "E (101) boot: Failed to verify partition table\n",
            "partition-table-damaged",
        ),
        (
            START + BOOTED + "E (100) esp_image: image at 0x10000 has invalid magic byte "
            "(nothing flashed here?)\nE (101) boot: Factory app partition is not bootable\n"
            "E (102) boot: No bootable app partitions in the partition table\n",
            "application-damaged",
        ),
        (
            START + BOOTED + "E (535) spi_flash: Detected size(4096k) smaller than the size in the "
            "binary image header(8192k). Probe failed.\n",
            "flash-too-small",
        ),
        (START + "boot:0x0 (DOWNLOAD(USB/UART0))\nwaiting for download\n", "download-mode"),
        ("ESP-ROM:esp32c3-api1-20210207\nBuild:Feb  7 2021\n", "wrong-chip"),
        (
            "ets Jul 29 2019 12:21:46\n\nrst:0x1 (POWERON_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\n",
            "wrong-chip",
        ),
        (
            START + BOOTED + "E (325) quad_psram: PSRAM ID read error: 0x00ffffff, PSRAM chip not "
            "found or not supported, or wrong PSRAM line mode\nE cpu_start: Failed to init external"
            " RAM!\nabort() was called at PC 0x400815b5 on core 0\nRebooting...\n",
            "wrong-psram",
        ),
        (
            START
            + BOOTED
            + "Guru Meditation Error: Core  0 panic'ed (LoadProhibited). Exception was "
            "unhandled.\n",
            "panic",
        ),
        ((START + BOOTED) * 3, "boot-loop"),
        (START + BOOTED, "other-program"),
        (START + BOOTED + "Hello from my sketch\n", "other-program"),
        (
            START + BOOTED + "The filesystem appears to be corrupted. If you had important data "
            "there, you\nmay want to make a flash snapshot to try to recover it.\n",
            "filesystem-damaged",
        ),
        ("(no text: 1,200 bytes, \\xf2\\x83...)\nab\n", "unreadable"),
        (
            START
            + BOOTED
            + "MicroPython v1.27.0 on 2025-12-09; Generic ESP32S3 module with ESP32S3\n"
            'Type "help()" for more information.\n>>> \n',
            "no-firmware",
        ),
        (
            START
            + BOOTED
            + "MicroPython v1.22.2 on 2024-02-22; Generic ESP32S3 module with ESP32S3\n"
            + READY,
            "micropython-old",
        ),
        (
            START + BOOTED + "I 1 app: Mynah 1 on x\nE 2 app: board file /board.json: [Errno 2] "
            "ENOENT\n>>> \n",
            "board-file",
        ),
        (
            START + BOOTED + 'Traceback (most recent call last):\n  File "main.py", line 11, in '
            "<module>\nImportError: no module named 'speaker'\nMicroPython v1.27.0 on 2025-12-09; "
            "x\n>>> \n",
            "firmware-crash",
        ),
        (
            START
            + BOOTED
            + "I 1 app: Mynah 0.1.0 on x\nE 2 app: Traceback (most recent call last):\n"
            'E 2 app:   File "speaker/app/main.py", line 9, in run\nE 2 app: OSError: [Errno 19] '
            "ENODEV\nE 2 app: restart in 30 s; Ctrl-C for the prompt\n",
            "firmware-crash",
        ),
        (
            START + BOOTED + "I 1 app: Mynah 0.1.0 on x\nI 2 settings: made a new token\n",
            "not-ready",
        ),
        (START + BOOTED + READY + "E 900 settings: not saved: error 28\n", "filesystem-full"),
        (START + BOOTED + READY + "W 901 wake: no model: listening for nothing\n", "no-wake-model"),
        (
            START + BOOTED + READY + "E 901 wake: model /models/x.wake: version 9\n",
            "wake-model-bad",
        ),
        (START.replace("0x1 (POWERON)", "0x7 (TG0WDT_SYS_RST)") + BOOTED + READY, "watchdog"),
        (START + BOOTED + READY.replace(__version__, "0.0.9"), "firmware-version"),
    ],
)
def test_what_is_wrong_with_a_board_is_told_by_its_log(text, cause):
    found = read(text)
    assert list(found) == [cause], found
    assert found[cause].evidence
    assert found[cause].do


def test_a_chip_that_waits_for_a_flasher_before_it_was_reset_is_no_fault():
    assert read("waiting for download\n", was_reset=False) == {}


def test_the_error_of_a_crash_is_told():
    text = 'Traceback (most recent call last):\n  File "main.py", line 11\nImportError: no module\n'
    found = read(START + BOOTED + text)["firmware-crash"]
    assert "ImportError: no module" in found.what
    assert 'File "main.py", line 11' in found.evidence[0]


def test_an_old_board_and_an_old_toolkit_are_told_apart():
    old = read(START + READY.replace(__version__, "0.0.9"))["firmware-version"]
    new = read(START + READY.replace(__version__, "99.0.0"))["firmware-version"]
    assert "mynah deploy" in old.do[0]
    assert "pip install --upgrade" in new.do[0]


def test_binary_noise_between_good_lines_is_no_fault():
    assert read(START + "(no text: 60 bytes, \\xff...)\n" + BOOTED + READY) == {}


HEARD = [Nearby(b"Home_5", -48, True), Nearby(b"next door", -70, True)]


def read_wifi(text, heard=()):
    log = BootLog("PORT", (START + BOOTED + READY + text).splitlines(), was_reset=True)
    found = check_wifi(log, lambda: list(heard))
    return {each.cause: each for each in found if isinstance(each, Finding)}


@pytest.mark.parametrize(
    ("reason", "cause"),
    [
        ("no such network", "wifi-not-seen"),
        ("wrong password", "wifi-password"),
        ("no address", "wifi-no-address"),
        ("security mismatch", "wifi-security"),
        ("channel not allowed", "wifi-channel"),
        ("refused", "wifi-refused"),
        ("timeout", "wifi-refused"),
        ("signal lost", "wifi-weak"),
    ],
)
def test_each_reason_of_the_firmware_has_its_advice(reason, cause):
    text = f"I 200 wifi: joining home\nW 900 wifi: cannot join home: {reason}\n"
    found = read_wifi(text + f"I 901 net: retrying, {reason}\n")
    assert list(found) == [cause]
    assert "'home'" in found[cause].what


def test_every_reason_of_the_firmware_is_known():
    import re

    from mynah.doctor.wifi import _CAUSES, _LOST, _UNSEEN
    from mynah.paths import FIRMWARE_DIR

    source = (FIRMWARE_DIR / "speaker/net/wifi.py").read_text()
    block = source[source.index("WRONG_PASSWORD =") : source.index("SCANNING =")]
    reasons = set(re.findall(r'= "([a-z ]+)"', block)) - {"aborted"}
    assert reasons == {*_CAUSES, *_LOST, _UNSEEN, "refused", "timeout"}


def test_what_it_hears_instead_is_told():
    text = "W 900 wifi: cannot join home: no such network\n"
    found = read_wifi(text, HEARD)["wifi-not-seen"]
    assert found.evidence[1] == "it hears 'Home_5' (-48 dBm), 'next door' (-70 dBm)"
    found = read_wifi(text, [Nearby(b"Home", -48, True)])["wifi-not-seen"]
    assert "is 'Home' meant?" in found.what


def test_a_speaker_that_is_online_or_new():
    online = "I 2 wifi: joined home\nI 3 wifi: address 10.0.0.7\nI 4 net: online\n"
    assert read_wifi(online) == {}
    assert list(read_wifi("I 1 net: set-up\n")) == ["wifi-not-set-up"]
    assert list(read_wifi(online + "W 9 net: lost the network\n")) == ["wifi-lost"]


def test_the_address_at_the_logs_end_counts():
    def at_end(text):
        return address(BootLog("PORT", text.splitlines()))

    assert at_end("I 3 wifi: address 10.0.0.7\n") == "10.0.0.7"
    assert at_end("I 3 wifi: address 10.0.0.7\nW 4 wifi: cannot join home: timeout\n") is None
    assert at_end("") is None


def test_a_wifi_that_is_still_tried_is_not_settled():
    def settled(text):
        return is_settled(BootLog("PORT", text.splitlines()))

    assert not settled("I 1 net: scanning\n")
    assert settled("I 1 net: set-up\n")
    assert settled("I 1 net: scanning\nI 2 net: retrying, timeout\n")
    assert not settled("I 1 net: retrying, timeout\nI 2 net: scanning\n")
