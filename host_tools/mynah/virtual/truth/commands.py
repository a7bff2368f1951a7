"""Every command of esptool and mpremote, and whether it does as on hardware."""

from __future__ import annotations

from dataclasses import dataclass

from mynah.virtual.truth.verdict import Verdict

ESPTOOL, MPREMOTE = "esptool", "mpremote"

_PRINTS = "esptool's source: what it prints for the registers of the chip"
_PROTOCOL = "esptool's documentation, Serial Protocol"
_FLASH = "as before; test_esptool.py compares the flash"
_NO_BOARD = "no board takes part"
_FLASH_CHIP = "esptool's source; the data sheet of the GD25Q128, which is modelled"
_CODE = "MicroPython's own code and mpremote's source"
_FILES = "mpremote's source; MicroPython's own LittleFS"
_RESETS = "ports/esp32/modmachine.c; test_mpremote.py asks for the cause"


@dataclass(frozen=True, slots=True)
class Command:
    """One command as it is run against a virtual board, in the order of the table."""

    tool: str
    """`ESPTOOL` or `MPREMOTE`."""
    name: str
    """As the tool lists it."""
    arguments: str
    """With what it was run, separated by spaces; ``{data}`` and the like are files of the test."""
    exit_code: int
    prints: str
    """A regular expression that the output has."""
    judged: str
    """By what it is known what hardware does."""
    verdict: Verdict = Verdict.SAME
    differs: str = ""
    """What is otherwise."""
    rom: int | None = None
    """The exit code with ``--no-stub``, where that is run, too."""


def _esptool(
    arguments: str,
    exit_code: int,
    prints: str,
    judged: str,
    *,
    rom: int | None = None,
    verdict: Verdict = Verdict.SAME,
    differs: str = "",
) -> Command:
    name = arguments.split(maxsplit=1)[0]
    return Command(ESPTOOL, name, arguments, exit_code, prints, judged, verdict, differs, rom)


def _mpremote(
    arguments: str,
    prints: str,
    judged: str = _CODE,
    *,
    exit_code: int = 0,
    name: str | None = None,
    verdict: Verdict = Verdict.SAME,
    differs: str = "",
) -> Command:
    name = name or arguments.split(maxsplit=1)[0]
    return Command(MPREMOTE, name, arguments, exit_code, prints, judged, verdict, differs)


_NAND = "12,13,11,10,9"

