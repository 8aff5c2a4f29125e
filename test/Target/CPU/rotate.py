# REQUIRES: python, x86
# RUN: %python %s %test_bin/interpret
"""Compiled rotations against the interpreter and against scipy's matrices, alone
and with the quantisation that follows, for every instruction set that this
machine runs; then a rotated and quantised model.

Tolerances: Hadamard rotations are the interpreter's to the bit. Of scipy's in
double, and of other matrices, ABSOLUTE of the largest output. Layers on codes
are the interpreter's but for the order of their sums."""
import os
import re
import sys

import numpy as np

here = os.path.dirname(__file__)
sys.path.append(os.path.join(here, "Inputs"))
sys.path.append(os.path.join(here, "../../Interpreter/Inputs"))
sys.path.append(os.path.join(here, "../../Bench"))
import make_checkpoint as make
from cases import literal, tensor_type
from compiled import Graph, checked, runnable, seeded
from rotations import random_rotations, rotate

rng = seeded()
graph = Graph(sys.argv[1])
f32 = np.float32
ABSOLUTE = 3e-6
# What each result is made of: text, the array it should be by its input, how
# far from the interpreter it may be.
entry, makers, checks = graph.entry("main"), {}, []


def add(what, value, of, want, absolute):
    entry.result(value, of)
    checks.append((what, want, absolute))


def input(width):
    name = f"x{len(makers)}"
    dims = ["m", width] if len(makers) % 3 else ["batch", "m", width]
    makers[name] = lambda sizes: rng.standard_normal(
        [sizes.get(d, d) for d in dims]).astype(f32) * 4
    value, of = entry.input(name, dims)
    return name, value, of


def layer(rotated, of, width, r, rows, zero, absolute=2e-6):
    """A layer on the codes of rotated rows, which is one kernel with them; `rows` gives
    them of the inputs before they are rotated."""
    kind = "uint8, per_row, scale f32, zero" if zero else "int8, per_row, scale f32"
    codes = of[:-len(f"{width}xf32>")].replace("tensor", "!qnt.tensor") + \
        f"{width}, {kind}>"
    q = entry.op(f"qnt.quantize {rotated} : {of} -> {codes}")
    w = rng.standard_normal((19, width)).astype(f32)
    value, w_of = entry.param(w)
    turned = entry.op(f"qnt.rotate {value} {r} : {w_of}")
    fmt = f"!qnt.tensor<19x{width}, int8, per_channel, scale f32>"
    turned = entry.op(f"qnt.quantize {turned} : {w_of} -> {fmt}")
    y = entry.op(f"qnt.linear {q}, {turned} : {codes}, {fmt}")
    add(f"layer on {r} of {width}", y, of.replace(f"{width}xf32", "19xf32"),
        lambda x: rows(x).astype(float) @ w.T.astype(float), absolute)


for i, (width, block) in enumerate([
        (384, 384), (768, 768), (1152, 1152), (56, 56), (56, 28), (64, 64),
        (1024, 1024), (2048, 512), (96, 12), (40, 8), (6, 2), (84, 84),
        (11008, 256), (int(rng.integers(1, 9)) * 36, 36)]):
    seed = int(rng.integers(1, 1 << 62)) if i % 4 else 0
    how = "transposed " if i % 3 == 2 else ""
    attr = f"<{block}, seed = {seed}>" if seed else f"<{block}>"
    text = f"{how}hadamard {attr}"
    name, x, of = input(width)
    y = entry.op(f"qnt.rotate {x} {text} : {of}")
    add(f"{text} of {width}", y, of, lambda x, a=(name, block, seed, how):
        rotate(x[a[0]].astype(float), a[1], a[2], bool(a[3])), 0)
    if width <= 2048:
        # Another rotation: equal ones are one op, which two would take.
        text = f"{how}hadamard <{block}, seed = {seed + 1}>"
        z = entry.op(f"qnt.rotate {x} {text} : {of}")
        layer(z, of, width, text, lambda x, name=name: x[name], i % 2)

for i, (blocks, n) in enumerate([(3, 32), (2, 25), (4, 7), (1, 64)]):
    name, x, of = input(blocks * n)
    m = random_rotations(rng, blocks, n).astype(f32)
    value, m_of = entry.param(m)
    how = "transposed " if i % 2 else ""
    y = entry.op(f"qnt.rotate {x} {how}by {value} : {of}, {m_of}")

    def want(x, name=name, m=m, how=how):
        rows = x[name].astype(float)
        return np.einsum("...bi,bji->...bj" if how else "...bi,bij->...bj",
                         rows.reshape(*rows.shape[:-1], *m.shape[:2]),
                         m.astype(float)).reshape(rows.shape)
    add(f"{how}by {m_of}", y, of, want, ABSOLUTE)
    if not how:
        value, _ = entry.param(m)
        z = entry.op(f"qnt.rotate {x} by {value} : {of}, {m_of}")
        codes = of[:-len(f"{blocks * n}xf32>")].replace(
            "tensor", "!qnt.tensor") + f"{blocks * n}, int8, per_row, scale f32>"
        q = entry.op(f"qnt.quantize {z} : {of} -> {codes}")
        # Codes of numbers that differ by rounding may be neighbours.
        w, w_of = entry.param(np.eye(blocks * n, dtype=f32))
        fmt = f"!qnt.tensor<{blocks * n}x{blocks * n}, int8, per_channel, scale f32>"
        w = entry.op(f"qnt.quantize {w} : {w_of} -> {fmt}")
        out = entry.op(f"qnt.linear {q}, {w} : {codes}, {fmt}")
        add(f"codes by {m_of}", out, of, want, 0.01)

