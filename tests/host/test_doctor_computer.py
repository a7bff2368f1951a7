"""The doctor's look at a computer: plugs, drivers, permissions, programs, from files as Linux'."""

import os
import re
import subprocess
import sys
from types import SimpleNamespace

import pytest
from doctor_host import Computer

from mynah.doctor import access, cable, usb
from mynah.doctor.finding import Finding, Looked, Unseen
from mynah.hil.lock import PortLock

CH340, CP210X, CH343, JTAG, TINYUSB = (
    "1a86:7523",
    "10c4:ea60",
    "1a86:55d3",
    "303a:1001",
    "303a:4001",
)


@pytest.fixture
def computer(tmp_path):
    return Computer(tmp_path)


def findings(items):
    return {each.cause: each for each in items if isinstance(each, Finding)}


def look(computer, **changes):
    """What is found about USB and drivers."""
    host = computer.host(**changes)
    boards = usb.boards(host)
    items = [*cable.check_usb(host, boards), *cable.check_drivers(host, boards)]
    return findings([*items, *cable.check_hubs(boards)])


def look_at(computer, port, **changes):
    """What is found about one port."""
    host = computer.host(**changes)
    return findings(access.check_port(host, port, usb.boards(host)))


def test_a_board_that_works_has_no_finding(computer):
    computer.plug("1-2", CP210X, tty="ttyUSB0", driver="cp210x")
    computer.answers["dmesg"] = "[1.0] usb 1-2: New USB device found, idVendor=10c4\n"
    assert look(computer) == {}
    assert look_at(computer, "/dev/ttyUSB0") == {}


@pytest.mark.parametrize(
    ("ids", "driver"),
    [
        (CH340, "ch341"),
        (CP210X, "cp210x"),
        (CH343, "cdc_acm"),
        (JTAG, "cdc_acm"),
        (TINYUSB, "cdc_acm"),
        ("0403:6015", "ftdi_sio"),
    ],
)
def test_a_device_without_a_port_names_its_driver(computer, ids, driver):
    computer.plug("1-2", ids)
    found = look(computer)["driver-missing"]
    assert f"no driver {driver}" in found.what
    assert ids in found.what
    assert "sudo apt install linux-image-6.1.0-18-amd64" in found.do[0]

    row = f"kernel/drivers/usb/serial/{driver.replace('_', '-')}.ko.xz: kernel/usbserial.ko.xz\n"
    computer.write("/lib/modules/6.1.0-18-amd64/modules.dep", row)
    assert look(computer)["driver-not-loaded"].do[0].startswith(f"`sudo modprobe {driver}`")

    computer.folder(f"/sys/module/{driver}")
    assert "driver-idle" in look(computer)


@pytest.mark.parametrize(
    ("distribution", "command"),
    [
        ("ubuntu", "sudo apt install linux-modules-extra-6.1.0-18-amd64"),
        ("fedora", "sudo dnf install kernel-modules-extra-6.1.0-18-amd64"),
        ("arch", "restart"),
        ("slackware", "install your distribution's kernel modules"),
    ],
)
def test_a_missing_driver_is_installed_as_the_distribution_does(tmp_path, distribution, command):
    computer = Computer(tmp_path, distribution=distribution)
    computer.plug("1-2", CH340)
    assert command in look(computer)["driver-missing"].do[0]


def test_brltty_is_told_by_the_kernels_log(computer):
    # As https://koen.vervloesem.eu/blog/how-to-stop-brltty-from-claiming-your-usb-uart-interface-on-linux/
    # and Ubuntu's users show it.
    computer.plug("1-1", CP210X)
    computer.answers["dmesg"] = (
        "[14966.031460] usb 1-1: cp210x converter now attached to ttyUSB0\n"
        "[14966.752131] usb 1-1: usbfs: interface 0 claimed by cp210x while 'brltty' sets "
        "config #1\n"
        "[14966.753382] cp210x ttyUSB0: cp210x converter now disconnected from ttyUSB0\n"
    )
    found = look(computer)["brltty"]
    assert found.evidence[0].startswith("usb 1-1: usbfs: interface 0 claimed by cp210x")
    assert "sudo apt remove brltty" in found.do[0]


