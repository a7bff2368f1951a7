"""The pytest plugin in a project that is not ours: its own MicroPython code on a virtual board."""

import types

import pytest

from mynah.link.place import Place
from mynah.virtual.board import VirtualBoard
from mynah.virtual.factory import flash_content

pytest_plugins = ["pytester"]

BLINK = """
from array import array
import machine

def add(a, b=1):
    return a + b

def data():
    print("a line of its own")
    return array("h", [1, -2]), b"\\x00\\xff", {"x": 1.5}

def boom():
    print("before")
    raise ValueError("no good")

def button():
    return machine.Pin(0, machine.Pin.IN, machine.Pin.PULL_UP).value()

def tone():
    from math import pi, sin
    out = machine.I2S(1, sck=machine.Pin(15), ws=machine.Pin(16), sd=machine.Pin(7),
        mode=machine.I2S.TX, bits=16, format=machine.I2S.MONO, rate=16000, ibuf=8000)
    wave = array("h", [int(8000 * sin(2 * pi * i / 16)) for i in range(160)])
    for _ in range(40):
        out.write(wave)
    out.deinit()

def light():
    import neopixel
    pixels = neopixel.NeoPixel(machine.Pin(48), 1)
    pixels[0] = (1, 2, 3)
    pixels.write()

def join(ssid, password):
    import network, time
    wlan = network.WLAN(network.STA_IF)
    wlan.active(False)
    wlan.active(True)
    wlan.connect(ssid, password)
    for _ in range(100):
        if wlan.isconnected():
            return wlan.ifconfig()[0]
        if 200 <= wlan.status() < 300:
            break
        time.sleep_ms(20)
    return wlan.status()

def save(n):
    for i in range(n):
        with open("/data", "w") as f:
            f.write("x" * 5000)
"""


@pytest.fixture
def project(pytester):
    """A project with firmware in src/, and a function that runs tests in it."""
    pytester.mkdir("src").joinpath("blink.py").write_text(BLINK)
    pytester.makeini("[pytest]\naddopts = -p no:cacheprovider\nmynah_firmware = src\n")
    return pytester


def test_a_fast_board_needs_no_time_to_wait(project):
    project.makepyfile(
        """
        def test_an_hour(repl):
            repl.run("import time; time.sleep(3600)")  # its answer is waited for 10 s
        """
    )
    project.runpytest_inprocess("--port=virtual-fast").assert_outcomes(passed=1)


