"""The model compiler: what it makes of the shipped models, and what it refuses."""

import json
import platform
import struct
import zlib

import numpy as np
import pytest

from mynah import models
from mynah.errors import ModelError
from mynah.models import frontend_tables, quantise, tflite, wake_file
from mynah.models.flatbuffer import Table
from mynah.models.lowering import lower
from mynah.paths import FIRMWARE_DIR

SHIPPED = models.shipped()
MANIFEST = SHIPPED["alexa"].manifest_json


def alexa():
    return bytearray(SHIPPED["alexa"].tflite.read_bytes())


def code_position(data, name):
    """Where the file holds the number of an operator's code."""
    number = next(number for number, known in tflite.OPERATORS.items() if known == name)
    for code in Table.root(bytes(data)).tables(1):
        if max(code.integer(0, "b"), code.integer(3, "i")) == number:
            return code._at(0), code._at(3)
    raise AssertionError(name)


def tensor_field(data, index, field):
    """Where the file holds a field of a tensor of the main graph."""
    return Table.root(bytes(data)).tables(2)[0].tables(0)[index]._at(field)


def test_the_four_models_are_found_and_compile():
    assert {"alexa", "hey_jarvis", "hey_mycroft", "okay_nabu"} <= set(SHIPPED)
    for name, shipped in SHIPPED.items():
        header, manifest = wake_file.read(models.compiled(name))
        assert manifest == shipped.manifest
        assert (header.input_rows, header.input_channels) == (3, 40)
        assert len(models.compiled(name)) < shipped.tflite.stat().st_size


def test_what_a_model_says_of_itself_is_carried_over():
    _, manifest = wake_file.read(models.compiled("alexa"))
    assert (manifest.wake_word, manifest.author) == ("Alexa", "Kevin Ahrendt")
    assert manifest.website.startswith("https://")
    assert manifest.licence == "Apache-2.0"
    assert manifest.languages == ("en",)
    assert (manifest.cutoff, manifest.window) == (229, 5)


def test_a_model_is_taken_by_path_too(tmp_path):
    source = SHIPPED["hey_jarvis"]
    (tmp_path / "hey_jarvis.json").write_text(source.manifest_json)
    model = tmp_path / "hey_jarvis.tflite"
    model.write_bytes(source.tflite.read_bytes())
    by_json = models.compiled(str(tmp_path / "hey_jarvis.json"))
    assert models.compiled(str(model)) == by_json
    flat = tmp_path / "mine.wake"
    flat.write_bytes(by_json)
    assert models.compiled(str(flat)) == by_json
    (tmp_path / "hey_jarvis.json").unlink()
    assert wake_file.read(models.compiled(str(model)))[1].wake_word == "hey_jarvis"


def test_a_name_that_is_no_model_is_refused():
    with pytest.raises(ModelError, match="alexa, hey_jarvis, hey_mycroft, okay_nabu"):
        models.compiled("hey_nobody")


@pytest.mark.parametrize("length", [0, 3, 8, 100, 5000, 30000, 55000])
def test_a_model_cut_short_is_refused(length):
    with pytest.raises(ModelError):
        models.compile_model(bytes(alexa()[:length]), MANIFEST)


def test_a_damaged_model_is_refused_or_compiles_but_never_crashes():
    """Bits flipped in the file's structure; in the weights a flip cannot be seen (no checksum)."""
    rng = np.random.default_rng(3)
    n_refused = 0
    for position in rng.integers(0, len(alexa()), 150):
        data = alexa()
        data[position] ^= 1 << int(rng.integers(8))
        try:
            models.compile_model(bytes(data), MANIFEST)
        except ModelError:
            n_refused += 1
    assert n_refused > 10


def test_an_unknown_operator_is_refused_by_name():
    data = alexa()
    old, new = code_position(data, "LOGISTIC")
    data[old] = 28
    if new is not None:
        struct.pack_into("<i", data, new, 28)
    with pytest.raises(ModelError, match="operator TANH is not supported"):
        models.compile_model(bytes(data), MANIFEST)


def test_an_operator_that_has_no_name_is_refused_by_number():
    data = alexa()
    old, new = code_position(data, "LOGISTIC")
    data[old] = 99
    if new is not None:
        struct.pack_into("<i", data, new, 99)
    with pytest.raises(ModelError, match="operator number 99 is not supported"):
        models.compile_model(bytes(data), MANIFEST)