def test_brltty_is_told_by_its_process_where_the_log_cannot_be_read(computer):
    computer.plug("1-1", CH340, driver="usbfs")
    assert "driver-taken" in look(computer)
    computer.process(77, "brltty")
    assert "brltty" in look(computer)


def test_nothing_on_usb_is_told_with_what_cannot_be_known(computer):
    computer.plug("1-3", "046d:c52b", product="a mouse")
    found = look(computer)["no-board"]
    assert found.evidence == ("plugged in besides hubs: a mouse (046d:c52b)",)
    assert any("no program can tell such a cable from no cable" in step for step in found.do)


def test_a_device_that_does_not_say_what_it_is(computer):
    computer.answers["dmesg"] = (
        "[ 10.1] usb 1-4: new full-speed USB device number 9 using xhci_hcd\n"
        "[ 10.2] usb 1-4: device descriptor read/64, error -71\n"
        "[ 10.9] usb usb1-port4: unable to enumerate USB device\n"
        "[ 11.0] usb 1-5: device descriptor read/64, error -71\n"
        "[ 12.0] usb 1-5: New USB device found, idVendor=10c4, idProduct=ea60\n"
    )
    host = computer.host()
    found = [each for each in cable.check_usb(host, []) if isinstance(each, Finding)]
    assert [each.where for each in found if each.cause == "usb-device-mute"] == ["1-4", "1, port 4"]


def test_a_log_that_may_not_be_read_is_told(computer):
    unseen = [each for each in cable.check_usb(computer.host(), []) if isinstance(each, Unseen)]
    assert "sudo dmesg" in unseen[0].why


def test_too_much_current_and_a_hub_without_a_supply(computer):
    computer.write("/sys/bus/usb/devices/1-0:1.0/usb1-port2/over_current_count", "3\n")
    computer.write("/sys/bus/usb/devices/1-0:1.0/usb1-port3/over_current_count", "0\n")
    computer.hub("1-2", self_powered=False)
    computer.hub("1-3", self_powered=True)
    computer.plug("1-2.1", CP210X, tty="ttyUSB0", driver="cp210x")
    computer.plug("1-3.1", CP210X, tty="ttyUSB1", driver="cp210x")
    found = look(computer)
    assert found["usb-over-current"].where == "usb1-port2"
    assert "at USB 1-2.1" in found["bus-powered-hub"].what


def test_two_sockets_of_one_board(computer):
    computer.plug("1-2", CP210X, tty="ttyUSB0", driver="cp210x")
    assert "two-sockets" not in look(computer)
    computer.plug("1-3", JTAG, tty="ttyACM0", driver="cdc_acm")
    found = look(computer)["two-sockets"]
    assert found.severity == "note"
    assert found.where == "/dev/ttyUSB0 and /dev/ttyACM0"


def test_wsl_without_a_device_handed_to_it(computer):
    computer.write("/proc/sys/kernel/osrelease", "5.15.167.4-microsoft-standard-WSL2\n")
    assert any("usbipd attach --wsl" in step for step in look(computer)["wsl-without-usb"].do)
    computer.plug("1-1", CH340)
    assert "wsl --update" in look(computer)["driver-missing"].do[0]


def test_a_port_that_is_missing_says_where_a_board_is(computer):
    computer.plug("1-2", CP210X, tty="ttyUSB1", driver="cp210x")
    found = look_at(computer, "/dev/ttyUSB0")["port-missing"]
    assert "/dev/ttyUSB1" in found.do[0]
    assert "by-id" in found.do[1]


def test_a_port_of_the_kernel_without_a_file(computer):
    computer.plug("1-2", CP210X, tty="ttyUSB0", driver="cp210x", node=False)
    assert "udevadm" in look_at(computer, "/dev/ttyUSB0")["no-device-file"].do[0]
    computer.write("/.dockerenv", "")
    assert "--device /dev/ttyUSB0" in look_at(computer, "/dev/ttyUSB0")["no-device-file"].do[0]


