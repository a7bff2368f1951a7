"""The farm on one computer leaves nothing running, however its process ends."""

import os
import signal
import subprocess
import sys
import time

import pytest

pytest.importorskip("labgrid", reason="labgrid is not installed (docs/farm.md)")

from mynah.errors import MynahError
from mynah.farm import loopback
from mynah.farm.loopback import LoopbackFarm, Program

FARM = """
import sys, time
from pathlib import Path
from mynah.farm.loopback import LoopbackFarm
with LoopbackFarm(Path(sys.argv[1]), {"rack": ["board"]}) as farm:
    print(*(program.pid for program in farm.programs), flush=True)
    time.sleep(600)
"""


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_the_farm_ends_with_its_process(tmp_path, how):
    command = [sys.executable, "-c", FARM, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as farm:
        pids = [int(pid) for pid in farm.stdout.readline().split()]
        assert len(pids) == 3
        assert all(map(is_running, pids))
        farm.send_signal(how)
    deadline = time.monotonic() + 20
    while any(map(is_running, pids)):
        assert time.monotonic() < deadline, "a program outlives its farm"
        time.sleep(0.05)


def test_a_program_that_does_not_start_names_its_log(tmp_path):
    program = Program("nothing", tmp_path, "no_such_module", [])
    with pytest.raises(MynahError, match=r"nothing ended by itself; see .*nothing\.log"):
        program.wait_for("ready")
    program.stop()


def test_boards_whose_exporter_does_not_start_are_stopped(tmp_path, monkeypatch):
    programs = []

    def start(name, folder, module, arguments):
        module = "no_such_module" if name == "rack" else module
        programs.append(Program(name, folder, module, arguments))
        return programs[-1]

    monkeypatch.setattr(loopback, "Program", start)
    with pytest.raises(MynahError, match=r"rack ended by itself"):
        LoopbackFarm(tmp_path, {"rack": ["board"]})
    assert [program.name for program in programs] == ["coordinator", "board-board", "rack"]
    assert not any(is_running(program.pid) for program in programs)


def test_a_farm_that_cannot_be_built_leaves_nothing(tmp_path):
    tmp_path.joinpath("places.yaml").write_text("[")  # the coordinator cannot read its places
    with pytest.raises(MynahError, match=r"see .*coordinator\.log"):
        LoopbackFarm(tmp_path, {})
