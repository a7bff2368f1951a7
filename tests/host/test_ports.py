"""Which serial ports look like a board, and which one is taken when none is named."""

import json
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

from mynah.cli import cli
from mynah.errors import PortError
from mynah.link import open_port, ports
from mynah.link.holders import who_holds
from mynah.link.running import RunningBoard, announced, running_boards


def _usb(device, vid=None, pid=None, serial_number=None, description="n/a"):
    return SimpleNamespace(
        device=device, vid=vid, pid=pid, serial_number=serial_number, description=description
    )


JTAG = _usb("/dev/ttyACM0", 0x303A, 0x1001, "30:ED:A0:56:00:00")
CP210X = _usb("/dev/ttyUSB0", 0x10C4, 0xEA60)
CH343 = _usb("/dev/ttyUSB1", 0x1A86, 0x55D3)
PRINTER = _usb("/dev/ttyS0", description="a printer")


@pytest.fixture
def plugged(monkeypatch, tmp_path):
    monkeypatch.setenv("MYNAH_CACHE", str(tmp_path))

    def plug(*devices):
        monkeypatch.setattr(ports.list_ports, "comports", lambda: list(devices))

    return plug


def test_boards_are_listed_first_and_told_by_their_usb_numbers(plugged):
    plugged(PRINTER, CP210X, JTAG)
    found = {port.url: (port.kind, port.description) for port in ports.find_ports()}
    assert list(found) == ["/dev/ttyACM0", "/dev/ttyUSB0", "/dev/ttyS0"]
    assert found["/dev/ttyACM0"] == ("native", "ESP32 USB Serial/JTAG")
    assert found["/dev/ttyUSB0"] == ("bridge", "CP210x USB-to-UART bridge")
    assert found["/dev/ttyS0"] == (None, "a printer")


def test_a_port_is_only_chosen_when_there_is_no_doubt(plugged):
    plugged(PRINTER, CH343)
    assert ports.only_port(ports.find_ports()) == "/dev/ttyUSB1"
    plugged(PRINTER, _usb("/dev/ttyS1"))
    with pytest.raises(PortError, match="no board found"):
        ports.only_port(ports.find_ports())
    plugged(CP210X, JTAG)
    with pytest.raises(PortError, match=r"name one with --port \(/dev/ttyACM0, /dev/ttyUSB0\)"):
        ports.only_port(ports.find_ports())


@pytest.mark.parametrize("named", ["4700", "127.0.0.1:4700"])
def test_a_port_of_tcp_without_its_scheme_is_understood(named):
    with pytest.raises(PortError, match=r"is rfc2217://127\.0\.0\.1:4700 meant\?"):
        open_port(named)


def test_a_board_with_two_sockets_gets_a_hint(plugged, capsys):
    plugged(CP210X, JTAG)
    cli.main(["ports"], standalone_mode=False)
    assert "two USB sockets" in capsys.readouterr().err
    cli.main(["ports", "--json"], standalone_mode=False)
    listed = json.loads(capsys.readouterr().out)
    assert [port["serial_number"] for port in listed] == ["30:ED:A0:56:00:00", None]


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_who_holds_a_port_is_known():
    import pty

    master, slave = pty.openpty()
    device = os.ttyname(slave)
    os.close(slave)
    assert who_holds(device) == []
    hold = "import sys; f = open(sys.argv[1], 'rb', 0); print(1, flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", hold, device]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        holder.stdout.readline()
        (name,) = who_holds(device)
        assert name.endswith(f"(process {holder.pid})")
        holder.stdin.close()
    os.close(master)


BOARDS = [
    RunningBoard(n, f"rfc2217://127.0.0.1:{4000 + n}", "mac", f"127.77.0.{n}", f"127.77.1.{n}")
    for n in range(2)
]


def test_a_running_virtual_board_is_listed_and_may_be_the_only_one(plugged, tmp_path):
    plugged(PRINTER)
    with announced(BOARDS[1]):
        found = {port.url: port for port in ports.find_ports()}
        assert list(found) == [BOARDS[1].url, "/dev/ttyS0"]
        assert found[BOARDS[1].url].kind == "virtual"
        for address in ("127.77.0.1", "127.77.1.1"):
            assert address in found[BOARDS[1].url].description
        assert ports.only_port(found.values()) == BOARDS[1].url
        with announced(BOARDS[0]), pytest.raises(PortError, match="name one with --port"):
            ports.only_port(ports.find_ports())
        plugged(CP210X)
        with pytest.raises(PortError, match="name one with --port"):
            ports.only_port(ports.find_ports())
    assert list(tmp_path.iterdir()) == []


def test_files_of_boards_that_are_gone_are_removed(plugged, tmp_path):
    with announced(BOARDS[0]):
        (file,) = tmp_path.iterdir()
        left = file.read_bytes()
    file.write_bytes(left)
    for name, content in (("8", b'{"alive": 1'), ("9", b"[]")):
        file.with_name(file.name.replace("-0.json", f"-{name}.json")).write_bytes(content)
    with announced(BOARDS[1]):
        assert running_boards() == [BOARDS[1]]
        assert len(list(tmp_path.iterdir())) == 1


def test_a_board_that_cannot_be_announced_runs_all_the_same(monkeypatch, tmp_path):
    file = tmp_path / "file"
    file.touch()
    monkeypatch.setenv("MYNAH_CACHE", str(file))  # no folder
    with announced(BOARDS[0]):
        assert running_boards() == []
