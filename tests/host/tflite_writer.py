"""Write small ``.tflite`` models, operator by operator, for the tests of the model compiler.

The layout is that of FlatBuffers ("Internals": tables, vtables, vectors), the field numbers are
those of TensorFlow Lite's ``schema.fbs``. TensorFlow Lite itself reads what is written here.
"""

import struct

import numpy as np

CODES = {
    "ADD": 0, "AVERAGE_POOL_2D": 1, "CONCATENATION": 2, "CONV_2D": 3, "DEPTHWISE_CONV_2D": 4,
    "FULLY_CONNECTED": 9, "LOGISTIC": 14, "MAX_POOL_2D": 17, "MUL": 18, "RESHAPE": 22, "TANH": 28,
    "PAD": 34, "MEAN": 40, "STRIDED_SLICE": 45, "PACK": 83, "SPLIT_V": 102, "QUANTIZE": 114,
    "CALL_ONCE": 129, "VAR_HANDLE": 142, "READ_VARIABLE": 143, "ASSIGN_VARIABLE": 144,
}  # fmt: skip

# Operator to its member of the union BuiltinOptions, and the fields of that table with the letters
# of struct; "s" is a string.
OPTIONS = {
    "ADD": (11, {"activation": (0, "b")}),
    "MUL": (21, {"activation": (0, "b")}),
    "AVERAGE_POOL_2D": (5, {"padding": (0, "b"), "stride_w": (1, "i"), "stride_h": (2, "i"),
                            "width": (3, "i"), "height": (4, "i"), "activation": (5, "b")}),
    "CONCATENATION": (10, {"axis": (0, "i"), "activation": (1, "b")}),
    "CONV_2D": (1, {"padding": (0, "b"), "stride_w": (1, "i"), "stride_h": (2, "i"),
                    "activation": (3, "b"), "dilation_w": (4, "i"), "dilation_h": (5, "i")}),
    "DEPTHWISE_CONV_2D": (2, {"padding": (0, "b"), "stride_w": (1, "i"), "stride_h": (2, "i"),
                              "multiplier": (3, "i"), "activation": (4, "b"),
                              "dilation_w": (5, "i"), "dilation_h": (6, "i")}),
    "FULLY_CONNECTED": (8, {"activation": (0, "b"), "keep_dims": (2, "b")}),
    "RESHAPE": (17, {}),
    "PAD": (22, {}),
    "MEAN": (27, {"keep_dims": (0, "b")}),
    "STRIDED_SLICE": (32, {"begin_mask": (0, "i"), "end_mask": (1, "i"), "shrink_mask": (4, "i")}),
    "PACK": (59, {"count": (0, "i"), "axis": (1, "i")}),
    "SPLIT_V": (79, {"n": (0, "i")}),
    "QUANTIZE": (89, {}),
    "CALL_ONCE": (103, {"subgraph": (0, "i")}),
    "VAR_HANDLE": (111, {"name": (1, "s")}),
    "READ_VARIABLE": (112, {}),
    "ASSIGN_VARIABLE": (113, {}),
}  # fmt: skip
OPTIONS["MAX_POOL_2D"] = OPTIONS["AVERAGE_POOL_2D"]
TYPES = {"INT32": 2, "UINT8": 3, "INT8": 9, "RESOURCE": 13}


