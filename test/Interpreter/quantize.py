# REQUIRES: python
# RUN: %python %s
"""qnt.quantize for every format, block and scale type against numpy."""
import os
import sys

import numpy as np

sys.path.append(os.path.join(os.path.dirname(__file__), "Inputs"))
from cases import Cases, tensor_type
from reference import Quantized

cases = Cases()
rng = cases.rng
f32 = np.float32
INTEGERS = [s + "int" + str(n) for n in range(1, 9) for s in ("", "u")]
ZEROS = (False, True, "offset")
FLOATS = ["e4m3", "e5m2", "e2m1", "e3m2", "e2m3", "nf4"]


def values(shape, magnitude=1.0):
    x = rng.standard_normal(shape) * magnitude
    x = np.where(rng.random(shape) < 0.02, 8 * x, x)
    return (x + rng.choice([0.0, 0.5 * magnitude])).astype(f32)


def check(x, fmt, kind, clip="absmax", **options):
    want = Quantized(x, fmt, kind, clip=clip, **options)
    xs = cases.constant(x)
    q = cases.op(f"qnt.quantize {xs} clip {clip} : {tensor_type(x)} -> "
                 f"{want.type()}")
    v = cases.op(f"qnt.dequantize {q} : {want.type()} -> {tensor_type(x)}")
    cases.expect(v, want.dequantized())
    cases.end(f"case{len(cases.functions)}")


def blocks():
    """A shape and a block of it."""
    k = int(rng.integers(1, 100))
    group = f"group<{16 * int(rng.integers(1, 5))}>"
    return [((int(rng.integers(1, 4)), k), group),
            ((2, int(rng.integers(1, 4)), k), "per_row"),
            ((int(rng.integers(1, 4)), 2, k), "per_channel"),
            ((int(rng.integers(1, 5)), k), "per_tensor")]


for fmt in INTEGERS + FLOATS:
    for clip in ("absmax", "mse"):
        for shape, kind in blocks():
            for zero_point in ZEROS if "int" in fmt else (False,):
                check(values(shape, 10.0 ** rng.uniform(-3, 3)), fmt, kind,
                      clip, zero_point=zero_point,
                      scale_type=str(rng.choice(["f16", "bf16", "f32"])))
# Ternary weights: with scales of channels, and rounded to f16 for groups. The mean is of
# doubles in order, as numpy's cumulative sum.
for scale_type, kind in (("f32", "per_channel"), ("f16", "group<16>"), ("f32", "per_tensor")):
    rows, k = int(rng.integers(1, 5)), 16 * int(rng.integers(1, 6))
    x = values((rows, k), 10.0 ** rng.uniform(-3, 3))
    x[rng.integers(rows)] *= rng.integers(2)
    blocks_of = x.reshape({"per_channel": (rows, k), "group<16>": (-1, 16),
                           "per_tensor": (1, -1)}[kind])
    means = np.abs(blocks_of.astype(np.float64)).cumsum(-1)[:, -1:] / blocks_of.shape[1]
    scales = np.where(means == 0, 1, np.maximum(
        means.astype(f32).astype(np.float16), f32(2.0**-24)) if scale_type == "f16"
        else means).astype(f32)
    codes = np.clip(np.rint(np.clip(blocks_of, -scales, scales) / scales), -1, 1)
    of = f"!qnt.tensor<{rows}x{k}, int2, {kind}, scale {scale_type}>"
    q = cases.op(f"qnt.quantize {cases.constant(x)} clip absmean : {tensor_type(x)} -> {of}")
    v = cases.op(f"qnt.dequantize {q} : {of} -> {tensor_type(x)}")
    cases.expect(v, (codes * scales).astype(f32).reshape(x.shape))
    cases.end(f"ternary{len(cases.functions)}")
# Scales of 8 bits, rows of very different sizes, and blocks of zeros.
for fmt in ("e2m1", "e4m3", "e2m3", "int4"):
    for scale_type in ("f8E4M3FN", "f8E8M0FNU"):
        for clip in ("absmax", "mse"):
            group = 16 * int(rng.integers(1, 4))
            x = values((5, int(rng.integers(1, 120))),
                       10.0 ** rng.uniform(-6, 6))
            x *= 2.0 ** rng.integers(-12, 12, x.shape).astype(f32)
            x[0, :group] = 0
            x[1] = 0
            check(x, fmt, f"group<{group}>", clip, scale_type=scale_type)
for fmt in ("f32", "f16", "bf16"):
    check(values((3, 50), 1e3), fmt, "unscaled")

# The ends of what scales can hold, blocks of one sign, ties, blocks of zeros.
edge = [np.zeros(32, f32), np.full(32, 1e-30, f32), np.full(32, -3e38, f32),
        np.abs(values(32)), -np.abs(values(32)),
        np.arange(32, dtype=f32) / 2 - 8, np.array([0.5, -7.0] * 16, f32)]
for fmt in ("int4", "uint8", "int8", "e2m1"):
    for scale_type in ("f16", "bf16", "f32"):
        for zero_point in ZEROS if "int" in fmt else (False,):
            check(np.array(edge), fmt, "group<32>", scale_type=scale_type,
                  zero_point=zero_point)
    for scale_type in ("f8E4M3FN", "f8E8M0FNU") if "u" not in fmt else ():
        check(np.array(edge), fmt, "group<32>", scale_type=scale_type)

# Dynamic shapes, static scales, qnt.dim and layouts that change no number.
x = values((3, 40))
xs, of = cases.dynamic(x)
scale = rng.uniform(0.01, 0.1, ()).astype(f32)
zero = f32(rng.integers(0, 256)).reshape(())
want = Quantized(x, "uint8", "per_tensor", zero_point=True,
                 params=(scale, zero))
q = cases.op(f"qnt.quantize {xs} scale {cases.constant(scale)} zero "
             f"{cases.constant(zero)} : {of}, tensor<f32>, tensor<f32> -> "
             f"{want.type(('?', 40))}")
v = cases.op(f"qnt.dequantize {q} : {want.type(('?', 40))} -> {of}")
cases.expect(v, want.values().astype(f32), kind=of)
rows = cases.op(f"qnt.dim {q}, 0 : {want.type(('?', 40))}")
empty = cases.op(f"tensor.empty({rows}) : tensor<?x40xf32>")
cases.expect(empty, np.zeros((3, 40), f32), kind=of)
cases.end("static_scale")

want = Quantized(x, "int4", "group<32>", "f16")
packed = want.type()[:-1] + ", #qnt.panels<16>>"
w = cases.op(f"qnt.quantize {cases.constant(x)} : {tensor_type(x)} -> "
             f"{want.type()}")
p = cases.op(f"qnt.pack {w} : {want.type()} -> {packed}")
v = cases.op(f"qnt.dequantize {p} : {packed} -> {tensor_type(x)}")
cases.expect(v, want.values().astype(f32))
cases.end("packed")

# NaNs take no part in the choice of a scale and become zeros.
x = values((2, 32))
x[0, 3] = x[1, 31] = np.nan
clean = np.where(np.isnan(x), f32(0), x)
for clip in ("absmax", "mse"):
    want = Quantized(clean, "int8", "group<32>", clip=clip)
    q = cases.op(f"qnt.quantize {cases.constant(x)} clip {clip} : "
                 f"{tensor_type(x)} -> {want.type()}")
    v = cases.op(f"qnt.dequantize {q} : {want.type()} -> {tensor_type(x)}")
    cases.expect(v, want.values().astype(f32))
cases.end("nan")
cases.run()
