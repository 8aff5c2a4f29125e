# REQUIRES: python, x86
# RUN: %python %s %test_bin/interpret
"""Every compiled op besides linear layers against the interpreter, on random
shapes, for every instruction set that this machine runs.

Tolerance: for an output y with the largest magnitude Y, RELATIVE |y| + ABSOLUTE
Y, as stated with each op. Activations multiply their input by what errs absolutely:
Y is the largest of input and output there."""
import os
import sys

import numpy as np

sys.path.append(os.path.join(os.path.dirname(__file__), "Inputs"))
from compiled import Graph, runnable, seeded, tensor

rng = seeded()
# A model has one cache.
graphs = [Graph(sys.argv[1]) for _ in range(4)]
f32 = np.float32
VOCABULARY = 37


def pick(options):
    return options[rng.integers(len(options))]


def normal(*shape):
    return rng.standard_normal(shape).astype(f32)


class Ops:
    """An entry whose results are one op each."""

    def __init__(self, name, graph=graphs[0]):
        self.graph, self.entry = graph, graph.entry(name)
        self.makers, self.checks = {}, []

    def input(self, name, dims, make=None, element="f32"):
        """`make` gives the array for actual sizes, by name of dimension."""
        self.makers[name] = make or (lambda sizes: normal(
            *(sizes.get(d, d) for d in dims)))
        return self.entry.input(name, dims, element)

    def add(self, text, of, relative, absolute, factor=None):
        """`factor` is the input that Y is of as well."""
        value = self.entry.op(text)
        self.entry.result(value, of)
        self.checks.append((text, relative, absolute, factor))
        return value

    def inputs(self, **sizes):
        return {name: make(sizes) for name, make in self.makers.items()}


def rows():
    """Ops on [m, features]."""
    ops = Ops("rows")
    entry = ops.entry
    for i, features in enumerate([int(rng.integers(1, 15)),
                                  int(rng.integers(17, 300)),
                                  16 * int(rng.integers(1, 9))]):
        (x, of), (y, _) = (ops.input(f"{name}{i}", ["m", features])
                           for name in "xy")
        scale, shift = (entry.param(normal(features)) for _ in range(2))
        eps = pick(["1.0e-5", "1.0e-12", "1.0e-2"])
        ops.add(f"nn.rms_norm {x}, {scale[0]} eps {eps} : {of}, {scale[1]}",
                of, 2e-6, 1e-7)
        # Few values may be close to their mean: what is left is their rounding.
        eps = eps if features > 15 else "1.0e-1"
        ops.add(f"nn.layer_norm {x}, {scale[0]}, {shift[0]} eps {eps} : {of}, "
                f"{scale[1]}", of, 2e-6, 1e-6)
        ops.add(f"nn.l2_normalize {x} : {of}", of, 2e-6, 1e-7)
        for op in ("add", "mul"):
            ops.add(f"nn.{op} {x}, {y} : {of}, {of}", of, 0, 0)
            ops.add(f"nn.{op} {x}, {shift[0]} : {of}, {shift[1]}", of, 0, 0)
        ops.add(f"nn.clamp {x} low -0.25 high 0.5 : {of}", of, 0, 0)
        for kind in ("relu", "gelu", "gelu_tanh", "silu", "tanh", "sigmoid"):
            ops.add(f"nn.activation {kind} {x} : {of}", of, 2e-6, 2e-7, x[1:])
        for suffix in ("int8, per_row, scale f32", "int4, per_row, scale f32",
                       "uint8, per_row, scale f32, zero",
                       "uint5, per_row, scale f32, zero"):
            to = f"!qnt.tensor<?x{features}, {suffix}>"
            codes = entry.op(f"qnt.quantize {x} : {of} -> {to}")
            ops.add(f"qnt.dequantize {codes} : {to} -> {of}", of, 0, 0)
    groups = int(rng.integers(2, 6))
    width = int(rng.integers(3, 40))
    x, of = ops.input("heads", ["m", groups * width])
    scale = entry.param(normal(width))
    ops.add(f"nn.rms_norm {x}, {scale[0]} groups {groups} eps 1.0e-6 : {of}, "
            f"{scale[1]}", of, 2e-6, 1e-7)
    return ops


