"""The order of an examination: what stops it, which port it takes, what comes first."""

import errno
from types import SimpleNamespace

import pytest
from doctor_host import Computer

from mynah.doctor import catalogue as causes
from mynah.doctor import conversation, run
from mynah.doctor.conversation import Conversation
from mynah.doctor.finding import Finding, Looked, Unseen
from mynah.doctor.run import Diagnosis, examine
from mynah.errors import BoardTimeoutError, PortError
from mynah.link import ports
from mynah.link.port import port_error
from mynah.link.repl import ReplError
from mynah.link.running import RunningBoard
from mynah.link.shares import Shared

CP210X, JTAG = "10c4:ea60", "303a:1001"


@pytest.fixture
def computer(tmp_path):
    made = Computer(tmp_path)
    made.plug("1-2", CP210X, tty="ttyUSB0", driver="cp210x")
    return made


@pytest.fixture
def opened(monkeypatch):
    """The ports that are opened, and what is told of other sockets; nothing is heard there."""
    seen = []

    def examine_port(self, others=()):
        seen.append((self.url, list(others)))
        return iter(())

    monkeypatch.setattr(run.Conversation, "examine", examine_port)
    monkeypatch.setattr(run, "find_share", lambda _: None)
    return seen


def found(diagnosis):
    return [each.cause for each in diagnosis.findings]


def test_a_port_that_may_not_be_used_is_not_opened(computer, opened):
    diagnosis = examine(computer.host(usable=lambda _: False), port="/dev/ttyUSB0")
    assert len(found(diagnosis)) == 1
    assert opened == []


def test_a_port_that_is_in_use_is_not_opened(computer, opened):
    computer.process(4711, "minicom", has_open="/dev/ttyUSB0")
    assert found(examine(computer.host(), port="/dev/ttyUSB0")) == ["port-busy"]
    assert opened == []


def test_a_port_in_order_is_opened_with_the_other_socket_in_mind(computer, opened):
    computer.plug("1-3", JTAG, tty="ttyACM0", driver="cdc_acm")
    examine(computer.host(), port="/dev/ttyACM0")
    examine(computer.host(), port="/dev/ttyUSB0")
    assert opened == [("/dev/ttyACM0", ["/dev/ttyUSB0"]), ("/dev/ttyUSB0", ["/dev/ttyACM0"])]


def test_a_port_without_a_usb_device_is_no_missing_board(computer, opened, tmp_path):
    bare = Computer(tmp_path / "bare")
    bare.node("ttyS0")
    assert found(examine(bare.host(), port="/dev/ttyS0")) == []
    assert found(examine(bare.host(), port="/dev/ttyS1")) == ["no-board", "port-missing"]
    assert opened == [("/dev/ttyS0", [])]


@pytest.fixture
def elsewhere(monkeypatch):
    """Virtual boards that run, and ports that are shared, on this computer."""
    boards, offers = [], []
    monkeypatch.setattr(ports, "running_boards", lambda: boards)
    monkeypatch.setattr(run, "shares", lambda: offers)
    return boards, offers


def virtual_board(index):
    url = f"rfc2217://127.0.0.1:{1 + index}"
    return RunningBoard(index, url, f"02:00:00:00:00:0{index}", "127.77.0.2", "127.77.0.3")


def test_without_any_board_one_is_missing(tmp_path, opened, elsewhere):
    assert found(examine(Computer(tmp_path).host())) == ["no-board"]
    assert opened == []


def test_the_only_virtual_board_is_looked_at_and_none_is_missing(tmp_path, opened, elsewhere):
    elsewhere[0].append(virtual_board(0))
    assert found(examine(Computer(tmp_path).host())) == []
    assert opened == [("rfc2217://127.0.0.1:1", [])]


def test_of_several_boards_none_is_missing_and_it_says_what_to_name(tmp_path, opened, elsewhere):
    elsewhere[0].extend(virtual_board(index) for index in (1, 0))
    elsewhere[1].append(Shared("/dev/ttyS3", "rfc2217://127.0.0.1:9", "mynah broker (process 4)"))
    diagnosis = examine(Computer(tmp_path).host())
    (note,) = diagnosis.findings
    assert (note.cause, note.severity) == ("several-boards", "note")
    names = [line.split(": ")[0] for line in note.evidence]
    assert names == ["/dev/ttyS3", "rfc2217://127.0.0.1:1", "rfc2217://127.0.0.1:2"]
    assert "`mynah doctor --port /dev/ttyS3`" in note.do[0]
    assert opened == []


def test_a_shared_port_is_no_missing_board(tmp_path, opened, elsewhere, monkeypatch):
    offer = Shared("/dev/ttyS3", "rfc2217://127.0.0.1:9", "mynah logs (process 4)")
    elsewhere[1].append(offer)
    monkeypatch.setattr(run, "find_share", {offer.port: offer}.get)
    assert found(examine(Computer(tmp_path).host())) == []
    assert found(examine(Computer(tmp_path).host(), port="/dev/ttyS3")) == []
    assert opened == [("/dev/ttyS3", []), ("/dev/ttyS3", [])]