class TestPermission:
    @staticmethod
    def refuse(_):
        return False

    @pytest.fixture
    def port(self, computer):
        computer.plug("1-2", CP210X, tty="ttyUSB0", driver="cp210x")
        return "/dev/ttyUSB0"

    @pytest.fixture
    def group(self, computer, monkeypatch):
        """The number of the port's group, which is not root's."""
        number = computer.own_group() or 20
        real = type(computer.root).stat

        def stat(path, **options):
            status = real(path, **options)
            if path.name != "ttyUSB0":
                return status
            return SimpleNamespace(st_mode=status.st_mode, st_gid=number)

        monkeypatch.setattr(type(computer.root), "stat", stat)
        computer.write("/etc/group", f"root:x:0:\ndialout:x:{number}:\n")
        return number

    def test_who_is_not_in_the_group_gets_the_command(self, computer, port, group):
        found = look_at(computer, port, usable=self.refuse, groups=frozenset({1}))["not-in-group"]
        assert found.do[0] == "`sudo usermod -aG dialout somebody`"
        assert "crw" in found.evidence[0] or "rw-rw----" in found.evidence[0]

    @pytest.mark.parametrize(
        ("distribution", "command"),
        [
            ("alpine", "`sudo addgroup somebody dialout`"),
            ("nixos", 'users.users.somebody.extraGroups = [ "dialout" ];'),
        ],
    )
    def test_the_command_is_the_distributions(self, computer, port, group, distribution, command):
        computer.write("/etc/os-release", f"ID={distribution}\n")
        found = look_at(computer, port, usable=self.refuse, groups=frozenset({1}))["not-in-group"]
        assert found.do[0].startswith(command)

    def test_who_was_added_after_login_is_told_to_log_in_again(self, computer, port, group):
        computer.write("/etc/group", f"dialout:x:{group}:somebody\n")
        found = look_at(computer, port, usable=self.refuse, groups=frozenset({1}))
        assert "log out and in again" in found["group-not-yet"].do[0]

    def test_a_file_of_root_alone_gets_a_rule(self, computer, port, group):
        computer.node("ttyUSB0", mode=0o600)
        found = look_at(computer, port, usable=self.refuse)["no-udev-rule"]
        assert 'ATTRS{idVendor}=="10c4"' in found.do[0]

    def test_a_snap_or_flatpak_is_told(self, computer, port, group):
        refuse = self.refuse
        assert (
            "snap"
            in look_at(computer, port, usable=refuse, environ={"SNAP": "/snap/x"})["confined"].what
        )
        computer.write("/.flatpak-info", "")
        assert "flatpak override" in look_at(computer, port, usable=refuse)["confined"].do[0]


def test_the_program_that_has_a_port_is_named(computer):
    computer.plug("1-2", CP210X, tty="ttyUSB0", driver="cp210x")
    computer.process(4711, "minicom", has_open="/dev/ttyUSB0")
    found = look_at(computer, "/dev/ttyUSB0")["port-busy"]
    assert "minicom (process 4711)" in found.what
    assert found.do == ("close that program, or end it: `kill 4711`",)
    computer.process(4712, "ModemManager", has_open="/dev/ttyUSB0")
    assert "is a modem" in look_at(computer, "/dev/ttyUSB0")["port-busy"].do[0]


def test_on_macos_lsof_names_the_program(computer):
    computer.node("cu.usbserial-10")
    computer.answers["lsof"] = "p812\ncscreen\nf5\n"
    found = look_at(computer, "/dev/cu.usbserial-10", system="darwin")
    assert "screen (process 812)" in found["port-busy"].what
    computer.node("tty.usbserial-10")
    found = look_at(computer, "/dev/tty.usbserial-10", system="darwin")
    assert "/dev/cu.usbserial-10" in found["macos-tty-name"].do[0]


def test_a_lock_that_was_left_behind(computer):
    computer.plug("1-2", CP210X, tty="ttyUSB0", driver="cp210x")
    computer.write("/var/lock/LCK..ttyUSB0", "      4711 minicom\n")
    assert "sudo rm /var/lock/LCK..ttyUSB0" in look_at(computer, "/dev/ttyUSB0")["stale-lock"].do[0]
    computer.process(4711, "minicom")
    assert "stale-lock" not in look_at(computer, "/dev/ttyUSB0")