def tables():
    """Embeddings of every kind of table, which decode exactly or round once."""
    ops = Ops("tables")
    entry = ops.entry
    features = int(rng.integers(1, 150))
    ids, ids_of = ops.input(
        "ids", ["m"], lambda sizes: rng.integers(
            0, VOCABULARY, sizes["m"]).astype(np.int32), "i32")
    of = tensor(["?", features])
    table = entry.param(normal(VOCABULARY, features))
    ops.add(f"nn.embedding {ids}, {table[0]} : {ids_of}, {table[1]}", of, 0, 0)
    blocks = ["per_channel", "per_tensor", "group<16>", "group<48>"]
    for fmt in ["int8", "int4", "int2", "uint8", "uint5", "e4m3", "e5m2",
                "e2m1", "nf4", "bf16", "f16", "f32"]:
        suffix = f"{fmt}, unscaled"
        if fmt not in ("bf16", "f16", "f32"):
            suffix = f"{fmt}, {pick(blocks)}, scale {pick(['f16', 'f32'])}"
            suffix += pick([", zero", ", offset"]) if fmt.startswith("u") \
                else ""
        to = f"!qnt.tensor<{VOCABULARY}x{features}, {suffix}>"
        q = entry.op(f"qnt.quantize {table[0]} : {table[1]} -> {to}")
        ops.add(f"qnt.embedding {ids}, {q} : {ids_of}, {to}", of, 1.2e-7, 0)
    return ops


SCALINGS = ["", "scaling #nn.rope_scaling<kind = linear, factor = 4.0, "
            "lowFrequency = 1.0, highFrequency = 1.0, original = 1, attention "
            "= 1.0> ", "scaling #nn.rope_scaling<kind = llama3, factor = 8.0, "
            "lowFrequency = 1.0, highFrequency = 4.0, original = 64, attention "
            "= 1.0> ", "scaling #nn.rope_scaling<kind = yarn, factor = 4.0, "
            "lowFrequency = 1.0, highFrequency = 32.0, original = 64, "
            "attention = 1.138> "]


def ids(ops, name, least, most):
    """An i32 for each sequence; `most` may follow the number of tokens."""
    return ops.input(name, ["batch"], lambda sizes: rng.integers(
        least(sizes), most(sizes) + 1, sizes["batch"]).astype(np.int32),
        "i32")[0]


def sequences():
    """Ops on [batch, t, features]."""
    ops = Ops("sequences")
    entry = ops.entry
    starts = ids(ops, "starts", lambda s: 0, lambda s: 1000)
    tokens = ops.input("marks", ["batch", "t"], lambda s: np.zeros(
        (s["batch"], s["t"]), np.int32), "i32")
    lengths = ids(ops, "valid", lambda s: 0, lambda s: s["t"])
    some = ids(ops, "some", lambda s: 1, lambda s: s["t"])
    last = ids(ops, "picked", lambda s: 0, lambda s: s["t"] - 1)
    per = "tensor<?xi32>"
    ops.add(f"nn.position_ids {tokens[0]} : {tokens[1]}", tokens[1], 0, 0)
    positions = ops.add(f"nn.position_ids {tokens[0]} from {starts} : "
                        f"{tokens[1]}, {per}", tokens[1], 0, 0)
    for scaling in SCALINGS:
        dim, kv, share = 2 * int(rng.integers(1, 20)), \
            int(rng.integers(1, 4)), int(rng.integers(1, 4))
        size = dim + int(rng.integers(0, 5))
        heads = kv * share
        of = tensor(["?", "?", dim])
        table = ops.add(f"nn.rope_table {positions} {scaling}dim {dim} theta "
                        f"1.0e4 : {tokens[1]}", of, 1.2e-7, 1e-9)
        i = len(entry.arguments)
        x, x_of = ops.input(f"x{i}", ["batch", "t", heads * size])
        for how in ("", " interleaved"):
            # The table is the compiler's own: its rounding counts twice.
            ops.add(f"nn.rope {x}, {table} heads {heads}{how} : {x_of}, {of}",
                    x_of, 5e-7, 5e-7)
        (k, k_of), (v, _) = (ops.input(f"{name}{i}", ["batch", "t", kv * size])
                             for name in "kv")
        for mask, flags in [("", ""), ("", " causal"),
                            (f" lengths({lengths} : {per})", ""),
                            (f" lengths({lengths} : {per})", " causal"),
                            ("", f" causal window {int(rng.integers(1, 9))}")]:
            ops.add(f"nn.attention {x}, {k}, {v}{mask} heads {heads} kv_heads "
                    f"{kv} scale {rng.uniform(0.05, 0.5):.6f}{flags} : {x_of}, "
                    f"{k_of}, {k_of}", x_of, 3e-6, 2e-6)
    features = int(rng.integers(1, 70))
    x, of = ops.input("pooled", ["batch", "t", features])
    one = tensor(["?", features])
    ops.add(f"nn.mean_pool {x}, {some} : {of}, {per}", one, 2e-6, 1e-6)
    ops.add(f"nn.select_rows {x} : {of}", one, 0, 0)
    ops.add(f"nn.select_rows {x} at {last} : {of}, {per}", one, 0, 0)
    # A layer on rank 3, and a result that is an argument.
    weight = entry.param(normal(19, features))
    ops.add(f"nn.linear {x}, {weight[0]} : {of}, {weight[1]}",
            tensor(["?", "?", 19]), 0, 1e-6)
    entry.result(x, of)
    ops.checks.append(("argument", 0, 0, None))
    return ops


