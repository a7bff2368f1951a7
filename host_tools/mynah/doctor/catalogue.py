"""Every fault that the doctor knows, in the order in which they are worth mending.

What comes first explains much of what comes after: without a driver there is no port, without
power no boot, without a boot no Wi-Fi.
"""

from __future__ import annotations

from mynah.doctor.finding import FAULT, NOTE, WARNING, Cause

_POWER = (
    "plug the board straight into the computer (no hub), with a short and thick cable",
    "take off what draws current (loudspeaker, LED strip), and see whether it stays up then",
)
_LOADER = "to reach the ROM loader: hold BOOT, press and let go of RESET, let go of BOOT"

WSL_WITHOUT_USB = Cause(
    "wsl-without-usb",
    FAULT,
    "this is WSL, and Windows has handed no USB device to it",
    "the kernel's name says Microsoft, and no USB device is there",
    (
        "in Windows' PowerShell, as administrator: `winget install usbipd`, then `usbipd list`",
        "there: `usbipd bind --busid BUSID`, then `usbipd attach --wsl --busid BUSID`",
        "after each unplugging the last one again; or run Mynah's tools in Windows",
    ),
)
OVER_CURRENT = Cause(
    "usb-over-current",
    FAULT,
    "the USB port {where} was switched off because too much current was drawn",
    "`over_current_count` of the port in sysfs is not 0",
    _POWER,
)
NO_ENUMERATION = Cause(
    "usb-device-mute",
    FAULT,
    "something is plugged in at USB {where}, but it does not say what it is",
    "the kernel's log: a device descriptor could not be read, or a device was not enumerated",
    (
        "try another cable, then another USB socket, without a hub: a bad contact looks like this",
        "take all wires but USB off the board: a short circuit looks like this, too",
    ),
)
NO_BOARD = Cause(
    "no-board",
    FAULT,
    "nothing that looks like a board is on this computer's USB",
    "no USB device has the numbers of an ESP32-S3 or of a USB-to-UART bridge",
    (
        "is an LED of the board on? If not, it has no power: try another socket and cable",
        (
            "try a cable that has carried data before: many carry power alone, and no program can "
            "tell such a cable from no cable"
        ),
        "on a board with two sockets try the one that is marked UART or COM",
        (
            "hold BOOT, press and let go of RESET, let go of BOOT: firmware can switch the chip's "
            "own USB off, the ROM switches it on"
        ),
        "without hardware: `mynah virtual` starts a virtual board",
    ),
)
BRLTTY = Cause(
    "brltty",
    FAULT,
    "brltty, for Braille displays, has taken {device} from its driver",
    "no driver, or a program, has the device, and brltty runs or the kernel's log names it",
    (
        "if nobody here uses a Braille display: {command}",
        "else: `sudo systemctl mask brltty-udev.service`, and start brltty by hand",
        "then plug the board in again",
    ),
)
DRIVER_NOT_LOADED = Cause(
    "driver-not-loaded",
    FAULT,
    "{device} has no serial port: its driver {driver} is not loaded",
    "the USB device has no tty; the module's file is there, but not loaded",
    ("`sudo modprobe {driver}`, then plug the board in again",),
)
DRIVER_MISSING = Cause(
    "driver-missing",
    FAULT,
    "{device} has no serial port: this kernel has no driver {driver}",
    "the USB device has no tty; the module is neither loaded nor among the kernel's files",
    ("{command}", "then `sudo modprobe {driver}`, and plug the board in again"),
)
DRIVER_ELSEWHERE = Cause(
    "driver-of-maker",
    FAULT,
    "{device} has no serial port: its driver is missing",
    "macOS: ioreg, Windows: pnputil shows the device, and there is no port with its numbers",
    ("{command}", "then plug the board in again"),
)
DRIVER_TAKEN = Cause(
    "driver-taken",
    FAULT,
    "{device} has no serial port: a program talks to it past its driver",
    "usbfs has the USB device, and brltty is not seen",
    (
        "close virtual machines, Docker, WebUSB pages and OpenOCD, then plug the board in again",
        "`sudo lsof +D /dev/bus/usb` shows who has it",
    ),
)
DRIVER_IDLE = Cause(
    "driver-idle",
    FAULT,
    "{device} has no serial port, though its driver {driver} is loaded",
    "the USB device has no tty, but its module is loaded",
    (
        "plug the board in again, into another socket",
        "`sudo dmesg | tail -20` says what the driver did not like",
    ),
)
NO_NODE = Cause(
    "no-device-file",
    FAULT,
    "the kernel has the port {where}, but there is no such file",
    "sysfs has the tty, /dev does not",
    ("{advice}",),
)
NO_PORT = Cause(
    "port-missing",
    FAULT,
    "there is no port {where}",
    "the file does not exist, or nothing answers at the address",
    ("`mynah ports` lists the ports that there are{others}", "{advice}"),
)
TTY_NAME = Cause(
    "macos-tty-name",
    WARNING,
    "{where} waits for a modem's carrier when it is opened",
    "macOS: the name starts with /dev/tty.",
    ("take {better}",),
)
CONFINED = Cause(
    "confined",
    FAULT,
    "this Python runs in a {cage}, which keeps serial ports from it",
    "the port may not be used, and the environment is that of a snap or of flatpak",
    ("{advice}",),
)
NOT_IN_GROUP = Cause(
    "not-in-group",
    FAULT,
    "you may not use {where}: it is for the group {group}, and you are not in it",
    "the file's group and mode, and /etc/group",
    ("{command}", "then log out and in again (or restart): groups are given at login"),
)
LOGIN_TOO_OLD = Cause(
    "group-not-yet",
    FAULT,
    "you may not use {where} yet: you are in its group {group}, but were not when you logged in",
    "/etc/group has you, this process' groups have not",
    (
        "log out and in again (or restart); in this terminal alone: `newgrp {group}`",
        "where a terminal server such as tmux or an editor runs: start that again, too",
    ),
)
NO_RULE = Cause(
    "no-udev-rule",
    FAULT,
    "you may not use {where}: only root may",
    "the file belongs to root alone",
    (
        (
            "write this line into /etc/udev/rules.d/60-esp32.rules: "
            'SUBSYSTEM=="tty", ATTRS{{idVendor}}=="{vendor}", MODE="0660", TAG+="uaccess"'
        ),
        "`sudo udevadm control --reload && sudo udevadm trigger`, then plug the board in again",
    ),
)
BUSY = Cause(
    "port-busy",
    FAULT,
    "{where} is in use: {who} has it open",
    "/proc (macOS: lsof): which program has the file, or the connection, open",
    ("{advice}",),
)
BUSY_UNSEEN = Cause(
    "port-busy-unseen",
    FAULT,
    "{where} is in use, by a program of another user",
    "opening it fails as for a busy port, and no process of yours has it open",
    (
        "`sudo fuser -v {where}` says which; end that program",
        "no such program: plug the board in again",
    ),
)
UNSTABLE = Cause(
    "port-unstable",
    FAULT,
    "{where} went away {times} while the board was listened to",
    "the port vanished and came back more often than a reset explains",
    (
        "a chip that resets again and again takes its own USB away each time: its power, first",
        *_POWER,
        "move the plug a little: does it go away then? Another cable",
    ),
)
PORT_REFUSED = Cause(
    "port-unusable",
    FAULT,
    "{where} cannot be used",
    "opening it fails, or it vanishes meanwhile",
    (
        "does it say why above? Else plug the board in again, without a hub",
        "for a remote port: is the program that offers it still running?",
    ),
)
IN_SESSION = Cause(
    "port-in-session",
    WARNING,
    "a test session has reserved {where}: {who}",
    "the lock of `mynah.hil`, which the operating system frees when its holder ends",
    ("wait for it, or end it; `pytest --board-wait SECONDS` waits",),
)
STALE_LOCK = Cause(
    "stale-lock",
    WARNING,
    "a program that has ended left the lock {lock} on {where}",
    "the file names a process that does not exist",
    ("`sudo rm {lock}`: picocom, minicom and others refuse the port while it is there",),
)
MODEM_MANAGER = Cause(
    "modem-manager",
    WARNING,
    "ModemManager runs, and may talk to {where} in the first seconds after it is plugged in",
    "the process runs, and udev has no ID_MM_DEVICE_IGNORE for the port",
    (
        (
            "if flashing fails just after plugging in: wait 20 seconds, or write this line into "
            '/etc/udev/rules.d/78-esp32-no-modem.rules: ATTRS{{idVendor}}=="{vendor}", '
            'ENV{{ID_MM_DEVICE_IGNORE}}="1"'
        ),
        "no modem here: `sudo systemctl disable --now ModemManager`",
    ),
)
BUS_POWERED_HUB = Cause(
    "bus-powered-hub",
    WARNING,
    "{device} hangs on {hub}, which has no supply of its own: 500 mA for all that is on it",
    "sysfs: `bmAttributes` of the hub",
    ("if the board resets by itself: plug it straight into the computer",),
)
TWO_SOCKETS = Cause(
    "two-sockets",
    NOTE,
    "one board with two sockets, or two boards: {where}",
    "a bridge and a chip's own USB are both plugged in",
    ("flash and read the log through the bridge, the socket that is marked UART or COM",),
)

