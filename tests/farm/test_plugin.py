"""pytest with boards from labgrid: our plugin beside labgrid's, in a project that is not ours."""

import socketserver
import sys
import threading

import pytest

pytest.importorskip("labgrid", reason="labgrid is not installed (docs/farm.md)")

from mynah.errors import BenchFileError
from mynah.farm.loopback import LoopbackFarm
from mynah.farm.targets import boards_of
from mynah.virtual.board import VirtualBoard
from mynah.virtual.factory import flash_content

pytest_plugins = ["pytester"]

TWICE = """
def test_one(repl):
    assert repl.value("6 * 7") == 42

def test_two(repl):
    assert repl.value("1 + 1") == 2
"""


@pytest.fixture(scope="module")
def virtual():
    with VirtualBoard(content=flash_content()) as board:
        yield board


@pytest.fixture(scope="module")
def farm(tmp_path_factory, virtual):
    """A coordinator and an exporter with the virtual board, at a place of its own."""
    with LoopbackFarm(tmp_path_factory.mktemp("farm"), {}) as farm:
        farm.start_exporter("rack", {"kitchen": virtual.url})
        farm.add_place("kitchen")
        yield farm


@pytest.fixture
def project(pytester, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    pytester.makeini("[pytest]\naddopts = -p no:cacheprovider -rfEs\n")
    return pytester


def environment(project, resource, more="", drivers="MynahStrategy: {}", options=""):
    """labgrid's environment file with one target, "main"."""
    text = f"""
imports: [mynah.farm]
options: {{{options}}}
targets:
  main:
    resources:
      {resource}
    drivers:
      MynahBoardDriver: {{type: virtual, {more}}}
      {drivers}
"""
    return project.path.joinpath("farm.yaml").write_text(text)


def at_place(project, farm, **more):
    options = f"coordinator_address: '{farm.address}'"
    environment(project, "RemotePlace: {name: kitchen}", options=options, **more)


def test_labgrids_own_fixtures_with_our_driver_and_strategy(project, virtual):
    host, port = virtual.url.removeprefix("rfc2217://").split(":")
    environment(project, f"NetworkSerialPort: {{host: {host}, port: {port}}}")
    project.makepyfile(
        """
        import pytest

        def test_board(target, strategy):
            strategy.transition("repl")
            board = target.get_driver("MynahBoardDriver")
            assert board.repl.value("6 * 7") == 42
            strategy.transition("ready")
            assert any("MicroPython" in line for line in board.lines)
            assert target.export()["LG__BOARD_PORT"].startswith("rfc2217://")

        def test_it_breaks(strategy):
            strategy.transition("off")

        def test_it_is_broken(strategy):
            pass
        """
    )
    result = project.runpytest_subprocess("--lg-env", "farm.yaml", "-vv")
    result.assert_outcomes(passed=1, failed=1, skipped=1)
    result.stdout.fnmatch_lines(["*nothing switches the board's supply*"])
    result.stdout.fnmatch_lines(["*MynahStrategy.transition(status='off')*"])
    result.stdout.fnmatch_lines(["SKIPPED*MynahStrategy is in broken state"])


def test_a_port_of_this_computer_needs_no_coordinator(project, virtual):
    host, port = virtual.url.removeprefix("rfc2217://").split(":")
    environment(project, f"NetworkSerialPort: {{host: {host}, port: {port}}}")
    project.makepyfile(TWICE)
    project.runpytest_subprocess("--lg-env", "farm.yaml").assert_outcomes(passed=2)


def test_ctrl_c_gives_the_place_back(project, farm):
    at_place(project, farm)
    project.makepyfile(
        """
        import os, signal

        def test_stopped(repl):
            os.kill(os.getpid(), signal.SIGINT)
        """
    )
    result = project.runpytest_subprocess("--lg-env", "farm.yaml")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert "kitchen" not in farm.client("who")


def test_a_place_is_held_while_its_tests_run(project, farm):
    at_place(project, farm)
    project.makepyfile(
        f"""
        import os, subprocess, sys

        def test_held(board, repl):
            assert board.name == "main"
            command = [sys.executable, "-m", "labgrid.remote.client", "-x", "{farm.address}", "who"]
            assert "kitchen" in subprocess.run(command, capture_output=True, text=True).stdout
        """
    )
    result = project.runpytest_subprocess("--lg-env", "farm.yaml")
    result.assert_outcomes(passed=1)
    assert "kitchen" not in farm.client("who")


def test_the_environment_file_says_what_runs_on_the_board(project, farm):
    project.mkdir("src")
    at_place(project, farm, more="firmware: src, ready: 'up and well$'")
    project.makepyfile(
        """
        def test_firmware(board):
            assert (board.software.name, board.software.ready) == ("src", "up and well$")
        """
    )
    project.runpytest_subprocess("--lg-env", "farm.yaml").assert_outcomes(passed=1)
    other = project.runpytest_subprocess("--lg-env", "farm.yaml", "--firmware=none")
    other.assert_outcomes(failed=1)


class Supply(socketserver.StreamRequestHandler):
    """Switches the virtual board's supply, as a power socket in the network does."""

    def handle(self):
        on = self.rfile.readline() == b"on\n"
        virtual = self.server.virtual
        (virtual.power_on if on else virtual.power_off)()
        self.wfile.write(b"done\n")


@pytest.fixture
def switch(virtual):
    """A command that switches the virtual board's supply; it takes "on" or "off"."""
    with socketserver.TCPServer(("127.0.0.1", 0), Supply) as server:
        server.virtual = virtual
        threading.Thread(target=server.serve_forever, daemon=True).start()
        code = (
            "import socket, sys; s = socket.create_connection(('127.0.0.1', "
            f"{server.server_address[1]})); s.sendall(sys.argv[1].encode() + b'\\n'); s.recv(9)"
        )
        yield f'{sys.executable} -c "{code}"'
        server.shutdown()


def test_labgrids_power_drivers_are_the_fixture_power(project, farm, switch):
    lines = f"""ExternalPowerDriver:
        cmd_on: >-
          {switch} on
        cmd_off: >-
          {switch} off
        delay: 0.1
      """.rstrip()
    at_place(project, farm, drivers="")
    path = project.path / "farm.yaml"
    head, _, tail = path.read_text().partition("      MynahBoardDriver")
    path.write_text(f"{head}      {lines}\n      MynahBoardDriver{tail}")
    project.makepyfile(
        """
        def test_supply(device, power):
            power.off()
            device.refuse(".", 0.3)
            power.on()
            device.expect("MicroPython")
        """
    )
    project.runpytest_subprocess("--lg-env", "farm.yaml").assert_outcomes(passed=1)


def test_a_place_of_another_user_is_one_reason_for_all_its_tests(project, farm):
    at_place(project, farm)
    project.makepyfile(TWICE)
    farm.client("-p", "kitchen", "acquire", user="ada")
    result = project.runpytest_subprocess("--lg-env", "farm.yaml")
    farm.client("-p", "kitchen", "release", user="ada")
    result.assert_outcomes(errors=1, skipped=1)
    result.stdout.fnmatch_lines(
        ["SKIPPED*place kitchen is in use by */ada: take another, or wait*"]
    )


def test_a_worker_that_is_killed_keeps_no_place(project, farm):
    at_place(project, farm)
    project.makepyfile(
        """
        import os, signal

        def test_dies(repl):
            os.kill(os.getpid(), signal.SIGKILL)

        def test_goes_on(repl):
            assert repl.value("6 * 7") == 42
        """
    )
    result = project.runpytest_subprocess("--lg-env", "farm.yaml", "-n", "1")
    result.assert_outcomes(passed=1, failed=1)
    assert "kitchen" not in farm.client("who")


def test_a_session_that_is_killed_is_cleaned_up_after_by_the_next(project, farm):
    at_place(project, farm)
    project.makepyfile(
        test_dies="""
        import os, signal

        def test_dies(repl):
            os.kill(os.getpid(), signal.SIGKILL)
        """,
        test_later=TWICE,
    )
    project.runpytest_subprocess("--lg-env", "farm.yaml", "test_dies.py")
    assert "kitchen" in farm.client("who")
    result = project.runpytest_subprocess("--lg-env", "farm.yaml", "test_later.py")
    result.assert_outcomes(passed=2)
    assert "kitchen" not in farm.client("who")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("targets: [", "--lg-env: Error in configuration file"),
        (None, "--lg-env: .* could not be found"),
        (
            "targets: {main: {drivers: {MynahBoardDriver: {audio: loud}}}}",
            "target main: board main: audio must be a table with a kind",
        ),
    ],
)
def test_a_broken_environment_file_is_told_before_anything_runs(tmp_path, text, message):
    path = tmp_path / "farm.yaml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(BenchFileError, match=message):
        boards_of(str(path), lambda: None)


def test_targets_without_our_driver_are_not_ours(tmp_path):
    path = tmp_path / "farm.yaml"
    path.write_text("targets: {main: {drivers: {ManualPowerDriver: {name: x}}}, other: }")
    assert boards_of(str(path), lambda: None) == []