def test_a_float_input_is_refused_by_type():
    data = alexa()
    field = tensor_field(data, 0, 1)
    data[field] = next(code for code, name in tflite.TENSOR_TYPES.items() if name == "INT16")
    with pytest.raises(ModelError, match="the input is INT16; Mynah runs INT8"):
        models.compile_model(bytes(data), MANIFEST)


def test_an_odd_shape_is_refused():
    data = alexa()
    at = tensor_field(data, 0, 0)
    start = at + struct.unpack_from("<I", data, at)[0] + 4
    struct.pack_into("<i", data, start, 2)
    with pytest.raises(ModelError, match=r"the input has shape \[2, 3, 40\]"):
        models.compile_model(bytes(data), MANIFEST)


def test_a_file_of_another_kind_is_refused():
    with pytest.raises(ModelError, match=r"not a \.tflite"):
        models.compile_model(b"RIFF\0\0\0\0WAVEfmt " * 10, MANIFEST)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"wake_word": None}, "not a microWakeWord manifest"),
        ({"probability_cutoff": 1.5}, "out of range"),
        ({"sliding_window_size": 0}, "out of range"),
        ({"feature_step_size": 20}, "every 20 ms"),
    ],
)
def test_a_bad_manifest_is_refused(change, message):
    data = json.loads(MANIFEST)
    for key, value in change.items():
        if value is None:
            del data[key]
        else:
            data["micro"][key] = value
    with pytest.raises(ModelError, match=message):
        models.compile_model(bytes(alexa()), json.dumps(data))
    with pytest.raises(ModelError, match="not a microWakeWord manifest"):
        models.compile_model(bytes(alexa()), "{")


def test_a_spoilt_wake_file_is_refused():
    good = models.compiled("alexa")
    for position in (0, 4, 9, 13, 50, 100, 20000, len(good) - 1):
        data = bytearray(good)
        data[position] ^= 0x10
        with pytest.raises(ModelError):
            wake_file.read(bytes(data))
    for length in (0, 79, len(good) - 4):
        with pytest.raises(ModelError):
            wake_file.read(good[:length])


def test_cutoff_is_changed_and_nothing_else():
    changed = models.with_cutoff(models.compiled("alexa"), 100)
    header, manifest = wake_file.read(changed)
    before, _ = wake_file.read(models.compiled("alexa"))
    assert manifest.cutoff == 100
    assert header.arena_size == before.arena_size
    assert zlib.crc32(changed[16:]) == header.crc


def test_instructions_cover_the_work_of_the_graph():
    """One instruction an arithmetic operator and state; nothing is copied in the shipped models."""
    for shipped in SHIPPED.values():
        graphs = tflite.parse(shipped.tflite.read_bytes())
        program = lower(graphs)
        names = [operator.name for operator in graphs[0].operators]
        ops = [instruction.op.name for instruction in program.instructions]
        assert ops.count("MATVEC") == names.count("CONV_2D") + names.count("FULLY_CONNECTED")
        assert ops.count("DEPTHWISE") == names.count("DEPTHWISE_CONV_2D")
        assert ops.count("APPEND") == names.count("ASSIGN_VARIABLE")
        assert "COPY" not in ops


def test_feature_formula_equals_floats():
    factor, shift, largest = quantise.feature_formula(0.10196078568696976, -128)
    features = np.arange(65536)
    ours = np.minimum((np.minimum(features, largest) * factor + (1 << (shift - 1))) >> shift, 255)
    theirs = np.clip(np.round(features * 0.0390625 / 0.10196078568696976 - 128), -128, 127) + 128
    np.testing.assert_array_equal(ours, theirs)
    assert (largest * factor + (1 << (shift - 1))) < 1 << 31


def test_multiplier_is_the_real_number():
    rng = np.random.default_rng(1)
    for real in np.exp(rng.uniform(-12, 1, 500)):
        mantissa, shift = quantise.multiplier(float(real))
        assert 1 << 30 <= mantissa < 1 << 31
        assert mantissa * 2.0 ** (-31 - shift) == pytest.approx(real, rel=1e-9)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the tables are glibc's to the bit")
def test_tables_in_the_firmware_are_those_that_the_formulas_give():
    path = FIRMWARE_DIR / "speaker" / "wake" / "tables.py"
    assert path.read_text("ascii") == frontend_tables.source()