class FlatBuffer:
    """Tables are dicts of field number to ``(letter, value)``; children lie behind their parent.

    Letters: one of struct for a scalar; "t" a table, "T" a list of tables, "s" a string, and
    ``"v" + letter`` a list of scalars.
    """

    def __init__(self):
        self.data = bytearray()

    def file(self, root, identifier):
        self.data += struct.pack("<I4s", 0, identifier)
        at = self.table(root)
        struct.pack_into("<I", self.data, 0, at)
        return bytes(self.data)

    def table(self, fields):
        n_fields = max(fields, default=-1) + 1
        offsets, size, body = [0] * n_fields, 4, []
        for number, (letter, _) in sorted(fields.items()):
            width = struct.calcsize("<" + letter) if letter in "bBhHiIqQf" else 4
            size += -size % width
            offsets[number] = size
            body.append((number, size))
            size += width
        self._align(8)
        vtable = len(self.data)
        self.data += struct.pack(f"<{n_fields + 2}H", 4 + 2 * n_fields, size, *offsets)
        self._align(8)
        at = len(self.data)
        self.data += struct.pack("<i", at - vtable) + bytes(size - 4)
        for number, offset in body:
            letter, value = fields[number]
            if letter in "bBhHiIqQf":
                struct.pack_into("<" + letter, self.data, at + offset, value)
            else:
                child = self._child(letter, value)
                struct.pack_into("<I", self.data, at + offset, child - at - offset)
        return at

    def _child(self, letter, value):
        if letter == "t":
            return self.table(value)
        if letter == "T":
            return self._tables(value)
        if letter == "s":
            at = self._vector("B", value.encode())
            self.data += b"\0"
            return at
        return self._vector(letter[1], value)

    def _tables(self, tables):
        self._align(4)
        at = len(self.data)
        self.data += struct.pack("<I", len(tables)) + bytes(4 * len(tables))
        for number, table in enumerate(tables):
            place = at + 4 + 4 * number
            child = self.table(table)
            struct.pack_into("<I", self.data, place, child - place)
        return at

    def _vector(self, letter, values):
        # The contents, behind the count, are aligned to 16 as TFLite wants its buffers.
        while len(self.data) % 16 != 12:
            self.data.append(0)
        at = len(self.data)
        self.data += struct.pack(f"<I{len(values)}{letter}", len(values), *values)
        return at

    def _align(self, size):
        self.data += bytes(-len(self.data) % size)


