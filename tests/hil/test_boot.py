"""The board starts, says what it is, and leaves room for more."""

import subprocess
import sys

import pytest

# On a 64-bit PC, where pointers are twice as wide as on the board, and with the virtual board's own
# modules, about 100 KB. The boards have megabytes of PSRAM.
HEAP_LIMIT = 600 * 1024


@pytest.mark.proves("boot")
def test_the_rom_and_the_firmware_log_a_start(device, expect):
    device.reset(wait=False)
    expect(r"ESP-ROM:esp32s3", 5)
    expect(r"I \d+ app: Mynah \d+\.\d+\.\d+ on ", 10)
    expect(r'I \d+ wake: listening for ".+"', 10)
    expect(r"I \d+ app: ready", 10)


@pytest.mark.proves("memory after boot")
def test_the_heap_in_use_after_boot_stays_under_600_kb(device):
    device.reset(wait=False)
    used = int(device.expect(r"app: heap used (\d+) of \d+", 20)[1])
    device.measured("heap in use after boot", used / 1024, "KB")
    assert used < HEAP_LIMIT


@pytest.mark.proves("console Ctrl-C")
def test_ctrl_c_stops_the_speaker_and_gives_the_prompt(device, expect):
    device.write("\x03")
    expect(r"app: stopped by the keyboard", 5)
    device.write("\r\nprint('answer', 6 * 7)\r\n")
    expect(r"^answer 42", 5)


@pytest.mark.proves("raw REPL")
def test_mpremote_runs_code_and_the_speaker_comes_back(device):
    with device.released() as port:
        done = subprocess.run(
            [sys.executable, "-m", "mpremote", "connect", port, "exec", "print(6 * 7)"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip() == "42"
    device.reset()
