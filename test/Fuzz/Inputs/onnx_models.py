"""Small ONNX files, written without the package (onnx.proto of onnx 1.17)."""
import struct

from protobuf import field, fields

FLOAT, UINT8, INT8, INT32, INT64, BOOL = 1, 2, 3, 6, 7, 9


def tensor(name, dtype, shape, values=None, raw=None, external=None):
    """Data in the field of its type, as raw bytes, or in a file."""
    text = fields(1, shape) + field(2, dtype) + field(8, name)
    if external:
        for key, value in external.items():
            text += field(13, field(1, key) + field(2, value))
        return text + field(14, 1)
    if raw is not None:
        return text + field(9, raw)
    if dtype == FLOAT:
        return text + field(4, struct.pack(f"<{len(values)}f", *values))
    return text + fields({INT64: 7}.get(dtype, 5), values)


def info(name, dtype, shape):
    """Of an input or output; text stands for a dimension of that name."""
    dims = b"".join(field(1, field(2 if isinstance(d, str) else 1, d))
                    for d in shape)
    kind = field(1, dtype) + field(2, dims)
    return field(1, name) + field(2, field(1, kind))


def attribute(name, value):
    text = field(1, name)
    if isinstance(value, float):
        return text + field(2, value) + field(20, 1)
    if isinstance(value, int):
        return text + field(3, value) + field(20, 2)
    if isinstance(value, str):
        return text + field(4, value) + field(20, 3)
    if isinstance(value, Graph):
        return text + field(6, value.text()) + field(20, 5)
    if isinstance(value, bytes):
        return text + field(5, value) + field(20, 4)
    return text + fields(8, value) + field(20, 7)


class Graph:
    def __init__(self, inputs=(), outputs=()):
        self.inputs, self.outputs = inputs, outputs
        self.nodes, self.initializers = [], []

    def node(self, op, inputs, outputs, **attributes):
        text = fields(1, inputs) + fields(2, outputs) + \
            field(3, f"n{len(self.nodes)}") + field(4, op)
        text += b"".join(field(5, attribute(k, v))
                         for k, v in attributes.items())
        self.nodes.append(text)
        return self

    def constant(self, *tensor_arguments, **more):
        self.initializers.append(tensor(*tensor_arguments, **more))
        return self

    def text(self):
        return fields(1, self.nodes) + field(2, "g") + \
            fields(5, self.initializers) + fields(11, self.inputs) + \
            fields(12, self.outputs)

    def file(self, opset=17):
        return field(1, 8) + field(2, "seeds") + field(7, self.text()) + \
            field(8, field(1, "") + field(2, opset))


def onnx(rng):
    n, m = rng.randint(1, 4), rng.randint(2, 4)
    x = info("x", FLOAT, ["batch", m])
    y = info("y", FLOAT, ["batch", m])
    floats = [rng.random() for _ in range(m)]
    yield Graph([x], [y]).constant("w", FLOAT, [m], floats).node(
        "Add", ["x", "w"], ["y"]).file()
    raw = struct.pack(f"<{m}f", *floats)
    yield Graph([x], [y]).constant("w", FLOAT, [1, m], raw=raw).node(
        "Add", ["w", "x"], ["y"]).file(rng.randint(13, 21))
    yield Graph([info("x", FLOAT, [n, 4])], [info("y", FLOAT, [n, 4])]
                ).constant("w", FLOAT, [4], external={
                    "location": "data.bin", "offset": "16", "length": "16"}
                ).node("Add", ["x", "w"], ["y"]).file()
    yield Graph([x], [info("s", INT64, [2]), info("c", INT64, [])]).node(
        "Shape", ["x"], ["s"]).node("Size", ["x"], ["c"]).file()
    for taken in (0, 1):
        branches = [Graph([], [info("z", FLOAT, ["batch", m])]).constant(
            f"k{i}", FLOAT, [1], [float(i)]).node("Add", ["x", f"k{i}"], ["z"])
            for i in range(2)]
        yield Graph([x], [y]).constant("cond", BOOL, [], [taken]).node(
            "If", ["cond"], ["y"], then_branch=branches[0],
            else_branch=branches[1]).file()
    body = Graph([info("i", INT64, []), info("go", BOOL, []),
                  info("a", FLOAT, ["batch", m])],
                 [info("go", BOOL, []), info("b", FLOAT, ["batch", m])]
                 ).node("Add", ["a", "a"], ["b"])
    yield Graph([x], [y]).constant("count", INT64, [], [n]).constant(
        "true", BOOL, [], [1]).node("Loop", ["count", "true", "x"], ["y"],
                                    body=body).file()
