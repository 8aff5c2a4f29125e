# REQUIRES: python, x86, cpu-avx2
# RUN: rm -rf %t && mkdir -p %t
# RUN: %test_bin/kernel-test --isa=avx2 --dump=%t
# RUN: %python %s %t
"""What kernels computed, against numpy and scipy in double precision."""
import os
import sys

import numpy as np
from scipy import special

folder = sys.argv[1]
checked = 0


def load(name):
    return np.load(os.path.join(folder, name + ".npy")).astype(np.float64)


def close(what, got, want, absolute, relative):
    global checked
    bad = ~(np.abs(got - want) <= absolute + relative * np.abs(want))
    assert not bad.any(), (what, got[bad][:5], want[bad][:5])
    checked += 1


def sigmoid(x):
    return special.expit(x)


close("exp", load("exp.y"), np.exp(load("exp.x")), 0, 2e-7)
for name, function in {
    "relu": lambda x: np.maximum(x, 0),
    "gelu": lambda x: x * special.ndtr(x),
    "gelu_tanh": lambda x: x * sigmoid(
        2 * np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)),
    "silu": lambda x: x * sigmoid(x),
    "tanh": np.tanh,
    "sigmoid": sigmoid,
}.items():
    with np.errstate(over="ignore"):
        close(name, load(name + ".y"), function(load(name + ".x")), 1e-6, 1e-6)

x = load("norm.x")
close("l2_normalize", load("norm.l2"),
      x / np.linalg.norm(x, axis=-1, keepdims=True), 1e-6, 2e-6)


def quantize(x, low, high, zero_point):
    """Scale, zero point and codes of one row, in f32 as the op is defined."""
    x = np.where(np.isnan(x), np.float32(0), x).astype(np.float32)
    tiny = np.finfo(np.float32).tiny
    if not x.any():
        # Any scale would do; the kernel stores 0.
        scale, zero = np.float32(0), low if zero_point else 0
    elif zero_point:
        bottom, top = min(x.min(), np.float32(0)), max(x.max(), np.float32(0))
        scale = max(np.float32((top - bottom) / np.float32(high - low)), tiny)
        zero = int(np.clip(low - np.rint(bottom / scale), low, high))
    else:
        scale, zero = max(np.abs(x).max() / np.float32(high), tiny), 0
    codes = np.clip(np.rint(x / (scale or 1)) + zero, low, high)
    return scale, zero, codes


FORMATS = {"int8": (-128, 127, False, 0), "uint8": (0, 255, True, 0),
           "int4": (-8, 7, False, 8)}
for name, (low, high, zero_point, excess) in FORMATS.items():
    stem = "quantize." + name
    x = np.load(os.path.join(folder, stem + ".x.npy"))
    rows, features = x.shape
    codes, scales, zeros = (load(stem + part)
                            for part in (".codes", ".scales", ".zeros"))
    with np.errstate(over="ignore"):
        for row in range(rows):
            scale, zero, want = quantize(x[row], low, high, zero_point)
            assert scales[row] == scale, (name, row, scales[row], scale)
            assert zeros[row] == zero + excess, (name, row)
            stored = (want + excess) % 256
            assert (codes[row, :features] == stored).all(), (name, row)
            assert (codes[row, features:] == 0).all(), (name, row)
    checked += 1

# 3 heads, no causal mask, keys up to each sequence's length.
query, keys, values, lengths, out = (
    load("attention." + part)
    for part in ("query", "keys", "values", "lengths", "out"))
for b, length in enumerate(lengths.astype(int)):
    for head in range(query.shape[2]):
        if length == 0:
            # Who attends to nothing gets zeros.
            close("attention", out[b, :, head], 0, 0, 0)
            continue
        scores = query[b, :, head] @ keys[b, head, :length].T
        weights = special.softmax(scores / np.sqrt(query.shape[3]), axis=-1)
        close("attention", out[b, :, head], weights @ values[b, head, :length],
              3e-5, 3e-5)

# The number of sequences is random.
assert checked == 8 + len(FORMATS) + len(lengths) * query.shape[2], checked