def test_every_fixture_on_the_virtual_board(project):
    """One board for all; each test finds it as the first one did."""
    project.makepyfile(
        """
        import pytest
        from mynah.hil.sound import Sound
        from mynah.link.repl import ReplError

        def test_repl(repl):
            assert repl.call("blink.add", 2, b=3) == 5
            samples, data, table = repl.call("blink.data")
            assert (samples.tolist(), data, table) == ([1, -2], b"\\0\\xff", {"x": 1.5})
            repl.set(a=[1, 2], b=b"x")
            assert repl.value("a * 2, b") == ([1, 2, 1, 2], b"x")
            with pytest.raises(ReplError, match="no good") as raised:
                repl.call("blink.boom")
            assert 'in boom' in raised.value.traceback
            assert repl.run("print(1)\\nprint(2)") == "1\\n2\\n"
            with pytest.raises(ValueError, match="not the name"):
                repl.call("import os; os.x")

        def test_prompt_and_log(device, expect):
            device.reset(wait=False)
            expect("ESP-ROM")
            expect("^>>> $")
            device.write("print('answer', 6 * 7)\\r\\n")
            assert expect(r"^answer (\\d+)")[1] == "42"
            device.refuse("never", 0.1)
            assert "answer 42" in device.log_path.read_text()

        def test_traceback_that_is_expected(device):
            with device.crash("ValueError: no good"):
                device.write("import blink; blink.boom()\\r\\n")
            device.allow_crash("NameError")
            device.write("nobody\\r\\n")
            device.expect("^NameError")

        def test_button(repl, button):
            assert repl.call("blink.button") == 1
            button.hold("boot")
            assert repl.call("blink.button") == 0

        def test_the_button_was_let_go_of(repl):
            assert repl.call("blink.button") == 1

        def test_sound(device, repl, speaker):
            with speaker.record() as recording:
                repl.call("blink.tone")
            tone = recording.sound.loud_part(trim_s=0.02)
            device.measured("distortion", tone.thd_n * 100, "%")
            assert abs(tone.frequency_hz - 1000) < 0.5
            assert abs(tone.peak_dbfs + 12.2) < 0.2
            assert tone.thd_n < 0.01

        def test_light(repl, led):
            assert led.state() == []
            repl.call("blink.light")
            assert led.wait_for((1, 2, 3)) == [(1, 2, 3)]

        def test_wifi(repl, wifi, net):
            wifi.add("home", "secret123")
            assert repl.call("blink.join", "home", "secret123") == net.address
            assert wifi.joined == "home"
            wifi.change_password("home", "another12")
            assert repl.call("blink.join", "home", "secret123") == 202
            with wifi.dropped("home"):
                assert isinstance(repl.call("blink.join", "home", "another12"), int)

        def test_no_network_is_left(wifi):
            assert wifi.networks == [] and wifi.joined is None

        def test_power(device, power, flash, repl):
            before = flash.files()
            power.cut_at(7)
            device.write("\\x02")
            device.write("import blink; blink.save(20)\\r\\n")
            device.expect("x = 1|>>> ")
            for _ in range(200):
                if device.board.virtual.state.value == "off":
                    break
                import time; time.sleep(0.02)
            else:
                pytest.fail("the power stayed on")
            device.skip()
            power.on()
            device.expect("ESP-ROM")
            device.expect("^>>> ", 10)
            assert before.items() <= flash.files().items()

        def test_flash(device, flash):
            assert "/data" not in flash.files()
            assert flash.files()["/blink.py"].startswith(b"\\nfrom array")
            vfs = flash.partition("vfs")
            flash.write({vfs.offset: bytes(4096) * 4})
            device.expect("ESP-ROM")

        def test_the_flash_is_as_it_was(repl, flash):
            assert repl.call("blink.add", 1) == 2
            flash.erase()

        @pytest.mark.needs("psram", "warp-drive")
        def test_needs_what_it_has_not(device):
            raise AssertionError

        @pytest.mark.needs("psram", "mic")
        def test_needs_what_it_has(device):
            with device.released() as port:
                assert port.startswith("rfc2217://")
            device.reset()
        """
    )
    result = project.runpytest_inprocess("-rs", "--junitxml=j.xml")
    result.assert_outcomes(passed=13, skipped=1)
    result.stdout.fnmatch_lines(["*board virtual has no warp-drive; it has: *psram*"])


def test_a_state_that_a_test_loads_ends_with_it(project):
    """Also one that the board's program never writes to: nothing tells that it is another one."""
    project.makepyfile(
        """
        states = []
        def test_saves(device, repl):
            repl.run("open('/mark', 'w').close()")
            states.append(device.board.save_state())
        def test_loads(device, flash):
            assert "/mark" not in flash.files()
            device.board.load_state(states[0])
            assert "/mark" in flash.files()
        def test_is_clean(device, flash):
            assert "/mark" not in flash.files()
        """
    )
    project.runpytest_inprocess().assert_outcomes(passed=3)


