# REQUIRES: python
# RUN: rm -rf %t && mkdir %t && %python %s quant-opt %t
# Models that must be refused: one line that names the file and what is wrong
# where, exit status 1, nothing written. Damaged files may also be accepted, but
# never crash.
import os
import random
import re
import subprocess
import sys

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper as h

from seeding import draw_seed

program, folder = sys.argv[1:]
path = f"{folder}/model.onnx"
output = f"{folder}/out.mlir"
failures = 0


def convert(*flags):
    return subprocess.run([program, path, "-o", output, *flags],
                          capture_output=True, text=True, errors="replace")


def check(name, pattern, *flags):
    """Imports `path`, which must fail with a message that `pattern` finds."""
    global failures
    result = convert(*flags)
    lines = result.stderr.strip().split("\n")
    if (result.returncode != 1 or result.stdout or len(lines) != 1
            or not lines[0].startswith(f"quant-opt: {path}: ")
            or not re.search(pattern, lines[0]) or os.path.exists(output)):
        failures += 1
        print(f"{name}: status {result.returncode}, expected one line with "
              f"{pattern!r}, got:\n{result.stderr}{result.stdout[:200]}")
    for file in (output, f"{folder}/out.safetensors"):
        if os.path.exists(file):
            os.remove(file)


def value(name, shape=(2, 3), dtype=T.FLOAT):
    return h.make_tensor_value_info(name, dtype, shape)


def save(nodes, inputs=("x",), outputs=("y",), initializers=(), opset=17,
         **changes):
    """A model of `nodes`; inputs and outputs by name are f32 [2, 3]."""
    typed = [value(v) if isinstance(v, str) else v for v in inputs]
    results = [value(v, None) if isinstance(v, str) else v for v in outputs]
    graph = h.make_graph(list(nodes), "g", typed, results, list(initializers))
    opsets = changes.pop("opsets", [h.make_opsetid("", opset)])
    model = h.make_model(graph, opset_imports=opsets, ir_version=8, **changes)
    write(model.SerializeToString())
    return model


def write(data):
    with open(path, "wb") as file:
        file.write(data)


def node(op, inputs=("x",), outputs=("y",), **attributes):
    return h.make_node(op, list(inputs), list(outputs), name="n",
                       **attributes)


def tensor(dims, dtype=T.FLOAT, **fields):
    """An initialiser "w" with fields that need not agree."""
    result = T(name="w", data_type=dtype)
    result.dims.extend(dims)
    for key, data in fields.items():
        if key == "raw_data":
            result.raw_data = data
        else:
            getattr(result, key).extend(data)
    return result


def external(dims, **entries):
    result = T(name="w", data_type=T.FLOAT, data_location=T.EXTERNAL)
    result.dims.extend(dims)
    for key, text in entries.items():
        result.external_data.add(key=key, value=str(text))
    return result


RELU = [node("Relu")]
NAMED = r"node 'n' \((\w+)\): "


def files():
    write(b"")
    check("empty", "no graph in the file")
    write(b"not a model at all, only text\n")
    check("text", "protobuf|truncated")
    write(b"\x3a\xff\xff\xff\xff\xff\xff\xff\xff\x7f")
    check("a length beyond the file", "truncated")
    write(b"\xff" * 30)
    check("a long number", "more than 10 bytes")
    write(b"\x38\x01")
    check("a graph that is a number", "field 7.*wire type 0")
    os.remove(path)
    result = convert()
    assert result.returncode == 1 and "no such file" in result.stderr, result


