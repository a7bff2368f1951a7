"""ESP-IDF's and the ROM's panics in words: one sentence a line that tells of one.

Sources: ESP-IDF, components/esp_system/port/arch/xtensa/panic_arch.c (causes, registers) and its
"Fatal Errors" guide; Xtensa ISA reference, "Exception causes"; ESP32-S3 TRM, "System and Memory".
"""

from __future__ import annotations

import re

# (what is found in the line, what it means and what to do)
_SENTENCES = tuple(
    (re.compile(pattern), text)
    for pattern, text in (
        (
            r"Brownout detector was triggered",
            (
                "the supply fell too low: take a better USB cable or port, or a stronger "
                "supply; loud sound and Wi-Fi need most"
            ),
        ),
        (
            r"panic'ed \(LoadProhibited\)",
            (
                "the program read where nothing may be read, often through a NULL pointer; "
                "EXCVADDR is the address"
            ),
        ),
        (
            r"panic'ed \(StoreProhibited\)",
            (
                "the program wrote where nothing may be written, often through a NULL pointer; "
                "EXCVADDR is the address"
            ),
        ),
        (
            r"panic'ed \(InstrFetchProhibited\)",
            (
                "the program jumped to where no code is: a bad function pointer or a destroyed "
                "stack; PC is the address"
            ),
        ),
        (
            r"panic'ed \(IllegalInstruction\)",
            (
                "the CPU met what is no instruction: a destroyed stack, native code for another "
                "chip, or flash that is read wrongly"
            ),
        ),
        (
            r"panic'ed \(IntegerDivideByZero\)",
            "an integer was divided by zero",
        ),
        (
            r"panic'ed \(LoadStoreAlignment\)",
            "a word was read or written at an address that is no multiple of its size",
        ),
        (
            r"panic'ed \(LoadStoreError\)",
            (
                "a word was read or written in memory that takes only aligned 32-bit accesses "
                "(instruction RAM, RTC memory)"
            ),
        ),
        (
            r"panic'ed \(Interrupt wdt timeout on CPU(\d)\)",
            (
                "an interrupt handler or a critical section held the CPU for too long (300 ms), "
                "often printing in an interrupt"
            ),
        ),
        (
            r"panic'ed \(Cache (?:error|disabled but cached memory region accessed)\)",
            "code or data in flash or PSRAM was used while the flash was being written",
        ),
        (
            r"panic'ed \(Unhandled debug exception\)|Stack canary watchpoint triggered",
            "a task's stack was full: give it more, or call less deeply",
        ),
        (
            r"panic'ed \(Double exception\)",
            "a second exception in the handler of the first one: usually a destroyed stack",
        ),
        (
            r"panic'ed \(Coprocessor exception\)",
            "floating point in an interrupt handler",
        ),
        (
            r"panic'ed \(",
            "the CPU met something that it could not go on after",
        ),
        (
            r"Task watchdog got triggered",
            "a task did not let others run for too long; the tasks are named below",
        ),
        (
            r"A stack overflow in task (\S+)",
            "that task's stack is too small for what it calls",
        ),
        (
            r"Stack smashing protect failure|stack smashing detected",
            "a function wrote past the end of an array on its stack",
        ),
        (
            r"CORRUPT HEAP",
            ("somebody wrote past the end of a block of memory, or used it after it was freed"),
        ),
        (
            r"abort\(\) was called at PC",
            "the C code gave up by itself; the line above says why",
        ),
        (
            r"assert failed: ",
            "a condition that the C code relies on was false",
        ),
        (
            r"FATAL: uncaught exception",
            (
                "an exception left MicroPython with nobody to catch it, as in native code or "
                "for want of memory"
            ),
        ),
        (
            r"Guru Meditation Error",
            "the CPU met something that it could not go on after",
        ),
        (
            r"invalid header: 0xffffffff",
            "the flash is empty there: flash the board (`mynah flash`)",
        ),
        (
            r"invalid header: 0x",
            (
                "no boot loader at the start of the flash: wrong offset or wrong image (`mynah "
                "flash`)"
            ),
        ),
        (
            r"SHA-256 comparison failed",
            "the boot loader in the flash is damaged: flash the board again",
        ),
        (
            r"No bootable app partitions",
            "no whole application in the flash: flash the board again",
        ),
        (
            (
                r"PSRAM ID read error|octal_psram: .*(?:not detected|wrong)"
                r"|quad_psram: .*not (?:found|detected|connected)"
            ),
            "the image is for the other kind of PSRAM (quad, octal), or the module has none",
        ),
        (
            r"memory allocation failed",
            "MicroPython's heap was full, or had no piece that large",
        ),
    )
)
_ANY = re.compile("|".join(pattern.pattern for pattern, _ in _SENTENCES))  # most lines: one look

