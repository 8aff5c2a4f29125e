"""Units of transformer blocks beside numpy: rows over their norm, products, rotations, and
attention, of any folding. The arithmetic is that of the ops' descriptions, written anew."""
import numpy as np

from units import FRAMES, Stream, bits_for, codes, dense, divisor, join, pick

ROOTS = np.rint(2.0 ** 19 / np.sqrt(np.arange(256, 1024) + 0.5)).astype(int).tolist()
POWERS = np.rint(255 * 2 ** (-9 * np.arange(512) / 512)).astype(int)
POWERS[511] = 0
RECIPROCALS = np.rint(2.0 ** 24 / (np.arange(512, 1024) + 0.5)).astype(int).tolist()


def shift(number, places):
    """Down, or up where places are negative."""
    return number >> places if places >= 0 else number << -places


def normalize_row(row, stabilizer):
    total = max(sum(x * x for x in row) + stabilizer, 4)
    h = next(h for h in range(-4, 32) if 256 <= shift(total, 2 * h) < 1024)
    r = ROOTS[shift(total, 2 * h) - 256]
    half = 1 << 2 + h if 3 + h > 0 else 0
    return [x * r + half >> 3 + h for x in row]


def divide_number(o, l):
    h = next(h for h in range(-9, 48) if 512 <= shift(l, h) < 1024)
    return o * RECIPROCALS[shift(l, h) - 512] + (1 << 15 + h) >> 16 + h


def draw_frames(rng, stream):
    """Numbers anywhere or at the ends; some frames and rows are the same number
    everywhere, small, or nothing."""
    numbers = stream.draw(rng)
    rows = numbers.reshape(-1, stream.shape[-1])
    for row in rows:
        kind = rng.integers(8)
        if kind < 3:
            row[:] = (0, stream.low, stream.high)[kind]
        elif kind == 3:
            row[:] = np.clip(rng.integers(-2, 3, row.size), stream.low, stream.high)
    return numbers


def normalize(rng):
    size = int(rng.integers(1, 40))
    shape = [int(n) for n in rng.integers(1, 4, rng.integers(0, 3))] + [size]
    lanes = divisor(rng, size)
    x = Stream(shape, int(rng.integers(1, 18)), bool(rng.integers(2)), lanes)
    zero = int(pick(rng, max(0, x.low), rng.integers(x.low, x.high + 1)))
    stabilizer = int(pick(rng, 0, 1, 4, rng.integers(0, 1 << 20), rng.integers(0, 1 << 50)))
    numbers = draw_frames(rng, x)
    numbers[rng.random(numbers.shape[:-1]) < 0.2] = zero
    want = [normalize_row([int(n) - zero for n in row], stabilizer)
            for row in numbers.reshape(-1, size)]
    y = Stream(shape, 18, True, lanes)
    assert np.min(want) >= y.low and np.max(want) <= y.high
    return (f"qflow.normalize %0 zero {zero} stabilizer {stabilizer} ", [(x, numbers)],
            [(y, np.reshape(want, numbers.shape))])


def multiply(rng):
    channels = int(rng.integers(1, 13))
    lanes = divisor(rng, channels)
    shape = [int(rng.integers(1, 4)), channels]
    a, b = codes(rng, shape, lanes), codes(rng, shape, lanes)
    zeros = [int(pick(rng, max(0, s.low), rng.integers(s.low, s.high + 1))) for s in (a, b)]
    ends = [(x - zeros[0]) * (y - zeros[1]) for x in (a.low, a.high) for y in (b.low, b.high)]
    y = Stream(shape, bits_for(min(ends), max(ends)) + int(rng.integers(2)), True, lanes)
    numbers = a.draw(rng), b.draw(rng)
    want = (numbers[0] - zeros[0]) * (numbers[1] - zeros[1])
    return (f"qflow.multiply %0, %1 zeros {zeros} ", list(zip((a, b), numbers)), [(y, want)])


