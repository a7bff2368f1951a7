"""Makes a computer out of files: its USB devices, drivers, ports, groups and processes."""

import os

from mynah.doctor.host import Host

GROUPS = "root:x:0:\ndialout:x:20:somebody\nuucp:x:14:\n"


class Computer:
    """Files below a folder that stand for /sys, /dev, /proc and /etc; `host` looks at them."""

    def __init__(self, root, *, distribution="debian"):
        self.root = root
        self.log = None
        self.answers = {}
        self.write("/proc/sys/kernel/osrelease", "6.1.0-18-amd64\n")
        self.write("/etc/os-release", f'PRETTY_NAME="some Linux"\nID={distribution}\n')
        self.write("/etc/group", GROUPS)
        self.folder("/sys/bus/usb/devices")

    def folder(self, name):
        path = self.root / name.lstrip("/")
        path.mkdir(parents=True, exist_ok=True)
        return path

    def write(self, name, text):
        path = self.root / name.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def plug(self, name, ids, *, tty=None, driver=None, product="a board", serial="1", node=True):
        """A USB device with one interface, as sysfs shows it."""
        vendor, number = ids.split(":")
        folder = f"/sys/bus/usb/devices/{name}"
        for file, text in {
            "idVendor": vendor,
            "idProduct": number,
            "product": product,
            "serial": serial,
            "bDeviceClass": "00",
        }.items():
            self.write(f"{folder}/{file}", text + "\n")
        interface = self.folder(f"{folder}/{name}:1.0")
        if driver:
            there = self.folder(f"/sys/bus/usb/drivers/{driver}")
            (interface / "driver").symlink_to(there)
        if tty:
            self.folder(f"{folder}/{name}:1.0/" + (tty if "USB" in tty else f"tty/{tty}"))
            self.write(f"/sys/class/tty/{tty}/dev", "188:0\n")
            if node:
                self.node(tty)

    def hub(self, name, *, self_powered):
        for file, text in {
            "idVendor": "05e3",
            "idProduct": "0608",
            "product": "USB2.0 Hub",
            "bDeviceClass": "09",
            "bmAttributes": "e0" if self_powered else "80",
        }.items():
            self.write(f"/sys/bus/usb/devices/{name}/{file}", text + "\n")

    def node(self, tty, mode=0o660):
        self.write(f"/dev/{tty}", "").chmod(mode)

    def process(self, number, name, *, has_open=None):
        self.write(f"/proc/{number}/comm", f"{name}\n")
        self.folder(f"/proc/{number}/fd")
        if has_open:
            (self.root / f"proc/{number}/fd/7").symlink_to(self.root / has_open.lstrip("/"))

    def host(self, **changes):
        """The computer as the checks see it; ``changes`` are `Host`'s fields."""
        fields = {
            "root": self.root,
            "system": "linux",
            "user": "somebody",
            "groups": frozenset({20}),
            "environ": {},
            "run": lambda command: self.answers.get(command[0]),
            "usable": lambda _: True,
            "comports": list,
            "interfaces": list,
        }
        return Host(**(fields | changes))

    def own_group(self):
        """The group of the files here: what the fake /etc/group has to call dialout."""
        group = os.stat(self.root).st_gid
        self.write("/etc/group", f"root:x:0:\ndialout:x:{group}:\n")
        return group
