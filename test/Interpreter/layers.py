# REQUIRES: python
# RUN: %python %s
"""The layers of nn against numpy and scipy in double."""
import os
import sys

import numpy as np
from scipy import special

sys.path.append(os.path.join(os.path.dirname(__file__), "Inputs"))
from cases import Cases, tensor_type

cases = Cases()
rng = cases.rng
f32 = np.float32
# One rounding to f32 of a double computation.
ULP = 6e-8


def floats(*shape, scale=1.0):
    return (rng.standard_normal(shape) * scale).astype(f32)


def sizes(*bounds):
    return [int(rng.integers(low, high + 1)) for low, high in bounds]


def linear():
    b, t, k, n = sizes((1, 3), (1, 5), (1, 40), (1, 30))
    x, w, bias = floats(b, t, k), floats(n, k), floats(n)
    xs, ws, bs = cases.dynamic(x, (0, 1)), cases.constant(w), cases.constant(bias)
    y = x.astype(float) @ w.astype(float).T
    out = tensor_type(np.empty((b, t, n), f32), (0, 1))
    for text, types, expected in [
            ("", "", y), (f" bias {bs}", f", {tensor_type(bias)}", y + bias)]:
        v = cases.op(f"nn.linear {xs[0]}, {ws}{text} : {xs[1]}, "
                     f"{tensor_type(w)}{types}")
        cases.expect(v, expected.astype(f32), ULP, 1e-12, out)
    cases.end(f"linear{len(cases.functions)}")


def lookups():
    b, t, v, h = sizes((1, 4), (1, 6), (1, 9), (1, 7))
    ids = rng.integers(0, v, (b, t)).astype(np.int32)
    table = floats(v, h)
    i, tab = cases.dynamic(ids, (0, 1)), cases.constant(table)
    row = tensor_type(np.empty((b, t, h), f32), (0, 1))
    cases.expect(cases.op(f"nn.embedding {i[0]}, {tab} : {i[1]}, "
                          f"{tensor_type(table)}"), table[ids], kind=row)
    start = rng.integers(0, 100, b).astype(np.int32)
    s = cases.dynamic(start)
    steps = np.broadcast_to(np.arange(t, dtype=np.int32), (b, t))
    cases.expect(cases.op(f"nn.position_ids {i[0]} : {i[1]}"),
                 np.ascontiguousarray(steps), kind=i[1])
    cases.expect(cases.op(f"nn.position_ids {i[0]} from {s[0]} : {i[1]}, "
                          f"{s[1]}"), start[:, None] + steps, kind=i[1])
    x = floats(b, t, h)
    xs = cases.dynamic(x, (0, 1))
    rows = rng.integers(0, t, b).astype(np.int32)
    r = cases.dynamic(rows)
    flat = tensor_type(np.empty((b, h), f32), (0,))
    cases.expect(cases.op(f"nn.select_rows {xs[0]} at {r[0]} : {xs[1]}, "
                          f"{r[1]}"), x[np.arange(b), rows], kind=flat)
    cases.expect(cases.op(f"nn.select_rows {xs[0]} : {xs[1]}"), x[:, -1],
                 kind=flat)
    lengths = rows + 1
    n = cases.dynamic(lengths.astype(np.int32))
    mean = [x[j, :lengths[j]].astype(float).mean(0) for j in range(b)]
    cases.expect(cases.op(f"nn.mean_pool {xs[0]}, {n[0]} : {xs[1]}, {n[1]}"),
                 np.array(mean, f32), ULP, 1e-12, flat)
    cases.end(f"lookups{len(cases.functions)}")


def elementwise():
    b, t, h = sizes((1, 3), (1, 4), (1, 9))
    x = floats(b, t, h, scale=3.0)
    xs = cases.dynamic(x, (0, 1))
    for y in (floats(b, t, h), floats(t, h), floats(h)):
        ys = cases.constant(y)
        suffix = f"{xs[1]}, {tensor_type(y)}"
        cases.expect(cases.op(f"nn.add {xs[0]}, {ys} : {suffix}"), x + y,
                     kind=xs[1])
        cases.expect(cases.op(f"nn.mul {xs[0]}, {ys} : {suffix}"), x * y,
                     kind=xs[1])
    d = x.astype(float)
    tanh_gelu = 0.5 * d * (1 + np.tanh(np.sqrt(2 / np.pi) *
                                       (d + 0.044715 * d**3)))
    for kind, y, atol in [
            ("relu", np.maximum(d, 0), 0), ("gelu", d * special.ndtr(d), 0),
            ("gelu_tanh", tanh_gelu, 1e-12), ("silu", d * special.expit(d), 0),
            ("tanh", np.tanh(d), 0), ("sigmoid", special.expit(d), 0)]:
        v = cases.op(f"nn.activation {kind} {xs[0]} : {xs[1]}")
        cases.expect(v, y.astype(f32), 2 * ULP, atol, xs[1])
    v = cases.op(f"nn.clamp {xs[0]} low -0.5 high 0x7FF0000000000000 : {xs[1]}")
    cases.expect(v, np.maximum(x, f32(-0.5)), 0, 0, xs[1])
    cases.end(f"elementwise{len(cases.functions)}")


def norms():
    b, t, groups, size = sizes((1, 3), (1, 4), (1, 4), (1, 17))
    h = groups * size
    x = floats(b, t, h, scale=2.0) + f32(rng.normal())
    scale, wide, shift = floats(size), floats(h), floats(h)
    eps = float(10.0 ** rng.uniform(-8, -2))
    xs = cases.dynamic(x, (0, 1))
    d = x.astype(float).reshape(b, t, groups, size)
    y = d / np.sqrt((d**2).mean(-1, keepdims=True) + eps) * scale
    s = cases.constant(scale)
    v = cases.op(f"nn.rms_norm {xs[0]}, {s} groups {groups} eps {eps:e} : "
                 f"{xs[1]}, {tensor_type(scale)}")
    cases.expect(v, y.reshape(b, t, h).astype(f32), 2 * ULP, 1e-12, xs[1])
    d = d.reshape(b, t, h)
    y = (d - d.mean(-1, keepdims=True)) / np.sqrt(
        d.var(-1, keepdims=True) + eps) * wide + shift
    v = cases.op(f"nn.layer_norm {xs[0]}, {cases.constant(wide)}, "
                 f"{cases.constant(shift)} eps {eps:e} : {xs[1]}, "
                 f"{tensor_type(wide)}")
    cases.expect(v, y.astype(f32), 2 * ULP, 1e-9, xs[1])
    y = d / np.maximum(np.linalg.norm(d, axis=-1, keepdims=True), 1e-12)
    v = cases.op(f"nn.l2_normalize {xs[0]} : {xs[1]}")
    cases.expect(v, y.astype(f32), 2 * ULP, 0, xs[1])
    zero = cases.constant(np.zeros((2, h), f32))
    of = tensor_type(np.zeros((2, h), f32))
    cases.expect(cases.op(f"nn.l2_normalize {zero} : {of}"),
                 np.zeros((2, h), f32))
    cases.end(f"norms{len(cases.functions)}")


for _ in range(8):
    linear()
    lookups()
    elementwise()
    norms()
cases.run()