def test_one_board_with_two_sockets_is_looked_at_through_its_bridge(computer, opened, elsewhere):
    computer.plug("1-3", JTAG, tty="ttyACM0", driver="cdc_acm")
    sockets = [
        SimpleNamespace(device=device, vid=vid, pid=pid, description="", serial_number="1")
        for device, vid, pid in (
            ("/dev/ttyACM0", 0x303A, 0x1001),
            ("/dev/ttyUSB0", 0x10C4, 0xEA60),
        )
    ]
    elsewhere[1].append(Shared("/dev/ttyACM0", "rfc2217://127.0.0.1:9", "mynah logs (process 4)"))
    assert found(examine(computer.host(comports=lambda: sockets))) == ["two-sockets"]
    assert opened == [("/dev/ttyUSB0", ["/dev/ttyACM0"])]


class Deaf:
    """A port on which nothing comes."""

    lines, n_lost = [], 0

    def __init__(self, url, *, baud):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def reset(self):
        pass

    def read(self, *_, **__):
        return 0.0


def no_answer(url, **_):
    raise BoardTimeoutError(f"nothing answers on {url}")


@pytest.fixture
def deaf(monkeypatch):
    monkeypatch.setattr(conversation, "Listener", Deaf)
    monkeypatch.setattr(conversation, "Repl", no_answer)
    monkeypatch.setattr(conversation.chip, "identify", no_answer)


def test_a_silent_socket_beside_another_one_is_the_wrong_one(deaf):
    (item,) = Conversation("/dev/ttyACM0").examine(["/dev/ttyUSB0"])
    assert item.cause == "wrong-socket"
    assert item.do == ("`mynah doctor --port /dev/ttyUSB0`",)


def test_a_silent_port_whose_chip_answers_has_other_firmware(deaf, monkeypatch):
    (item,) = Conversation("/dev/ttyUSB0").examine()
    assert item.cause == "silent"
    told = type("Chip", (), {"description": "ESP32-S3 (QFN56)"})
    monkeypatch.setattr(conversation.chip, "identify", lambda _: told)
    (item,) = Conversation("/dev/ttyUSB0").examine()
    assert item.cause == "silent-but-alive"
    assert "QFN56" in item.evidence[0]


class Prompt(Deaf):
    """A port with a board at its prompt."""

    lines = ("MicroPython v1.28.0 on 2026-05-01; Generic ESP32S3 module with ESP32S3", ">>> ")


class Raising:
    """MicroPython that raises an exception at whatever it is asked; it can be restarted."""

    restarts = 0

    def __init__(self, url, **_):
        self.url = url

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def run(self, code):
        raise ReplError("Traceback:\nMemoryError: memory allocation failed")

    def restart(self, timeout_s):
        Raising.restarts += 1
        return iter(())


def test_a_board_that_cannot_answer_is_told_and_started_again(monkeypatch):
    monkeypatch.setattr(conversation, "Listener", Prompt)
    monkeypatch.setattr(conversation, "Repl", Raising)
    items = list(Conversation("/dev/ttyUSB0").examine())
    assert "no-firmware" in [each.cause for each in items if isinstance(each, Finding)]
    (unseen,) = [each for each in items if isinstance(each, Unseen)]
    assert "MemoryError" in unseen.why
    assert Raising.restarts == 1


def test_a_port_of_another_users_program(monkeypatch):
    def refuse(url, *, baud):
        error = OSError(errno.EBUSY, "Device or resource busy")
        raise port_error(url, error) from error

    monkeypatch.setattr(conversation, "Listener", refuse)
    (item,) = Conversation("/dev/null").examine()
    assert item.cause == "port-busy-unseen"

    def vanish(url, *, baud):
        raise PortError(f"{url} vanished")

    monkeypatch.setattr(conversation, "Listener", vanish)
    (item,) = Conversation("/dev/null").examine()
    assert item.cause == "port-unusable"


def test_faults_come_first_and_each_once():
    diagnosis = Diagnosis()
    weak = causes.WIFI_WEAK.found("-80 dBm", where="a", ssid="x", rssi=-80)
    again = causes.WIFI_WEAK.found("-80 dBm", where="b", ssid="x", rssi=-80)
    silent = causes.SILENT.found("nothing", where="a")
    power = causes.LOW_VOLTAGE.found("rst:0xf", where="a", times="once")
    diagnosis.add([weak, Looked("a", "b"), silent, Looked("a", "b"), again, power])
    assert found(diagnosis) == ["low-voltage", "silent", "wifi-weak"]
    assert diagnosis.looked == [Looked("a", "b")]
    assert [each.cause for each in diagnosis.faults] == ["low-voltage", "silent"]
    assert set(diagnosis.data()) == {"findings", "looked", "unseen", "board"}