def compute_rope(x, table, heads):
    tokens, size = table.shape
    c, s = table[:, None, :size // 2], table[:, None, size // 2:]
    a, b = np.split(x.reshape(-1, tokens, heads, size), 2, axis=-1)
    return np.concatenate([a * c - b * s, b * c + a * s], -1).reshape(x.shape)


def rope(rng):
    tokens, heads, half = int(rng.integers(1, 6)), int(rng.integers(1, 4)), int(rng.integers(1, 7))
    size, lanes = 2 * half, divisor(rng, half)
    shape = [tokens, heads * size]
    x = codes(rng, shape, lanes, int(rng.integers(1, 17)))
    zero = int(pick(rng, max(0, x.low), rng.integers(x.low, x.high + 1)))
    angles = rng.uniform(-np.pi, np.pi, (tokens, half))
    table = np.rint(2 ** 14 * np.hstack([np.cos(angles), np.sin(angles)])).astype(int)
    if rng.integers(4) == 0:
        table = rng.choice([-1 << 15, (1 << 15) - 1], table.shape)
    numbers = draw_frames(rng, x)
    want = compute_rope(numbers - zero, table, heads)
    most = np.abs(table).reshape(tokens, 2, half).sum(1).max()
    most = max(x.high - zero, zero - x.low) * int(most)
    y = Stream(shape, bits_for(-most, most), True, lanes)
    return (f"qflow.rope %0 zero {zero} table {dense(table, 16)} heads {heads} ",
            [(x, numbers)], [(y, want)])


def draw_heads(rng):
    """Tokens, heads, those of keys and values, their size."""
    groups = int(rng.integers(1, 4))
    return int(rng.integers(1, 8)), groups * int(rng.integers(1, 4)), groups, int(rng.integers(1, 13))


def compute_scores(q, k, heads, groups, least):
    frames, tokens, _ = q.shape
    q = q.reshape(frames, tokens, heads, -1)
    k = np.repeat(k.reshape(frames, tokens, groups, -1), heads // groups, 2)
    sums = np.einsum("fthd,fjhd->fthj", q, k)
    seen = np.tri(tokens, dtype=bool)[:, None]
    return np.where(seen, sums, least)


def scores(rng):
    tokens, heads, groups, size = draw_heads(rng)
    lanes = divisor(rng, size)
    q = codes(rng, [tokens, heads * size], lanes)
    k = codes(rng, [tokens, groups * size], lanes)
    ends = [size * a * b for a in (q.low, q.high) for b in (k.low, k.high)]
    y = Stream([tokens, heads, tokens], bits_for(min(ends) - 1, max(ends)), True, 1)
    numbers = draw_frames(rng, q), draw_frames(rng, k)
    want = compute_scores(*numbers, heads, groups, y.low)
    return (f"qflow.scores %0, %1 heads {heads} kv_heads {groups} ",
            list(zip((q, k), numbers)), [(y, want)])


def compute_exponentials(s, least, multiplier, places):
    """p and l."""
    s = s.astype(object)
    seen = s != least
    z = np.minimum(((s.max(-1, keepdims=True) - s) * multiplier + (1 << places - 1)) >> places,
                   511)
    p = np.where(seen, POWERS[z.astype(int)], 0)
    return p, p.sum(-1)


def exponentials(rng):
    tokens, heads = int(rng.integers(1, 10)), int(rng.integers(1, 4))
    lanes = divisor(rng, tokens)
    s = Stream([tokens, heads, tokens], int(rng.integers(2, 26)), True, lanes)
    # As much as the table has, in the bits that scores differ in.
    multiplier = int(pick(rng, 1, 65535, rng.integers(1, 65536)))
    wanted = multiplier.bit_length() + s.bits - 9
    places = int(np.clip(pick(rng, wanted, wanted - 4, rng.integers(1, 63)), 1, 62))
    numbers = draw_frames(rng, s)
    if rng.integers(2):
        numbers = np.where(np.tri(tokens, dtype=bool)[:, None], numbers, s.low)
    p, l = compute_exponentials(numbers, s.low, multiplier, places)
    powers = Stream(s.shape, 8, False, lanes)
    sums = Stream(s.shape[:2], int(255 * tokens).bit_length() + int(rng.integers(2)), False, 1)
    return (f"qflow.exponentials %0 multiplier {multiplier} shift {places} ", [(s, numbers)],
            [(powers, p), (sums, l)])


def compute_mix(p, v, heads, groups):
    frames, tokens, _ = v.shape
    v = np.repeat(v.reshape(frames, tokens, groups, -1), heads // groups, 2)
    seen = np.tri(tokens, dtype=bool)[:, None]
    return np.einsum("fthj,fjhd->fthd", p * seen, v).reshape(frames, tokens, -1)


def mix(rng):
    tokens, heads, groups, size = draw_heads(rng)
    lanes = divisor(rng, size)
    p = Stream([tokens, heads, tokens], pick(rng, 8, int(rng.integers(1, 10))), False, 1)
    v = codes(rng, [tokens, groups * size], lanes)
    most, least = tokens * p.high * max(0, v.high), tokens * p.high * min(0, v.low)
    y = Stream([tokens, heads * size], bits_for(least, most), True, lanes)
    numbers = draw_frames(rng, p), draw_frames(rng, v)
    return (f"qflow.mix %0, %1 heads {heads} kv_heads {groups} ",
            list(zip((p, v), numbers)), [(y, compute_mix(*numbers, heads, groups))])


def divide(rng):
    tokens, heads, size = (int(n) for n in rng.integers(1, 7, 3))
    lanes = divisor(rng, size)
    l = Stream([tokens, heads], int(rng.integers(1, 20)), False, 1)
    o = Stream([tokens, heads * size], l.bits + 8, True, lanes)
    divisors = np.maximum(draw_frames(rng, l), 1)
    most = 128 * np.repeat(divisors, size, -1)
    sums = np.clip(draw_frames(rng, o), -most, most)
    want = [divide_number(int(a), int(b) // 128) for a, b in zip(sums.ravel(), most.ravel())]
    y = Stream(o.shape, 17, True, lanes)
    assert np.min(want) >= y.low and np.max(want) <= y.high
    return (f"qflow.divide %0, %1 heads {heads} ", [(o, sums), (l, divisors)],
            [(y, np.reshape(want, sums.shape))])


MAKERS = [normalize, normalize, normalize, multiply, multiply, rope, rope, scores, scores,
          exponentials, exponentials, mix, mix, divide, divide]


def make_attention(rng):
    return join("attention", MAKERS, rng)