def test_what_fails_shows_why(project):
    project.makepyfile(
        """
        def test_nothing_comes(expect):
            expect(r"never \\d+", 0.2)

        def test_traceback(device):
            device.write("import blink; blink.boom()\\r\\n")
            device.expect("^before")

        def test_after(device):
            pass
        """
    )
    result = project.runpytest_inprocess()
    result.assert_outcomes(failed=2, passed=1)
    result.stdout.fnmatch_lines(
        [
            '>       expect(r"never \\d+", 0.2)',
            "E       *no line with 'never * in 0.2 s; the board's last lines:",
            "E           >>> ",
            "E         whole log: *test_nothing_comes.log",
            "the board's program failed:",
            "Traceback (most recent call last):",
            "ValueError: no good",
            "whole log: *test_traceback.log",
        ]
    )


def test_a_program_that_runs_for_ever_and_says_that_it_is_ready(project):
    project.path.joinpath("src", "main.py").write_text(
        "import time\nprint('set')\nprint('go')\nwhile True: time.sleep(1)\n"
    )
    project.makepyfile(
        """
        def test_it(device, expect):
            device.reset(wait=False)
            expect("^set$")
            expect("^go$")
        """
    )
    project.runpytest_inprocess("--board-ready", "^go$").assert_outcomes(passed=1)
    project.makepyfile("def test_it(expect): expect('^set$')")
    project.runpytest_inprocess().assert_outcomes(passed=1)


@pytest.fixture(scope="module")
def outside_board():
    """A board that the plugin takes for a real one: it only knows its port."""
    with VirtualBoard(content=flash_content()) as board:
        yield board


def test_a_board_on_a_port_is_real_and_what_it_lacks_is_skipped(project, outside_board):
    project.makepyfile(
        """
        import pytest
        def test_repl(repl):
            assert repl.value("6 * 7") == 42
        def test_mic(mic): raise AssertionError
        def test_speaker(speaker): raise AssertionError
        def test_led(led): raise AssertionError
        @pytest.fixture
        def around(device): return device.board.world
        def test_own_fixture(around): raise AssertionError
        def test_wifi(wifi): raise AssertionError
        def test_power(power): raise AssertionError
        def test_button(button):
            button.press("mute")
            raise AssertionError
        def test_flash(flash):
            flash.erase()
            raise AssertionError
        """
    )
    arguments = ("-rs", "--firmware=none", "--port", outside_board.url)
    result = project.runpytest_inprocess(*arguments)
    result.assert_outcomes(passed=1, skipped=8)
    result.stdout.fnmatch_lines_random(
        [
            "*nothing to play sound to it (audio)",
            "*nothing to record its loudspeaker (audio of kind*",
            "*nothing to see its LEDs (led)",
            "*its surroundings cannot be driven",
            "*nothing to open Wi-Fi networks for it (second_radio)",
            "*nothing to switch its supply (power)",
            "*nothing to press its button 'mute' (buttons.mute)",
            "*allow tests to overwrite it with --flash",
        ]
    )


@pytest.fixture
def usb(monkeypatch):
    """This computer's USB ports: serial number to device, for whoever looks for one."""
    found = {}

    def comports():
        return [types.SimpleNamespace(device=d, serial_number=n) for n, d in found.items()]

    monkeypatch.setitem(Place.__init__.__kwdefaults__, "comports", comports)
    return found


def test_a_board_is_found_by_the_serial_number_of_its_usb(project, outside_board, usb):
    """Also when it comes back under another name."""
    project.path.joinpath("bench.toml").write_text(
        '[[board]]\nname = "rack"\nserial_number = "30:ED:A0:01"\nfirmware = "none"\n'
    )
    project.makepyfile(
        """
        from mynah.virtual.board import VirtualBoard
        from mynah.virtual.factory import flash_content

        def test_one(repl, device, usb):
            assert repl.value("6 * 7") == 42

        def test_two(device, usb):
            with VirtualBoard(content=flash_content()) as other:
                before, usb["30EDA001"] = usb["30EDA001"], other.url
                with device.released() as port:
                    assert port == before
                assert device.port == other.url
                device.write("\\r\\n")
                device.expect("^>>> $")
                usb["30EDA001"] = before
                with device.released():
                    pass
        """
    )

    class Plugin:
        @pytest.fixture
        def usb(self):
            return usb

    missing = project.runpytest_inprocess("--bench=bench.toml", plugins=[Plugin()])
    missing.assert_outcomes(errors=1, skipped=1)
    missing.stdout.fnmatch_lines(["*no port has the USB serial number 30:ED:A0:01*"])
    usb["30EDA001"] = outside_board.url
    project.runpytest_inprocess("--bench=bench.toml", plugins=[Plugin()]).assert_outcomes(passed=2)