def graphs():
    save([node("Relu", ["a"], ["b"]), node("Relu", ["b"], ["a"])])
    check("cycle", NAMED + "input 'a' is given by no input, initialiser or "
          "earlier node")
    save([node("Relu", ["z"])])
    check("missing input", NAMED + "input 'z' is given by no")
    save([node("Relu"), node("Relu")])
    check("twice", NAMED + "the value 'y' is there already")
    save(RELU, outputs=["z"])
    check("missing output", "output 'z' is given by no node")
    save(RELU, outputs=[])
    check("no outputs", "the graph has no outputs")
    save([node("Bogus")])
    check("operator", NAMED + "the operator is not supported")
    save([node("Relu", domain="com.example")])
    check("domain", NAMED + "the model imports no opset of the domain "
          "'com.example'")
    save([node("Relu", domain="com.example")],
         opsets=[h.make_opsetid("com.example", 1)])
    check("operator of a domain", r"not supported \(domain com.example\)")
    save(RELU, opset=99)
    check("opset", NAMED + "opset 99 is not supported, expected at most 23")
    save([node("Gelu")], opset=19)
    check("old opset", NAMED + "the operator of opset 19 is not supported, "
          "expected 20 or newer")
    save([node("Relu", alpha=1.0)])
    check("attribute", NAMED + "attribute 'alpha' is not supported")
    save([node("LeakyRelu", alpha=1)])
    check("type of attribute", NAMED + "attribute 'alpha' has the type an "
          "integer, expected a float")
    save([node("Add", ["x"])])
    check("too few inputs", NAMED + "input 1 is missing")
    save([node("Softmax", axis=2)])
    check("axis", NAMED + "axis 2 of a tensor of rank 2")
    save([node("Add", ["x", "z"])], inputs=["x", value("z", [4, 3])])
    check("broadcast", NAMED + "shapes that do not broadcast: dimension 2 "
          "against 4")
    save([node("Add", ["x", "z"])],
         inputs=[value("x", ["a"]), value("z", ["b"])])
    check("dimensions", NAMED + "cannot tell whether the dimensions 'a' and "
          "'b' broadcast")
    save([node("Add", ["x", "z"])], inputs=["x", value("z", dtype=T.INT32)])
    check("types", NAMED + "input 1 .* i32, expected f32")
    save([node("MatMul", ["x", "z"])], inputs=["x", value("z", [4, 3])])
    check("inner dimensions", NAMED + "matrices whose inner dimensions")


def types():
    save([node("Identity")], inputs=[value("x", dtype=T.STRING)])
    check("string", NAMED + r"input 0 \('x'\): element type string is not "
          "supported")
    save([node("Identity")], inputs=[value("x", dtype=99)])
    check("unknown type", NAMED + ".*element type 99 is unknown")
    save([node("Identity")], inputs=[value("x", None)])
    check("unknown rank", NAMED + ".*its rank is not known")
    save([node("Identity")], inputs=[
        h.make_tensor_sequence_value_info("x", T.FLOAT, [2])])
    check("sequence", NAMED + ".*it is a sequence, expected a tensor")
    save([node("Identity")], inputs=[value("x", [-2])])
    check("negative dimension", NAMED + ".*a dimension of -2")
    save([node("Identity")], inputs=[value("x", [1 << 40, 1 << 40])])
    check("huge input", NAMED + ".*more than 2\\^40 elements")
    save([node("Cast", to=T.STRING)])
    check("cast", NAMED + "element type string is not supported")
    save([], inputs=[value("x", dtype=T.STRING)], outputs=["x"])
    check("output", "output 'x': element type string")


