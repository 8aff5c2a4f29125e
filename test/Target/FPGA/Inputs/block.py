"""A transformer block of units, of one lane each, and what it gives by numpy."""
import numpy as np

from attention import (compute_exponentials, compute_mix, compute_rope, compute_scores,
                       divide_number, normalize_row)
from designs import Design, pack
from units import FRAMES, Stream, bits_for, dense


class Block:
    """Writes units one by one, and computes what each gives. Values are (name, stream,
    numbers [FRAMES, ...])."""

    def __init__(self, rng):
        self.rng, self.lines, self.count = rng, [], 0

    def add(self, text, taken, *made):
        """A unit's results, of [(stream, numbers)]."""
        names = [f"%v{self.count}_{at}" for at in range(len(made))]
        self.count += 1
        types = ", ".join(str(value[1]) for value in taken)
        self.lines.append(f"  {', '.join(names)} = {text} : {types} -> "
                          + ", ".join(str(stream) for stream, _ in made))
        values = [(name, *parts) for name, parts in zip(names, made)]
        return values if len(values) > 1 else values[0]

    def fork(self, x, copies):
        names = [f"%v{self.count}_{at}" for at in range(copies)]
        self.count += 1
        self.lines.append(f"  {', '.join(names)} = qflow.fork {x[0]} : {x[1]} -> {copies}")
        return [(name, *x[1:]) for name in names]

    def dot(self, x, rows):
        inputs = x[1].shape[-1]
        weights = self.rng.integers(-7, 8, (rows, inputs))
        bound = 7 * inputs << x[1].bits - 1
        y = Stream([x[1].shape[0], rows], bits_for(-bound, bound), True, 1)
        return self.add(f"qflow.dot {x[0]} weights {dense(weights, 4)}", [x],
                        (y, x[2] @ weights.T))

    def requantize(self, x, bits, addend=None):
        """To codes of which few saturate; the addend counts as it is."""
        y = Stream(x[1].shape, bits, True, 1)
        channels = y.shape[-1]
        ratio = y.high / 3 / max(1.0, float(np.std(x[2].astype(float))))
        if addend:
            ratio = min(ratio, 1.0)
        multipliers = np.rint(ratio * self.rng.uniform(0.8, 1.2, channels) * 2 ** 24).astype(int)
        if addend:
            sums = x[2] * multipliers + (addend[2] << 24)
        else:
            sums = x[2] * multipliers
        factors = np.full(channels, 1 << 24)
        offsets, shifts = np.full(channels, 1 << 23), np.full(channels, 24)
        more = f" add {addend[0]} factors {dense(factors, 64)} : {addend[1]}" if addend else ""
        return self.add(
            f"qflow.requantize {x[0]} multipliers {dense(multipliers, 64)} offsets "
            f"{dense(offsets, 64)} shifts {dense(shifts, 64)} clamp [{y.low}, {y.high}]{more}",
            [x], (y, np.clip(sums + (1 << 23) >> 24, y.low, y.high)))

    def normalize(self, x):
        y = Stream(x[1].shape, 18, True, 1)
        rows = [normalize_row(row, 50) for row in x[2].reshape(-1, y.shape[-1]).tolist()]
        return self.add(f"qflow.normalize {x[0]} zero 0 stabilizer 50", [x],
                        (y, np.reshape(rows, x[2].shape)))

    def rope(self, x, heads):
        tokens, width = x[1].shape
        half = width // heads // 2
        angles = np.outer(np.arange(tokens), 100.0 ** -np.linspace(0, 1, half))
        table = np.rint(2 ** 14 * np.hstack([np.cos(angles), np.sin(angles)])).astype(int)
        y = Stream(x[1].shape, x[1].bits + 16, True, 1)
        return self.add(f"qflow.rope {x[0]} zero 0 table {dense(table, 16)} heads {heads}", [x],
                        (y, compute_rope(x[2], table, heads)))

    def attention(self, q, k, v, heads, groups):
        tokens, width = q[1].shape
        shape = [tokens, heads, tokens]
        most = width // heads << 14
        s = Stream(shape, bits_for(-most, most), True, 1)
        s = self.add(f"qflow.scores {q[0]}, {k[0]} heads {heads} kv_heads {groups}", [q, k],
                     (s, compute_scores(q[2], k[2], heads, groups, s.low)))
        multiplier, places = 50000, s[1].bits + 7
        powers, sums = compute_exponentials(s[2], s[1].low, multiplier, places)
        p, l = self.add(
            f"qflow.exponentials {s[0]} multiplier {multiplier} shift {places}", [s],
            (Stream(shape, 8, False, 1), powers.astype(int)),
            (Stream(shape[:2], int(255 * tokens).bit_length(), False, 1), sums.astype(int)))
        most = 255 * 128 * tokens
        o = self.add(f"qflow.mix {p[0]}, {v[0]} heads {heads} kv_heads {groups}", [p, v],
                     (Stream([tokens, width], bits_for(-most, most), True, 1),
                      compute_mix(p[2], v[2], heads, groups)))
        divisors = np.repeat(l[2], width // heads, -1)
        quotients = [divide_number(a, b) for a, b in zip(o[2].ravel().tolist(),
                                                         divisors.ravel().tolist())]
        return self.add(f"qflow.divide {o[0]}, {l[0]} heads {heads}", [o, l],
                        (Stream([tokens, width], 17, True, 1), np.reshape(quotients, o[2].shape)))

    def lookup(self, x):
        """SiLU of codes, each 1 / 32."""
        codes = np.arange(256)
        codes = (codes - 256 * (codes > 127)) / 32
        table = np.rint(32 * codes / (1 + np.exp(-codes))).astype(int)
        return self.add(f"qflow.lookup {x[0]} table {dense(table, 8)}", [x],
                        (x[1], table[x[2] & 255]))

    def multiply(self, a, b):
        return self.add(f"qflow.multiply {a[0]}, {b[0]} zeros [0, 0]", [a, b],
                        (Stream(a[1].shape, 16, True, 1), a[2] * b[2]))


def make_block(rng, tokens, width, heads, groups, size, hidden):
    block = Block(rng)
    source = Stream([tokens, width], 16, True, 1)
    numbers = np.rint(rng.normal(0, 3000, [FRAMES] + source.shape)).astype(int)
    numbers = np.clip(numbers, source.low, source.high)
    x, rest = block.fork(("%x", source, numbers), 2)
    normal = block.requantize(block.normalize(x), 8)
    q, k, v = (block.dot(copy, n * size)
               for copy, n in zip(block.fork(normal, 3), (heads, groups, groups)))
    q, k = (block.requantize(block.rope(block.requantize(y, 16), n), 8)
            for y, n in ((q, heads), (k, groups)))
    mixed = block.attention(q, k, block.requantize(v, 8), heads, groups)
    x = block.requantize(block.dot(block.requantize(mixed, 8), width), 16, rest)
    x, rest = block.fork(x, 2)
    gate, up = block.fork(block.requantize(block.normalize(x), 8), 2)
    gate = block.lookup(block.requantize(block.dot(gate, hidden), 8))
    product = block.multiply(gate, block.requantize(block.dot(up, hidden), 8))
    y = block.requantize(block.dot(block.requantize(product, 8), width), 16, rest)
    lines = "\n".join(block.lines)
    text = (f"qflow.design @block(%x: {source}) -> {source} {{\n{lines}\n"
            f"  qflow.output {y[0]} : {source}\n}}\n")
    return Design("block", text, [("in0", 16, 0)], [("out0", 16, 0)],
                  {"in0": numbers}, {"out0": y[2]})