def cached(graph, element):
    """Two calls that share a cache: the second attends to the first's keys."""
    ops = Ops("cached_" + element, graph)
    kv, share, size = int(rng.integers(1, 4)), int(rng.integers(1, 4)), \
        int(rng.integers(1, 40)) * (2 if element == "i4" else 1)
    heads, layer = kv * share, int(rng.integers(0, 2))
    cache_of = f"!nn.kv_cache<2 layers, {kv} heads, {size}, {element}>"
    first = ids(ops, "first", lambda s: 0, lambda s: 0)
    second = ops.input("second", ["batch"], lambda s: np.full(
        s["batch"], s["t"], np.int32), "i32")[0]
    x = [[ops.input(f"{name}{call}", ["batch", "t", n * size])
          for name, n in (("q", heads), ("k", kv), ("v", kv))]
         for call in range(2)]
    ops.entry.cache(cache_of)
    for window in ("", " window 5"):
        for operands, start in zip(x, (first, second)):
            text = ", ".join(value for value, _ in operands)
            types = ", ".join(of for _, of in operands)
            ops.add(f"nn.attention {text} cache(%kv : {cache_of}) layer "
                    f"{layer} at({start} : tensor<?xi32>) heads {heads} "
                    f"kv_heads {kv} scale 0.2{window} : {types}",
                    operands[0][1], 3e-6, 2e-6)
    return ops


cases = [rows(), tables(), sequences(), cached(graphs[0], "f16"),
         cached(graphs[1], "f32"), cached(graphs[2], "i8"),
         cached(graphs[3], "i4")]
for graph in graphs:
    graph.finish()
for graph in graphs:
    graph.wait()
worst, failures = 0.0, 0
for ops in cases:
    name = ops.entry.name
    for t in [1, int(rng.integers(2, 16)), int(rng.integers(17, 71))]:
        sizes = {"m": t} if name in ("rows", "tables") else \
            {"batch": int(rng.integers(1, 4)), "t": t}
        inputs = ops.inputs(**sizes)
        if name == "rows":
            inputs["x1"][0] = 0
        count = len(ops.checks)
        room = 2 * t + int(rng.integers(0, 20))
        is_cached = name.startswith("cached")
        truth = ops.graph.interpret(name, inputs, count, (
            sizes["batch"], room) if is_cached else ())
        for isa in runnable():
            got = ops.graph.run(name, isa, inputs, count, 1 + t % 3,
                                room if is_cached else 0)
            for (text, relative, absolute, factor), y, want in zip(
                    ops.checks, got, truth):
                want = want.astype(float)
                largest = max(np.max(np.abs(of), initial=0) for of in
                              ([want, inputs[factor]] if factor else [want]))
                limit = relative * np.abs(want) + 1e-30 + absolute * largest
                assert y.shape == want.shape, text
                ratio = np.max(np.abs(y - want) / limit, initial=0) \
                    if np.all(np.isfinite(y)) else np.inf
                worst = max(worst, ratio)
                if not ratio <= 1:
                    failures += 1
                    print(f"{isa}, {sizes}, {ratio:.3g} times the tolerance: "
                          f"{text[:300]}")
print(f"{sum(len(ops.checks) for ops in cases)} ops, worst error {worst:.2f} of "
      "the tolerance")
sys.exit(failures > 0)
