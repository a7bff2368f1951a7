"""Every operator that the compiler takes, on small models with random weights, against TFLite.

Each model ends in the tensor that is looked at; the firmware runs it in MicroPython, value for
value beside TensorFlow Lite's own interpreter.
"""

import os
import struct
import subprocess

import numpy as np
import pytest
import wake_reference
from tflite_writer import Graph

from mynah.errors import ModelError
from mynah.models import quantise, tflite, wake_file
from mynah.models.lowering import lower_graph
from mynah.models.manifest import Manifest
from mynah.paths import FIRMWARE_DIR
from mynah.virtual.micropython import micropython_command

N_INFERENCES = 12
SAME, VALID = 0, 1
RELU_N1_TO_1 = 2
IN, IN_ZERO = 0.10196078568696976, -128
MANIFEST = Manifest(wake_word="Test", cutoff=200, window=5)

# Puts each input into the arena itself, so that no front end comes between.
RUNNER = """
import sys
if sys.argv[3] == "python":
    import speaker.kernels.model, speaker.kernels.model_python, speaker.kernels.elementwise_python
    speaker.kernels.model._one = speaker.kernels.model_python
    sys.modules["speaker.kernels.elementwise"] = speaker.kernels.elementwise_python
from speaker.wake.model import Model
model = Model(sys.argv[1])
n_in, n_out = model.stride * model._channels, int(sys.argv[2])
inputs = bytearray(n_in)
stdin, stdout = sys.stdin.buffer, sys.stdout.buffer
arena = model._arena
while stdin.readinto(inputs) == n_in:
    arena[model._input : model._input + n_in] = inputs
    model.run()
    stdout.write(arena[model._output : model._output + n_out])
"""


def compile_tensor(data):
    """A .wake file that ends in the model's output, whatever its shape; and its size."""
    graphs = tflite.parse(data)
    context = lower_graph(graphs)
    view = context.view(graphs[0].outputs[0])
    # Always a copy, since the window of a ring has no fixed place.
    context.program.output = context.program.add_tensor(view.shape)
    context.copy(view, context.program.output)
    formula = quantise.feature_formula(IN, IN_ZERO)
    return wake_file.build(context.program, MANIFEST, formula), view.size


