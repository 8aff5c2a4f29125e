"""GPTQ in numpy, input by input."""
import numpy as np


def round_scale(scale, dtype):
    least = {"f16": 2.0 ** -24, "f32": 2.0 ** -126}[dtype]
    kind = {"f16": np.float16, "f32": np.float32}[dtype]
    size = np.abs(scale).astype(kind).astype(np.float32)
    return np.copysign(np.maximum(size, np.float32(least)), scale)


class Grid:
    """Symmetric integers of `bits`, absmax scales, arithmetic in f32."""

    def __init__(self, bits, dtype):
        self.high = np.float32(2 ** (bits - 1) - 1)
        self.low = np.float32(-(2 ** (bits - 1)))
        self.dtype = dtype

    def scale(self, block):
        block = block.astype(np.float32)
        most = np.abs(block).max(axis=1)
        scale = round_scale((most / self.high).astype(np.float32), self.dtype)
        return np.where(most == 0, np.float32(1), scale).astype(np.float32)

    def encode(self, x, scale):
        return np.clip(np.rint(x.astype(np.float32) / scale), self.low,
                       self.high)


def gptq(weight, moment, grid, group, damp, act_order):
    """Frantar et al. 2023, algorithm 1, without blocks."""
    n, k = weight.shape
    w = weight.astype(np.float64).copy()
    h = moment.astype(np.float64).copy()
    dead = np.diag(h) == 0
    mean = np.diag(h).mean()
    h[np.diag_indices(k)] += damp * mean
    h[dead, dead] = 1
    w[:, dead] = 0
    order = np.arange(k)
    if act_order:
        order = np.argsort(-np.diag(moment), kind="stable")
    h = h[order][:, order]
    upper = np.linalg.cholesky(np.linalg.inv(h)).T
    codes = np.zeros((n, k))
    scales = np.zeros((n, -(-k // group)), np.float32)
    start = w.copy()
    for i, column in enumerate(order):
        g = column // group
        if act_order:
            if i == 0:
                for b in range(scales.shape[1]):
                    scales[:, b] = grid.scale(start[:, b * group:(b + 1) * group])
        elif i % group == 0:
            scales[:, g] = grid.scale(w[:, i:i + group])
        code = grid.encode(w[:, column], scales[:, g])
        codes[:, column] = code
        value = (code.astype(np.float32) * scales[:, g]).astype(np.float32)
        error = (w[:, column] - value) / upper[i, i]
        rest = order[i + 1:]
        w[:, rest] -= error[:, None] * upper[i, i + 1:][None]
    return codes, scales


def signed(codes, bits):
    codes = codes.astype(np.int64)
    return np.where(codes >= 2 ** (bits - 1), codes - 2 ** bits, codes)
