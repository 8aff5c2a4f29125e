"""Random stages as networks have them, each with streams of its own: what they take, not
what they give, is looked at."""
import functools
import math
import re

import numpy as np

from units import Stream, bits_for, dense, minifloats, pick, shared
from units import constant_dot as unit_of_constants


def divide(rng, n, most):
    return pick(rng, *[d for d in range(1, most + 1) if n % d == 0])


def dot(rng):
    rows, inputs = pick(rng, 8, 10, 16, 32), pick(rng, 9, 16, 27, 72, 144)
    lanes = divide(rng, inputs, 16)
    x = Stream([12, inputs], pick(rng, 4, 8), bool(rng.integers(2)), lanes)
    bits = pick(rng, 2, 4, 8)
    weights = rng.integers(-(1 << bits - 1), 1 << bits - 1, (rows, inputs))
    positive, negative = np.maximum(weights, 0).sum(1), np.minimum(weights, 0).sum(1)
    low = min(positive * x.low + negative * x.high)
    high = max(positive * x.high + negative * x.low)
    y = Stream([12, rows], bits_for(low, high), True, divide(rng, rows, max(1, 48 // lanes)))
    # Folded: of weights that never change, Yosys makes something else.
    if rows == y.lanes and inputs == lanes:
        return dot(rng)
    where = pick(rng, "", "in_luts ", *shared(weights, x, y.lanes))
    return f"qflow.dot %0 weights {dense(weights, bits)} {where}", [x], y


def constant_dot(rng):
    """All of a matrix at once."""
    text, [(x, _)], y, _ = unit_of_constants(rng)
    return text, [x], y


def minifloat_dot(rng):
    """Weights that are stored as small floats."""
    rows, inputs = pick(rng, 8, 16, 32), pick(rng, 16, 72, 144)
    lanes = divide(rng, inputs, 8)
    x = Stream([12, inputs], 8, bool(rng.integers(2)), lanes)
    exponent, mantissa = pick(rng, (2, 1), (3, 2), (2, 3), (4, 3))
    weights = rng.choice(minifloats(exponent, mantissa), (rows, inputs))
    positive, negative = np.maximum(weights, 0).sum(1), np.minimum(weights, 0).sum(1)
    low = min(positive * x.low + negative * x.high)
    high = max(positive * x.high + negative * x.low)
    y = Stream([12, rows], bits_for(low, high), True, divide(rng, rows, max(1, 48 // lanes)))
    return (f"qflow.dot %0 weights {dense(weights, bits_for(weights.min(), weights.max()))} "
            f"minifloat [{exponent}, {mantissa}] {pick(rng, '', 'in_luts ')}", [x], y)


def pair_dot(rng):
    """Of two vectors at once."""
    rows, inputs, pe = pick(rng, 8, 16), pick(rng, 32, 72, 144), pick(rng, 2, 4)
    x = Stream([12, inputs], pick(rng, 2, 4), bool(rng.integers(2)), pick(rng, 1, 2, 4))
    bits = pick(rng, 2, 4)
    weights = rng.integers(-(1 << bits - 1), 1 << bits - 1, (rows, inputs))
    ways = list(shared(weights, x, pe, 2))
    # Of products of 9 bits, the fewest that Yosys puts into DSPs, it narrows some.
    if not rows // pe < inputs // x.lanes or not ways or x.bits + bits < 6:
        return pair_dot(rng)
    y = Stream([12, rows], x.bits + bits + inputs.bit_length(), True, pe)
    return f"qflow.dot %0 weights {dense(weights, bits)} {pick(rng, *ways)}", [x], y


def table_dot(rng):
    """Ternary, by tables of sums."""
    rows, inputs = pick(rng, 16, 64, 120, 256), pick(rng, 27, 48, 72, 144)
    lanes = pick(rng, *[n for n in (3, 4, 6, 8, 9, 12, 16) if inputs % n == 0])
    x = Stream([12, inputs], pick(rng, 4, 8), bool(rng.integers(2)), lanes)
    weights = rng.integers(-1, 2, (rows, inputs))
    bits = x.bits + 1 + inputs.bit_length()
    y = Stream([12, rows], bits, True, divide(rng, rows, max(1, 64 // lanes)))
    return f"qflow.dot %0 weights {dense(weights, 2)} in_tables ", [x], y


def tiled_dot(rng):
    """Several vectors by weights that come, or one."""
    tiles, rows = pick(rng, 3, 8), pick(rng, 1, 4, 8)
    steps, lanes = pick(rng, 9, 40), pick(rng, 2, 4)
    vectors = pick(rng, 1, 6, 20)
    x = Stream([vectors, steps * lanes], 8, bool(rng.integers(2)), lanes)
    w = Stream([tiles, steps, lanes * rows], pick(rng, 2, 4, 8), True, lanes * rows)
    bits = x.bits + w.bits + (steps * lanes).bit_length()
    return (f"qflow.tiled_dot %0 , %1 {pick(rng, '', 'in_luts ')}", [x, w],
            Stream([tiles, vectors, rows], bits, True, rows))


def memory_dot(rng):
    """From memory on, in order: fetch, words of other lanes, products, reorder."""
    tiles, rows, steps, lanes = pick(rng, 3, 8), pick(rng, 2, 4), pick(rng, 9, 40), pick(rng, 2, 4)
    x = Stream([pick(rng, 6, 20), steps * lanes], 8, bool(rng.integers(2)), lanes)
    bits = pick(rng, 2, 3, 4, 8)
    weights = rng.integers(-(1 << bits - 1), 1 << bits - 1, (tiles * rows, steps * lanes))
    y = Stream([x.shape[0], tiles * rows], x.bits + bits + (steps * lanes).bit_length(), True,
               rows)
    return (f"qflow.dot %0 weights {dense(weights, bits)} port {pick(rng, 32, 64, 512)} ", [x], y)


def reorder(rng):
    shape, lanes = [pick(rng, 3, 8), pick(rng, 6, 40), 4], pick(rng, 1, 4)
    x = Stream(shape, pick(rng, 8, 20), True, lanes)
    return ("qflow.reorder %0 permutation [1, 0, 2]", [x],
            Stream([shape[1], shape[0], 4], x.bits, True, lanes))


def requantize(rng, tiles=(), by_thresholds=False):
    channels = pick(rng, 8, 16, 32)
    lanes = pick(rng, 1, 2)
    shape = list(tiles) + [9, channels]
    a = Stream(shape, int(rng.integers(14, 25)), True, lanes)
    b = Stream(shape, 8, bool(rng.integers(2)), lanes)
    y = Stream(shape, 4 if by_thresholds else pick(rng, 4, 8), bool(rng.integers(2)), lanes)
    channels *= math.prod(tiles)
    multipliers = rng.integers(1 << 30, 1 << 31, channels)
    factors = rng.integers(1 << 29, 1 << 30, channels)
    shifts = rng.integers(35, 42, channels)
    offsets = rng.integers(-1 << 40, 1 << 40, channels)
    text = (f"qflow.requantize %0 multipliers {dense(multipliers, 64)} offsets "
            f"{dense(offsets, 64)} shifts {dense(shifts, 64)} clamp [{y.low}, {y.high}] "
            + ("by_thresholds " if by_thresholds else pick(rng, "", "in_luts "))
            + "tiled " * bool(tiles))
    if rng.integers(2) and not by_thresholds:
        return text + f"add %1 factors {dense(factors, 64)} : {b}", [a, b], y
    return text, [a], y


def window(rng, by_channel):
    size, channels = pick(rng, 8, 16, 32), pick(rng, 3, 8, 16, 32)
    x = Stream([size, size, channels], pick(rng, 4, 8), bool(rng.integers(2)),
               divide(rng, channels, 32))
    kernel, stride = pick(rng, 2, 3), pick(rng, 1, 2)
    pad = int(rng.integers(2))
    out = (size + 2 * pad - kernel) // stride + 1
    shape = ([out, out, channels // x.lanes, kernel * kernel * x.lanes] if by_channel else
             [out, out, kernel * kernel * channels])
    text = (f"qflow.window %0 {'by_channel ' * by_channel}kernel [{kernel}, {kernel}] strides "
            f"[{stride}, {stride}] pads [{pad}, {pad}, {pad}, {pad}] outside {int(x.high)}")
    return text, [x], Stream(shape, x.bits, x.signed, x.lanes)


def pool(rng):
    kind, lanes, taps = pick(rng, "max", "sum"), int(rng.integers(1, 9)), pick(rng, 4, 9, 64)
    x = Stream([2, 2, 3, taps * lanes], 8, bool(rng.integers(2)), lanes)
    bits = x.bits + (0 if kind == "max" else taps.bit_length())
    return f"qflow.pool {kind} %0", [x], Stream([2, 2, 3 * lanes], bits, x.signed, lanes)


def depthwise(rng):
    groups, lanes, taps = pick(rng, 3, 4, 8), pick(rng, 1, 2, 4, 8), pick(rng, 4, 9, 25)
    multiplier = pick(rng, 1, 1, 2)
    x = Stream([2, 2, groups, taps * lanes], pick(rng, 4, 8), bool(rng.integers(2)), lanes)
    bits = pick(rng, 2, 4, 8)
    weights = rng.integers(-(1 << bits - 1), 1 << bits - 1, (groups * lanes * multiplier, taps))
    ends = np.stack([weights * x.low, weights * x.high])
    y = Stream([2, 2, len(weights)], bits_for(min(ends.min(0).sum(1)), max(ends.max(0).sum(1))),
               True, lanes * multiplier)
    return (f"qflow.depthwise %0 weights {dense(weights, bits)} {pick(rng, '', 'in_luts ')}", [x],
            y)


def concat(rng):
    lanes, bits = pick(rng, 1, 4, 8), pick(rng, 4, 8, 20)
    parts = [Stream([6, 5, lanes * pick(rng, 1, 3, 8)], bits, True, lanes)
             for _ in range(pick(rng, 2, 3, 4))]
    names = ", ".join(f"%{at}" for at in range(len(parts)))
    return (f"qflow.concat {names} ", parts,
            Stream([6, 5, sum(part.shape[-1] for part in parts)], bits, True, lanes))


def width(rng):
    elements = pick(rng, 16, 24, 64)
    narrow = pick(rng, 1, 2, 4)
    wide = pick(rng, *[n for n in (4, 8, 16) if n > narrow and elements % n == 0])
    lanes = pick(rng, (narrow, wide), (wide, narrow))
    bits = pick(rng, 8, 20)
    x, y = (Stream([6, elements], bits, False, n) for n in lanes)
    return "qflow.width %0", [x], y


def fifo(rng):
    x = Stream([40, 4], pick(rng, 4, 8, 21), False, pick(rng, 1, 4))
    return f"qflow.fifo %0 depth {pick(rng, 2, 16, 60, 100, 700, 3000)}", [x], x


MAKERS = [dot, dot, dot, dot, requantize, requantize,
          lambda rng: window(rng, False), lambda rng: window(rng, False),
          lambda rng: window(rng, True), pool, pool, width, width, fifo, fifo,
          tiled_dot, tiled_dot, memory_dot, memory_dot, reorder,
          lambda rng: requantize(rng, (5,)), lambda rng: requantize(rng, by_thresholds=True),
          minifloat_dot, minifloat_dot, pair_dot, pair_dot]


def normalize(rng):
    size = pick(rng, 48, 64, 256)
    x = Stream([4, size], pick(rng, 8, 16), True, divide(rng, size, 4))
    y = Stream(x.shape, 18, True, x.lanes)
    return f"qflow.normalize %0 zero 0 stabilizer {pick(rng, 0, 1000)} ", [x], y


def multiply(rng, widths=(4, 8)):
    a, b = (Stream([9, 16], pick(rng, *widths), bool(rng.integers(2)), lanes)
            for lanes in [divide(rng, 16, 8)] * 2)
    zeros = [int(rng.integers(2)) * int(rng.integers(s.low, s.high + 1)) for s in (a, b)]
    return f"qflow.multiply %0, %1 zeros {zeros} ", [a, b], Stream(a.shape, 19, True, a.lanes)


def rope(rng):
    tokens, heads, size = pick(rng, 8, 16, 32), pick(rng, 1, 4), pick(rng, 16, 64)
    x = Stream([tokens, heads * size], pick(rng, 8, 16), True, divide(rng, size // 2, 4))
    angles = np.outer(np.arange(tokens), 100.0 ** -np.linspace(0, 1, size // 2))
    table = np.rint(2 ** 14 * np.hstack([np.cos(angles), np.sin(angles)])).astype(int)
    return (f"qflow.rope %0 zero 0 table {dense(table, 16)} heads {heads} ", [x],
            Stream(x.shape, 32, True, x.lanes))


def draw_heads(rng):
    groups = pick(rng, 1, 2)
    return pick(rng, 6, 16, 32), groups * pick(rng, 1, 2, 3), groups, pick(rng, 16, 32, 64)


def scores(rng):
    tokens, heads, groups, size = draw_heads(rng)
    lanes = divide(rng, size, 16)
    q, k = (Stream([tokens, n * size], 8, True, lanes) for n in (heads, groups))
    return (f"qflow.scores %0, %1 heads {heads} kv_heads {groups} ", [q, k],
            Stream([tokens, heads, tokens], 22, True, 1))


def exponentials(rng):
    tokens, heads = pick(rng, 6, 16, 32, 128), pick(rng, 2, 4)
    lanes = divide(rng, tokens, 2)
    s = Stream([tokens, heads, tokens], pick(rng, 20, 22), True, lanes)
    return (f"qflow.exponentials %0 multiplier {rng.integers(1 << 14, 1 << 16)} shift 28 ", [s],
            Stream(s.shape, 8, False, lanes),
            Stream(s.shape[:2], int(255 * tokens).bit_length(), False, 1))


def mix(rng):
    tokens, heads, groups, size = draw_heads(rng)
    lanes = divide(rng, size, 16)
    p, v = Stream([tokens, heads, tokens], 8, False, 1), Stream([tokens, groups * size], 8, True,
                                                                lanes)
    return (f"qflow.mix %0, %1 heads {heads} kv_heads {groups} ", [p, v],
            Stream([tokens, heads * size], 22, True, lanes))


def quotient(rng):
    tokens, heads, size = 8, pick(rng, 2, 4), pick(rng, 16, 64)
    o = Stream([tokens, heads * size], pick(rng, 21, 23), True, divide(rng, size, 4))
    l = Stream([tokens, heads], pick(rng, 11, 13), False, 1)
    return f"qflow.divide %0, %1 heads {heads} ", [o, l], Stream(o.shape, 17, True, o.lanes)


TABLES = [table_dot] * 6
CONSTANTS = [constant_dot] * 12
CHANNELS = [depthwise, depthwise, depthwise, depthwise, concat, concat]

# Around the narrowest that DSPs multiply.
NARROW = [functools.partial(multiply, widths=range(2, 7))] * 12
ATTENTION = [normalize, normalize, multiply, rope, rope, scores, scores, exponentials, mix, mix,
             quotient]


def write_stages(rng, makers=None):
    """The text of a design called stages."""
    arguments, results, lines, names = [], [], [], []
    for number, make in enumerate(makers or MAKERS):
        text, sources, *streams = make(rng)
        for at, source in enumerate(sources):
            arguments.append(f"%x{number}_{at}: {source}")
            text = re.sub(rf"%{at}\b", f"%x{number}_{at}", text)
        # A requantiser has what it adds by itself.
        given = ", ".join(map(str, sources[:1] if " add " in text else sources))
        made = ", ".join(map(str, streams))
        types = made if "qflow.fifo" in text else f"{given} -> {made}"
        own = [f"%y{number}_{at}" for at in range(len(streams))]
        lines.append(f"  {', '.join(own)} = {text}: {types}")
        results += map(str, streams)
        names += own
    return (f"qflow.design @stages({', '.join(arguments)}) -> ({', '.join(results)}) {{\n"
            + "\n".join(lines)
            + f"\n  qflow.output {', '.join(names)} : {', '.join(results)}\n}}\n")