SEVERAL_BOARDS = Cause(
    "several-boards",
    NOTE,
    "there are {n} boards, and none was named: none of them was looked at",
    "several ports look like a board, virtual boards and shared ports counted",
    (
        "name one: `mynah doctor --port {where}`, or another one of those above",
        "`mynah ports` says what is on each",
    ),
)

LOW_VOLTAGE = Cause(
    "low-voltage",
    FAULT,
    "the board's supply voltage breaks down, and the chip resets: {times}",
    "the log: `Brownout detector was triggered`, or the ROM's reset reason 0xf (BROWN_OUT)",
    (*_POWER, "give the amplifier a supply of its own, and 470 uF or more across the board's 5V"),
)
WRONG_CHIP = Cause(
    "wrong-chip",
    FAULT,
    "the chip on {where} is an {chip}; Mynah runs on the ESP32-S3",
    "the ROM's first line after a reset names the chip",
    ("take a board with an ESP32-S3: `mynah boards` lists those that are described",),
)
DOWNLOAD_MODE = Cause(
    "download-mode",
    FAULT,
    "the chip waits for a flasher, and starts no program",
    "the log: `waiting for download`, also after a reset with GPIO0 let go",
    (
        "let go of the BOOT button, and take off whatever holds GPIO0 low",
        "press RESET; `mynah logs --reset --port {where}` does the same",
        "if it comes back each time: GPIO0 has a short circuit, or the reset circuit is missing",
    ),
)
BLANK_FLASH = Cause(
    "flash-empty",
    FAULT,
    "the flash is empty: there is no MicroPython on the board",
    "the ROM says `invalid header: 0xffffffff`",
    ("`mynah flash --board NAME --port {where}` (`mynah boards` lists the names)",),
)
DAMAGED_LOADER = Cause(
    "boot-loader-damaged",
    FAULT,
    "what lies at the flash's start is no boot loader for this chip",
    "the ROM refuses it: header, chip number, checksum or image block",
    (
        (
            "`mynah flash --board NAME --port {where} --erase`: images for the ESP32-S3 start at "
            "0x0, not at 0x1000"
        ),
        "the same again: the flash or its power is bad",
    ),
)
NO_TABLE = Cause(
    "partition-table-damaged",
    FAULT,
    "the board's partition table is missing or damaged",
    "the boot loader says so",
    ("`mynah flash --board NAME --port {where} --erase`",),
)
NO_APPLICATION = Cause(
    "application-damaged",
    FAULT,
    "MicroPython on the board is missing or damaged",
    "the boot loader finds no application that it can start",
    ("`mynah flash --board NAME --port {where}`",),
)
FLASH_TOO_SMALL = Cause(
    "flash-too-small",
    FAULT,
    "the image is for a larger flash than the board has",
    "the log: `Detected size(...) smaller than the size in the binary image header`",
    ("`mynah flash --board NAME --port {where}` with the name of this very board",),
)
WRONG_PSRAM = Cause(
    "wrong-psram",
    FAULT,
    "MicroPython does not find the board's PSRAM: most often the image is for the other kind",
    "the log: `PSRAM ID read error`; or MicroPython has no memory beyond the chip's own",
    (
        (
            "`mynah flash --board NAME --port {where}`: `mynah boards show NAME` says which PSRAM; "
            "N16R8 and N8R8 have octal PSRAM"
        ),
        "a module without PSRAM (N8, N16 alone) is too small for the speaker",
    ),
)
PANIC = Cause(
    "panic",
    FAULT,
    "MicroPython itself crashes: {reason}",
    "the log: `Guru Meditation Error`, `abort() was called` and the like",
    (
        "once: power (see above, if it is listed) or a loose wire; press RESET",
        "again and again: `mynah flash --board NAME --port {where} --erase`, then `mynah report`",
    ),
)
WATCHDOG = Cause(
    "watchdog",
    WARNING,
    "{reset}",
    "the ROM's reset reason, with a boot loader that was whole",
    ("if it happens again: `mynah report --port {where}`, and send that to a maintainer",),
)
BOOT_LOOP = Cause(
    "boot-loop",
    FAULT,
    "the board starts again and again: {times}",
    "the ROM's first line came several times, and nothing more specific explains it",
    (
        "`mynah logs --port {where}` shows the last line before each start",
        "a main.py that resets the board: `mynah deploy --port {where}` stops it and replaces it",
        "`mynah flash --board NAME --port {where} --erase` puts everything on it anew",
    ),
)
NOISE = Cause(
    "unreadable",
    FAULT,
    "what comes from {where} cannot be read",
    "most of the bytes are no text",
    (
        "other firmware may use another speed: try `mynah logs --baud 74880`, 921600, 2000000",
        "wires on TX and RX, a bad ground, or a USB cable along a motor do this as well",
    ),
)
WRONG_SOCKET = Cause(
    "wrong-socket",
    FAULT,
    "nothing comes from {where}; the board's other socket seems to be {other}",
    "the port is silent, and the other kind of USB is plugged in, too",
    ("`mynah doctor --port {other}`",),
)
SILENT = Cause(
    "silent",
    FAULT,
    "nothing comes from {where}, not even after a reset",
    "not one byte in the time that a boot takes, and no answer to a question",
    (
        "on a board with two sockets, try the other one: the log comes out of UART or COM",
        "press RESET: a bridge without DTR and RTS wires cannot do that",
        _LOADER + "; then `mynah flash --board NAME --port {where}`",
        "3.3 V between the board's 3V3 and GND? Without it the bridge alone has power",
    ),
)
CHIP_ALIVE = Cause(
    "silent-but-alive",
    FAULT,
    "the chip on {where} answers its loader, but its program says nothing",
    "esptool talks to the ROM loader; the program wrote nothing after a reset",
    ("`mynah flash --board NAME --port {where}`: there is other firmware on it, or a broken one",),
)
NO_FIRMWARE = Cause(
    "no-firmware",
    FAULT,
    "MicroPython runs, but the speaker's firmware is not on the board",
    "the log: MicroPython's prompt, and no `app:` line",
    ("`mynah flash --board NAME --port {where}` (`mynah boards` lists the names)",),
)
DAMAGED_FILESYSTEM = Cause(
    "filesystem-damaged",
    FAULT,
    "the board's filesystem is damaged",
    "MicroPython says `filesystem appears to be corrupted`, and starts nothing",
    (
        "`mynah flash --board NAME --port {where}` makes a new one; what was in it is lost",
        "to keep what is in it: `mynah report --port {where}` first, and ask a maintainer",
    ),
)
OTHER_PROGRAM = Cause(
    "other-program",
    FAULT,
    "what runs on the board is not the speaker's firmware, or hangs before its first line",
    "the boot loader has started something; neither `app:` lines nor MicroPython's prompt follow",
    (
        "a main.py of yours? `mynah deploy --port {where}` stops it, and puts the speaker's there",
        "else: `mynah flash --board NAME --port {where}`",
    ),
)
BOARD_FILE = Cause(
    "board-file",
    FAULT,
    "the board does not know what it is: /board.json is missing or damaged",
    "the log: `app: board file /board.json: ...`",
    ("`mynah deploy --board NAME --port {where}` puts it there",),
)
CRASH = Cause(
    "firmware-crash",
    FAULT,
    "the firmware ends with an error: {error}",
    "the log: a Python traceback before the firmware was ready",
    (
        "`mynah deploy --port {where}` brings all files up to date",
        "the same again: `mynah report --port {where}`, and send that to a maintainer",
    ),
)
NOT_READY = Cause(
    "not-ready",
    FAULT,
    "the firmware started, but did not become ready in {seconds:g} s",
    "the log has the `app: Mynah` line, but no `app: ready`",
    ("`mynah logs --reset --port {where}` shows where it stops", "`mynah report --port {where}`"),
)
FULL = Cause(
    "filesystem-full",
    FAULT,
    "the board's filesystem is full: {free}",
    "MicroPython's statvfs, or the log: `settings: not saved: error 28`",
    (
        "remove files of yours: `mpremote connect {where} fs ls`",
        "`mynah deploy --clean --port {where}` deletes all that is not the speaker's",
        "`mynah flash --board NAME --port {where}` makes it anew; settings are lost",
    ),
)
ALMOST_FULL = Cause(
    "filesystem-almost-full",
    WARNING,
    "the board's filesystem is almost full: {free}",
    "MicroPython's statvfs",
    ("remove files of yours (`mpremote connect {where} fs ls`): a deployment needs room",),
)
FILES_MISSING = Cause(
    "files-missing",
    FAULT,
    "files of the speaker's firmware are missing on the board: {files}",
    "a list of the board's files, read over the REPL",
    ("`mynah deploy --port {where}` puts them there",),
)
OLD_FIRMWARE = Cause(
    "firmware-version",
    WARNING,
    "the board has Mynah {there}, this toolkit has {here}",
    "the log's `app: Mynah` line, or the version that the speaker tells",
    ("{advice}",),
)
OLD_MICROPYTHON = Cause(
    "micropython-old",
    FAULT,
    "the board has MicroPython {there}; the firmware needs {needed} or newer",
    "MicroPython's banner, or sys.implementation",
    ("`mynah flash --board NAME --port {where}`",),
)
NO_MODEL = Cause(
    "no-wake-model",
    WARNING,
    "the board has no wake-word model: it listens for nothing",
    "the log: `wake: no model`",
    ("`mynah deploy --models okay_nabu --port {where}`",),
)
BAD_MODEL = Cause(
    "wake-model-bad",
    WARNING,
    "the board cannot use a wake-word model: {reason}",
    "the log: `wake: model ...`",
    ("`mynah deploy --models okay_nabu --port {where}`",),
)