class Graph:
    """A model that grows: every method that makes a tensor returns its number."""

    def __init__(self):
        self.tensors, self.operators, self.codes = [], [], []
        self.buffers = [{}]
        self.inputs, self.outputs = [], []
        self.shapes = []
        self.states = {}

    # -- tensors

    def tensor(self, shape, kind="INT8", scale=0.1, zero=0, data=None, axis=0):
        """A tensor; ``scale`` may be a list, one for each slice along ``axis``."""
        buffer = 0
        if data is not None:
            buffer = len(self.buffers)
            dtype = {"INT8": "<i1", "UINT8": "<u1", "INT32": "<i4"}[kind]
            self.buffers.append({0: ("vB", np.asarray(data).astype(dtype).tobytes())})
        fields = {0: ("vi", list(shape)), 1: ("b", TYPES[kind]), 2: ("I", buffer),
                  3: ("s", f"t{len(self.tensors)}")}  # fmt: skip
        if scale is not None:
            scales = [float(s) for s in np.atleast_1d(scale)]
            quantisation = {2: ("vf", scales), 3: ("vq", [zero] * len(scales)), 6: ("i", axis)}
            fields[4] = ("t", quantisation)
        self.tensors.append(fields)
        self.shapes.append(tuple(shape))
        return len(self.tensors) - 1

    def numbers(self, values):
        """A constant of 32-bit integers."""
        values = np.asarray(values)
        return self.tensor(values.shape, "INT32", scale=None, data=values)

    def weights(self, rng, shape, scale=0.02, axis=0):
        """Random int8 weights."""
        return self.tensor(shape, scale=scale, data=rng.integers(-127, 128, shape), axis=axis)

    def bias(self, rng, count, scale=0.002):
        """Random 32-bit biases."""
        data = rng.integers(-4000, 4000, count)
        return self.tensor((count,), "INT32", scale=scale, data=data)

    def input(self, rows=3, scale=0.10196078568696976, zero=-128):
        """The model's input: rows of 40 features."""
        self.inputs.append(self.tensor((1, rows, 40), scale=scale, zero=zero))
        return self.inputs[0]

    # -- operators

    def op(self, name, inputs, shape, scale=0.1, zero=0, kind="INT8", **options):
        """An operator with one result."""
        return self.ops(name, inputs, [shape], scale, zero, kind, **options)[0]

    def ops(self, name, inputs, shapes, scale=0.1, zero=0, kind="INT8", **options):
        """An operator with any number of results, all with the same quantisation."""
        results = [self.tensor(shape, kind, scale, zero) for shape in shapes]
        self.operators.append(self._operator(name, inputs, results, options))
        return results

    def like(self, name, inputs, shape, **options):
        """An operator whose result has its first input's quantisation."""
        result = self.tensor(shape)
        self.tensors[result][4] = self.tensors[inputs[0]][4]
        self.operators.append(self._operator(name, inputs, [result], options))
        return result

    def slice(self, source, begin, end, steps, shape):
        """STRIDED_SLICE."""
        bounds = [self.numbers(values) for values in (begin, end, steps)]
        return self.like("STRIDED_SLICE", [source, *bounds], shape)

    def window(self, source, n_kept, name, scale=0.1, zero=0, initial=None):
        """Rows kept from earlier inferences before the new ones, as streaming layers have them."""
        _, rows, *rest = self.shapes[source]
        handle = self.tensor((1,), "RESOURCE", scale=None)
        self.operators.append(self._operator("VAR_HANDLE", [], [handle], {"name": name}))
        kept = (1, n_kept, *rest)
        state = self.op("READ_VARIABLE", [handle], kept, scale, zero)
        shape = (1, n_kept + rows, *rest)
        whole = self.op("CONCATENATION", [state, source], shape, scale, zero, axis=1)
        n_axes = len(shape)
        begin, end = [0, rows, *[0] * (n_axes - 2)], list(shape)
        last = self.slice(whole, begin, end, [1] * n_axes, kept)
        self.operators.append(self._operator("ASSIGN_VARIABLE", [handle, last], [], {}))
        self.states[name] = (kept, scale, zero, zero if initial is None else initial)
        return whole

    def _operator(self, name, inputs, outputs, options):
        if name not in self.codes:
            self.codes.append(name)
        fields = {0: ("I", self.codes.index(name)), 1: ("vi", inputs), 2: ("vi", outputs)}
        if name in OPTIONS:
            union, known = OPTIONS[name]
            table = {known[key][0]: (known[key][1], value) for key, value in options.items()}
            fields |= {3: ("B", union), 4: ("t", table)}
        return fields

    # -- file

    def file(self, output):
        """The ``.tflite`` file with this tensor as its output."""
        operators, graphs = list(self.operators), []
        if self.states:
            graphs.append(self._start_graph())
            operators.insert(0, self._operator("CALL_ONCE", [], [], {"subgraph": 1}))
        graphs.insert(0, _subgraph(self.tensors, self.inputs, [output], operators))
        codes = [{0: ("b", min(CODES[name], 127)), 2: ("i", 1), 3: ("i", CODES[name])}
                 for name in self.codes]  # fmt: skip
        model = {0: ("I", 3), 1: ("T", codes), 2: ("T", graphs), 4: ("T", self.buffers)}
        return FlatBuffer().file(model, b"TFL3")

    def _start_graph(self):
        start = Graph()
        start.buffers, start.codes = self.buffers, self.codes
        for name, (shape, scale, zero, initial) in self.states.items():
            handle = start.tensor((1,), "RESOURCE", scale=None)
            value = start.tensor(shape, scale=scale, zero=zero, data=np.full(shape, initial))
            start.operators.append(start._operator("VAR_HANDLE", [], [handle], {"name": name}))
            start.operators.append(start._operator("ASSIGN_VARIABLE", [handle, value], [], {}))
        return _subgraph(start.tensors, [], [], start.operators)


def _subgraph(tensors, inputs, outputs, operators):
    return {0: ("T", tensors), 1: ("vi", inputs), 2: ("vi", outputs), 3: ("T", operators)}
