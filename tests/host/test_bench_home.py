"""`mynah bench home`: both controllers switch the same lamps, and the lamps are asked."""

import json
import statistics

import pytest
from click.testing import CliRunner

from mynah.bench.home import measure
from mynah.cli import cli
from mynah.errors import UsageError, VerificationError

pytest.importorskip("miio")


def test_every_case_is_timed_and_drawn(tmp_path):
    picture = tmp_path / "home.png"
    command = ["bench", "home", "--takes", "3", "--json", "--plot", str(picture)]
    done = CliRunner().invoke(cli, command, catch_exceptions=False)
    cases = json.loads(done.stdout)
    assert [(case["n_devices"], case["cold"]) for case in cases] == [
        (1, False),
        (1, True),
        (8, False),
        (8, True),
    ]
    for case in cases:
        columns = [case[name] for name in ("mynah_us", "mynah_call_us", "python_miio_us")]
        assert [len(column) for column in columns] == [3, 3, 3]
        assert all(time_us > 0 for column in columns for time_us in column)
        ours, _, theirs = map(statistics.median, columns)
        assert case["ratio"] == pytest.approx(ours / theirs, abs=0.001)
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_a_lamp_that_was_not_switched_is_no_measurement(monkeypatch):
    idle = measure.PROGRAM.replace('device.write([("on", value)])', "device.read()")
    assert idle != measure.PROGRAM
    monkeypatch.setattr(measure, "PROGRAM", idle)
    with pytest.raises(VerificationError, match="a lamp is not what call set it to"):
        measure.measure(1)


def test_python_miio_must_be_there(monkeypatch):
    monkeypatch.setattr("mynah.bench.home.peers.find_spec", lambda _: None)
    with pytest.raises(UsageError, match="pip install python-miio"):
        measure.measure(1)