NO_WIFI = Cause(
    "wifi-not-set-up",
    WARNING,
    "the speaker has no Wi-Fi yet",
    "the log: `net: set-up`",
    ("`mynah pair --port {where} --ssid YOUR-WIFI --name kitchen`",),
)
WIFI_UNSEEN = Cause(
    "wifi-not-seen",
    FAULT,
    "the speaker does not hear its Wi-Fi {ssid}{instead}",
    "the log: `cannot join ...: no such network`; what it hears instead is asked over the cable",
    (
        "is the router on, and the name right? Capitals and blanks count",
        "the chip hears 2.4 GHz alone: switch that on in the router, under the same name",
        "move the speaker nearer; a metal case or a missing antenna does the same",
        "another network: `mynah pair --port {where} --ssid YOUR-WIFI`",
    ),
)
WIFI_PASSWORD = Cause(
    "wifi-password",
    FAULT,
    "the router of {ssid} refuses the speaker's password",
    "the log: `cannot join ...: wrong password`",
    (
        "`mynah pair --port {where} --ssid ...` asks for it anew",
        (
            "it is right, and others get in: a router that wants WPA3 alone answers like this; "
            "choose WPA2/WPA3"
        ),
    ),
)
WIFI_ADDRESS = Cause(
    "wifi-no-address",
    FAULT,
    "the speaker is in {ssid}, but gets no address there",
    "the log: `cannot join ...: no address`",
    (
        "start the router anew: its DHCP may have no address left",
        "does the router admit devices by a list? Add this one's MAC address",
    ),
)
WIFI_SECURITY = Cause(
    "wifi-security",
    FAULT,
    "{ssid} is protected in a way that the speaker cannot use with what it was given",
    "the log: `cannot join ...: security mismatch`",
    (
        "set the router to WPA2, or WPA2/WPA3; WEP, WPA alone and WPA-Enterprise will not do",
        "a network without a password was given one, or the other way round: `mynah pair` again",
    ),
)
WIFI_CHANNEL = Cause(
    "wifi-channel",
    FAULT,
    "{ssid} is on a channel that may not be used where the speaker was told it is",
    "the log: `cannot join ...: channel not allowed`",
    (
        "set the router to channel 1, 6 or 11",
        "or tell the speaker its country: `mynah pair --port {where} --ssid ... --country DE`",
    ),
)
WIFI_REFUSED = Cause(
    "wifi-refused",
    FAULT,
    "the router of {ssid} refuses the speaker: {reason}",
    "the log: `cannot join ...: refused` or `timeout`",
    (
        "too many devices, a list of those admitted, or an access point that sends it elsewhere",
        "start the router anew; move the speaker nearer",
    ),
)
WIFI_WEAK = Cause(
    "wifi-weak",
    WARNING,
    "the speaker hears {ssid} weakly: {rssi} dBm",
    "the signal strength that the speaker tells; -67 dBm is good, below -75 packets get lost",
    (
        "move the speaker or the router, and keep the board's antenna free of wires and metal",
        "a board with a socket for an antenna needs one, and the resistor that chooses it",
    ),
)
WIFI_LOST = Cause(
    "wifi-lost",
    WARNING,
    "the speaker lost its Wi-Fi {times}",
    "the log: `net: lost the network`, or `signal lost`",
    ("see whether other devices lose it as well: then it is the router",),
)

