# REQUIRES: python, x86
# RUN: rm -rf %t && mkdir %t && %python %s quant-opt %test_bin/qnt-onnx-cases %t
# Small models with what the tests of single operators do not have: dynamic
# dimensions, control flow, functions, files of external data, all ways to store
# a tensor, layers as nn ops. Compared with ONNX Runtime, or with numpy where it
# lacks a kernel: relative 1e-4, absolute 1e-5; f16 relative 1e-3; integers
# exactly.
import os
import re
import subprocess
import sys

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper as h

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + "/Inputs")
from models import Models

m = Models()
rng, floats, save, check = m.rng, m.floats, m.save, m.check


def layers():
    weight, bias, other = floats(8, 16), floats(16), floats(4, 16)
    save([h.make_node("MatMul", ["x", "w"], ["a"], name="fc"),
          h.make_node("Add", ["b", "a"], ["c"]),
          h.make_node("Relu", ["c"], ["d"]),
          h.make_node("Gemm", ["d", "v", "u"], ["y"], transB=1)],
         {"x": ["batch", 8]}, ["y"],
         {"w": weight, "b": bias, "v": other,
          "u": floats(4)})
    check("mlp", {"x": floats(3, 8)},
          contains=[r"nn.linear %\S+, %\S+ : tensor<\?x8xf32>, "
                    r"tensor<16x8xf32>",
                    r"nn.add %\S+, %\S+ : tensor<\?x16xf32>, tensor<16xf32>",
                    "nn.activation relu", "nn.linear .* bias",
                    r'qnt.dims = \["batch", ""\]', "@w.transposed", "@v"],
          lacks=["linalg", r"@w\("])
    save([h.make_node("Gemm", ["x", "w", "b"], ["y"], alpha=0.5, beta=2.0,
                      transA=1)],
         {"x": [8, "n"]}, ["y"],
         {"w": weight, "b": bias})
    check("gemm", {"x": floats(8, 5)}, contains=["nn.linear"])
    save([h.make_node("LayerNormalization", ["x", "s", "b"], ["n"]),
          h.make_node("Clip", ["n", "low", "high"], ["c"]),
          h.make_node("Softmax", ["c"], ["y"], axis=1)],
         {"x": ["b", "t", 16]}, ["y"],
         {"s": floats(16), "b": bias,
          "low": np.float32(-1), "high": np.float32(6)})
    check("norm", {"x": floats(2, 3, 16)},
          contains=["nn.layer_norm", "nn.clamp %.* low -1.0.* high 6.0"])
    # A weight of two layers is stored once for each form.
    save([h.make_node("MatMul", ["x", "w"], ["a"]),
          h.make_node("MatMul", ["z", "w"], ["b"]),
          h.make_node("Add", ["a", "b"], ["c"]),
          h.make_node("Mul", ["c", "w"], ["y"])],
         {"x": [8, 8], "z": [8, 8]}, ["y"],
         {"w": floats(8, 16)})
    check("shared weight", {"x": floats(8, 8), "z": floats(8, 8)})
    half = floats(8, 16).astype(np.float16)
    x = floats(3, 8).astype(np.float16)
    save([h.make_node("MatMul", ["x", "w"], ["y"])],
         {"x": (["n", 8], T.FLOAT16)}, {"y": T.FLOAT16},
         {"w": half})
    check("f16", {"x": x}, [(x.astype(np.float32)
                             @ half.astype(np.float32)).astype(np.float16)],
          contains=["nn.linear", "extf .* tensor<16x8xf16> to tensor<16x8xf32>"],
          rtol=1e-3)


