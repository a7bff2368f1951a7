"""Tracebacks and panics are found in a log."""

import pytest

from mynah.hil.crash import CrashWatch
from mynah.logs.sources import Sources

TRACEBACK = """Traceback (most recent call last):
  File "<stdin>", line 1, in <module>
  File "blink.py", line 9, in boom
ValueError: no good"""

LOGGED = "\n".join(f"E 1234 app: {line}" for line in TRACEBACK.splitlines())

# ESP-IDF Programming Guide, "Fatal Errors", register dump shortened.
PANIC = """Guru Meditation Error: Core  0 panic'ed (LoadProhibited). Exception was unhandled.

Core  0 register dump:
PC      : 0x42015b4b  PS      : 0x00060a30  A0      : 0x82016b9f  A1      : 0x3fc9c0a0
EXCVADDR: 0x00000000  LBEG    : 0x400570e8  LEND    : 0x400570f3  LCOUNT  : 0x00000000

Backtrace: 0x42015b48:0x3fc9c0a0 0x42016b9c:0x3fc9c0c0"""


def crashes(text):
    watch = CrashWatch()
    for line in text.splitlines():
        watch.take(line)
    return watch.crashes


@pytest.mark.parametrize("text", [TRACEBACK, LOGGED])
def test_a_traceback_is_found_with_its_last_line(text):
    (crash,) = crashes(f"before\n{text}\nI 99 app: goes on\n>>> ")
    assert crash.kind == "traceback"
    assert crash.text == TRACEBACK
    assert crash.summary == "ValueError: no good"
    assert crash.complete


def test_a_crash_is_explained_with_the_lines_of_its_sources(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tmp_path.joinpath("blink.py").write_text(
        "\n" * 7 + "def boom():\n    raise ValueError('no good')\n"
    )
    (crash,) = crashes(TRACEBACK)
    assert crash.explained(Sources([tmp_path])) == TRACEBACK.replace(
        "in boom\n", "in boom\n    -> blink.py:9: raise ValueError('no good')\n"
    )


def test_a_panic_is_found_with_its_backtrace():
    (crash,) = crashes(f"{PANIC}\n\n\nELF file SHA256: 67e4e4a\n\nRebooting...\nESP-ROM:esp32s3")
    assert crash.kind == "panic"
    assert "LoadProhibited" in crash.summary
    assert "Backtrace: 0x42015b48" in crash.text
    assert "ESP-ROM" not in crash.text


@pytest.mark.parametrize(
    "line",
    [
        "rst:0x7 (TG0WDT_SYS_RST),boot:0x8 (SPI_FAST_FLASH_BOOT)",
        "rst:0xf (BROWNOUT_RST),boot:0x8 (SPI_FAST_FLASH_BOOT)",
        "abort() was called at PC 0x40376f2e on core 0",
        "***ERROR*** A stack overflow in task mp_task has been detected.",
        "assert failed: xQueueSemaphoreTake queue.c:1545 (( pxQueue ))",
        "E (9412) task_wdt: Task watchdog got triggered. The following tasks did not reset",
    ],
)
def test_what_the_chip_says_when_it_gives_up_is_a_panic(line):
    assert [crash.kind for crash in crashes(f"I 1 app: x\n{line}\n")] == ["panic"]


@pytest.mark.parametrize(
    "text",
    [
        "rst:0x1 (POWERON),boot:0x8 (SPI_FAST_FLASH_BOOT)",
        "rst:0x3 (RTC_SW_SYS_RST),boot:0x8 (SPI_FAST_FLASH_BOOT)",
        "rst:0x15 (USB_UART_CHIP_RESET),boot:0x8 (SPI_FAST_FLASH_BOOT)",
        'Traceback (most recent call last):\n  File "main.py", line 3\nKeyboardInterrupt: ',
        "E 12 wifi: cannot join",
    ],
)
def test_what_is_no_crash_is_not_one(text):
    assert crashes(f"{text}\n>>> \n") == []


def test_two_in_a_row_are_two():
    first, second = crashes(f"{TRACEBACK}\n\nDuring handling\n{TRACEBACK}\n{PANIC}\n")[:2]
    assert first.complete
    assert second.complete
