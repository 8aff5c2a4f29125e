"""Functions of codes in integers, in numpy, written from the descriptions of the ops:
qnt.normalize, qnt.rope, qnt.attention."""
import numpy as np

ROOTS = [round(2**19 / (i + 256.5)**0.5) for i in range(768)]
EXPONENTIALS = [round(255 * 2**(-9 * z / 512)) for z in range(511)] + [0]
RECIPROCALS = [round(2**24 / (i + 512.5)) for i in range(512)]


def floor_shift(value, shift):
    return value >> shift if shift >= 0 else value << -shift


def round_shift(value, shift):
    return (value + (1 << shift >> 1)) >> shift


def normalize(x, stabilizer):
    """Of rows [..., K]."""
    result = np.zeros(x.shape, np.int64)
    for at in np.ndindex(*x.shape[:-1]):
        row = [int(n) for n in x[at]]
        total = max(sum(n * n for n in row) + stabilizer, 4)
        h = next(h for h in range(-4, 40) if 256 <= floor_shift(total, 2 * h) < 1024)
        root = ROOTS[floor_shift(total, 2 * h) - 256]
        result[at] = [round_shift(n * root, 3 + h) for n in row]
    return result


def rope(x, table, heads):
    """Of [..., heads * D], with a table [..., D]."""
    halves = x.astype(np.int64).reshape(*x.shape[:-1], heads, 2, -1)
    a, b = halves[..., 0, :], halves[..., 1, :]
    cosines, sines = np.split(table.astype(np.int64)[..., None, :], 2, -1)
    return np.stack([a * cosines - b * sines, b * cosines + a * sines], -2).reshape(x.shape)


def attention(q, k, v, heads, kv_heads, multiplier, shift):
    """Of one sequence, [T, heads * D], [T, kv_heads * D]."""
    tokens = len(q)
    q = q.astype(np.int64).reshape(tokens, heads, -1)
    k, v = (n.astype(np.int64).reshape(tokens, kv_heads, -1) for n in (k, v))
    result = np.zeros(q.shape, np.int64)
    for t in range(tokens):
        for head in range(heads):
            shared = head * kv_heads // heads
            scores = k[:t + 1, shared] @ q[t, head]
            steps = np.minimum(
                ((scores.max() - scores) * multiplier + (1 << shift - 1)) >> shift, 511)
            weights = np.array([EXPONENTIALS[z] for z in steps])
            total = int(weights.sum())
            h = next(h for h in range(-9, 40) if 512 <= floor_shift(total, h) < 1024)
            reciprocal = RECIPROCALS[floor_shift(total, h) - 512]
            result[t, head] = round_shift((weights @ v[:t + 1, shared]) * reciprocal, 16 + h)
    return result.reshape(tokens, -1)
