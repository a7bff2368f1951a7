"""The REPL's bytes, as ports/esp32 and shared/runtime/pyexec.c send them."""

import os
import signal

import pytest


def test_boot_runs_boot_and_main_in_one_scope_then_greets(micropython):
    micropython.run(
        "def save(name, text):\n  with open(name, 'w') as file: file.write(text)\n"
        "save('boot.py', 'print(\"boot\"); x = 1')\n"
        "save('main.py', 'print(\"main\", x, __name__, __file__)')"
    )
    micropython.send(b"\x02\x04")
    micropython.console.expect(
        b"MPY: soft reboot\r\nboot\r\nmain 1 __main__ main.py\r\nMicroPython "
    )
    banner = micropython.console.expect(b'\r\nType "help()" for more information.\r\n>>> ')
    assert banner.endswith(b"; Mynah virtual board with ESP32S3")


def test_friendly_repl_edits_echoes_and_continues(micropython):
    micropython.send(b"1+\x08+2\r")
    micropython.console.expect(b"3\r\n>>> ")
    micropython.send(b"def double(x):\rreturn 2 * x\r\x08\r")
    micropython.console.expect(b"... ")
    micropython.console.expect(b">>> ")
    micropython.send(b"double(21)\r")
    micropython.console.expect(b"\r\n42\r\n>>> ")
    micropython.send(b"\x1b[A\r")
    micropython.console.expect(b"double(21)\r\n42\r\n>>> ")
    micropython.send(b"\x05a = 1\rprint(a + 1)\r\x04")
    micropython.console.expect(b"=== a = 1\r\n=== print(a + 1)\r\n=== \r\n2\r\n>>> ")
    micropython.send(b"half a line\x03")
    micropython.console.expect(b"\r\n>>> ")


def test_raw_repl(micropython):
    micropython.send(b"\x01")
    assert micropython.console.expect(b"raw REPL; CTRL-B to exit\r\n>") == b"\r\n"
    micropython.send(b"print('one')\nprint('two')\x04")
    assert micropython.console.expect(b"\x04\x04>") == b"OKone\r\ntwo\r\n"
    micropython.send(b"1/0\x04")
    expected = (
        b'OK\x04Traceback (most recent call last):\r\n  File "<stdin>", line 1, in <module>\r\n'
        b"ZeroDivisionError: divide by zero\r\n"
    )
    assert micropython.console.expect(b"\x04>") == expected
    micropython.send(b"forgotten\x03print(2)\x04")
    assert micropython.console.expect(b"\x04\x04>") == b"OK2\r\n"
    micropython.send(b"\x02")
    micropython.console.expect(b">>> ")


def test_raw_paste_has_flow_control(micropython):
    source = b"total = 0\n" + b"total += 1\n" * 200 + b"print(total)\n"
    micropython.send(b"\x01")
    micropython.console.expect(b">")
    micropython.send(b"\x05A\x01")
    micropython.console.expect(b"R\x01")
    micropython.console.expect(b"\x80\x00\x01")
    window = 0x80
    for i in range(0, len(source), window):
        if i >= 2 * window:
            assert micropython.console.expect(b"\x01") == b""
        micropython.send(source[i : i + window])
    micropython.send(b"\x04")
    assert micropython.console.expect(b"\x04").strip(b"\x01") == b""
    assert micropython.console.expect(b"\x04\x04>") == b"200\r\n"


def test_raw_paste_that_is_cancelled_raises_keyboard_interrupt(micropython):
    micropython.send(b"\x01")
    micropython.console.expect(b">")
    micropython.send(b"\x05A\x01print(1)\x03")
    assert b"KeyboardInterrupt" in micropython.console.expect(b"\x04>")


def test_raw_mode_survives_a_soft_reset_and_main_is_not_run(micropython):
    micropython.run("with open('main.py', 'w') as file: file.write('print(\"main runs\")')")
    micropython.send(b"\x04")
    expected = b"OK\r\nMPY: soft reboot\r\n"
    assert micropython.console.expect(b"raw REPL; CTRL-B to exit\r\n>") == expected


@pytest.mark.parametrize("how", ["sys.exit()", "machine.soft_reset()", "raise SystemExit"])
def test_a_program_can_ask_for_a_soft_reset(shared_micropython, how):
    shared_micropython.start(f"import sys, machine\nx = 1\n{how}")
    shared_micropython.console.expect(b"MPY: soft reboot\r\n")
    shared_micropython.console.expect(b"raw REPL; CTRL-B to exit\r\n>")
    assert shared_micropython.value("'x' in globals()") is False
    assert shared_micropython.value("machine.reset_cause()", "import machine") == 5