def decomposed():
    """Layers that exporters write in parts."""
    def case(name, pattern, steps, lacks=()):
        nodes = [h.make_node(op, list(inputs), [f"t{i}"], **attributes)
                 for i, (op, inputs, attributes) in enumerate(steps)]
        nodes[-1].output[0] = "y"
        constants = {n: np.float32(v) for n, v in [
            ("half", 0.5), ("one", 1), ("two", 2), ("three", 3),
            ("root2", 2 ** 0.5), ("iroot2", 0.5 ** 0.5), ("eps", 1e-6),
            ("c", 0.044715), ("r", (2 / np.pi) ** 0.5)]}
        constants |= {"w": floats(8), "b": floats(8)}
        save(nodes, {"x": ["n", 8]}, ["y"],
             {n: v for n, v in constants.items()
              if any(n in node.input for node in nodes)})
        check(name, {"x": floats(5, 8)}, contains=[pattern] if pattern else [],
              lacks=lacks or (["linalg"] if pattern else ["nn.rms", "nn.lay"]))

    def node(op, *inputs, **attributes):
        return op, inputs, attributes

    mean = {"axes": [-1]}
    case("silu", "activation silu",
         [node("Sigmoid", "x"), node("Mul", "x", "t0")])
    case("gelu", r"activation gelu %",
         [node("Div", "x", "root2"), node("Erf", "t0"),
          node("Add", "t1", "one"), node("Mul", "x", "t2"),
          node("Mul", "t3", "half")])
    case("gelu, half first", r"activation gelu %",
         [node("Mul", "x", "iroot2"), node("Erf", "t0"),
          node("Add", "one", "t1"), node("Mul", "half", "x"),
          node("Mul", "t3", "t2")])
    case("gelu_tanh", r"activation gelu_tanh",
         [node("Pow", "x", "three"), node("Mul", "c", "t0"),
          node("Add", "x", "t1"), node("Mul", "t2", "r"), node("Tanh", "t3"),
          node("Add", "t4", "one"), node("Mul", "half", "x"),
          node("Mul", "t6", "t5")])
    case("rms norm", "nn.rms_norm",
         [node("Pow", "x", "two"), node("ReduceMean", "t0", **mean),
          node("Add", "t1", "eps"), node("Sqrt", "t2"),
          node("Reciprocal", "t3"), node("Mul", "x", "t4"),
          node("Mul", "w", "t5")])
    case("rms norm by division", "nn.rms_norm",
         [node("Mul", "x", "x"), node("ReduceMean", "t0", **mean),
          node("Add", "t1", "eps"), node("Sqrt", "t2"), node("Div", "x", "t3"),
          node("Mul", "t4", "w")])
    norm = [node("ReduceMean", "x", **mean), node("Sub", "x", "t0"),
            node("Sub", "x", "t0"), node("Pow", "t2", "two"),
            node("ReduceMean", "t3", **mean), node("Add", "t4", "eps"),
            node("Sqrt", "t5"), node("Div", "t1", "t6"),
            node("Mul", "t7", "w"), node("Add", "t8", "b")]
    case("layer norm", "nn.layer_norm", norm)
    # Look alike, but are none: a mean along another axis, another centre.
    case("other axis", "", norm[:4] + [node("ReduceMean", "t3", axes=[0])]
         + norm[5:])
    case("other centre", "", [node("ReduceMean", "x", axes=[0])] + norm[1:])
    case("other root", "", [node("Pow", "x", "three")] + [
        node("ReduceMean", "t0", **mean), node("Add", "t1", "eps"),
        node("Sqrt", "t2"), node("Div", "x", "t3"), node("Mul", "t4", "w")])