def test_a_port_that_goes_away_at_each_reset_is_waited_for(project, outside_board):
    """As the chip's own USB does."""
    project.makepyfile(
        """
        import threading, pytest

        @pytest.fixture(autouse=True)
        def _goes_away(board, outside, monkeypatch):
            def reset():
                outside.unplug()
                outside.reset()
                threading.Timer(0.4, outside.replug).start()
            monkeypatch.setattr(board.console, "reset_board", reset)

        @pytest.mark.parametrize("n", range(2))
        def test_it(device, n):
            device.write("6 * 7\\r\\n")
            device.expect("^42$")
            device.reset()
            device.write("6 * 8\\r\\n")
            device.expect("^48$")
        """
    )

    class Plugin:
        @pytest.fixture
        def outside(self):
            return outside_board

    arguments = ("--firmware=none", "--port", outside_board.url)
    result = project.runpytest_inprocess(*arguments, plugins=[Plugin()])
    result.assert_outcomes(passed=2)


def test_flash_puts_the_projects_software_on_a_real_board_first(project, outside_board):
    project.makepyfile(
        """
        def test_it_is_there(repl, flash):
            assert repl.call("blink.add", 1, b=2) == 3
            vfs = flash.partition("vfs")
            assert len(flash.read(vfs.offset, 4096)) == 4096
        """
    )
    arguments = ["--port", outside_board.url, "--flash"]
    unknown = project.runpytest_inprocess(*arguments)
    unknown.assert_outcomes(errors=1)
    unknown.stdout.fnmatch_lines(["*what board is *Say it: --board NAME*"])
    project.runpytest_inprocess(*arguments, "--board=virtual").assert_outcomes(passed=1)


def test_a_port_that_another_session_has_is_refused(project, outside_board):
    from mynah.hil.lock import PortLock

    project.makepyfile("def test_a(device): pass\ndef test_b(device): pass")
    with PortLock(outside_board.url):
        result = project.runpytest_inprocess("-rs", "--firmware=none", "--port", outside_board.url)
    result.assert_outcomes(errors=1, skipped=1)
    result.stdout.fnmatch_lines(["*in use by * (process *"])


def test_a_board_that_is_found_broken_skips_the_rest_with_one_reason(project):
    project.makepyfile(
        """
        import pytest
        def test_first(device): pass
        def test_it_breaks(device):
            board = device.board.virtual
            board.power_on = lambda: None  # its supply is dead
            board.power_off()
        @pytest.mark.parametrize("n", range(3))
        def test_rest(device, n): raise AssertionError
        def test_without_a_board(): pass
        """
    )
    result = project.runpytest_inprocess("-rs", "--board-ready=^>>> $", "--board-patience=1")
    result.assert_outcomes(passed=3, errors=1, skipped=2)
    result.stdout.fnmatch_lines(["*SKIPPED [[]2] *board virtual is broken: no line with*"])