def initialisers():
    add = [node("Add", ["x", "w"])]
    for name, bad, pattern in [
            ("raw data", tensor([2, 3], raw_data=b"123"),
             "has 3 bytes of data, expected 24"),
            ("no data", tensor([3]), "has 0 elements of data, expected 3"),
            ("typed data", tensor([3], float_data=[1.0]),
             "has 1 elements of data, expected 3"),
            ("typed integers", tensor([3], T.INT8, int32_data=[1, 2]),
             "has 2 elements of data, expected 3"),
            ("negative", tensor([-1], float_data=[1.0]), "a dimension of -1"),
            ("huge", tensor([1 << 62, 1 << 62], float_data=[1.0]),
             r"more than 2\^40 elements"),
            ("strings", tensor([1], T.STRING), "string is not supported"),
            ("no type", tensor([1], 0), "element type 0 is unknown"),
            ("no location", external([3]), "external data without a location"),
            ("no file", external([3], location="gone.bin"), "gone.bin"),
            ("absolute", external([3], location="/etc/passwd"),
             "outside the model's folder"),
            ("outside", external([3], location="a/../../b"),
             "outside the model's folder"),
            ("offset", external([3], location="w.bin", offset="x"),
             "has the offset 'x', expected a number"),
            ("negative offset", external([3], location="w.bin", offset=-4),
             "has the offset '-4', expected a number"),
            ("beyond", external([3], location="w.bin", offset=8),
             "from 8 to 20 in 'w.bin', which has 12 bytes"),
            ("far beyond", external([3], location="w.bin", offset=2**64 - 4),
             "in 'w.bin', which has 12 bytes"),
            ("length", external([3], location="w.bin", length=8),
             "external data of 8 bytes, expected 12"),
    ]:
        with open(f"{folder}/w.bin", "wb") as file:
            file.write(bytes(12))
        save(add, initializers=[bad])
        check("initialiser: " + name, NAMED + r"input 1 \('w'\): .*" + pattern)
    good = onnx.numpy_helper.from_array(np.ones(3, np.float32), "w")
    save(add, initializers=[good, good])
    check("twice", "initialiser 'w' is there twice")
    with open(f"{folder}/out.safetensors", "wb") as file:
        file.write(np.arange(3, dtype=np.float32).tobytes())
    save(add, initializers=[external([3], location="out.safetensors")])
    check("its own file", "the parameters would replace .*out.safetensors")


def bindings():
    save([node("Add", ["x", "z"])], inputs=["x", "z"])
    file = f"{folder}/z.npy"
    np.save(file, np.zeros((2, 3), np.float32))
    check("no such input", "there is no input 'q' to bind", "--bind",
          f"q={file}")
    check("no such file", "input 'z': .*gone.npy", "--bind",
          f"z={folder}/gone.npy")
    np.save(file, np.zeros((2, 3), np.int32))
    check("type", "input 'z': .*holds i32, expected f32", "--bind", f"z={file}")
    np.save(file, np.zeros((3, 2), np.float32))
    check("shape", "input 'z': .*a shape other than", "--bind", f"z={file}")
    save([node("ReduceSum", ["x", "axes"])],
         inputs=["x", value("axes", [1], T.INT64)])
    check("needed", NAMED + r"input 1 \('axes'\) gives the axes, which must be "
          r"known when importing: --bind axes=FILE.npy")
    # Dimensions.
    save([node("Add", ["x", "z"])], inputs=[value("x", ["n"]),
                                            value("z", ["n"])])
    check("no such dimension", "inputs have no dimension 'q' to bind", "--bind",
          "q=3")
    check("no size", "dimension 'n': expected a size, got -3", "--bind", "n=-3")
    for text in ("m + 1", "2 +", "+ 2", "2 $ 3", "2 / 0", "n + 1", "9" * 19,
                 "4611686018427387904 * 4"):
        check(f"expression {text}", f"dimension 'n': '{re.escape(text)}' is no "
              "expression of dimensions of inputs", "--bind", f"n={text}")


def branch(outputs, *nodes):
    return h.make_graph(list(nodes), "b", [], [value(o, None) for o in outputs])


def length(number):
    """A varint."""
    low = bytes([number & 127 | (128 if number > 127 else 0)])
    return low + (length(number >> 7) if number > 127 else b"")


