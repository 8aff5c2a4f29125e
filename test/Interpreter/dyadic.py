# REQUIRES: python
# RUN: %python %s
"""nn.scale_rows, qnt.scales, qnt.quantize_bias, qnt.dyadic_shift and qnt.dyadic
against exact fractions."""
import os
import sys
from fractions import Fraction

import numpy as np

sys.path.append(os.path.join(os.path.dirname(__file__), "Inputs"))
from cases import Cases, quant_opt, tensor_type
from reference import Quantized

cases = Cases()
rng = cases.rng
f32 = np.float32


def constant(array):
    array = np.asarray(array)
    return cases.constant(array), tensor_type(array)


def multiplier(ratio, shift):
    """ratio is a double; Fraction rounds half to even."""
    return round(Fraction(float(ratio)) * 2**int(shift))


def shift_of(*ratios):
    return max(s for s in range(1, 63)
               if all(abs(multiplier(r, s)) < 2**31 for r in ratios))


for _ in range(50):
    n = int(rng.integers(1, 20))
    numerator = (rng.standard_normal(n) * 10.0**rng.uniform(-9, 3)).astype(f32)
    numerator[rng.integers(n)] *= rng.choice([0, 1, 1e-20])
    denominator = f32(10.0**rng.uniform(-4, 1))
    addend = f32(10.0**rng.uniform(-4, 1))
    ratios = numerator.astype(float) / float(denominator)
    other = float(addend) / float(denominator)
    i32 = f"tensor<{n}xi32>"
    (a, at), (d, dt), (x, xt) = map(constant, (numerator, denominator, addend))

    alone = np.array([shift_of(r) for r in ratios], np.int32)
    v = cases.op(f"qnt.dyadic_shift {a} over {d} : {at}, {dt} -> {i32}")
    cases.expect(v, alone)
    both = np.array([shift_of(r, other) for r in ratios], np.int32)
    s = cases.op(f"qnt.dyadic_shift {a} with {x} over {d} : {at}, {dt}, {xt} -> "
                 f"{i32}")
    cases.expect(s, both)
    v = cases.op(f"qnt.dyadic {a} over {d} shift {s} : {at}, {dt}, {i32}")
    cases.expect(v, np.array([multiplier(r, k) for r, k in zip(ratios, both)],
                             np.int32))
    v = cases.op(f"qnt.dyadic {x} over {d} shift {s} : {xt}, {dt}, {i32}")
    cases.expect(v, np.array([multiplier(other, k) for k in both], np.int32))

    bias = rng.standard_normal(n).astype(f32)
    scale = (10.0**rng.uniform(-7, -3, n)).astype(f32)
    (b, bt), (c, ct) = map(constant, (bias, scale))
    v = cases.op(f"qnt.quantize_bias {b} scale {c} : {bt}, {ct} -> {i32}")
    cases.expect(v, np.array([round(float(p) / float(q)) for p, q in
                              zip(bias, scale)], np.int32))
    cases.end(f"dyadic{len(cases.functions)}")

    w = rng.standard_normal((n, 2, 2, 3)).astype(f32)
    q = Quantized(w, "int8", "per_channel")
    (wn, wt), (c, ct) = constant(w), constant(scale)
    v = cases.op(f"qnt.quantize {wn} : {wt} -> {q.type()}")
    v = cases.op(f"qnt.scales {v} : {q.type()} -> tensor<{n}xf32>")
    cases.expect(v, np.array(q.scales, f32))
    codes = rng.integers(-2**31, 2**31, n).astype(np.int32)
    step = f32(10.0**rng.uniform(-3, 0))
    (i, it), (d, dt) = map(constant, (codes, step))
    v = cases.op(f"qnt.quantize {wn} : {wt} -> {q.type()}")
    v = cases.op(f"qnt.dequantize_bias {i} scale {d} weight {v} : {it}, {dt}, "
                 f"{q.type()} -> tensor<{n}xf32>")
    cases.expect(v, codes.astype(f32) * (step * np.array(q.scales, f32)))
    v = cases.op(f"nn.scale_rows {wn} by {c} : {wt}, {ct}")
    cases.expect(v, w * scale[:, None, None, None])
    cases.end(f"weights{len(cases.functions)}")
cases.run()

# What has no integer is an error.
for op in ("qnt.dyadic_shift %l over %s : tensor<1xf32>, tensor<f32> -> tensor<1xi32>",
           "qnt.quantize_bias %l scale %m : tensor<1xf32>, tensor<1xf32> -> tensor<1xi32>",
           "qnt.dyadic %l over %s shift %i : tensor<1xf32>, tensor<f32>, tensor<1xi32>"):
    got = quant_opt(f"""func.func @f() {{
  %l = arith.constant dense<1.0e9> : tensor<1xf32>
  %m = arith.constant dense<0.1> : tensor<1xf32>
  %s = arith.constant dense<0.1> : tensor<f32>
  %i = arith.constant dense<1> : tensor<1xi32>
  %0 = {op}
  return
}}""")
    assert got.returncode == 1, got
    assert "has a number beyond 32 bits at index 0" in got.stderr, got.stderr
