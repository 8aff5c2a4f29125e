# REQUIRES: python
# RUN: %python %s
"""Attention against numpy: masks, grouped queries, cache over several calls."""
import os
import sys

import numpy as np
from scipy import special

sys.path.append(os.path.join(os.path.dirname(__file__), "Inputs"))
from cases import Cases
from reference import Quantized

cases = Cases()
rng = cases.rng
f32 = np.float32

# Neighbouring numbers of f32: means of two values with equal weights lie half
# way between two of them, where the last bit of f64 decides.
RTOL = 2.0 ** -23


def attention(q, k, v, mask, heads, kv_heads, scale):
    """q [B, T, heads * D], k and v [B, S, kv_heads * D], mask [B, T, S]."""
    b, t, _ = q.shape
    s = k.shape[1]
    q = q.astype(float).reshape(b, t, heads, -1)
    k = np.repeat(k.astype(float).reshape(b, s, kv_heads, -1),
                  heads // kv_heads, 2)
    v = np.repeat(v.astype(float).reshape(b, s, kv_heads, -1),
                  heads // kv_heads, 2)
    scores = scale * np.einsum("bthd,bshd->bhts", q, k)
    scores = np.where(mask[:, None], scores, -np.inf)
    with np.errstate(invalid="ignore"):
        weights = np.nan_to_num(special.softmax(scores, -1))
    return np.einsum("bhts,bshd->bthd", weights, v).reshape(b, t, -1)


def inputs(b, t, heads, kv_heads, size):
    return [rng.standard_normal((b, t, n * size)).astype(f32)
            for n in (heads, kv_heads, kv_heads)]


def shape():
    kv_heads, share = int(rng.integers(1, 4)), int(rng.integers(1, 4))
    return int(rng.integers(1, 4)), kv_heads * share, kv_heads, \
        int(rng.integers(1, 9)), float(rng.uniform(0.1, 2))


def emit(arrays, extra, flags, heads, kv_heads, scale):
    values = [cases.dynamic(a, (0, 1)) for a in arrays]
    types = ", ".join(of for _, of in values)
    v = cases.op(f"nn.attention {', '.join(n for n, _ in values)} {extra} "
                 f"heads {heads} kv_heads {kv_heads} scale {scale!r} {flags} : "
                 f"{types}")
    return v, values[0][1]


def plain(causal, window, lengths):
    b, heads, kv_heads, size, scale = shape()
    t = int(rng.integers(1, 12))
    q, k, v = inputs(b, t, heads, kv_heads, size)
    row, column = np.arange(t)[:, None], np.arange(t)[None]
    mask = np.ones((b, t, t), bool)
    flags, extra = "", ""
    if causal:
        mask &= column <= row
        flags += "causal "
    if window:
        w = int(rng.integers(1, t + 2))
        mask &= column > row - w
        flags += f"window {w}"
    if lengths:
        n = rng.integers(0, t + 1, b).astype(np.int32)
        mask &= column < n[:, None, None]
        ns = cases.dynamic(n)
        extra = f"lengths({ns[0]} : {ns[1]})"
    y = attention(q, k, v, mask, heads, kv_heads, scale)
    out, of = emit((q, k, v), extra, flags, heads, kv_heads, scale)
    cases.expect(out, y.astype(f32), RTOL, 1e-12, of)
    cases.end(f"plain{len(cases.functions)}")


def stored(x, element, size):
    """What a cache makes of heads of `size` features."""
    if element.startswith("f"):
        return x.astype({"f16": np.float16, "f32": f32}[element])
    codes = Quantized(x.reshape(-1, size), "u" + element.replace("i", "int"),
                      "per_row", "f16", zero_point=True)
    return codes.dequantized().reshape(x.shape)


def cached(window, element):
    """A prompt, then two shorter steps, on two layers."""
    b, heads, kv_heads, size, scale = shape()
    if element == "i4":
        size *= 2
    cache = f"!nn.kv_cache<2 layers, {kv_heads} heads, {size}, {element}>"
    cases.arguments = f"%kv: {cache}"
    start = rng.integers(0, 3, b).astype(np.int32)
    seen = {layer: np.zeros((2, b, 64, kv_heads * size), f32)
            for layer in (0, 1)}
    # Positions before the first start hold zeros, which count.
    w = int(rng.integers(1, 12))
    for t in (int(rng.integers(1, 9)), 1, int(rng.integers(1, 4))):
        for layer in (1, 0):
            q, k, v = inputs(b, t, heads, kv_heads, size)
            # A head of zeros, and one on one side of zero.
            k[0, 0, :size], v[-1, -1, :size] = 0, np.abs(v[-1, -1, :size]) + 3
            for j in range(b):
                at = slice(start[j], start[j] + t)
                seen[layer][0, j, at] = stored(k[j], element, size)
                seen[layer][1, j, at] = stored(v[j], element, size)
            position = (start[:, None] + np.arange(t))[..., None]
            column = np.arange(64)
            mask = column <= position
            if window:
                mask &= column > position - w
            y = attention(q, *seen[layer], mask, heads, kv_heads, scale)
            s = cases.dynamic(start)
            out, of = emit((q, k, v), f"cache(%kv : {cache}) layer {layer} "
                           f"at({s[0]} : {s[1]})",
                           f"window {w}" if window else "", heads, kv_heads,
                           scale)
            cases.expect(out, y.astype(f32), RTOL, 1e-12, of)
        start = start + np.int32(t)
    cases.end(f"cached{len(cases.functions)}")


for _ in range(6):
    for causal, window in ((False, False), (True, False), (True, True)):
        for lengths in (False, True):
            plain(causal, window, lengths)
    for element in ("f16", "f32", "i8", "i4"):
        cached(False, element)
        cached(True, element)
cases.run()