# Norms are a part of the same kernel, also before a rotation.
norms = {(width, block) for width in (56, 384, 2048, int(rng.integers(1, 300)))
         for block in ((1, 8) if width % 8 == 0 else (1,))}
for i, width in enumerate(sorted({width for width, _ in norms})):
    name, x, of = input(width)
    scale = rng.uniform(0.5, 2, width).astype(f32)
    value, scale_of = entry.param(scale)

    def normalize(x, name=name, scale=scale):
        rows = x[name].astype(float)
        return rows / np.sqrt((rows**2).mean(-1, keepdims=True) + 1e-5) * scale
    for block in sorted(block for other, block in norms if other == width):
        # Equal norms would be one op.
        y = entry.op(f"nn.rms_norm {x}, {value} eps {block}.0e-5 : {of}, {scale_of}")
        text = f"hadamard <{block}>"
        if block > 1:
            y = entry.op(f"qnt.rotate {y} {text} : {of}")
        # Sums in another order: codes may be neighbours.
        layer(y, of, width, text, normalize, i % 2, 0.01)

for count in (5, 16, 40):
    name, x, of = input(30)
    indices = rng.integers(0, 30, count).astype(np.int32)
    c = entry.op(f"arith.constant {literal(indices)} : {tensor_type(indices)}")
    y = entry.op(f"nn.select_features {x}, {c} : {of}, {tensor_type(indices)}")
    add(f"{count} features", y, of.replace("30xf32", f"{count}xf32"),
        lambda x, name=name, indices=indices: x[name][..., indices], 0)

graph.finish()
graph.wait()
failures, worst = 0, 0.0
for m in (1, int(rng.integers(2, 9)), int(rng.integers(20, 50))):
    sizes = {"m": m, "batch": int(rng.integers(1, 4))}
    x = {name: maker(sizes) for name, maker in makers.items()}
    truth = graph.interpret("main", x, len(checks))
    for isa in runnable():
        got = graph.run("main", isa, x, len(checks), 1 + m % 2)
        for (what, want, absolute), y, t in zip(checks, got, truth):
            want, largest = want(x), np.abs(t).max()
            # Codes of 8 bits lie as far from the numbers as that.
            near = 0.05 if "layer" in what or "codes" in what else ABSOLUTE
            far = np.abs(y - want).max() / largest
            off = np.abs(y.astype(float) - t).max() / largest
            worst = max(worst, off)
            if not (off <= absolute and far <= near and y.shape == want.shape):
                failures += 1
                print(f"{isa}, {sizes}: {what}: {off:.2g} from the interpreter, "
                      f"{far:.2g} from scipy")

# Rows are rotated where they are quantised.
checked(["quant-opt", graph.path("model.mlir"), "--target=cpu isa=avx2", "-o",
         graph.path("model.ll")])
with open(graph.path("model.ll")) as file:
    code = file.read()
rotated = sum(block > 1 for _, block in norms)
for fused, count in (("rotate", 15 + rotated), ("rms_norm", len(norms)),
                     ("rms_norm\\S*rotate", rotated)):
    kernels = set(re.findall(rf"@(quantize_rows\S*{fused}\S*)\.task\(", code))
    print(len(kernels), "kernels with", fused)
    failures += len(kernels) != count
failures += "@rms_norm" in code

# A model, all rotations, 4 and 8 bits.
programs = os.path.dirname(sys.argv[1])
config = make.SHAPES["tiny-llama"] | {
    "hidden_size": 84, "num_attention_heads": 6, "num_key_value_heads": 3,
    "head_dim": 20, "intermediate_size": 56}
make.write(graph.path("m"), config, "f32", seed=int(rng.integers(1 << 30)))
for model, steps in {
        "float": [],
        "coded": ["--qnt-quantize=weights=int4 activations=int8"]
        }.items():
    source, path = graph.path("in.mlir"), graph.path(f"{model}.mlir")
    with open(source, "w") as file:
        file.write(checked([os.path.join(programs, "qnt-import"),
                            graph.path("m"), "--kv-type=f32"]).stdout)
    checked(["quant-opt", source, "--nn-fold=norms", "--qnt-rotate=residual "
             "values keys down", *steps, "-o", path])
    checked(["quant-opt", path, "--target=cpu isa=all", "-o",
             graph.path(f"{model}.so")])
    tokens = rng.integers(0, config["vocab_size"], (2, 9)).astype(np.int32)
    np.savez(graph.path("t.npz"), tokens=tokens,
             position=np.zeros(2, np.int32))
    outputs = {}
    for name in (source, path):
        checked([sys.argv[1], name, "score", graph.path("t.npz"),
                 graph.path("t"), "2", "16"])
        outputs[name] = np.load(graph.path("t.0.npy"))
    truth, original = outputs[path], outputs[source]
    for isa in runnable():
        checked([os.path.join(programs, "run-guarded"),
                 graph.path(f"{model}.so"), "score", isa, "2", "16",
                 graph.path("t.npz"), graph.path("r")])
        y = np.load(graph.path("r0.npy"))
        off = np.abs(y - truth).max() / np.abs(truth).max()
        far = np.abs(y - original).max() / np.abs(original).max()
        print(f"{model} {isa}: {off:.2g} from the interpreter, {far:.2g} from "
              "the original")
        # A code may fall to its neighbour's side in sums of another order.
        if off > (0.05 if steps else 1e-5) or (not steps and far > 1e-4):
            failures += 1
print(f"{len(checks)} ops, worst {worst:.2g} from the interpreter")
sys.exit(failures > 0)
