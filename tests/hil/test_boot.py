"""The board starts, says what it is, and leaves room for more."""

import re
import subprocess
import sys

import pytest

from mynah.paths import FIRMWARE_DIR

# On a 64-bit PC, where pointers are twice as wide as on the board, and with the virtual board's own
# modules, about 70 KB. The boards have megabytes of PSRAM. tests/bench/heap.py says what takes it.
HEAP_LIMIT = 400 * 1024

# Parts that wait for their first use (speaker/app/parts.py), and what they alone need.
LATE = re.compile(
    r"speaker\.(home(\..*)?|kernels\.(chacha|x25519).*|net\.(mdns.*|dns|improv|improv_frame|nearby)"
    r"|miot\.(aead|channel|client|methods|noise|session|subscribers)"
    r"|app\.(baud|cable|feed|live|outputs|parts|privacy|secure|set_up|told.*))"
)


@pytest.mark.proves("boot")
def test_the_rom_and_the_firmware_log_a_start(device, expect):
    device.reset(wait=False)
    expect(r"ESP-ROM:esp32s3", 5)
    expect(r"I \d+ app: Mynah \d+\.\d+\.\d+ on ", 10)
    expect(r'I \d+ wake: listening for ".+"', 10)
    expect(r"I \d+ app: ready", 10)


@pytest.mark.proves("memory after boot")
def test_the_heap_in_use_after_boot_stays_under_400_kb(device):
    device.reset(wait=False)
    used = int(device.expect(r"app: heap used (\d+) of \d+", 20)[1])
    device.measured("heap in use after boot", used / 1024, "KB")
    assert used < HEAP_LIMIT


def test_what_few_need_is_not_loaded_at_boot(device, expect):
    device.reset()
    device.write("\x03")
    expect(r"app: stopped by the keyboard", 5)
    device.write("\r\nimport sys; print('loaded', *sorted(sys.modules))\r\n")
    loaded = set(expect(r"^loaded (.*)", 5)[1].split())
    assert {"speaker.app.main", "speaker.wake.engine", "speaker.miot.server"} <= loaded
    assert not [name for name in loaded if LATE.fullmatch(name)]
    source = {
        path.relative_to(FIRMWARE_DIR).with_suffix("").as_posix().replace("/", ".")
        for path in (FIRMWARE_DIR / "speaker").rglob("*.py")
    }
    assert len([name for name in source if LATE.fullmatch(name)]) > 30  # the pattern is about them


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
