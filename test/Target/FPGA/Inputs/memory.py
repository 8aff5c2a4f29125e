"""Dot products with weights in memory, of any folding, for vectors in any number."""
import numpy as np

from designs import Design, pack
from units import FRAMES, Stream, bits_for, codes, dense, divisor, draw_format, minifloats, pick


def make_memory_dot(rng, number=0):
    """One by itself, or with its requantiser behind: codes in order. Every second one's weights
    are minifloats."""
    pe, simd = int(rng.integers(1, 7)), int(rng.integers(1, 9))
    rows, inputs = pe * int(rng.integers(1, 7)), simd * int(rng.integers(1, 9))
    vectors = pick(rng, [], [int(rng.integers(1, 10))], [2, 3])
    x = codes(rng, vectors + [inputs], simd)
    # Ternary ones have two bits.
    bits = int(rng.integers(1, 9))
    low, high = -(1 << bits - 1), (1 << bits - 1) - 1
    if bits == 2 and rng.integers(2):
        low = -1
    weights, floats = rng.integers(low, high + 1, (rows, inputs)), ""
    if number % 2:
        exponent, mantissa = draw_format(rng)
        floats = f"minifloat [{exponent}, {mantissa}]"
        weights = rng.choice(minifloats(exponent, mantissa), (rows, inputs))
        bits = max(2, bits_for(weights.min(), weights.max()))
    positive, negative = np.maximum(weights, 0).sum(1), np.minimum(weights, 0).sum(1)
    sums = Stream(vectors + [rows],
                  bits_for(min(positive * x.low + negative * x.high),
                           max(positive * x.high + negative * x.low)), True, pe)
    numbers = x.draw(rng)
    want = numbers @ weights.T
    port = 1 << int(rng.integers(5, 11))
    name = f"memory_dot{number}"
    stored = dense(weights if bits > 1 else weights.astype(bool), bits).lower()
    lines = [f"%y0 = qflow.dot %x weights {stored} {floats} {pick(rng, '', 'in_luts ')}port {port} "
             f": {x} -> {sums}"]
    last, result = "%y0", sums
    if rng.integers(3):
        lanes = pick(rng, 1, pe, divisor(rng, pe), rows)
        narrow = Stream(sums.shape, sums.bits, True, lanes)
        if lanes != pe:
            lines.append(f"%y1 = qflow.width %y0 : {sums} -> {narrow}")
            last = "%y1"
        result = Stream(sums.shape, 8, True, lanes)
        multipliers = rng.integers(1, 1 << 12, rows)
        offsets, shifts = rng.integers(-1 << 12, 1 << 12, rows), rng.integers(8, 12, rows)
        lines.append(f"%y2 = qflow.requantize {last} multipliers {dense(multipliers, 64)} "
                     f"offsets {dense(offsets, 64)} shifts {dense(shifts, 64)} "
                     f"clamp [-128, 127] : {narrow} -> {result}")
        last = "%y2"
        want = np.clip((want * multipliers + offsets) >> shifts, -128, 127)
    text = (f"qflow.design @{name}(%x: {x} {{qflow.name = \"x\"}}) -> ({result} "
            '{qflow.name = "y"}) {\n  ' + "\n  ".join(lines)
            + f"\n  qflow.output {last} : {result}\n}}\n")
    design = Design(name, text, [("x", x.bits * x.lanes, x.words // FRAMES)],
                    [("y", result.bits * result.lanes, result.words // FRAMES)],
                    {"x": pack(numbers.ravel(), x.bits, x.lanes)},
                    {"y": pack(want.ravel(), result.bits, result.lanes)})
    design.vectors = int(np.prod(vectors))
    return design