@pytest.mark.parametrize(
    "loop",
    [
        "while True: pass",
        "import time\nwhile True: time.sleep(5)",
        "import asyncio\nasync def f(): await asyncio.sleep(60)\nasyncio.run(f())",
        "import machine\nwhile True: machine.Pin(4).value()",
        "import select\nselect.poll().poll()",
        "import socket\ns = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\ns.recv(1)",
    ],
)
def test_ctrl_c_interrupts(shared_micropython, loop):
    for _ in range(3):
        shared_micropython.start(f"print('starts')\n{loop}")
        shared_micropython.console.expect(b"starts")
        shared_micropython.send(b"\x03\x03")
        _, traceback = shared_micropython.result()
        assert traceback.splitlines()[-1].startswith("KeyboardInterrupt")
        assert 'File "//' not in traceback
    assert shared_micropython.value("1 + 1") == 2


def test_a_program_may_take_ctrl_c_for_itself(shared_micropython):
    shared_micropython.start(
        "import micropython, sys\nmicropython.kbd_intr(-1)\nprint('reads')\n"
        "print(sys.stdin.read(3).encode())"
    )
    shared_micropython.console.expect(b"reads\r\n")
    shared_micropython.send(b"a\x03b")
    assert shared_micropython.result() == ("b'a\\x03b'\n", "")


def test_stdin_and_stdout_as_on_the_chip(shared_micropython):
    shared_micropython.start(
        "import sys, select\n"
        "poll = select.poll(); poll.register(sys.stdin, select.POLLIN)\n"
        "print(poll.poll(0), 'ready'); line = sys.stdin.readline()\n"
        "sys.stdout.write(repr(line) + '\\n'); sys.stdout.buffer.write(b'raw\\n\\x00')"
    )
    shared_micropython.console.expect(b"[] ready\r\n")
    shared_micropython.send(b"text\r")
    assert shared_micropython.console.expect(b"\x04\x04>") == b"'text\\n'\r\nraw\n\x00"


def test_a_crash_of_the_process_is_a_panic_and_a_reset(micropython):
    child = micropython.board._chip._cpu._child
    os.kill(child._process.pid, signal.SIGSEGV)
    micropython.console.expect(b"Guru Meditation Error")
    micropython.console.expect(b">>> ")
    assert micropython.value("machine.reset_cause()", "import machine") == 2


def test_the_process_ends_with_the_board_even_in_an_endless_loop(micropython):
    micropython.start("while True: pass")
    process = micropython.board._chip._cpu._child._process
    micropython.board.power_off()
    assert process.returncode == -signal.SIGKILL


def test_the_process_ends_when_its_parent_is_gone(micropython):
    micropython.start("while True: pass")
    child = micropython.board._chip._cpu._child
    child._lifeline.close()
    assert child._process.wait(timeout=5) == -signal.SIGIO


def test_nothing_of_the_computer_shows(shared_micropython):
    assert shared_micropython.value("sys.platform", "import sys") == "esp32"
    assert shared_micropython.value("os.listdir('/')", "import os") == ["boot.py"]
    for name in ("os.system", "os.getenv", "vfs.VfsPosix", "sys.executable", "machine.PinBase"):
        module, attribute = name.split(".")
        assert not shared_micropython.value(f"hasattr({module}, '{attribute}')", f"import {module}")
    with pytest.raises(AssertionError, match="ENOENT"):
        shared_micropython.run("open('/etc/passwd')")


def test_a_flash_without_filesystem_gets_one(micropython):
    vfs = next(
        row for row in micropython.board._chip._cpu._flash.boot.partitions if row.label == "vfs"
    )
    micropython.board.power_off()
    micropython.board.flash.restore_power()
    micropython.board.flash.erase(vfs.offset, 0x10000)
    micropython.board.power_on()
    micropython.console.expect(b"Performing initial setup")
    micropython.console.expect(b">>> ")


def test_a_corrupt_filesystem_is_said_so(micropython):
    vfs = next(
        row for row in micropython.board._chip._cpu._flash.boot.partitions if row.label == "vfs"
    )
    micropython.board.power_off()
    micropython.board.flash.restore_power()
    micropython.board.flash.program(vfs.offset, bytes(0x2000))
    micropython.board.power_on()
    micropython.console.expect(b"The filesystem appears to be corrupted.")


def test_a_file_that_was_left_open_is_written_at_a_soft_reset(micropython):
    micropython.run("file = open('open.txt', 'w'); file.write('x' * 5000)")
    micropython.send(b"\x04")
    micropython.console.expect(b"raw REPL; CTRL-B to exit\r\n>")
    assert micropython.value("len(open('open.txt').read())") == 5000