def control():
    condition = value("c", [], T.BOOL)
    flat = h.make_node("ReduceSum", ["x"], ["s"], keepdims=0)
    save([node("If", ["c"], then_branch=branch(["s"], flat),
               else_branch=branch(["r"], h.make_node("Relu", ["x"], ["r"])))],
         inputs=["x", condition])
    check("branches", NAMED + "the branches .* different shapes")
    save([node("If", ["c"], then_branch=branch(["s"], flat))],
         inputs=["x", condition])
    check("no branch", NAMED + "attribute 'else_branch' with a graph is missing")
    save([node("If", ["c"], then_branch=branch([]), else_branch=branch([]))],
         inputs=["x", condition])
    check("no results", NAMED + "a branch gives 0 values, expected 1")
    body = h.make_graph(
        [h.make_node("Identity", ["k"], ["k1"]),
         h.make_node("Relu", ["v"], ["v1"])], "body",
        [value("i", [], T.INT64), value("k", [], T.BOOL), value("v")],
        [value("k1", None, T.BOOL), value("v1")])
    trips = onnx.numpy_helper.from_array(np.array(2000), "m")
    save([node("Loop", ["m", "", "x"], body=body)], initializers=[trips])
    check("long loop", NAMED + "a loop of more than 1024 iterations")
    save([node("Loop", ["m", "", "x"], body=body)],
         inputs=["x", value("m", [], T.INT64)])
    check("trips", NAMED + ".*the number of iterations, which must be known "
          "when importing: --bind m=FILE.npy")
    # Deeper than onnx's own library writes: node (1) of graph (7) of the model,
    # attribute (5) of the node, graph (6) of the attribute.
    field = lambda number, data: bytes([number << 3 | 2]) + length(len(data)) + data
    nested = b""
    for _ in range(40):
        nested = field(1, field(5, field(6, nested)))
    write(field(7, nested))
    check("nested", "graphs are nested more than 32 deep")
    call = h.make_node("F", ["a"], ["b"], domain="f", name="n")
    function = h.make_function("f", "F", ["a"], ["b"], [call],
                               [h.make_opsetid("f", 1)])
    save([node("F", domain="f")], functions=[function],
         opsets=[h.make_opsetid("", 17), h.make_opsetid("f", 1)])
    check("recursion", "functions call each other more than 64 deep")


def explosions():
    """Small files that ask for endless work."""
    body = [h.make_node("Relu", ["a"], ["b"])]
    functions = []
    for i in range(40):
        functions.append(h.make_function(
            "f", f"F{i}", ["a"], ["b"], body,
            [h.make_opsetid("", 17), h.make_opsetid("f", 1)]))
        body = [h.make_node(f"F{i}", ["a"], ["c"], domain="f"),
                h.make_node(f"F{i}", ["c"], ["b"], domain="f")]
    save([node("F39", domain="f")], functions=functions,
         opsets=[h.make_opsetid("", 17), h.make_opsetid("f", 1)])
    check("doubling functions", "more than 1000000 nodes when loops are "
          "unrolled and functions inlined")


def damaged():
    """Cut and changed files: a line or a module, never a crash."""
    global failures
    seed = draw_seed()
    rng = random.Random(seed)
    good = onnx.numpy_helper.from_array(np.ones((3, 3), np.float32), "w")
    model = save([node("MatMul", ["x", "w"], ["a"]), node("Relu", ["a"])],
                 initializers=[good]).SerializeToString()
    cases = [model[:rng.randrange(len(model))] for _ in range(40)]
    for _ in range(80):
        data = bytearray(model)
        for _ in range(rng.choice([1, 1, 3])):
            data[rng.randrange(len(data))] = rng.randrange(256)
        cases.append(bytes(data))
    for data in cases:
        write(data)
        result = convert()
        lines = result.stderr.strip().split("\n")
        if (result.returncode not in (0, 1) or len(lines) > 1
                or (result.returncode == 1) != bool(lines[0])):
            failures += 1
            print(f"damaged {data.hex()}: status {result.returncode}:\n"
                  f"{result.stderr[:500]}")


files()
graphs()
types()
initialisers()
bindings()
control()
explosions()
damaged()
sys.exit(failures != 0)
