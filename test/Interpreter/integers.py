# REQUIRES: python
# RUN: %python %s
"""qnt.normalize, qnt.rope, qnt.attention, qnt.multiply and qnt.lookup against numpy, bit for
bit; and the first three against what they stand for, in double."""
import os
import sys

import numpy as np

sys.path.append(os.path.join(os.path.dirname(__file__), "Inputs"))
from cases import Cases, quant_opt, tensor_type
from functions import attention, normalize, rope

cases = Cases()
rng = cases.rng
f32 = np.float32


def draw(fmt, *shape):
    """Codes: rows of any numbers, of zeros, of extremes, small ones."""
    bits, signed = int(fmt.split("int")[1]), fmt[0] != "u"
    low = -(1 << bits - 1) if signed else 0
    high = low + (1 << bits) - 1
    codes = rng.integers(low, high + 1, shape)
    for row in codes.reshape(-1, shape[-1]):
        kind = rng.integers(6)
        if kind == 0:
            row[:] = 0
        elif kind == 1:
            row[:] = rng.choice([low, high], row.size)
        elif kind == 2:
            row[:] = rng.integers(max(low, -2), min(high, 2) + 1, row.size)
        elif kind == 3:
            row[:] = rng.choice([low, high])
    return codes


class Codes:
    def __init__(self, fmt, *shape, zero=None):
        """With a zero point where `zero` is not None."""
        self.codes = draw(fmt, *shape)
        self.numbers = self.codes - (zero or 0)
        dims = "x".join(map(str, shape))
        self.type = f"!qnt.tensor<{dims}, {fmt}, per_tensor, scale f32" + \
            (", zero>" if zero is not None else ">")
        integers = np.array(self.codes).astype(np.int32)
        name = cases.constant(integers)
        scale, types = cases.constant(np.array(1, f32)), "tensor<f32>"
        if zero is not None:
            scale += f" zero {cases.constant(np.array(zero, f32))}"
            types += ", tensor<f32>"
        self.name = cases.op(f"qnt.wrap {name} scale {scale} : {tensor_type(integers)}, {types} "
                             f"-> {self.type}")


def expect(op, types, wanted):
    """The integers that an op gives, by a rescaling with 1; f32 of any."""
    ones = np.ones(wanted.shape[-1], f32)
    wanted = wanted.astype(f32)
    v = cases.op(f"{op} epilogue [rescale]({cases.constant(ones)} : {tensor_type(ones)}) : "
                 f"{types} -> {tensor_type(wanted)}")
    cases.expect(v, wanted)


def random_codes(*shape):
    fmt = str(rng.choice(["int16", "int8", "uint8", "int4"]))
    zero = int(rng.integers(0, 8)) if fmt != "int16" and rng.integers(2) else None
    return Codes(fmt, *shape, zero=zero)


