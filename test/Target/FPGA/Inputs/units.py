"""Random units beside numpy: dot products of any folding, channels by themselves, requantisers
of sums and of codes added, windows, pools, tables, slices, pads, streams side by side."""
import math
import re

import numpy as np

from designs import Design, pack

FRAMES = 3


def pick(rng, *choices):
    return choices[rng.integers(len(choices))]


def divisor(rng, n):
    return pick(rng, *[d for d in range(1, n + 1) if n % d == 0])


def bits_for(low, high):
    """Of a signed integer."""
    return next(b for b in range(1, 65) if -(1 << b - 1) <= low and high < 1 << b - 1)


def dense(values, bits):
    values = np.asarray(values)
    text = str(values.tolist())
    return f"dense<{text}> : tensor<{'x'.join(map(str, values.shape))}xi{bits}>"


class Stream:
    """Frames of numbers [FRAMES, ...shape]."""

    def __init__(self, shape, bits, is_signed, lanes):
        self.shape, self.bits, self.signed, self.lanes = list(shape), bits, is_signed, lanes

    def __str__(self):
        sign = "s" if self.signed else "u"
        return f"!qflow.stream<{'x'.join(map(str, self.shape))}x{sign}i{self.bits}, {self.lanes}>"

    @property
    def low(self):
        return -(1 << self.bits - 1) if self.signed else 0

    @property
    def high(self):
        return (1 << self.bits - self.signed) - 1

    @property
    def words(self):
        return FRAMES * math.prod(self.shape) // self.lanes

    def draw(self, rng):
        """Numbers anywhere, or at the ends."""
        shape = [FRAMES] + self.shape
        numbers = rng.integers(self.low, self.high + 1, shape)
        ends = rng.choice([self.low, self.high], shape)
        return np.where(rng.random(shape) < pick(rng, 0, 0.3, 1), ends, numbers)


def codes(rng, shape, lanes, bits=None):
    return Stream(shape, bits or int(rng.integers(1, 10)), bool(rng.integers(2)), lanes)


