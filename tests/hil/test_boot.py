"""The board starts, says what it is, and leaves room for more."""

import subprocess
import sys

HEAP_LIMIT = 400 * 1024


def test_the_rom_and_the_firmware_log_a_start(console):
    console.reset_board()
    console.expect(r"ESP-ROM:esp32s3", 5)
    console.expect(r"I \d+ app: Mynah \d+\.\d+\.\d+ on ", 10)
    console.expect(r'I \d+ wake: listening for ".+"', 10)
    console.expect(r"I \d+ app: ready", 10)


def test_the_heap_in_use_after_boot_stays_under_400_kb(console):
    console.reset_board()
    used = int(console.expect(r"app: heap used (\d+) of \d+", 20)[1])
    assert used < HEAP_LIMIT


def test_ctrl_c_stops_the_speaker_and_gives_the_prompt(ready):
    ready.write(b"\x03")
    ready.expect(r"app: stopped by the keyboard", 5)
    ready.write(b"\r\nprint('answer', 6 * 7)\r\n")
    ready.expect(r"^answer 42", 5)


def test_mpremote_runs_code_and_the_speaker_comes_back(ready, bench):
    with ready.released():
        done = subprocess.run(
            [sys.executable, "-m", "mpremote", "connect", bench.url, "exec", "print(6 * 7)"],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.strip() == "42"
    ready.reset_board()
    ready.expect(r"app: ready", 20)