for _ in range(30):
    k = int(rng.integers(1, 70))
    x = random_codes(*rng.integers(1, 4, rng.integers(0, 3)), k)
    stabilizer = int(rng.choice([0, 1, 3, 4, 2**int(rng.integers(1, 49))]))
    expect(f"qnt.normalize {x.name} stabilizer {stabilizer}", x.type,
           normalize(x.numbers, stabilizer))
    cases.end(f"normalize{len(cases.functions)}")

    heads, half = map(int, rng.integers(1, 5, 2))
    x = random_codes(*rng.integers(1, 4, rng.integers(0, 3)), 2 * half * heads)
    table = rng.integers(-16384, 16385, x.codes.shape[:-1] + (2 * half,)).astype(np.int16)
    turns = f"tensor<{'x'.join(map(str, table.shape))}xi16>"
    i32 = cases.constant(table.astype(np.int32))
    name = cases.op(f"arith.trunci {i32} : {turns.replace('i16', 'i32')} to {turns}")
    expect(f"qnt.rope {x.name}, {name} heads {heads}", f"{x.type}, {turns}",
           rope(x.numbers, table, heads))
    cases.end(f"rope{len(cases.functions)}")

    batch, tokens, kv_heads, size = map(int, rng.integers(1, (3, 9, 4, 9)))
    heads = kv_heads * int(rng.integers(1, 4))
    formats = rng.choice(["int8", "int8", "int4", "uint7"], 3)
    q, k, v = (Codes(fmt, batch, tokens, width * size)
               for fmt, width in zip(formats, (heads, kv_heads, kv_heads)))
    multiplier = int(rng.choice([1, 65535, rng.integers(1, 65536)]))
    shift = int(rng.integers(1, 40))
    wanted = np.array([attention(*rows, heads, kv_heads, multiplier, shift) for rows in
                       zip(q.numbers, k.numbers, v.numbers)])
    expect(f"qnt.attention {q.name}, {k.name}, {v.name} heads {heads} kv_heads {kv_heads} "
           f"multiplier {multiplier} shift {shift}", f"{q.type}, {k.type}, {v.type}", wanted)
    cases.end(f"attention{len(cases.functions)}")

    shape = [*rng.integers(1, 4, rng.integers(0, 3)), int(rng.integers(1, 20))]
    a, b = random_codes(*shape), random_codes(*shape)
    expect(f"qnt.multiply {a.name}, {b.name}", f"{a.type}, {b.type}",
           a.numbers.astype(np.int64) * b.numbers)
    cases.end(f"multiply{len(cases.functions)}")

    bits = int(rng.integers(1, 9))
    signed = bits > 1 and bool(rng.integers(2))
    x = Codes(f"{'' if signed else 'u'}int{bits}", *shape)
    table = rng.integers(-2**15, 2**15, 1 << bits)
    i16 = ", ".join(map(str, table))
    y = x.type.replace(f"{'' if signed else 'u'}int{bits}", "int16")
    one = cases.constant(np.array(1, f32))
    v = cases.op(f"qnt.lookup {x.name} table dense<[{i16}]> : tensor<{table.size}xi16> scale "
                 f"{one} : {x.type}, tensor<f32> -> {y}")
    wanted = table[x.codes & (1 << bits) - 1].astype(f32)
    v = cases.op(f"qnt.dequantize {v} : {y} -> {tensor_type(wanted)}")
    cases.expect(v, wanted)
    cases.end(f"lookup{len(cases.functions)}")

# A table beside a dot product in double: r is of a sum within m and m + 1 of the m of at
# least 256, so its relative error is below 1 / 1024 + 2^-15, its rounding; t adds half.
x = rng.integers(-3000, 3000, (20, 256))
error = np.abs(normalize(x, 5) - x / np.sqrt((x * x).sum(-1, keepdims=True) + 5) * 2**16)
assert (error <= 0.5 + np.abs(x / np.sqrt((x * x).sum(-1, keepdims=True))) * 2**16 *
        (1 / 1024 + 2**-15)).all()
# Of p, half a step of z is 2^(4.5 / 512) - 1 < 0.0062 of p, and rounding 1/2; l of n weights
# is so of n; the reciprocal has 1 / 1024 + 2^-15; values are at most 127.
q, k, v = (rng.integers(-127, 128, (12, 16)) for _ in range(3))
s = 0.003 * (q @ k.T)
weights = np.tril(np.exp(s - np.where(np.tri(12), s, -np.inf).max(-1, keepdims=True)))
wanted = weights / weights.sum(-1, keepdims=True) @ v
ratio = 0.003 * np.log2(np.e) * 512 / 9
got = attention(q, k, v, 1, 1, round(ratio * 2**15), 15) / 256
n = np.arange(1, 13)[:, None]
# The multiplier's own error moves z by at most 511 * 2^-15 / ratio, below a twentieth.
bound = 127 * (2 * (0.0069 + n / 2 / 255) + 1 / 1024 + 2**-15) + 1 / 512
assert (np.abs(got - wanted) <= bound).all(), np.abs(got - wanted).max()
cases.run()

# Sums that do not fit the 32 bits of a requantisation.
got = quant_opt("""func.func @f() {
  %c = arith.constant dense<-32768> : tensor<1x2xi16>
  %t = arith.constant dense<-32768> : tensor<1x2xi16>
  %s = arith.constant dense<1.0> : tensor<f32>
  %m = arith.constant dense<1> : tensor<2xi32>
  %x = qnt.wrap %c scale %s : tensor<1x2xi16>, tensor<f32> -> !qnt.tensor<1x2, int16, per_tensor, scale f32>
  %0 = qnt.rope %x, %t heads 1 epilogue [requantize](%m, %m, %s : tensor<2xi32>, tensor<2xi32>, tensor<f32>)
    : !qnt.tensor<1x2, int16, per_tensor, scale f32>, tensor<1x2xi16> -> !qnt.tensor<1x2, int16, per_tensor, scale f32>
  return
}""")
assert got.returncode == 1 and "has a sum beyond 32 bits" in got.stderr, got.stderr