def shared(weights, x, pe, vectors=1):
    """How rows may share products: side by side in one of the factors of a DSP48E1, 25 by 18
    bits, as far apart as the products, and weights with a bit more, take; with two vectors side
    by side in the other one, as far apart as these and the inputs take, the rows twice that."""
    rows, inputs = weights.shape
    ends = np.stack([weights * x.low, weights * x.high])
    for count in range(3 - vectors, 7):
        if pe % count:
            continue
        # [folds, count, factors, ...]
        folds = (rows // pe, count, pe // count, inputs)
        parted = count if vectors > 1 else count - 1
        low, high = (numbers.reshape(folds)[:, :parted] for numbers in (ends.min(0), ends.max(0)))
        spacing = max(bits_for(min(0, low.min()), max(0, high.max())),
                      bits_for(weights.min(), weights.max()) + 1,
                      bits_for(x.low, x.high) if vectors > 1 else 0)
        if spacing * count * vectors >= 64:
            continue
        places = (1 << vectors * spacing * np.arange(count, dtype=object)).reshape(1, -1, 1, 1)
        factors = (weights.astype(object).reshape(folds) * places).sum(1)
        whole = 1 + (vectors - 1 << spacing)
        if (bits_for(factors.min(), factors.max()) <= 25
                and bits_for(x.low * whole, x.high * whole) <= 18):
            yield (f"shared {count} " if count > 1 else "") + (f"vectors {vectors} " * (vectors > 1))


def minifloats(exponent, mantissa):
    """Of each code of a float of a sign, so many bits of an exponent and of a mantissa the integer
    that it is in units of the smallest (OCP Microscaling Formats, 5.3)."""
    all_codes = np.arange(1 << 1 + exponent + mantissa)
    field, fraction = all_codes >> mantissa & (1 << exponent) - 1, all_codes & (1 << mantissa) - 1
    normal = (1 << mantissa) + fraction << np.maximum(field, 1) - 1
    return np.where(field, normal, fraction) * np.where(all_codes >> exponent + mantissa, -1, 1)


def draw_format(rng):
    """Of codes of at most 8 bits."""
    exponent = int(rng.integers(1, 6))
    return exponent, int(rng.integers(0, 8 - exponent))


def dot(rng, as_minifloats=False):
    rows, inputs = int(rng.integers(1, 13)), int(rng.integers(1, 25))
    vectors = [] if rng.integers(2) else [int(rng.integers(1, 4)), int(rng.integers(1, 4))]
    x = codes(rng, vectors + [inputs], divisor(rng, inputs))
    bits = int(rng.integers(1, 9))
    weights, stored = rng.integers(-(1 << bits - 1), 1 << bits - 1, (rows, inputs)), ""
    if as_minifloats:
        exponent, mantissa = draw_format(rng)
        weights = rng.choice(minifloats(exponent, mantissa), (rows, inputs))
        bits, stored = bits_for(weights.min(), weights.max()), f"minifloat [{exponent}, {mantissa}]"
    bias = rng.integers(-500, 500, rows) * rng.integers(2)
    positive, negative = np.maximum(weights, 0).sum(1), np.minimum(weights, 0).sum(1)
    low = min(positive * x.low + negative * x.high + bias)
    high = max(positive * x.high + negative * x.low + bias)
    y = Stream(vectors + [rows], bits_for(low, high), True, divisor(rng, rows))
    numbers = x.draw(rng)
    with_bias = f"bias {dense(bias, 10)}" if bias.any() else ""
    ways = () if stored else shared(weights, x, y.lanes)
    text = (f"qflow.dot %0 weights {dense(weights, bits if bits > 1 else 2)} {stored} {with_bias} "
            + pick(rng, "", "in_luts ", *ways))
    return text, [(x, numbers)], y, numbers @ weights.T + bias


def pair_dot(rng):
    """Of two vectors at once."""
    while True:
        pe, folds, simd = int(rng.integers(1, 7)), int(rng.integers(2, 5)), int(rng.integers(1, 5))
        rows, inputs = pe * folds, simd * int(rng.integers(folds + 1, folds + 5))
        vectors = pick(rng, [2], [3, 2], [2, 3], [int(2 * rng.integers(1, 4))])
        x = codes(rng, vectors + [inputs], simd, int(rng.integers(1, 7)))
        bits = int(rng.integers(2, 7))
        weights = rng.integers(-(1 << bits - 1), 1 << bits - 1, (rows, inputs))
        if ways := list(shared(weights, x, pe, 2)):
            break
    bias = rng.integers(-500, 500, rows) * rng.integers(2)
    positive, negative = np.maximum(weights, 0).sum(1), np.minimum(weights, 0).sum(1)
    low = min(positive * x.low + negative * x.high + bias)
    high = max(positive * x.high + negative * x.low + bias)
    y = Stream(vectors + [rows], bits_for(low, high), True, pe)
    numbers = x.draw(rng)
    with_bias = f"bias {dense(bias, 10)}" if bias.any() else ""
    return (f"qflow.dot %0 weights {dense(weights, bits)} {with_bias} " + pick(rng, *ways),
            [(x, numbers)], y, numbers @ weights.T + bias)


def table_dot(rng):
    """Weights of -1, 0 and 1, in any mix, by tables of sums."""
    rows, inputs = pick(rng, int(rng.integers(1, 25)), 30), int(rng.integers(1, 25))
    vectors = [] if rng.integers(2) else [int(rng.integers(1, 4)), int(rng.integers(1, 4))]
    x = codes(rng, vectors + [inputs], divisor(rng, inputs))
    weights = rng.choice([-1, 0, 1], (rows, inputs), p=pick(rng, [1 / 3] * 3, [0.1, 0.8, 0.1],
                                                            [0.5, 0, 0.5], [0, 1, 0]))
    bias = rng.integers(-500, 500, rows) * rng.integers(2)
    positive, negative = np.maximum(weights, 0).sum(1), np.minimum(weights, 0).sum(1)
    low = min(positive * x.low + negative * x.high + bias)
    high = max(positive * x.high + negative * x.low + bias)
    y = Stream(vectors + [rows], bits_for(low, high), True, divisor(rng, rows))
    numbers = x.draw(rng)
    with_bias = f"bias {dense(bias, 10)}" if bias.any() else ""
    text = f"qflow.dot %0 weights {dense(weights, 2)} {with_bias} in_tables "
    return text, [(x, numbers)], y, numbers @ weights.T + bias


def table_codes(rng):
    """All weights of three, with all others beside them."""
    triples = np.stack(np.meshgrid(*[[-1, 0, 1]] * 3), -1).reshape(27, 3)
    weights = np.hstack([triples, triples[rng.permutation(27)], triples[rng.permutation(27)]])
    x = codes(rng, [2, 9], pick(rng, 3, 9))
    numbers = x.draw(rng)
    y = Stream([2, 27], x.bits + 5, True, pick(rng, 1, 3, 9))
    return f"qflow.dot %0 weights {dense(weights, 2)} in_tables ", [(x, numbers)], y, \
        numbers @ weights.T


def tiled_dot(rng, as_minifloats=False):
    """Weights that come as a stream, each frame with others; of one vector in any shape."""
    tiles, pe, steps, simd = (int(rng.integers(1, high)) for high in (5, 5, 6, 5))
    vectors = pick(rng, [], [1], [int(rng.integers(2, 6))], [2, 3])
    count = math.prod(vectors)
    x = codes(rng, vectors + [steps * simd], simd)
    w = Stream([tiles, steps, simd * pe], int(rng.integers(1, 9)), True, simd * pe)
    numbers, stored = x.draw(rng), ""
    if as_minifloats:
        exponent, mantissa = draw_format(rng)
        w = Stream(w.shape, 1 + exponent + mantissa, False, w.lanes)
        stored = f"minifloat [{exponent}, {mantissa}]"
    weights = w.draw(rng)
    # [frames, rows, inputs]
    matrix = minifloats(exponent, mantissa)[weights] if stored else weights
    matrix = matrix.reshape(FRAMES, tiles, steps, simd, pe).transpose(0, 1, 4, 2, 3)
    matrix = matrix.reshape(FRAMES, tiles * pe, steps * simd)
    bias = rng.integers(-500, 500, tiles * pe) * rng.integers(2)
    sums = numbers.reshape(FRAMES, count, -1) @ matrix.transpose(0, 2, 1) + bias
    shape = [tiles * pe] if count == 1 and rng.integers(2) else [tiles, count, pe]
    y = Stream(shape, max(bits_for(sums.min(), sums.max()), 10), True, pe)
    want = sums.reshape(FRAMES, count, tiles, pe).transpose(0, 2, 1, 3)
    with_bias = f"bias {dense(bias, 10)}" if bias.any() else ""
    text = f"qflow.tiled_dot %0 , %1 {stored} {with_bias} " + pick(rng, "", "in_luts ")
    return text, [(x, numbers), (w, weights)], y, want.reshape(FRAMES, *shape)


def reorder(rng):
    rank = int(rng.integers(1, 5))
    order = [int(d) for d in rng.permutation(rank)]
    shape = [int(n) for n in rng.integers(1, 6, rank)]
    lanes = divisor(rng, shape[-1]) if order[-1] == rank - 1 else 1
    x = codes(rng, shape, lanes)
    numbers = x.draw(rng)
    moved = numbers.transpose([0] + [d + 1 for d in order])
    shape = [shape[d] for d in order]
    if rank > 1 and rng.integers(2):
        shape[-2:] = [shape[-2] * shape[-1]]
    y = Stream(shape, x.bits, x.signed, lanes)
    return (f"qflow.reorder %0 permutation {order}", [(x, numbers)], y,
            moved.reshape(FRAMES, *shape))


def requantize(rng, tiled=False, by_thresholds=False):
    """By thresholds there are few codes, in ascending order."""
    channels = int(rng.integers(1, 9))
    lanes = divisor(rng, channels)
    shape = [int(rng.integers(1, 4)), channels]
    if tiled:
        tile, shape = channels, [int(rng.integers(1, 4))] + shape
        channels *= shape[0]
    a = codes(rng, shape, lanes, int(rng.integers(2, 25)))
    b = codes(rng, shape, lanes)
    y = codes(rng, shape, lanes, int(rng.integers(1, 5)) if by_thresholds else None)
    multipliers = rng.integers(0, 1 << pick(rng, 1, 12, 31), channels)
    if rng.integers(3) == 0 and not by_thresholds:
        multipliers = -multipliers
    factors = rng.integers(0, 1 << pick(rng, 4, 30), channels)
    shifts = rng.integers(*pick(rng, (0, 3), (20, 40), (30, 31), (60, 63)), channels)
    offsets = rng.integers(-1 << pick(rng, 4, 50), 1 << 40, channels)
    low, high = sorted(rng.integers(y.low, y.high + 1, 2)) if rng.integers(2) else (y.low, y.high)
    adds = bool(rng.integers(2)) and not by_thresholds
    numbers, more = a.draw(rng), b.draw(rng)
    if tiled:
        multipliers, factors, shifts, offsets = (
            n.reshape(shape[0], 1, tile) for n in (multipliers, factors, shifts, offsets))
    sums = numbers.astype(object) * multipliers + offsets
    text = (f"qflow.requantize %0 multipliers {dense(multipliers.ravel(), 64)} offsets "
            f"{dense(offsets.ravel(), 64)} shifts {dense(shifts.ravel(), 64)} "
            f"clamp [{low}, {high}] "
            + ("by_thresholds " if by_thresholds else pick(rng, "", "in_luts "))
            + "tiled " * tiled)
    if adds:
        sums = sums + more.astype(object) * factors
        text += f" add %1 factors {dense(factors.ravel(), 64)} : {b}"
    want = np.clip((sums >> shifts.astype(object)), int(low), int(high)).astype(np.int64)
    return text, [(a, numbers)] + [(b, more)] * adds, y, want


def windows_of(numbers, kernel, strides, pads, dilations, outside):
    """[frames, OH, OW, KH, KW, C]"""
    padded = np.pad(numbers, ((0, 0), (pads[0], pads[2]), (pads[1], pads[3]), (0, 0)),
                    constant_values=outside)
    extent = [d * (k - 1) + 1 for k, d in zip(kernel, dilations)]
    out = [(padded.shape[axis + 1] - extent[axis]) // strides[axis] + 1 for axis in (0, 1)]
    return np.array([[[padded[:, r * strides[0]:, c * strides[1]:][
        :, :extent[0]:dilations[0], :extent[1]:dilations[1]]
        for c in range(out[1])] for r in range(out[0])]]).squeeze(0).transpose(2, 0, 1, 3, 4, 5)


def window(rng, by_channel):
    kernel = rng.integers(1, 4, 2)
    dilations = rng.integers(1, 3, 2)
    extent = dilations * (kernel - 1) + 1
    pads = np.concatenate([rng.integers(0, extent) for _ in range(2)]) * rng.integers(2)
    size = [int(rng.integers(max(1, e - p - q), 9)) for e, p, q in zip(extent, pads[:2], pads[2:])]
    strides = rng.integers(1, 4, 2)
    channels = int(rng.integers(1, 7))
    x = codes(rng, size + [channels], divisor(rng, channels))
    outside = int(rng.integers(x.low, x.high + 1))
    numbers = x.draw(rng)
    found = windows_of(numbers, kernel, strides, pads, dilations, outside)
    shape = list(found.shape[1:3])
    taps = int(kernel[0] * kernel[1])
    if by_channel:
        groups = channels // x.lanes
        found = found.reshape(FRAMES, *shape, taps, groups, x.lanes).transpose(0, 1, 2, 4, 3, 5)
        shape += [groups, taps * x.lanes]
    else:
        shape += [taps * channels]
    y = Stream(shape, x.bits, x.signed, x.lanes)
    text = (f"qflow.window %0 {'by_channel ' * by_channel}kernel {kernel.tolist()} strides "
            f"{strides.tolist()} pads {pads.tolist()} dilations {dilations.tolist()} "
            f"outside {outside}")
    return text, [(x, numbers)], y, found.reshape(FRAMES, *shape)


def pool(rng, kind):
    groups, lanes, taps = (int(rng.integers(1, 5)) for _ in range(3))
    x = codes(rng, [2, 3, groups, taps * lanes], lanes)
    numbers = x.draw(rng)
    taken = numbers.reshape(FRAMES, 2, 3, groups, taps, lanes)
    bits = x.bits + (0 if kind == "max" else taps.bit_length())
    y = Stream([2, 3, groups * lanes], bits, x.signed, lanes)
    want = taken.max(4) if kind == "max" else taken.sum(4)
    return f"qflow.pool {kind} %0", [(x, numbers)], y, want.reshape(FRAMES, *y.shape)


def depthwise(rng):
    """Some sums of each channel."""
    groups, lanes, taps, multiplier = (int(rng.integers(1, high)) for high in (5, 5, 10, 4))
    x = codes(rng, [2, 3, groups, taps * lanes], lanes)
    numbers = x.draw(rng)
    taken = numbers.reshape(FRAMES, 2, 3, groups, taps, lanes)
    bits = int(rng.integers(1, 9))
    rows = groups * lanes * multiplier
    weights = rng.integers(-(1 << bits - 1), 1 << bits - 1, (rows, taps))
    bias = rng.integers(-500, 500, rows) * rng.integers(2)
    sums = np.einsum("fyxgtl,glmt->fyxglm", taken,
                     weights.reshape(groups, lanes, multiplier, taps))
    want = sums.reshape(FRAMES, 2, 3, rows) + bias
    ends = np.stack([weights * x.low, weights * x.high])
    y = Stream([2, 3, rows], bits_for(min(ends.min(0).sum(1) + bias),
                                      max(ends.max(0).sum(1) + bias)), True, lanes * multiplier)
    with_bias = f"bias {dense(bias, 10)}" if bias.any() else ""
    text = (f"qflow.depthwise %0 weights {dense(weights, bits if bits > 1 else 2)} {with_bias} "
            + pick(rng, "", "in_luts "))
    return text, [(x, numbers)], y, want


def concat(rng):
    lanes, rank = int(rng.integers(1, 4)), int(rng.integers(1, 4))
    leading = [int(n) for n in rng.integers(1, 4, rank - 1)]
    first = codes(rng, leading + [lanes], lanes)
    parts = [Stream(leading + [lanes * int(rng.integers(1, 5))], first.bits, first.signed, lanes)
             for _ in range(rng.integers(1, 5))]
    numbers = [part.draw(rng) for part in parts]
    joined = np.concatenate(numbers, -1)
    names = ", ".join(f"%{at}" for at in range(len(parts)))
    return (f"qflow.concat {names} ", list(zip(parts, numbers)),
            Stream(joined.shape[1:], first.bits, first.signed, lanes), joined)


def lookup(rng):
    channels = int(rng.integers(1, 7))
    x, y = (codes(rng, [3, channels], lanes) for lanes in [divisor(rng, channels)] * 2)
    numbers = x.draw(rng)
    table = rng.integers(y.low, y.high + 1, 1 << x.bits)
    stored = table if y.bits > 1 else table.astype(bool)
    text = f"qflow.lookup %0 table {dense(stored, y.bits).lower()}"
    return text, [(x, numbers)], y, table[numbers & (1 << x.bits) - 1]


def reshape(rng):
    x = codes(rng, [4, 6], pick(rng, 1, 2, 6))
    y = Stream([12, 2], x.bits, x.signed, pick(rng, 1, 2))
    numbers = x.draw(rng)
    return "qflow.width %0", [(x, numbers)], y, numbers.reshape(FRAMES, 12, 2)


def slices(rng):
    """Frames of two or three dimensions, each with an offset and, but for the last, a
    stride."""
    lanes, rank = int(rng.integers(1, 4)), int(rng.integers(2, 4))
    taken = [int(n) for n in rng.integers(1, 4, rank)]
    offsets = [int(n) for n in rng.integers(0, 3, rank)]
    strides = [int(n) for n in rng.integers(1, 4, rank - 1)] + [1]
    behind = [int(n) for n in rng.integers(0, 3, rank)]
    shape = [o + (n - 1) * s + 1 + b for o, n, s, b in zip(offsets, taken, strides, behind)]
    for numbers in (shape, taken, offsets):
        numbers[-1] *= lanes
    x = codes(rng, shape, lanes)
    numbers = x.draw(rng)
    chosen = numbers[(slice(None),) + tuple(
        slice(o, o + (n - 1) * s + 1, s) for o, n, s in zip(offsets, taken, strides))]
    y = Stream(taken, x.bits, x.signed, lanes)
    return f"qflow.slice %0 offsets {offsets} strides {strides}", [(x, numbers)], y, chosen


def constant_dot(rng):
    """All of a matrix at once: each product is one by a constant."""
    rows, inputs = pick(rng, 1, 2, 3, 5, 8, 12), pick(rng, 1, 2, 4, 6, 9, 16)
    x = Stream([12, inputs], pick(rng, 1, 2, 3, 4, 6, 8, 12), bool(rng.integers(2)), inputs)
    bits = pick(rng, 2, 3, 4, 6, 8)
    weights = rng.integers(-(1 << bits - 1), 1 << bits - 1, (rows, inputs))
    ends = np.stack([weights * x.low, weights * x.high])
    y = Stream([12, rows], bits_for(ends.min(0).sum(1).min(), ends.max(0).sum(1).max()), True,
               rows)
    numbers = x.draw(rng)
    return (f"qflow.dot %0 weights {dense(weights, bits)} ", [(x, numbers)], y,
            numbers @ weights.T)


def pad(rng):
    lanes, rank = int(rng.integers(1, 4)), int(rng.integers(1, 4))
    shape, low, high = ([int(n) for n in rng.integers(*bounds, rank)]
                        for bounds in ((1, 4), (0, 3), (0, 3)))
    for numbers in (shape, low, high):
        numbers[-1] *= lanes
    x = codes(rng, shape, lanes)
    outside = int(rng.integers(x.low, x.high + 1))
    numbers = x.draw(rng)
    padded = np.pad(numbers, [(0, 0)] + list(zip(low, high)), constant_values=outside)
    y = Stream(padded.shape[1:], x.bits, x.signed, lanes)
    return f"qflow.pad %0 low {low} outside {outside}", [(x, numbers)], y, padded


MAKERS = [table_dot, table_dot, table_dot, table_codes, tiled_dot, tiled_dot, tiled_dot,
          reorder, reorder,
          lambda rng: requantize(rng, True), slices, slices, pad, pad, dot, dot, dot, dot,
          lambda rng: dot(rng, True), lambda rng: dot(rng, True), lambda rng: dot(rng, True),
          lambda rng: tiled_dot(rng, True), lambda rng: tiled_dot(rng, True),
          pair_dot, pair_dot, pair_dot,
          requantize, requantize, requantize, lambda rng: requantize(rng, by_thresholds=True),
          lambda rng: requantize(rng, bool(rng.integers(2)), by_thresholds=True),
          lambda rng: window(rng, False), lambda rng: window(rng, False),
          lambda rng: window(rng, True), lambda rng: pool(rng, "max"),
          lambda rng: pool(rng, "sum"), lookup, reshape, depthwise, depthwise, depthwise,
          concat, concat, constant_dot, constant_dot]


def make_units(rng):
    return join("units", MAKERS, rng)


def join(design, makers, rng):
    """What `makers` make in one design, each with streams of its own. A unit gives a stream
    and its numbers, or a list of both for each result."""
    arguments, results, lines = [], [], []
    given, wanted, inputs, outputs = {}, {}, [], []
    for number, make in enumerate(makers):
        text, taken, *made = make(rng)
        made = [made] if len(made) == 2 else made[0]
        for at, (source, numbers) in enumerate(taken):
            name = f"x{number}_{at}"
            arguments.append(f'%{name}: {source} {{qflow.name = "{name}"}}')
            text = re.sub(rf"%{at}\b", f"%{name}", text)
            inputs.append((name, source.bits * source.lanes, source.words // FRAMES))
            given[name] = pack(numbers.ravel(), source.bits, source.lanes)
        names = [f"y{number}" + (f"_{at}" if at else "") for at in range(len(made))]
        # A requantiser has what it adds by itself.
        sources = taken[:1] if " add " in text else taken
        lines.append(f"  {', '.join('%' + name for name in names)} = {text}: "
                     f"{', '.join(str(source) for source, _ in sources)} -> "
                     f"{', '.join(str(stream) for stream, _ in made)}")
        for name, (stream, want) in zip(names, made):
            results.append(f'{stream} {{qflow.name = "{name}"}}')
            outputs.append((name, stream.bits * stream.lanes, stream.words // FRAMES))
            wanted[name] = pack(np.ravel(want), stream.bits, stream.lanes)
    names = ", ".join(f"%{name}" for name in wanted)
    types = ", ".join(result.split(" {")[0] for result in results)
    text = (f"qflow.design @{design}({', '.join(arguments)}) -> ({', '.join(results)}) {{\n"
            + "\n".join(lines) + f"\n  qflow.output {names} : {types}\n}}\n")
    return Design(design, text, inputs, outputs, given, wanted)
