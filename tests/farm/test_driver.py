"""Our labgrid driver and strategy, on a virtual board behind labgrid's own serial port resource."""

from pathlib import Path

import pytest

pytest.importorskip("labgrid", reason="labgrid is not installed (docs/farm.md)")

from labgrid import Target
from labgrid.binding import StateError
from labgrid.driver import Driver
from labgrid.protocol import PowerProtocol
from labgrid.resource import NetworkSerialPort, RawSerialPort
from labgrid.strategy import StrategyError

from mynah import boards
from mynah.errors import BenchFileError, PortError, UsageError
from mynah.farm import MynahBoardDriver, MynahStrategy
from mynah.farm.ports import url_of
from mynah.hil import ExpectTimeoutError
from mynah.hil.parts import MissingPartError
from mynah.hil.software import SPEAKER, Software
from mynah.paths import AUDIO_DIR
from mynah.virtual.board import VirtualBoard
from mynah.virtual.factory import flash_content


class BoardPower(Driver, PowerProtocol):
    """The supply of the virtual board under test, as one of labgrid's drivers."""

    virtual = None

    def on(self):
        if self.virtual.state.name == "OFF":
            self.virtual.power_on()

    def off(self):
        self.virtual.power_off()

    def cycle(self):
        self.off()
        self.on()


@pytest.fixture(scope="module")
def virtual():
    with VirtualBoard(content=flash_content()) as board:
        yield board


def serve(virtual, target):
    """Give a target the port of a virtual board."""
    host, port = virtual.url.removeprefix("rfc2217://").split(":")
    NetworkSerialPort(target, None, host=host, port=int(port))


@pytest.fixture
def target(virtual):
    with Target("kitchen") as target:
        serve(virtual, target)
        yield target
    virtual.power_on()


def test_repl_log_and_reset(target, tmp_path):
    driver = MynahBoardDriver(target, None, type="virtual")
    target.activate(driver)
    driver.reset()
    driver.log_to(tmp_path / "kitchen.log")
    assert driver.repl.value("6 * 7, b'x', [1.5]") == (42, b"x", [1.5])
    driver.repl.run("print('I 1 test: hello')")
    driver.reset(wait=False)
    driver.expect(r"MicroPython \S+ on ")
    driver.log_to(tmp_path / "never.log")
    with pytest.raises(ExpectTimeoutError, match=r"never\.log"):
        driver.expect("never said", timeout=0.1)
    text = (tmp_path / "kitchen.log").read_text(encoding="utf-8")
    assert "I 1 test: hello" in text
    assert "MicroPython" in text
    target.deactivate(driver)
    with pytest.raises(StateError, match="has not been activated"):
        driver.expect("x")


def test_flash_writes_the_firmware_of_a_board_whose_type_is_known(target, virtual, tmp_path):
    source = tmp_path / "src"
    source.mkdir()
    source.joinpath("main.py").write_text("print('I 1 app: up and well')\n")
    driver = MynahBoardDriver(
        target, None, type="virtual", firmware=str(source), ready="app: up and well$"
    )
    target.activate(driver)
    report = driver.flash()
    assert report.n_files == 1
    assert any(line.endswith("app: up and well") for line in driver.lines)
    assert driver.repl.run("import os; print(os.listdir())") == "['main.py']\n"
    target.deactivate(driver)

    with Target("nameless") as nameless:
        serve(virtual, nameless)
        nobody_knows = MynahBoardDriver(nameless, None)
        nameless.activate(nobody_knows)
        with pytest.raises(UsageError, match="what board is nameless"):
            nobody_knows.flash()


def test_strategy_goes_from_any_state_to_any(target, virtual, monkeypatch):
    monkeypatch.setattr(BoardPower, "virtual", virtual)
    BoardPower(target, "supply")
    driver = MynahBoardDriver(target, None, type="virtual")
    strategy = MynahStrategy(target, None)
    strategy.transition("flashed")
    assert driver.repl.value("1 + 1") == 2
    strategy.transition("off")
    assert virtual.state.name == "OFF"
    strategy.transition("repl")
    driver.repl.set(kept=1)
    strategy.transition("repl")  # it is there: nothing is done
    assert driver.repl.value("kept") == 1
    strategy.transition("ready")
    assert driver.repl.value("'kept' in globals()") is False


def test_a_strategy_that_failed_stays_broken(target):
    MynahBoardDriver(target, None)
    strategy = MynahStrategy(target, None)
    with pytest.raises(StrategyError) as failed:
        strategy.transition("off")
    assert "nothing switches the board's supply" in str(failed.value.__cause__)
    with pytest.raises(StrategyError, match="broken"):
        strategy.transition("ready")


def test_an_unknown_state_names_those_there_are(target):
    MynahBoardDriver(target, None)
    with pytest.raises(StrategyError) as failed:
        MynahStrategy(target, None).transition("unknown")
    assert "off, flashed, ready, repl" in str(failed.value.__cause__)


def test_a_board_without_audio_says_what_would_give_it_some(target):
    driver = MynahBoardDriver(target, None)
    target.activate(driver)
    with pytest.raises(MissingPartError, match="audio"):
        driver.play("alarm.wav")
    with pytest.raises(MissingPartError, match="audio"):
        driver.record(1.0)


def test_the_speaker_hears_a_recording_over_the_serial_port():
    """As on a rack without loudspeakers: the driver's ``play`` feeds the board's wake engine."""
    software = Software.named(SPEAKER, root=Path())
    with (
        VirtualBoard(content=software.virtual_content(boards.load("virtual"))) as board,
        Target("hall") as target,
    ):
        serve(board, target)
        driver = MynahBoardDriver(
            target, None, type="virtual", firmware="speaker", audio={"kind": "feed"}
        )
        MynahStrategy(target, None).transition("ready")
        playback = driver.play(AUDIO_DIR / "demo.flac")
        heard = driver.expect(r'wake: heard "Okay Nabu" p=(\d+)', timeout=30)
        assert int(heard[1]) > 200
        assert playback.wait(30)
        with driver.console.released(), pytest.raises(MissingPartError, match="over its console"):
            driver.play(AUDIO_DIR / "demo.flac")  # it would wait for its own end


def test_arguments_are_checked_as_a_bench_file_is(target):
    driver = MynahBoardDriver(target, None, audio={"kind": "gramophone"})
    with pytest.raises(BenchFileError, match=r"target kitchen: .*gramophone"):
        target.activate(driver)


def test_ports_that_can_reset_a_board():
    with Target("ports") as target:
        assert url_of(RawSerialPort(target, "a", port="/dev/ttyUSB7")) == "/dev/ttyUSB7"
        served = NetworkSerialPort(target, "b", host="rack", port=4001)
        assert url_of(served) == "rfc2217://rack:4001?ign_set_control"
        with pytest.raises(PortError, match="carries the lines that reset it"):
            url_of(NetworkSerialPort(target, "c", host="rack", port=4001, protocol="raw"))
        with pytest.raises(PortError, match="look at its exporter"):
            url_of(NetworkSerialPort(target, "d", host="rack", port=None))