def run_firmware(tmp_path, wake, size, inputs, backend):
    (tmp_path / "m.wake").write_bytes(wake)
    (tmp_path / "run.py").write_text(RUNNER)
    done = subprocess.run(
        [*micropython_command(), str(tmp_path / "run.py"), str(tmp_path / "m.wake"), str(size),
         backend],
        input=(inputs + 128).astype(np.uint8).tobytes(),
        env=dict(os.environ, MICROPYPATH=str(FIRMWARE_DIR)),
        capture_output=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode() + done.stdout.decode()
    return np.frombuffer(done.stdout, np.uint8).reshape(len(inputs), -1)


def differences(tmp_path, graph, output, n_values):
    """Steps of 255 between the firmware and TensorFlow Lite, for every value."""
    data = graph.file(output)
    (tmp_path / "m.tflite").write_bytes(data)
    rows = graph.shapes[graph.inputs[0]][1]
    inputs = np.random.default_rng(5).integers(-128, 128, (N_INFERENCES, rows, 40))
    inputs[0], inputs[1] = -128, 127
    expected = wake_reference.Interpreter.of_file(tmp_path / "m.tflite").tensors(inputs)
    assert len(np.unique(expected)) >= n_values, "such a tensor proves nothing"
    wake, size = compile_tensor(data)
    native, twin = (
        run_firmware(tmp_path, wake, size, inputs, backend) for backend in ("viper", "python")
    )
    np.testing.assert_array_equal(native, twin)
    return np.abs(native.astype(int) - expected)


def assert_equal(tmp_path, graph, output, n_values=4):
    steps = differences(tmp_path, graph, output, n_values)
    assert not steps.any(), f"{np.count_nonzero(steps)} of {steps.size}, up to {steps.max()}"


def start(shape=(1, 3, 1, 40), rows=3):
    """A graph whose input is seen in another shape: the graph, random numbers, the tensor."""
    graph = Graph()
    source = graph.input(rows)
    shaped = graph.like("RESHAPE", [source, graph.numbers(shape)], shape)
    return graph, np.random.default_rng(len(shape) + sum(shape)), shaped


def out_size(size, taps, stride, dilation, padding):
    if padding == SAME:
        return -(-size // stride)
    return (size - (taps - 1) * dilation - 1) // stride + 1


@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize(
    ("shape", "rows", "taps", "outputs", "strides", "dilations", "padding", "activation"),
    [
        ((1, 3, 1, 40), 3, (1, 1), 9, (1, 1), (1, 1), VALID, 0),
        ((1, 3, 1, 40), 3, (3, 1), 8, (1, 1), (1, 1), VALID, 1),
        ((1, 12, 1, 10), 3, (5, 1), 7, (2, 1), (1, 1), VALID, 3),
        ((1, 12, 1, 10), 3, (3, 1), 6, (1, 1), (3, 1), VALID, 1),
        ((1, 12, 1, 10), 3, (5, 1), 5, (1, 1), (1, 1), SAME, 0),
        ((1, 12, 1, 20), 6, (4, 1), 5, (3, 1), (1, 1), SAME, 2),
        ((1, 3, 8, 5), 3, (2, 3), 6, (1, 1), (1, 1), VALID, 1),
        ((1, 3, 8, 5), 3, (3, 3), 4, (1, 2), (1, 1), SAME, 1),
        ((1, 3, 40, 1), 3, (3, 5), 4, (1, 3), (1, 2), VALID, 0),
        ((1, 2, 40, 1), 2, (1, 40), 4, (1, 1), (1, 1), VALID, 0),
        ((1, 1, 1, 40), 1, (1, 1), 33, (1, 1), (1, 1), VALID, 1),
    ],
)
def test_conv_2d(
    tmp_path, shape, rows, taps, outputs, strides, dilations, padding, activation, per_channel
):
    graph, rng, x = start(shape, rows)
    if activation == RELU_N1_TO_1:
        scale = 0.0002
    else:
        scale = rng.uniform(0.01, 0.03, outputs) if per_channel else 0.02
    w = graph.weights(rng, (outputs, *taps, shape[3]), scale)
    size = [out_size(shape[i + 1], taps[i], strides[i], dilations[i], padding) for i in (0, 1)]
    y = graph.op(
        "CONV_2D", [x, w, graph.bias(rng, outputs)], (1, *size, outputs), 0.5, -20,
        padding=padding, stride_h=strides[0], stride_w=strides[1], dilation_h=dilations[0],
        dilation_w=dilations[1], activation=activation,
    )  # fmt: skip
    assert_equal(tmp_path, graph, y)


@pytest.mark.parametrize(
    ("shape", "rows", "taps", "multiplier", "strides", "dilations", "padding"),
    [
        ((1, 12, 1, 10), 3, (5, 1), 1, (1, 1), (1, 1), VALID),
        ((1, 12, 1, 10), 3, (3, 1), 1, (1, 1), (2, 1), VALID),
        ((1, 12, 1, 10), 3, (4, 1), 1, (1, 1), (1, 1), SAME),
        ((1, 12, 1, 10), 3, (3, 1), 2, (1, 1), (1, 1), VALID),
        ((1, 12, 1, 10), 3, (3, 1), 8, (3, 1), (1, 1), SAME),
        ((1, 3, 40, 1), 3, (3, 3), 8, (1, 2), (1, 1), VALID),
        ((1, 3, 8, 5), 3, (2, 3), 1, (1, 1), (1, 1), SAME),
        ((1, 3, 5, 8), 3, (3, 3), 1, (1, 1), (1, 1), SAME),
        ((1, 3, 1, 40), 3, (3, 1), 1, (1, 1), (1, 1), VALID),
        ((1, 12, 1, 20), 6, (3, 1), 1, (2, 1), (1, 1), VALID),
    ],
)
def test_depthwise_conv_2d(tmp_path, shape, rows, taps, multiplier, strides, dilations, padding):
    graph, rng, x = start(shape, rows)
    outputs = shape[3] * multiplier
    w = graph.weights(rng, (1, *taps, outputs), rng.uniform(0.01, 0.03, outputs), axis=3)
    size = [out_size(shape[i + 1], taps[i], strides[i], dilations[i], padding) for i in (0, 1)]
    y = graph.op(
        "DEPTHWISE_CONV_2D", [x, w, graph.bias(rng, outputs)], (1, *size, outputs), 0.25, 5,
        padding=padding, stride_h=strides[0], stride_w=strides[1], dilation_h=dilations[0],
        dilation_w=dilations[1], multiplier=multiplier, activation=1,
    )  # fmt: skip
    assert_equal(tmp_path, graph, y)


@pytest.mark.parametrize(
    ("shape", "outputs", "result", "keep", "scale"),
    [((1, 120), 7, (1, 7), 0, 0.02), ((1, 3, 40), 5, (1, 3, 5), 1, 0.015), ((3, 40), 6, (3, 6), 0,
     0.02), ((1, 3, 1, 40), 33, (3, 33), 0, 0.02)],
)  # fmt: skip
def test_fully_connected(tmp_path, shape, outputs, result, keep, scale):
    graph, rng, x = start(shape)
    length = 120 if shape == (1, 120) else 40
    w = graph.weights(rng, (outputs, length), scale)
    y = graph.op(
        "FULLY_CONNECTED", [x, w, graph.bias(rng, outputs)], result, 0.7, -11, keep_dims=keep
    )
    assert_equal(tmp_path, graph, y)


def two_terms(one, other, rows=3):
    """Two tensors of these shapes, with unlike quantisation, made from one input."""
    graph = Graph()
    source = graph.input(rows)
    rng = np.random.default_rng(3)
    terms = []
    for number, shape in enumerate((one, other)):
        size = int(np.prod(shape))
        flat = graph.like("RESHAPE", [source, graph.numbers((1, rows * 40))], (1, rows * 40))
        w = graph.weights(rng, (size, rows * 40))
        y = graph.op("FULLY_CONNECTED", [flat, w, graph.bias(rng, size)], (1, size),
                     0.3 + number * 0.4, 10 - 30 * number)  # fmt: skip
        terms.append(graph.like("RESHAPE", [y, graph.numbers(shape)], shape))
    return graph, terms


SHAPES = [
    ((1, 3, 1, 8), (1, 3, 1, 8)),
    ((1, 3, 1, 8), (1, 1, 1, 8)),
    ((1, 3, 1, 8), (1, 3, 1, 1)),
    ((1, 1, 1, 1), (1, 3, 1, 8)),
    ((1, 3, 4, 5), (1, 1, 4, 1)),
    ((1, 3, 4, 5), (5,)),
    ((1, 24), (1, 24)),
]


@pytest.mark.parametrize("name", ["ADD", "MUL"])
@pytest.mark.parametrize(("one", "other"), SHAPES)
def test_add_and_mul(tmp_path, name, one, other):
    graph, terms = two_terms(one, other)
    shape = np.broadcast_shapes(one, other)
    for activation in (0, 1):
        y = graph.op(name, terms, shape, 0.9 if name == "ADD" else 6.0, -5, activation=activation)
    assert_equal(tmp_path, graph, y)


@pytest.mark.parametrize("name", ["ADD", "MUL"])
def test_add_and_mul_of_a_constant(tmp_path, name):
    graph, rng, x = start((1, 3, 1, 40))
    constant = graph.tensor((1, 1, 1, 40), scale=0.05, zero=3, data=rng.integers(-128, 128, 40))
    assert_equal(tmp_path, graph, graph.op(name, [x, constant], (1, 3, 1, 40), 0.2, -60))


@pytest.mark.parametrize("name", ["AVERAGE_POOL_2D", "MAX_POOL_2D"])
@pytest.mark.parametrize(
    ("shape", "taps", "strides", "padding"),
    [
        ((1, 3, 1, 40), (3, 1), (1, 1), VALID),
        ((1, 12, 1, 10), (4, 1), (2, 1), VALID),
        ((1, 12, 1, 10), (5, 1), (2, 1), SAME),
        ((1, 3, 40, 1), (1, 40), (1, 1), VALID),
        ((1, 6, 5, 4), (3, 2), (2, 2), SAME),
        ((1, 6, 5, 4), (6, 5), (1, 1), VALID),
    ],
)
def test_pools(tmp_path, name, shape, taps, strides, padding):
    graph, _, x = start(shape)
    size = [out_size(shape[i + 1], taps[i], strides[i], 1, padding) for i in (0, 1)]
    y = graph.like(
        name, [x], (1, *size, shape[3]), padding=padding, stride_h=strides[0],
        stride_w=strides[1], height=taps[0], width=taps[1],
    )  # fmt: skip
    assert_equal(tmp_path, graph, y)


@pytest.mark.parametrize("scale", [IN, 0.07, 0.2])
@pytest.mark.parametrize(
    ("shape", "axes", "keep"),
    [
        ((1, 3, 8, 5), (1, 2), 1),
        ((1, 3, 2, 20), (1, 2), 1),
        ((1, 3, 8, 5), (1, 2), 0),
        ((1, 3, 8, 5), (1,), 1),
        ((1, 3, 8, 5), (2,), 0),
        ((1, 3, 8, 5), (3,), 1),
        ((1, 3, 1, 40), (1, 2), 1),
        ((1, 3, 40), (-1,), 0),
        ((1, 3, 40), (1,), 0),
        ((1, 6, 1, 20), (1, 2), 0),
    ],
)
def test_mean(tmp_path, shape, axes, keep, scale):
    graph, _, x = start(shape)
    gone = {axis % len(shape) for axis in axes}
    result = [1 if i in gone else n for i, n in enumerate(shape) if keep or i not in gone]
    zero = -30 if scale == 0.2 else -128
    y = graph.op("MEAN", [x, graph.numbers(axes)], result, scale, zero, keep_dims=keep)
    assert_equal(tmp_path, graph, y)


@pytest.mark.parametrize(
    ("paddings", "result"),
    [
        (((0, 0), (2, 1), (0, 0), (0, 0)), (1, 6, 1, 40)),
        (((0, 0), (0, 0), (1, 1), (3, 0)), (1, 3, 3, 43)),
    ],
)
def test_pad(tmp_path, paddings, result):
    graph, _, x = start((1, 3, 1, 40))
    assert_equal(tmp_path, graph, graph.like("PAD", [x, graph.numbers(paddings)], result))


@pytest.mark.parametrize("axis", [0, 1, 2, 3])
def test_pack_and_split(tmp_path, axis):
    graph, _, x = start((1, 3, 40))
    sizes = graph.numbers([10, 30])
    parts = graph.ops(
        "SPLIT_V", [x, sizes, graph.numbers(2)], [(1, 3, 10), (1, 3, 30)], IN, IN_ZERO, n=2
    )
    thirds = graph.ops(
        "SPLIT_V", [parts[1], graph.numbers([10, -1]), graph.numbers(-1)],
        [(1, 3, 10), (1, 3, 20)], IN, IN_ZERO, n=2,
    )  # fmt: skip
    shape = [1, 3, 10]
    shape.insert(axis, 2)
    y = graph.like("PACK", [parts[0], thirds[0]], shape, count=2, axis=axis)
    assert_equal(tmp_path, graph, y)


def test_slices_and_concatenation_along_every_axis(tmp_path):
    graph, _, x = start((1, 6, 4, 5))
    a = graph.slice(x, [0, 1, 0, 0], [1, 6, 4, 5], [1, 2, 1, 1], (1, 3, 4, 5))
    b = graph.slice(x, [0, -3, 1, 0], [1, 6, 4, 5], [1, 1, 3, 1], (1, 3, 1, 5))
    c = graph.like("CONCATENATION", [a, b], (1, 3, 5, 5), axis=2)
    d = graph.like("CONCATENATION", [c, c], (1, 6, 5, 5), axis=1)
    e = graph.like("CONCATENATION", [d, d], (1, 6, 5, 10), axis=-1)
    assert_equal(tmp_path, graph, e)


def test_a_slice_that_drops_an_axis(tmp_path):
    graph, _, x = start((1, 3, 40))
    bounds = [graph.numbers(v) for v in ([0, 1, 0], [1, 2, 40], [1, 1, 1])]
    y = graph.like("STRIDED_SLICE", [x, *bounds], (1, 40), shrink_mask=2)
    assert_equal(tmp_path, graph, y)


def test_quantize_and_logistic(tmp_path):
    graph, _, x = start((1, 120))
    y = graph.op("QUANTIZE", [x], (1, 120), 0.2, -60)
    y = graph.op("LOGISTIC", [y], (1, 120), 1 / 256, -128)
    assert_equal(tmp_path, graph, graph.op("QUANTIZE", [y], (1, 120), 1 / 256, 0, "UINT8"))


@pytest.mark.parametrize(("rows", "n_kept"), [(1, 4), (2, 3), (3, 10), (4, 2)])
def test_state_of_any_length_and_stride(tmp_path, rows, n_kept):
    graph, _, x = start((1, rows, 4, 10), rows)
    window = graph.window(x, n_kept, "s", IN, IN_ZERO, initial=17)
    assert_equal(tmp_path, graph, window)


def sliding(graph, source, n_rows, *, drop):
    """A state that is the whole window: its oldest rows go, the new ones come, all is kept."""
    handle = graph.tensor((1,), "RESOURCE", scale=None)
    graph.operators.append(graph._operator("VAR_HANDLE", [], [handle], {"name": "whole"}))
    shape = (1, n_rows, 40)
    state = graph.op("READ_VARIABLE", [handle], shape, IN, IN_ZERO)
    kept = graph.slice(state, [0, drop, 0], shape, [1, 1, 1], (1, n_rows - drop, 40))
    n_new = graph.shapes[source][1]
    whole = graph.like("CONCATENATION", [kept, source], (1, n_rows - drop + n_new, 40), axis=1)
    graph.operators.append(graph._operator("ASSIGN_VARIABLE", [handle, whole], [], {}))
    graph.states["whole"] = (shape, IN, IN_ZERO, 5)
    return whole


@pytest.mark.parametrize(("rows", "n_rows"), [(1, 5), (3, 7)])
def test_a_state_that_holds_the_whole_window(tmp_path, rows, n_rows):
    graph, _, x = start((1, rows, 40), rows)
    assert_equal(tmp_path, graph, sliding(graph, x, n_rows, drop=rows))


def mixed(rng, stride, channels, taps):
    """A model as microWakeWord's mixed convolutions and attention make it, in small."""
    graph = Graph()
    x = graph.input(stride)
    x = graph.like("RESHAPE", [x, graph.numbers((1, stride, 1, 40))], (1, stride, 1, 40))
    x = graph.window(x, 2, "first", IN, IN_ZERO)
    w = graph.weights(rng, (channels, 3, 1, 40), rng.uniform(0.005, 0.01, channels))
    x = graph.op("CONV_2D", [x, w, graph.bias(rng, channels)], (1, stride, 1, channels), 0.2,
                 -128, padding=VALID, stride_h=1, stride_w=1, activation=1, dilation_h=1,
                 dilation_w=1)  # fmt: skip
    skip = x
    x = graph.window(x, taps - 1, "deep", 0.2, -128)
    w = graph.weights(rng, (1, taps, 1, channels), rng.uniform(0.002, 0.005, channels), axis=3)
    x = graph.op("DEPTHWISE_CONV_2D", [x, w, graph.bias(rng, channels)], (1, stride, 1, channels),
                 0.15, 4, padding=VALID, stride_h=1, stride_w=1, multiplier=1, activation=0,
                 dilation_h=1, dilation_w=1)  # fmt: skip
    x = graph.op("ADD", [x, skip], (1, stride, 1, channels), 0.25, -30, activation=0)
    flat = graph.like("RESHAPE", [x, graph.numbers((1, stride, channels, 1))],
                      (1, stride, channels, 1))  # fmt: skip
    pools = [
        graph.like(name, [flat], (1, stride, 1, 1), padding=VALID, stride_h=1, stride_w=1,
                   height=1, width=channels)
        for name in ("AVERAGE_POOL_2D", "MAX_POOL_2D")
    ]  # fmt: skip
    both = graph.like("CONCATENATION", pools, (1, stride, 1, 2), axis=3)
    w = graph.weights(rng, (1, 1, 1, 2), 0.0005)
    gate = graph.op("CONV_2D", [both, w, graph.bias(rng, 1, 0.0001)], (1, stride, 1, 1), 0.05, 0,
                    padding=VALID, stride_h=1, stride_w=1, dilation_h=1, dilation_w=1)  # fmt: skip
    gate = graph.op("LOGISTIC", [gate], (1, stride, 1, 1), 1 / 256, -128)
    x = graph.op("MUL", [x, gate], (1, stride, 1, channels), 0.2, -40)
    x = graph.window(x, 5, "last", 0.2, -40)
    x = graph.op("MEAN", [x, graph.numbers([1, 2])], (1, channels), 0.1, -20, keep_dims=0)
    deep = x
    w = graph.weights(rng, (1, channels), 0.003)
    x = graph.op("FULLY_CONNECTED", [x, w, graph.bias(rng, 1, 0.0003)], (1, 1), 0.05, 0)
    x = graph.op("LOGISTIC", [x], (1, 1), 1 / 256, -128)
    return graph, deep, graph.op("QUANTIZE", [x], (1, 1), 1 / 256, 0, "UINT8")


@pytest.mark.parametrize(
    ("stride", "channels", "taps"), [(1, 8, 5), (2, 20, 9), (3, 30, 13), (4, 48, 3)]
)
def test_a_whole_model_of_another_build(tmp_path, stride, channels, taps):
    graph, deep, output = mixed(np.random.default_rng(channels + 3), stride, channels, taps)
    assert_equal(tmp_path, graph, deep)
    assert_equal(tmp_path, graph, output, n_values=1)


def test_the_file_says_what_each_kernel_expects():
    graph, _, output = mixed(np.random.default_rng(1), 3, 16, 5)
    wake, _ = compile_tensor(graph.file(output))
    header, _ = wake_file.read(wake)
    at, codes = header.program_at, set()
    for _ in range(header.n_instructions):
        code, n_words = struct.unpack_from("<2i", wake, at)
        codes.add(code)
        at += 4 * n_words
    assert codes == {1, 2, 3, 4, 5, 6, 7, 8, 9}


def refusal(graph, output):
    with pytest.raises(ModelError) as caught:
        compile_tensor(graph.file(output))
    return str(caught.value)


def test_what_is_not_run_is_refused_by_name():
    graph, _, x = start((1, 3, 1, 40))
    assert "operator TANH" in refusal(graph, graph.like("TANH", [x], (1, 3, 1, 40)))
    graph, _, x = start((1, 3, 1, 40))
    y = graph.like("ADD", [x, x], (1, 3, 1, 40), activation=4)
    assert "ADD with the activation TANH" in refusal(graph, y)
    graph, rng, x = start((1, 3, 1, 40))
    w = graph.weights(rng, (4, 1, 1, 20))
    y = graph.op("CONV_2D", [x, w], (1, 3, 1, 4), padding=VALID, stride_h=1, stride_w=1)
    assert "CONV_2D with groups" in refusal(graph, y)
    graph, rng, x = start((3, 1, 1, 40))
    w = graph.weights(rng, (4, 1, 1, 40))
    y = graph.op("CONV_2D", [x, w], (3, 1, 1, 4), padding=VALID, stride_h=1, stride_w=1)
    assert "CONV_2D over shape [3, 1, 1, 40]" in refusal(graph, y)
    graph, _, x = start((1, 3, 1, 40))
    y = graph.op("MAX_POOL_2D", [x], (1, 1, 1, 40), 0.3, padding=VALID, stride_h=1, stride_w=1,
                 height=3, width=1)  # fmt: skip
    assert "MAX_POOL_2D with unlike quantisation" in refusal(graph, y)
    graph, _, x = start((1, 3, 1, 40))
    y = graph.op("LOGISTIC", [x], (1, 3, 1, 40), kind="INT32")
    assert "is INT32" in refusal(graph, y)
