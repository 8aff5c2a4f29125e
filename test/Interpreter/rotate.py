# REQUIRES: python
# RUN: %python %s
"""qnt.rotate and nn.select_features against numpy."""
import os
import sys

import numpy as np

sys.path.append(os.path.join(os.path.dirname(__file__), "Inputs"))
from cases import Cases, tensor_type
from rotations import random_rotations, rotation

cases = Cases()
rng = cases.rng
f32 = np.float32


def normal(*shape):
    return rng.standard_normal(shape).astype(f32)


def flags(*names):
    return "".join(f"{name} " for name in names if name)


# Activations, whose first dimensions are not known.
for i, (width, block) in enumerate([(64, 64), (96, 32), (384, 384), (768, 24),
                                    (1152, 1152), (56, 28), (56, 56), (9, 1),
                                    (36, 36), (6, 2)]):
    seed = 0 if i % 4 == 0 else int(rng.integers(1, 1 << 62))
    how = "transposed" if i % 2 else ""
    r = rotation(width, block, seed)
    x = normal(2, int(rng.integers(1, 5)), width) * 10
    v, of = cases.dynamic(x, (0, 1))
    attr = f"<{block}, seed = {seed}>" if seed else \
        f"<{block}>"
    y = cases.op(f"qnt.rotate {v} {flags(how)}hadamard {attr} : {of}")
    want = x.astype(float) @ (r.T if how else r)
    cases.expect(y, want.astype(f32), atol=2e-5, kind=of)
    cases.end(f"hadamard{i}")

    n = int(rng.integers(1, 20))
    m = random_rotations(rng, 3, n)
    if i % 2:
        m = m.astype(f32)
    x = normal(3, 3 * n)
    v, of = cases.dynamic(x)
    c = cases.constant(m)
    y = cases.op(f"qnt.rotate {v} {flags(how)}by {c} : {of}, {tensor_type(m)}")
    want = np.einsum("rbi,bji->rbj" if how else "rbi,bij->rbj",
                     x.reshape(3, 3, n).astype(float), m.astype(float))
    cases.expect(y, want.reshape(3, -1).astype(f32), rtol=2e-7, atol=1e-6,
                 kind=of)
    cases.end(f"matrices{i}")

# Parameters: inputs, outputs, vectors.
for i in range(12):
    n, k = 12 * int(rng.integers(1, 4)), 8 * int(rng.integers(1, 5))
    seed = int(rng.integers(1, 1 << 62))
    w = normal(n, k) if i % 3 else normal(n)
    how = "transposed" if i % 2 else ""
    outputs = "outputs" if i % 4 < 2 or w.ndim == 1 else ""
    r = rotation(n, 12, seed) if outputs else rotation(k, 8, seed)
    want = ((r if how else r.T) @ w if outputs else
            w @ (r.T if how else r))
    of = tensor_type(w)
    y = cases.op(f"qnt.rotate {cases.constant(w)} {flags(outputs, how)}hadamard "
                 f"<{12 if outputs else 8}, seed = {seed}> : {of}")
    cases.expect(y, want.astype(f32), rtol=2e-7, atol=1e-7)
    cases.end(f"parameter{i}")

# Rotated inputs meet rotated weights.
x, w = normal(5, 96), normal(7, 96)
v, of = cases.dynamic(x)
c = cases.constant(w)
attr = f"<96, seed = {int(rng.integers(1, 1 << 62))}>"
a = cases.op(f"qnt.rotate {v} hadamard {attr} : {of}")
b = cases.op(f"qnt.rotate {c} hadamard {attr} : {tensor_type(w)}")
y = cases.op(f"nn.linear {a}, {b} : {of}, {tensor_type(w)}")
cases.expect(y, (x.astype(float) @ w.T).astype(f32), atol=2e-5,
             kind="tensor<?x7xf32>")
cases.end("both")

for i, shape in enumerate([(7,), (3, 9), (2, 4, 13)]):
    x = normal(*shape)
    indices = rng.integers(0, shape[-1], int(rng.integers(1, 20))).astype(
        np.int32)
    v, of = cases.dynamic(x, (0,)) if len(shape) > 1 else (
        cases.constant(x), tensor_type(x))
    c = cases.constant(indices)
    y = cases.op(f"nn.select_features {v}, {c} : {of}, "
                 f"tensor<{len(indices)}xi32>")
    want = x[..., indices]
    kind = tensor_type(want, (0,)) if len(shape) > 1 else None
    cases.expect(y, want, kind=kind)
    cases.end(f"select{i}")
cases.run()