def test_boards_of_a_bench_file_run_side_by_side_each_in_one_worker(project):
    project.path.joinpath("bench.toml").write_text(
        "\n".join(f'[[board]]\nname = "{name}"\nport = "virtual"\n' for name in ("left", "right"))
    )
    project.makepyfile(
        """
        import os
        def test_one(board): print("ran on", board.name, os.environ.get("PYTEST_XDIST_WORKER"))
        def test_two(board): print("ran on", board.name, os.environ.get("PYTEST_XDIST_WORKER"))
        def test_three(board): print("ran on", board.name, os.environ.get("PYTEST_XDIST_WORKER"))
        """
    )
    result = project.runpytest_inprocess("--bench=bench.toml", "-n", "auto", "-rP")
    result.assert_outcomes(passed=6)
    ran = {tuple(line.split()[2:]) for line in result.outlines if line.startswith("ran on")}
    assert {name for name, _ in ran} == {"left", "right"}
    assert len(ran) == 2, "a board was used by two workers"
    assert len({worker for _, worker in ran}) == 2, "one worker did all"
    one = project.runpytest_inprocess("--bench=bench.toml", "--board=right", "-v")
    one.assert_outcomes(passed=3)
    one.stdout.no_fnmatch_line("*left*")


def test_tests_inside_micropython_run_here_and_on_the_board(project):
    project.makepyfile(
        upy_blink="""
        import helper
        import blink

        def test_add():
            assert blink.add(helper.TWO) == 3

        def test_folder():
            with open(tmp_path + "/x", "w") as file:
                file.write("x")

        def test_skipped():
            skip("because")

        def test_fails():
            print("a word")
            assert blink.add(1) == 3, "sum"
        """,
        helper="TWO = 2",
        upy_pc="NEEDS = ('pc',)\ndef test_here(): pass",
    )
    for where, passed, skipped in (("pc", 3, 1), ("board", 2, 2)):
        result = project.runpytest_inprocess(
            "-rs", f"--upy={where}", "-o", "mynah_upy_path=src", "-v"
        )
        result.assert_outcomes(passed=passed, skipped=skipped, failed=1)
        result.stdout.fnmatch_lines(
            [
                "upy_blink.py::test_add PASSED*",
                "upy_blink.py::test_skipped SKIPPED (because)*",
                "a word",
                "Traceback*",
                '  File "*upy_blink.py", line 16, in test_fails',
                "AssertionError: sum",
            ]
        )


def test_one_test_inside_micropython_can_be_named(project):
    project.makepyfile(upy_one="def test_a(): pass\ndef test_b(): pass")
    project.runpytest_inprocess("upy_one.py::test_a").assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--board=virtual"], "--board says what is on --port"),
        (["--port=a", "--port=b", "--board=x", "--board=y", "--board=z"], "3 --board for 2 --port"),
        (["--port=a", "--port=a"], "same --port was given twice"),
        (["--bench=none.toml"], "No such file"),
        (["--bench=x", "--port=y"], "goes without --port"),
    ],
)
def test_options_that_are_off_are_refused(project, arguments, reason):
    project.makepyfile("def test_a(): pass")
    result = project.runpytest_inprocess(*arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*{reason}*"])


def test_firmware_that_is_not_there_is_refused(project):
    project.makepyfile("def test_a(board): pass")
    result = project.runpytest_inprocess("--firmware=nowhere")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*no folder *nowhere; or say speaker, or none*"])
    project.makeini("[pytest]\naddopts = -p no:cacheprovider\nmynah_firmware = scr\n")
    result = project.runpytest_inprocess()
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*no folder *scr; or say speaker, or none"])
    assert "options.py" not in result.stdout.str()


def test_a_program_that_ends_before_it_is_ready_is_not_waited_for(project):
    project.path.joinpath("src", "main.py").write_text("print('set'\n")
    project.makepyfile("def test_a(device): pass")
    result = project.runpytest_inprocess("--board-ready=^go$", "--board-patience=600")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["*the program ended before a line with '^go$'; *", "*SyntaxError: invalid syntax"]
    )


def test_nothing_happens_in_a_project_without_boards(pytester):
    pytester.makepyfile("def test_a(): pass")
    result = pytester.runpytest_inprocess("-v", "-p", "no:cacheprovider")
    result.assert_outcomes(passed=1)
    assert "mynah" not in result.stdout.str().replace("mynah-", "")
