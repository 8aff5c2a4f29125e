# REQUIRES: python
# RUN: %python %s
"""qnt.correct_bias against sums in double."""
import os
import sys

import numpy as np

sys.path.append(os.path.join(os.path.dirname(__file__), "Inputs"))
from cases import Cases, tensor_type
from reference import Quantized

cases = Cases()
rng = cases.rng

for _ in range(40):
    groups = int(rng.choice([1, 1, 2, 5]))
    rows, channels = groups * int(rng.integers(1, 5)), int(rng.integers(1, 9))
    window = [int(n) for n in rng.integers(1, 4, 2)] if groups > 1 or \
        rng.random() < 0.5 else []
    shape = (rows, *window, channels)
    weight = rng.standard_normal(shape).astype(np.float32)
    bias = rng.standard_normal(rows).astype(np.float32)
    codes = Quantized(weight, "int4", "per_channel")
    positions = int(np.prod(window)) if window else 1
    mean = rng.standard_normal((positions, groups, channels)).astype(np.float32)
    error = (weight - codes.values()).reshape(groups, -1, positions, channels)
    want = np.einsum("gnpc,pgc->gn", error, mean.astype(float)).reshape(-1) + bias
    (w, wt), (b, bt), (m, mt) = (
        (cases.constant(a), tensor_type(a))
        for a in (weight, bias, mean.reshape(-1)))
    q = cases.op(f"qnt.quantize {w} : {wt} -> {codes.type()}")
    y = cases.op(f"qnt.correct_bias {b} weight {w} codes {q} mean {m} : {bt}, "
                 f"{wt}, {codes.type()}, {mt}")
    # Codes are decoded to f32.
    cases.expect(y, want.astype(np.float32), rtol=1e-6, atol=1e-5)
    cases.end(f"correct{len(cases.functions)}")
cases.run()