def attention():
    def reference(q, k, v, heads, groups, mask=0, scale=None, causal=False):
        split = lambda x, n: x.reshape(*x.shape[:2], n, -1).swapaxes(1, 2)
        q, k, v = split(q, heads), split(k, groups), split(v, groups)
        k, v = (np.repeat(x, heads // groups, 1) for x in (k, v))
        s = q @ k.swapaxes(2, 3) * (scale or q.shape[-1] ** -0.5) + mask
        if causal:
            s = np.where(np.tri(*s.shape[2:]), s, -np.inf)
        s = np.exp(s - s.max(-1, keepdims=True))
        y = (s / s.sum(-1, keepdims=True)) @ v
        return y.swapaxes(1, 2).reshape(*y.shape[:1], y.shape[2], -1)

    q, k, v = floats(2, 5, 32), floats(2, 5, 16), floats(2, 5, 16)
    inputs = {"q": ["b", "t", 32], "k": ["b", "t", 16], "v": ["b", "t", 16]}
    feeds = {"q": q, "k": k, "v": v}
    for causal in (0, 1):
        save([h.make_node("Attention", ["q", "k", "v"], ["y"], q_num_heads=4,
                          kv_num_heads=2, is_causal=causal)],
             inputs, ["y"], opset=23)
        check(f"attention {causal}", feeds,
              [reference(q, k, v, 4, 2, causal=causal)],
              contains=["nn.attention.* heads 4 kv_heads 2"])
    mask = floats(5, 5)
    save([h.make_node("Attention", ["q", "k", "v", "m"], ["y"], q_num_heads=4,
                      kv_num_heads=2, scale=0.3)],
         inputs | {"m": ["t", "t"]}, ["y"], opset=23)
    check("attention with a mask", feeds | {"m": mask},
          [reference(q, k, v, 4, 2, mask, 0.3)])


def dynamic():
    save([h.make_node("Add", ["x", "z"], ["a"]),
          h.make_node("ReduceMean", ["a"], ["m"], axes=[1], keepdims=1),
          h.make_node("Sub", ["a", "m"], ["s"]),
          h.make_node("ReduceMax", ["s"], ["y"], axes=[-1, 0], keepdims=0)],
         {"x": ["b", 1, "n"], "z": ["b", "m", 1]}, ["y"],
         opset=13)
    check("broadcast", {"x": floats(2, 1, 5), "z": floats(2, 3, 1)})
    save([h.make_node("Add", ["x", "z"], ["y"])],
         {"x": ["b", 4], "z": [3, 4]}, ["y"])
    check("fixed meets dynamic", {"x": floats(3, 4), "z": floats(3, 4)},
          contains=["tensor.cast"])
    save([h.make_node("ArgMax", ["x"], ["y"], axis=1, keepdims=0)],
         {"x": ["b", "n"]}, {"y": T.INT64})
    check("arg max", {"x": floats(4, 9)})
    for largest in (0, 1):
        save([h.make_node("TopK", ["x", "k"], ["y", "i"], axis=0,
                          largest=largest)],
             {"x": ["b", "n"]}, {"y": T.FLOAT, "i": T.INT64},
             {"k": np.array([3])})
        ties = rng.integers(-2, 3, (7, 9)).astype(np.float32)
        check(f"top k, largest {largest}", {"x": ties})
    save([h.make_node("MatMul", ["x", "z"], ["y"])],
         {"x": ["b", 1, "n", 4], "z": [3, 4, "m"]}, ["y"])
    check("batches", {"x": floats(2, 1, 5, 4), "z": floats(3, 4, 6)})


def folding():
    save([h.make_node("Constant", [], ["two"], value_float=2.0),
          h.make_node("Mul", ["w", "two"], ["a"]),
          h.make_node("Cast", ["a"], ["b"], to=T.DOUBLE),
          h.make_node("ReduceSum", ["b"], ["c"], keepdims=0),
          h.make_node("Cast", ["c"], ["d"], to=T.FLOAT),
          h.make_node("Add", ["x", "d"], ["y"])],
         {"x": [3]}, ["y"], {"w": floats(4, 4)})
    check("constants", {"x": floats(3)}, lacks=["ml_program", "arith.mulf"])
    save([h.make_node("Relu", ["w"], ["y"])], {"x": [3]}, ["y", "w"],
         {"w": floats(3)})
    check("constant outputs", {"x": floats(3)}, lacks=["relu"])


def control():
    then = m.graph([h.make_node("Mul", ["x", "x"], ["r"])], {}, ["r"])
    other = m.graph([h.make_node("Neg", ["x"], ["q"])], {}, ["q"])
    save([h.make_node("If", ["c"], ["y"], then_branch=then,
                      else_branch=other)],
         {"c": ([], T.BOOL), "x": ["n", 4]}, ["y"])
    for condition in (False, True):
        check(f"if {condition}", {"c": np.array(condition), "x": floats(3, 4)},
              contains=["arith.select"])
    save([h.make_node("If", ["c"], ["y"], then_branch=then,
                      else_branch=other)],
         {"x": ["n", 4]}, ["y"], {"c": True})
    check("if with a constant", {"x": floats(3, 4)},
          lacks=["arith.select", "negf"])
    # Stops by its condition after four of ten iterations.
    body = m.graph(
        [h.make_node("Add", ["v", "x"], ["v1"]),
         h.make_node("Mul", ["v1", "half"], ["v2"]),
         h.make_node("Identity", ["v2"], ["s"]),
         h.make_node("Less", ["i", "three"], ["k1"])],
        {"i": ([], T.INT64), "k": ([], T.BOOL), "v": [3]},
        {"k1": T.BOOL, "v2": T.FLOAT, "s": T.FLOAT},
        {"half": np.float32(0.5), "three": np.array(3)})
    save([h.make_node("Loop", ["m", "", "x"], ["y", "z"], body=body)],
         {"x": [3]}, ["y", "z"], {"m": np.array(10)})
    check("loop", {"x": floats(3)}, contains=["tensor.concat"])


def functions():
    inner = h.make_function(
        "f", "Scale", ["a", "b", "missing"], ["r"],
        [h.make_node("Clip", ["a", "missing", "b"], ["c"]),
         h.make_node("LeakyRelu", ["c"], ["d"]),
         h.make_node("Elu", ["d"], ["r"])],
        [h.make_opsetid("", 17)], ["slope"])
    attribute = inner.node[1].attribute.add(name="alpha", ref_attr_name="slope",
                                            type=onnx.AttributeProto.FLOAT)
    assert attribute.ref_attr_name == "slope"
    outer = h.make_function(
        "f", "Twice", ["a", "b"], ["r"],
        [h.make_node("Scale", ["a", "b"], ["c"], domain="f", slope=0.25),
         h.make_node("Scale", ["c", "b"], ["r"], domain="f")],
        [h.make_opsetid("", 17), h.make_opsetid("f", 1)])
    save([h.make_node("Twice", ["x", "high"], ["y"], domain="f", name="call")],
         {"x": ["n"]}, ["y"], {"high": np.float32(0.5)},
         domains=["f"], functions=[inner, outer])
    check("functions", {"x": floats(20) * 3})


def storage():
    for dtype in (np.float32, np.float64, np.float16, np.int8, np.uint8,
                  np.int16, np.uint16, np.int32, np.uint32, np.int64,
                  np.uint64, np.bool_):
        kind = np.dtype(dtype)
        if kind.kind in "iu":
            info = np.iinfo(dtype)
            array = np.array([info.min, info.max, 0, 1, 77, info.max - 1],
                             dtype)
        else:
            array = (rng.standard_normal(6) > 0 if kind.kind == "b"
                     else rng.standard_normal(6).astype(dtype))
        tensor = h.np_dtype_to_tensor_dtype(kind)
        typed = h.make_tensor("w", tensor, [6], array)
        save([h.make_node("Where", ["c", "w", "v"], ["y"])],
             {"c": ([6], T.BOOL)}, {"y": tensor}, {"w": typed, "v": array})
        flags = rng.standard_normal(6) > 0
        check(f"stored {kind}", {"c": flags}, [array])
    # bfloat16: rounded by hand, compared bit by bit.
    bits = rng.integers(0, 0x7f00, 6).astype(np.uint16)
    tensor = T(name="w", data_type=T.BFLOAT16, dims=[6], int32_data=bits)
    save([h.make_node("Cast", ["w"], ["a"], to=T.FLOAT),
          h.make_node("Mul", ["a", "x"], ["y"])], {"x": [1]}, ["y"],
         {"w": tensor})
    floats32 = (bits.astype(np.uint32) << 16).view(np.float32)
    check("stored bfloat16", {"x": np.ones(1, np.float32)}, [floats32])


def files():
    big, small = floats(300, 128), floats(128)
    model = save(
        [h.make_node("MatMul", ["x", "w"], ["a"]),
         h.make_node("Add", ["a", "b"], ["y"])],
        {"x": ["n", 300]}, ["y"],
        {"w": big, "b": small})
    onnx.save(model, m.path, save_as_external_data=True, location="data.bin",
              all_tensors_to_one_file=True, size_threshold=0)
    assert os.path.getsize(m.path) < 2000
    # Sums of n products of f32 numbers are off by n units of roundoff of the sum of
    # their magnitudes at most (Higham 2002, section 3.1).
    x = floats(2, 300)
    exact = x.astype(np.float64) @ big + small
    check("external data", {"x": x}, [exact.astype(np.float32)], rtol=1e-6,
          atol=301 * 2.0**-24 * float((np.abs(x) @ np.abs(big) + np.abs(small)).max()))
    # Names that the parameter store or the module has uses for.
    names = ["main", "__metadata__", "__pad__.0", "a/b:0", "\u00fc"]
    model = save([h.make_node("Sum", ["x", *names], ["y"])],
                 {"x": [3]}, ["y"],
                 {n: floats(3) for n in names})
    check("names", {"x": floats(3)}, contains=[r'@"?constant\.main'])
    # Up to IR version 3, initialisers are inputs too.
    model = save([h.make_node("Add", ["x", "w"], ["y"])],
                 {"x": [3], "w": [3]}, ["y"],
                 {"w": small[:3]})
    check("initialiser among the inputs", {"x": floats(3)},
          lacks=[r"%arg1"])
    # Beside a module for good; bound inputs are not arguments.
    bind = ["--bind", f"z={m.folder}/z.npy"]
    np.save(f"{m.folder}/z.npy", small[:3])
    save([h.make_node("Add", ["x", "z"], ["y"])],
         {"x": [3], "z": [3]}, ["y"])
    out = f"{m.folder}/bound.mlir"
    subprocess.run([m.program, m.path, *bind, "-o", out], check=True)
    text = open(out).read()
    assert f'qnt.params = "{m.folder}/bound.safetensors"' in text, text
    assert os.path.exists(f"{m.folder}/bound.safetensors")
    assert "%arg1" not in text and "@z" in text, text
    # A temporary file beside code or for standard output is removed.
    text = m.module(*bind)
    temporary = re.search(r'qnt.params = "([^"]+)"', text)[1]
    assert not os.path.exists(temporary), temporary


def integers():
    for dtype in (np.int8, np.uint8, np.int32, np.uint32, np.int64, np.uint64):
        info = np.iinfo(dtype)
        x = rng.integers(info.min, info.max, 40, dtype, endpoint=True)
        z = rng.integers(1, min(info.max, 100), 40, dtype)
        z *= rng.choice(np.array([1, -1 if info.min < 0 else 1], dtype), 40)
        tensor = h.np_dtype_to_tensor_dtype(np.dtype(dtype))
        inputs = {"x": (["n"], tensor), "z": (["n"], tensor)}
        wide = x.astype(object), z.astype(object)
        quotient = [int(abs(a) // abs(b)) * (1 if (a < 0) == (b < 0) else -1)
                    for a, b in zip(*wide)]
        with np.errstate(all="ignore"):
            for op, expected in [
                    ("Div", np.array([q & (2**64 - 1) for q in quotient],
                                     np.uint64).astype(dtype)),
                    ("Mod", np.mod(x, z)), ("Max", np.maximum(x, z)),
                    ("Min", np.minimum(x, z)), ("Sub", x - z),
                    ("Less", x < z), ("GreaterOrEqual", x >= z)]:
                out = T.BOOL if expected.dtype == bool else tensor
                save([h.make_node(op, ["x", "z"], ["y"])], inputs,
                     {"y": out})
                check(f"{op} of {np.dtype(dtype)}", {"x": x, "z": z},
                      [expected])


def exported():
    """A block of an encoder as exporters write it: shapes are computed in the
    graph, norms and gelu in parts."""
    nodes, weights, count = [], {}, 0

    def op(kind, *inputs, **attributes):
        nonlocal count
        count += 1
        nodes.append(h.make_node(kind, inputs, [f"v{count}"], **attributes))
        return f"v{count}"

    def known(array):
        name = f"c{len(weights)}"
        weights[name] = array
        return name

    def dim(source, axis):
        size = op("Gather", op("Shape", source), known(np.array(axis)), axis=0)
        return op("Unsqueeze", size, known(np.array([0])))

    def number(n):
        return known(np.array([n]))

    def dense(x, rows, columns):
        return op("Add", op("MatMul", x, known(floats(rows, columns) * 0.3)),
                  known(floats(columns)))

    def norm(x):
        centred = op("Sub", x, op("ReduceMean", x, axes=[-1]))
        square = op("Pow", centred, known(np.float32(2)))
        root = op("Sqrt", op("Add", op("ReduceMean", square, axes=[-1]),
                             known(np.float32(1e-5))))
        return op("Add", op("Mul", op("Div", centred, root), known(floats(32))),
                  known(floats(32)))

    def gelu(x):
        inner = op("Erf", op("Div", x, known(np.float32(2 ** 0.5))))
        return op("Mul", op("Mul", x, op("Add", inner, known(np.float32(1)))),
                  known(np.float32(0.5)))

    # Token types default to zeros of the shape of the ids; positions are cut
    # from a table; both are looked up.
    zeros = op("ConstantOfShape", op("Shape", "ids"),
               value=m.tensor("z", np.array([0])))
    shape = op("Concat", dim("ids", 0), dim("ids", 1), axis=0)
    # Expand with a -1 that Where takes out, as some exporters write it.
    ones = op("ConstantOfShape", known(np.array([2])),
              value=m.tensor("z", np.array([1])))
    wanted = op("Where", op("Equal", shape, op("Mul", ones, number(-1))), ones,
                shape)
    positions = op("Slice", known(np.arange(64)[None]), number(0),
                   dim("ids", 1), number(1))
    x = op("Add", op("Gather", known(floats(50, 32)), "ids"),
           op("Gather", known(floats(2, 32)), zeros))
    x = norm(op("Add", x, op("Gather", known(floats(64, 32)),
                             op("Expand", positions, wanted))))
    mask = op("Unsqueeze", op("Unsqueeze", "mask", number(1)), number(2))
    mask = op("Mul", op("Sub", known(np.float32(1)),
                        op("Cast", mask, to=T.FLOAT)),
              known(np.float32(-1e4)))

    def heads(y, perm):
        shape = op("Concat", dim(y, 0), dim(y, 1), number(4), number(8), axis=0)
        return op("Transpose", op("Reshape", y, shape), perm=perm)

    q, k, v = (heads(dense(x, 32, 32), p) for p in
               ([0, 2, 1, 3], [0, 2, 3, 1], [0, 2, 1, 3]))
    scores = op("Div", op("MatMul", q, k), known(np.float32(8 ** 0.5)))
    weighted = op("MatMul", op("Softmax", op("Add", scores, mask), axis=-1), v)
    back = op("Transpose", weighted, perm=[0, 2, 1, 3])
    flat = op("Reshape", back, op("Concat", dim(back, 0), dim(back, 1),
                                  number(-1), axis=0))
    x = norm(op("Add", dense(flat, 32, 32), x))
    y = norm(op("Add", dense(gelu(dense(x, 32, 64)), 64, 32), x))
    save(nodes, {"ids": (["batch", "tokens"], T.INT64),
                 "mask": (["batch", "tokens"], T.INT64)}, [y], weights,
         opset=16)
    ids = rng.integers(0, 50, (3, 7))
    check("exported encoder",
          {"ids": ids, "mask": (np.arange(7) < [[7], [3], [5]]).astype(int)},
          contains=["nn.layer_norm", "activation gelu",
                    r"tensor<\?x\?x4x8xf32>"],
          lacks=["tensor.from_elements %[^:]*: tensor<.xi64>"])
    # The table of positions has 64 rows.
    message = m.run({"ids": rng.integers(0, 50, (1, 65)),
                     "mask": np.ones((1, 65), np.int64)}).get("failed", "")
    if not re.search(r"64.*65|65.*64", message):
        m.report("more tokens than positions", repr(message))


for test in (layers, decomposed, attention, exported, dynamic, folding, control,
             functions, storage, files, integers):
    test()
m.exit()
