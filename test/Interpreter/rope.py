# REQUIRES: python
# RUN: %python %s
"""Rotary tables of every scaling kind, and rotations, against numpy."""
import os
import sys

import numpy as np

sys.path.append(os.path.join(os.path.dirname(__file__), "Inputs"))
from cases import Cases, tensor_type

cases = Cases()
rng = cases.rng
f32 = np.float32


def frequencies(kind, dim, theta, factor, low, high, original):
    """As the papers and the Llama 3.1 release define them."""
    plain = 1.0 / theta ** (np.arange(0, dim, 2) / dim)
    if kind == "linear":
        return plain / factor
    if kind == "llama3":
        turns = original * plain / (2 * np.pi)
        smooth = (turns - low) / (high - low)
        blended = (1 - smooth) * plain / factor + smooth * plain
        return np.where(turns < low, plain / factor,
                        np.where(turns > high, plain, blended))
    if kind == "yarn":
        def find(rotations):
            return (dim * np.log(original / (rotations * 2 * np.pi))
                    / (2 * np.log(theta)))
        first = max(np.floor(find(high)), 0)
        last = min(np.ceil(find(low)), dim - 1)
        ramp = np.clip((np.arange(dim // 2) - first) /
                       max(last - first, 0.001), 0, 1)
        return plain / factor * ramp + plain * (1 - ramp)
    return plain


def table(kind):
    dim = 2 * int(rng.integers(1, 65))
    theta = float(rng.choice([1e4, 5e5, 1e6]))
    factor, attention = float(rng.uniform(1.5, 40)), 1.0
    low, high, original = 1.0, 4.0, int(rng.choice([2048, 8192]))
    if kind == "yarn":
        high, attention = 32.0, float(0.1 * np.log(factor) + 1)
    positions = rng.integers(0, 4 * original, (2, 5)).astype(np.int32)
    p, of = cases.dynamic(positions, (0, 1))
    scaling = "" if kind == "plain" else (
        f"scaling #nn.rope_scaling<kind = {kind}, factor = {factor!r}, "
        f"lowFrequency = {low}, highFrequency = {high}, original = {original}, "
        f"attention = {attention!r}> ")
    v = cases.op(f"nn.rope_table {p} {scaling}dim {dim} theta {theta:e} : {of}")
    angles = positions[..., None] * frequencies(kind, dim, theta, factor, low,
                                                high, original)
    y = attention * np.concatenate([np.cos(angles), np.sin(angles)], -1)
    # The angle, up to 32768, carries a relative error of a few 1e-16.
    cases.expect(v, y.astype(f32), 1e-7, 1e-10,
                 tensor_type(y.astype(f32), (0, 1)))
    cases.end(f"table_{kind}{len(cases.functions)}")


def rotate(interleaved):
    b, t, heads = (int(n) for n in rng.integers(1, 4, 3))
    half = int(rng.integers(1, 9))
    size = 2 * half + int(rng.integers(0, 2) * rng.integers(0, 8))
    x = rng.standard_normal((b, t, heads * size)).astype(f32)
    angles = rng.uniform(-3, 3, (b, t, half))
    tab = np.concatenate([np.cos(angles), np.sin(angles)], -1).astype(f32)
    d = x.astype(float).reshape(b, t, heads, size)
    pairs = [(2 * i, 2 * i + 1) if interleaved else (i, i + half)
             for i in range(half)]
    y = d.copy()
    for i, (m, n) in enumerate(pairs):
        turn = (tab[..., i].astype(float) +
                1j * tab[..., half + i].astype(float))[..., None]
        z = (d[..., m] + 1j * d[..., n]) * turn
        y[..., m], y[..., n] = z.real, z.imag
    xs, ts = cases.dynamic(x, (0, 1)), cases.dynamic(tab, (0, 1))
    v = cases.op(f"nn.rope {xs[0]}, {ts[0]} heads {heads}"
                 f"{' interleaved' if interleaved else ''} : {xs[1]}, {ts[1]}")
    cases.expect(v, y.reshape(x.shape).astype(f32), 1e-7, 1e-12, xs[1])
    cases.end(f"rotate{len(cases.functions)}")


for _ in range(6):
    for kind in ("plain", "none", "linear", "llama3", "yarn"):
        table(kind)
    rotate(False)
    rotate(True)
cases.run()