COMMANDS: tuple[Command, ...] = (
    _esptool("version", 0, r"^\d+\.\d+", _NO_BOARD),
    _esptool("image-info {app}", 0, r"ESP32-S3", _NO_BOARD),
    _esptool("merge-bin -o {merged} 0x10000 {app}", 0, r"Wrote 0x[0-9a-f]+ bytes", _NO_BOARD),
    _esptool("elf2image --output {elf_image} {elf}", 0, r"(?i)created .*image", _NO_BOARD),
    _esptool("chip-id", 0, r"ESP32-S3 has no chip ID. Reading MAC address instead", _PRINTS, rom=0),
    _esptool("read-mac", 0, r"MAC: +30:ed:a0:", _PRINTS, rom=0),
    _esptool(
        "flash-id", 0, r"Manufacturer: c8\n.*4018\nDetected flash size: 16MB", _FLASH_CHIP, rom=0
    ),
    _esptool(
        "get-security-info", 0, r"(?s)Chip ID: 9\nAPI Version: 0\nSecure Boot: Disabled", _PRINTS
    ),
    _esptool("read-mem 0x40001000", 0, r"= 0x00000009", _PRINTS, rom=0),
    _esptool("write-mem 0x3fc88000 0x12345678", 0, r"Wrote 0x12345678 with mask", _PROTOCOL, rom=0),
    _esptool(
        "dump-mem 0x40000000 64 {dump}",
        0,
        r"Dumped 64 bytes",
        _PROTOCOL,
        verdict=Verdict.DIFFERS,
        differs="no ROM code and no RAM: what nobody has written reads as 0",
    ),
    _esptool(
        "load-ram {ram}",
        0,
        r"executing at 0x403c8700",
        _PROTOCOL,
        verdict=Verdict.MISSING,
        differs="the program is taken and not run",
    ),
    _esptool("write-flash 0x300000 {data}", 0, r"Hash of data verified", _FLASH, rom=0),
    _esptool("verify-flash 0x300000 {data}", 0, r"Verification successful", _FLASH, rom=0),
    _esptool("verify-flash 0x301000 {data}", 2, r"(?i)verification failed", _FLASH, rom=2),
    _esptool("read-flash 0x300000 5000 {read}", 0, r"Read 5000 bytes", _FLASH, rom=0),
    _esptool("erase-region 0x300000 0x2000", 0, r"erased successfully", _FLASH, rom=0),
    _esptool("read-flash-status", 0, r"Flash memory status: 0x0200", _FLASH_CHIP, rom=0),
    _esptool(
        "write-flash-status --bytes 2 --non-volatile 0x0000",
        0,
        r"Initial .*0x0200\n.*\nAfter flash memory status: +0x0000",
        _FLASH_CHIP,
        verdict=Verdict.DIFFERS,
        differs="kept through resets and loss of power, but not in the file of --flash",
    ),
    _esptool("read-flash-status --bytes 1", 0, r"Flash memory status: 0x0000", _FLASH_CHIP),
    _esptool(
        "write-flash-status --bytes 2 0x0200", 0, r"Initial .*0x0000\n.*\n.*0x0200", _FLASH_CHIP
    ),
    _esptool("read-flash-sfdp 0 4", 0, r"0x53 0x46 0x44 0x50", "JEDEC JESD216: the signature"),
    _esptool("run", 0, r"", "the test waits until MicroPython runs", rom=0),
    _esptool(
        "dump-bbm --spi-connection " + _NAND + " {dump}",
        2,
        r"fatal error",
        "esptool's source: what the stub says where no NAND chip answers",
        verdict=Verdict.MISSING,
        differs="no NAND flash can be attached, and the refusal has another number",
    ),
    _esptool(
        f"read-nand-spare --spi-connection {_NAND} 0",
        2,
        r"Failed to configure SPI NAND flash pins",
        "as dump-bbm",
        verdict=Verdict.MISSING,
        differs="as dump-bbm",
    ),
    _esptool(
        f"write-nand-spare --spi-connection {_NAND} 0 1",
        2,
        r"Failed to configure SPI NAND flash pins",
        "as dump-bbm",
        verdict=Verdict.MISSING,
        differs="as dump-bbm",
    ),
    _esptool("read-sdc-chip-info", 2, r"only supported on ESP32-S31", "esptool refuses by itself"),
    _esptool("verify-sdc-certificate {data}", 2, r"(?i)error", "esptool refuses by itself"),
    _esptool(
        "erase-flash",
        0,
        r"Flash memory erased successfully",
        _FLASH,
        rom=2,
    ),
    _mpremote("version", r"^mpremote ", _NO_BOARD),
    _mpremote("help", r"List of commands", _NO_BOARD),
    _mpremote(
        "devs",
        r"",
        _NO_BOARD,
        differs="a virtual board is no device of the computer",
        verdict=Verdict.DIFFERS,
    ),
    _mpremote("eval 6*7", r"^42$"),
    _mpremote("exec print(2**100)", r"^1267650600228229401496703205376$"),
    _mpremote("exec missing", r"(?s)Traceback .*NameError: name 'missing'", exit_code=1),
    _mpremote("exec --no-follow print(1)", r""),
    _mpremote("run {script}", r"^esp32$"),
    _mpremote("touch :new.txt", r"touch :new.txt", _FILES),
    _mpremote("cp {script} :script.py", r"cp ", _FILES),
    _mpremote("cp :script.py {copy}", r"cp :script.py", _FILES),
    _mpremote("cp -r {folder} :", r"cp ", _FILES),
    _mpremote("fs ls", r"(?s)boot.py.*new.txt", _FILES),
    _mpremote("ls", r"(?s)boot.py.*new.txt", _FILES),
    _mpremote("cat :script.py", r"sys.platform", _FILES),
    _mpremote("sha256sum :script.py", r"[0-9a-f]{64}", _FILES),
    _mpremote("tree", r"script.py", _FILES),
    _mpremote("df", r"VfsLfs2> +14680064 ", _FILES),
    _mpremote("mkdir :empty", r"mkdir :empty", _FILES),
    _mpremote("rmdir :empty", r"rmdir :empty", _FILES),
    _mpremote("rm :script.py", r"rm :script.py", _FILES),
    _mpremote("rm -r :{folder_name}", r"rm :", _FILES),
    _mpremote("rm :nothing", r"rm: nothing: No such file or directory", _FILES, exit_code=1),
    _mpremote("edit :new.txt", r"edit :new.txt", _FILES),
    _mpremote("mip install {url}", r"(?s)Installing: /lib/.*Done", _FILES),
    _mpremote("mount {folder} exec {import_module}", r"mounted at /remote\n(.*\n)?mounted module"),
    _mpremote("mount {folder} + umount + ls", r"(?s)boot.py", name="umount"),
    _mpremote(
        "rtc", r"^\(2000, 1, 1, ", "ports/esp32/machine_rtc.c: no battery, so it starts there"
    ),
    _mpremote("rtc --set + rtc", r"^\(20[2-9]\d, ", "the test asks for the time that was set"),
    _mpremote(
        "romfs query",
        r"ROMFS is not enabled on this device",
        "ports/esp32: only partitions-4MiB-romfs.csv has a place for it",
    ),
    _mpremote(
        "romfs deploy {folder}",
        r"ROMFS is not enabled on this device",
        "as romfs query",
        exit_code=1,
    ),
    _mpremote("sleep 0.01 eval 1", r"^1$"),
    _mpremote("soft-reset eval 5", r"^5$", _RESETS),
    _mpremote("resume eval 1", r"^1$"),
    _mpremote("reset", r"", _RESETS),
    _mpremote(
        "repl",
        r"'Serial' object has no attribute 'fd'",
        "typed into through a terminal",
        exit_code=1,
        verdict=Verdict.MISSING,
        differs="mpremote waits for a file descriptor, which no rfc2217 port of pyserial has; "
        "`python -m serial.tools.miniterm rfc2217://...` is a prompt",
    ),
    _mpremote("eval 1 disconnect", r"^1$", name="disconnect"),
    _mpremote("bootloader", r"", "the test finds the ROM loader"),
)
"""In this order they are run on one board; `connect` comes before each of mpremote's."""
