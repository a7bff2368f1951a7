"""Unmodified mpremote on the virtual board."""

import os
import subprocess
import sys

import pytest

from mynah.virtual.chip import State


@pytest.fixture(scope="module")
def mpremote(shared_micropython):
    """Run mpremote with arguments; its output."""
    shared_micropython.console.close()

    def run(*arguments, fails=False):
        command = [sys.executable, "-m", "mpremote", "connect", shared_micropython.board.url]
        done = subprocess.run(
            [*command, *map(str, arguments)], capture_output=True, timeout=60, check=False
        )
        text = (done.stdout + done.stderr).decode().replace("\r\n", "\n")
        assert bool(done.returncode) == fails, text
        return text

    return run


def test_exec_eval_and_run(mpremote, tmp_path):
    assert mpremote("exec", "print('hello')") == "hello\n"
    assert mpremote("eval", "6 * 7") == "42\n"
    script = tmp_path / "script.py"
    script.write_text("import sys\nprint(sys.platform)\nprint(__name__)\n")
    assert mpremote("run", script) == "esp32\n__main__\n"
    assert "NameError" in mpremote("exec", "missing", fails=True)


def test_files(mpremote, tmp_path):
    local = tmp_path / "local.bin"
    local.write_bytes(os.urandom(10_000))
    mpremote(
        "mkdir", ":lib", "+", "cp", local, ":lib/remote.bin", "+", "sha256sum", ":lib/remote.bin"
    )
    assert "10000 remote.bin" in mpremote("ls", ":lib")
    back = tmp_path / "back.bin"
    mpremote("cp", ":lib/remote.bin", back)
    assert back.read_bytes() == local.read_bytes()
    mpremote("rm", ":lib/remote.bin", "+", "rmdir", ":lib")
    assert "lib" not in mpremote("ls")


def test_resets(mpremote, shared_micropython):
    cause = "import machine; print(machine.reset_cause())"
    mpremote("reset")
    assert mpremote("resume", "exec", cause) == "2\n"
    mpremote("soft-reset")
    assert mpremote("resume", "exec", cause) == "5\n"
    mpremote("bootloader")
    assert shared_micropython.board.state is State.ROM_LOADER