PROGRAM_PANIC = re.compile(
    r"Guru Meditation Error|abort\(\) was called|\*\*\*ERROR\*\*\*|assert failed: |"
    r"FATAL: uncaught exception|[Ss]tack smashing|CORRUPT HEAP"
)
"""The first line of a panic that the program itself has brought about."""

PANIC_START = re.compile(
    PROGRAM_PANIC.pattern + r"|Brownout detector was triggered|Task watchdog got triggered"
)
"""The first line of any panic."""

PANIC_GOES_ON = re.compile(
    r"^(?:Core|PC|A\d|EX|EPC|L(?:BEG|END|COUNT)|SAR|Backtrace|\s*0x|Register|Debug|ELF|CPU|Memory|"
    r"[0-9a-f]{8}: |Stack|$)"
)
"""A line that belongs to the panic before it."""

_REGISTER = re.compile(r"\b(PC|EXCVADDR|EXCCAUSE)\s*: 0x([0-9a-f]{8})")
_BACKTRACE = re.compile(r"^(?:Backtrace|abort\(\) was called at PC|Saved PC)")
_COUNTER = re.compile(r"(?:^|[\s:]PC ?:?|Backtrace: ?|\s)(0x[0-9a-f]{8})", re.IGNORECASE)
_PC = re.compile(r"^PC\s*: (0x[0-9a-f]{8})")
_CORRUPT = re.compile(r"\|<-CORRUPTED")
_NULL_PAGE = 0x1000

# Xtensa ISA reference, "Exception causes"; the names are panic_arch.c's.
_CAUSES = {
    0: "IllegalInstruction", 2: "InstructionFetchError", 3: "LoadStoreError",
    6: "IntegerDivideByZero", 9: "LoadStoreAlignment", 20: "InstrFetchProhibited",
    28: "LoadProhibited", 29: "StoreProhibited",
}  # fmt: skip

# ESP32-S3 TRM, "System and Memory", address mapping.
_REGIONS = (
    (0x3C000000, 0x3E000000, "flash or PSRAM (data)"),
    (0x3FC88000, 0x3FD00000, "internal RAM"),
    (0x3FF00000, 0x3FF20000, "the ROM's data"),
    (0x40000000, 0x40060000, "the ROM"),
    (0x40370000, 0x403E0000, "code in internal RAM"),
    (0x42000000, 0x44000000, "code in flash"),
    (0x50000000, 0x50002000, "RTC memory"),
    (0x60000000, 0x600D1000, "a peripheral's registers"),
    (0x600FE000, 0x60100000, "RTC memory"),
)


def region(address: int) -> str:
    """What lies at an address of the ESP32-S3."""
    if address < _NULL_PAGE:
        return "a NULL pointer" if address == 0 else f"a NULL pointer + {address}"
    return next((name for low, high, name in _REGIONS if low <= address < high), "nothing")


def explain(line: str) -> str | None:
    """What a line of a panic means; None for a line that tells of none."""
    if _ANY.search(line):
        return next(text for pattern, text in _SENTENCES if pattern.search(line))
    return _registers(line)


def is_backtrace(line: str) -> bool:
    """Whether the line holds addresses of calls."""
    return _BACKTRACE.match(line) is not None


def counters(line: str) -> list[str]:
    """The program counters of a backtrace's line, without the stack pointers behind them."""
    return _COUNTER.findall(line)


def program_counter(line: str) -> str | None:
    """The address at which a panic happened, of a line of a register dump that has it."""
    match = _PC.match(line)
    return match[1] if match else None


def backtrace_note(line: str) -> str | None:
    """What a backtrace's line says of itself: whether its end is missing."""
    if _CORRUPT.search(line):
        return "the stack was destroyed: the backtrace ends too early"
    return None


def _registers(line: str) -> str | None:
    told = []
    for name, digits in _REGISTER.findall(line):
        value = int(digits, 16)
        if name == "EXCCAUSE":
            if value in _CAUSES:
                told.append(f"EXCCAUSE {value} is {_CAUSES[value]}")
        else:
            told.append(f"{name} 0x{value:08x} is {region(value)}")
    return ", ".join(told) or None