NO_NETWORK = Cause(
    "computer-offline",
    FAULT,
    "this computer is in no network",
    "it has no IPv4 address but its own 127.0.0.1",
    ("connect it to the Wi-Fi or cable of the speaker's router",),
)
OTHER_SUBNET = Cause(
    "other-network",
    FAULT,
    "the speaker at {where} and this computer are in different networks",
    "no address of this computer ({own}) is in a network with the speaker's",
    (
        "join the same Wi-Fi; a guest network, a VPN or a second router keeps devices apart",
        "if a router routes between them, it must let UDP port 54321 through, both ways",
    ),
)
BLOCKED_HERE = Cause(
    "blocked-here",
    FAULT,
    "this computer's own firewall does not let packets out to {where}, UDP port 54321",
    "sending fails with `operation not permitted`",
    ("allow UDP to port 54321 (`sudo ufw allow out 54321/udp`, or what your firewall says)",),
)
NO_ROUTE = Cause(
    "no-route",
    FAULT,
    "this computer knows no way to {where}",
    "sending fails: network or host unreachable",
    ("is its Wi-Fi on? A VPN may have taken all routes: switch it off and try again",),
)
CLOSED = Cause(
    "port-closed",
    FAULT,
    "something is at {where}, but it does not listen on UDP port 54321",
    "an ICMP answer: port unreachable",
    (
        "another device may have that address now: `mynah find`",
        "the speaker may just start: try again; over its cable: `mynah doctor --port PORT`",
    ),
)
NOT_THERE = Cause(
    "not-there",
    FAULT,
    "nobody is at {where}",
    "it answers neither miIO nor ARP (/proc/net/arp has no address of it)",
    (
        (
            "has the speaker power, and which light does it show? Over its cable: "
            "`mynah doctor --port PORT`"
        ),
        "routers of guest networks keep devices apart (client isolation): use the main network",
        "its address may have changed: `mynah find`",
    ),
)
NO_ANSWER = Cause(
    "no-answer",
    FAULT,
    "something is at {where}, but does not answer on UDP port 54321",
    "ARP knows it, or this cannot be told; a hello gets no answer",
    (
        "a firewall, here or in the router, may drop UDP 54321: allow it",
        "its address may be another's by now: `mynah find`",
        "over its cable: `mynah doctor --port PORT`",
    ),
)
OTHER_DEVICE = Cause(
    "another-device",
    FAULT,
    "another device is at {where}, the address that is known for {name}",
    "its hello has another device number",
    ("`mynah find` looks for it, and keeps its new address",),
)
MOVED = Cause(
    "moved",
    FAULT,
    "{name} is at {address} now, no more at {where}",
    "it answers there, and proves that it has its token",
    ("`mynah find` keeps the new address",),
)
TOKEN = Cause(
    "token",
    FAULT,
    "the speaker at {where} is there, but takes none of this computer's requests: {error}",
    "it answers a hello, and no request that is signed with the token that is known here",
    (
        "somebody has paired it anew: pair it again, `mynah pair` (with --port over its cable)",
        "hold its BOOT button for 10 seconds to make it forget its owner, if that is you",
    ),
)
UNPAIRED = Cause(
    "not-paired",
    WARNING,
    "the speaker at {where} has no owner yet",
    "it tells its token to anybody who says hello",
    ("`mynah pair --name kitchen`",),
)
NO_BROADCAST = Cause(
    "no-broadcast",
    WARNING,
    "the speaker at {where} answers when it is asked, but not a question to everybody",
    "a broadcast hello got no answer of it, one to its own address did",
    (
        (
            "the router keeps broadcasts back: `mynah find` may miss it; give it a fixed address "
            "in the router"
        ),
    ),
)
NO_MDNS = Cause(
    "no-mdns",
    WARNING,
    "the speaker at {where} is not heard by mDNS",
    "no `_miio._udp.local` of that address came in {seconds:g} s",
    (
        (
            "a firewall here (UDP 5353) or the router's IGMP snooping keeps multicast back; "
            "Mynah's own tools work without it"
        ),
    ),
)
RESTARTED = Cause(
    "restarted-lately",
    NOTE,
    "the speaker at {where} started {seconds} s ago",
    "the uptime that it tells",
    ("if nobody did that: its power; `mynah doctor --port PORT` over its cable tells more",),
)

CAUSES = tuple(value for value in list(globals().values()) if isinstance(value, Cause))
"""All of them, what to mend first comes first."""

_RANKS = {cause.name: rank for rank, cause in enumerate(CAUSES)}


def rank(name: str) -> int:
    """The place of a cause among all."""
    return _RANKS[name]