def test_modem_manager_that_may_talk_to_the_board(computer):
    computer.plug("1-2", CP210X, tty="ttyUSB0", driver="cp210x")
    computer.process(300, "ModemManager")
    found = look_at(computer, "/dev/ttyUSB0")["modem-manager"]
    assert 'ATTRS{idVendor}=="10c4"' in found.do[0]
    computer.write("/run/udev/data/c188:0", "E:ID_MM_DEVICE_IGNORE=1\n")
    assert look_at(computer, "/dev/ttyUSB0") == {}


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_a_session_of_another_process_is_named(computer, monkeypatch, tmp_path):
    monkeypatch.setenv("MYNAH_CACHE", str(tmp_path / "cache"))
    computer.plug("1-2", CP210X, tty="ttyUSB0", driver="cp210x")
    hold = (
        "import sys; from mynah.hil.lock import PortLock; lock = PortLock('/dev/ttyUSB0'); "
        "print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", hold], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        holder.stdout.readline()
        found = look_at(computer, "/dev/ttyUSB0")["port-in-session"]
        holder.stdin.close()
    assert re.search(rf"\(process {holder.pid}\)", found.what)
    assert look_at(computer, "/dev/ttyUSB0") == {}
    PortLock("/dev/ttyUSB0").release()


def test_a_real_computer_can_be_looked_at():
    from mynah.doctor.host import Host

    host = Host()
    items = [*cable.check_usb(host, usb.boards(host))]
    assert items
    assert all(isinstance(each, (Finding, Looked, Unseen)) for each in items)
    assert host.holders(os.devnull) is not None


# As `ioreg -r -c IOUSBHostDevice -l` writes it (https://thinbug.com/q/58679114).
IOREG = """\
+-o CP2102N USB to UART Bridge Controller@14100000  <class IOUSBHostDevice, id 0x100001201>
  | {
  |   "idProduct" = 60000
  |   "bDeviceClass" = 0
  |   "USB Product Name" = "CP2102N USB to UART Bridge Controller"
  |   "idVendor" = 4292
  |   "USB Serial Number" = "bead123"
  | }
  |
+-o Mouse@14200000  <class IOUSBHostDevice, id 0x100001202>
    {
      "idProduct" = 50475
      "idVendor" = 1133
    }
"""
PNPUTIL = """\
Microsoft PnP Utility

Instance ID:                USB\\VID_1A86&PID_7523\\5&2a3b4c5d&0&2
Device Description:         USB Serial
Status:                     Problem
Problem Code:               28 (0x1C) [CM_PROB_FAILED_INSTALL]

Instance ID:                USB\\VID_303A&PID_1001\\30:ED:A0:56:00:00
Device Description:         USB Composite Device
Status:                     Started
"""


@pytest.mark.parametrize(
    ("system", "program", "told", "advice"),
    [
        ("darwin", "ioreg", IOREG, "silicon-labs-vcp-driver"),
        ("win32", "pnputil", PNPUTIL, "CH341SER"),
    ],
)
def test_macs_and_windows_tell_a_board_without_a_driver(computer, system, program, told, advice):
    computer.answers[program] = told
    jtag = SimpleNamespace(
        device="COM4", vid=0x303A, pid=0x1001, serial_number="30:ED:A0:56:00:00", description=""
    )
    found = look(computer, system=system, comports=lambda: [jtag])
    assert list(found) == ["driver-of-maker"]
    assert advice in found["driver-of-maker"].do[0]


@pytest.mark.parametrize("system", ["darwin", "win32"])
def test_macs_and_windows_without_a_board(computer, system):
    assert "no-board" in look(computer, system=system)
    bridge = SimpleNamespace(
        device="COM3", vid=0x10C4, pid=0xEA60, serial_number="bead123", description=""
    )
    computer.answers["ioreg"] = IOREG
    assert "no-board" not in look(computer, system=system, comports=lambda: [bridge])
    assert "driver-of-maker" not in look(computer, system=system, comports=lambda: [bridge])


def test_flatpak_hides_device_files(computer):
    computer.plug("1-2", CP210X, tty="ttyUSB0", driver="cp210x", node=False)
    computer.write("/.flatpak-info", "")
    assert "flatpak override" in look_at(computer, "/dev/ttyUSB0")["confined"].do[0]
