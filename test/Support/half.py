# REQUIRES: python
# RUN: %python %s %test_bin/support-test %t
"""Small floats against numpy and ml_dtypes: every code, and hard f32 values."""
import os
import sys

import ml_dtypes
import numpy as np

sys.path.append(os.path.join(os.path.dirname(__file__), "Inputs"))
from harness import path, run, seed

rng = np.random.default_rng(seed)
KINDS = {"f16": np.float16, "bf16": ml_dtypes.bfloat16,
         "f8e4m3": ml_dtypes.float8_e4m3fn, "f8e5m2": ml_dtypes.float8_e5m2}


def check(got, want, bits, what):
    bad = got.view(bits) != want.view(bits)
    bad &= ~(np.isnan(got) & np.isnan(want))
    assert not bad.any(), (what, got[bad][:5], want[bad][:5])


for kind, dtype in KINDS.items():
    run("decode", kind, path("values"))
    codes = np.arange(1 << 8 * np.dtype(dtype).itemsize)
    codes = codes.astype(f"u{np.dtype(dtype).itemsize}").view(dtype)
    values = codes.astype(np.float32)
    check(np.fromfile(path("values"), np.float32), values, np.uint32, kind)
    if kind.startswith("f8"):
        continue
    # Any bits, every value, the midpoints between neighbours (ties) and the
    # floats just beside them.
    finite = np.sort(values[np.isfinite(values)]).astype(np.float64)
    ties = ((finite[1:] + finite[:-1]) / 2).astype(np.float32)
    inputs = np.concatenate([
        rng.integers(0, 1 << 32, 300000, dtype=np.uint32).view(np.float32),
        values, ties, np.nextafter(ties, np.float32(np.inf)),
        np.nextafter(ties, np.float32(-np.inf)),
        np.float32([0, -0.0, 65519.996, 65520, -65520, 3.4e38, np.inf, -np.inf,
                    np.nan, 2**-25, 2**-24, 1.1 * 2**-25, 1e-45])])
    np.save(path("in.npy"), inputs)
    run("encode", kind, path("in.npy"), path("codes"))
    with np.errstate(all="ignore"):
        want = inputs.astype(dtype)
    got = np.fromfile(path("codes"), np.uint16).view(dtype)
    check(got, want, np.uint16, kind)
