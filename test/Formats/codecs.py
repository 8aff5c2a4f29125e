# REQUIRES: python
# RUN: %python %s %test_bin/test-formats %S/Inputs
# Reference encode and decode of every format: all codes, and random numbers with
# ties, against numpy and ml_dtypes; where those lack a format, against its
# definition written down once more here.
import math
import sys

import ml_dtypes
import numpy as np

sys.path.insert(0, sys.argv[2])
from jobs import Jobs
from seeding import draw_seed

seed = draw_seed()
rng = np.random.default_rng(seed)
jobs = Jobs(sys.argv[1])

# name: (bits, dtype of another implementation or None, definition)
formats = {}
for bits in range(1, 9):
    formats[f"int{bits}"] = (bits, {2: ml_dtypes.int2, 4: ml_dtypes.int4,
                                    8: np.int8}.get(bits), "integer")
    formats[f"uint{bits}"] = (bits, {2: ml_dtypes.uint2, 4: ml_dtypes.uint4,
                                     8: np.uint8}.get(bits), "integer")
named = {
    "f16": (5, 10, "ieee", np.float16),
    "bf16": (8, 7, "ieee", ml_dtypes.bfloat16),
    "e4m3": (4, 3, "fn", ml_dtypes.float8_e4m3fn),
    "e5m2": (5, 2, "ieee", ml_dtypes.float8_e5m2),
    "e4m3_ieee": (4, 3, "ieee", ml_dtypes.float8_e4m3),
    "e3m4": (3, 4, "ieee", ml_dtypes.float8_e3m4),
    "e2m1": (2, 1, "finite", ml_dtypes.float4_e2m1fn),
    "e2m3": (2, 3, "finite", ml_dtypes.float6_e2m3fn),
    "e3m2": (3, 2, "finite", ml_dtypes.float6_e3m2fn),
}
for exponent, mantissa, special in [
        (1, 0, "finite"), (1, 1, "finite"), (2, 0, "finite"), (3, 0, "finite"),
        (1, 2, "finite"), (2, 2, "finite"), (3, 3, "finite"), (4, 3, "finite"),
        (5, 1, "finite"), (2, 1, "ieee"), (2, 1, "fn"), (5, 2, "fn"),
        (2, 5, "ieee"), (6, 1, "ieee"), (4, 7, "ieee"), (6, 9, "ieee"),
        (7, 3, "finite"), (8, 3, "ieee"), (1, 6, "ieee"), (7, 8, "fn")]:
    usual = ("fn" if (exponent, mantissa) == (4, 3)
             else "ieee" if 1 + exponent + mantissa >= 8 else "finite")
    name = f"e{exponent}m{mantissa}" + ("" if special == usual else "_" + special)
    named[name] = (exponent, mantissa, special, None)
for name, (exponent, mantissa, special, dtype) in named.items():
    formats[name] = (1 + exponent + mantissa, dtype, (exponent, mantissa, special))
formats["nf4"] = (4, None, "nf4")


def integer_numbers(name, bits):
    codes = np.arange(1 << bits)
    if name == "int1":
        return 2.0 * codes - 1
    if name.startswith("u"):
        return codes.astype(float)
    return np.where(codes >> (bits - 1), codes - (1 << bits), codes).astype(float)


def minifloat_numbers(exponent, mantissa, special):
    """IEEE 754's formula for each code, with the formats' special values."""
    numbers = []
    bias, top = 2 ** (exponent - 1) - 1, 2 ** exponent - 1
    for code in range(2 ** (exponent + mantissa)):
        e, m = divmod(code, 2 ** mantissa)
        number = (2.0 ** (e - bias) * (1 + m / 2 ** mantissa) if e
                  else 2.0 ** (1 - bias) * (m / 2 ** mantissa))
        if special == "ieee" and e == top:
            number = math.nan if m else math.inf
        if special == "fn" and e == top and m == 2 ** mantissa - 1:
            number = math.nan
        numbers.append(number)
    return np.array(numbers + [-n for n in numbers])


def nf4_numbers():
    """The published construction, from quantiles of the normal distribution."""
    from scipy.stats import norm
    offset = 1 - (1 / 32 + 1 / 30) / 2
    positive = norm.ppf(np.linspace(offset, 0.5, 9)[:-1])
    negative = -norm.ppf(np.linspace(offset, 0.5, 8)[:-1])
    numbers = np.sort(np.concatenate([positive, [0.0], negative]))
    return (numbers / numbers.max()).astype(np.float32).astype(float)


def numbers_of(name):
    bits, _, definition = formats[name]
    if definition == "integer":
        return integer_numbers(name, bits)
    return nf4_numbers() if definition == "nf4" else minifloat_numbers(*definition)


def samples(numbers):
    """Numbers to encode: random ones, exact ones, ties, and their neighbours."""
    finite = np.unique(numbers[np.isfinite(numbers)])
    top = np.abs(finite).max()
    ties = (finite[1:] + finite[:-1]) / 2
    exact = np.concatenate([finite, ties]).astype(np.float32)
    exact = exact if len(exact) < 30000 else rng.choice(exact, 30000)
    signs = rng.choice([-1, 1], 40000)
    spread = rng.uniform(np.log2(top) - 40, np.log2(top) + 1, 40000)
    # bf16 and other formats of 8 exponent bits have no room above.
    with np.errstate(over="ignore"):
        return np.concatenate([
            exact, np.nextafter(exact, np.float32(np.inf)),
            np.nextafter(exact, np.float32(-np.inf)),
            (rng.uniform(-1.2, 1.2, 40000) * top).astype(np.float32),
            (signs * 2.0 ** spread).astype(np.float32),
            rng.integers(0, 2 ** 32, 20000, np.uint32).view(np.float32),
            np.float32([0, -0.0, np.inf, -np.inf, np.nan, -np.nan, 1e-45,
                        -1e-45, 1e-38, 3.4e38, -3.4e38, 0.5, 1.5, 2.5, -0.5])])


def nearest(name, numbers, x):
    """Codes by search among the finite numbers, ties to even codes; for numbers
    that are integers ties to even integers."""
    codes = np.arange(len(numbers))
    keep = np.isfinite(numbers)
    keep &= ~((numbers == 0) & (codes > 0)) | (formats[name][2] in ("integer", "nf4"))
    codes, values = codes[keep], numbers[keep]
    order = np.argsort(values, kind="stable")
    codes, values = codes[order], values[order]
    with np.errstate(invalid="ignore"):  # signalling NaNs
        wide = x.astype(np.float64)
    above = np.clip(np.searchsorted(values, wide), 1, len(values) - 1)
    with np.errstate(invalid="ignore"):
        up, down = values[above] - wide, wide - values[above - 1]
    even = values if formats[name][2] == "integer" else codes
    tie = np.where(even[above] % 2 == 0, above, above - 1)
    if name == "int1":
        tie = np.where(wide >= 0, above, above - 1)  # zero is +1
    if formats[name][2][1] == 0:  # of two odd significands the larger number
        larger = np.where(wide > 0, above, above - 1)
        tie = np.where((values[above] != 0) & (values[above - 1] != 0), larger, tie)
    best = np.where(up < down, above, np.where(up > down, above - 1, tie))
    best = np.where(wide >= values[-1], len(values) - 1, best)
    best = np.where(wide <= values[0], 0, best)
    return codes[best]


def same(a, b):
    return (a == b) & (np.signbit(a) == np.signbit(b)) | (np.isnan(a) & np.isnan(b))


def check(ok, name, what, *columns):
    if not np.all(ok):
        first = np.argmin(ok)
        sys.exit(f"{name}: {what}: {[c[first] for c in columns]} "
                 f"({np.sum(~ok)} of {len(ok)})")


def evaluate(line, codes):
    """What a target makes of a decode specification."""
    bits, kind, *rest = line.split()
    rest = [int(word) for word in rest]
    if kind == "affine":
        signed, multiplier, offset = rest
        sign = codes >> (int(bits) - 1) if signed else 0
        return (codes - sign * (1 << int(bits))) * multiplier + float(offset)
    if kind == "table":
        return np.array(rest, np.uint32).view(np.float32)[codes].astype(float)
    return minifloat_numbers(rest[0], rest[1], ["ieee", "fn", "finite"][rest[2]])


results = {}
for name, (bits, _, _) in formats.items():
    codes = np.arange(1 << bits, dtype=np.uint32)
    x = samples(numbers_of(name))
    results[name] = (codes, x, jobs.add("spec", name),
                     jobs.add("decode", name, [codes]),
                     jobs.add("encode", name, [x]))
words = rng.integers(0, 2 ** 32, 100000, np.uint32)
f32 = (jobs.add("decode", "f32", [words]), jobs.add("encode", "f32", [words]))
jobs.run()

for name, (bits, dtype, definition) in formats.items():
    codes, x, spec, decoded, encoded = results[name]
    numbers = numbers_of(name)
    ours = np.frombuffer(decoded(), np.float32)
    if name == "nf4":  # the published numbers are not rounded to the last bit
        check(np.abs(ours - numbers) < 1e-6, name, "decode", codes, ours, numbers)
        numbers = ours.astype(float)
    check(same(ours, numbers), name, "decode (code, got, want)", codes, ours, numbers)
    head, line = spec().decode().split("\n")
    check(same(evaluate(line, codes.astype(int)), numbers), name, "decode spec",
          codes)
    finite = numbers[np.isfinite(numbers)]
    fields = head.split()
    scaled = bits < 16
    assert fields[:4] == [name, str(bits), str(int(scaled)),
                          "100" if scaled else "000"], (name, head)
    assert math.isclose(float(fields[4]), finite.min(), abs_tol=1e-6), (name, head)
    assert math.isclose(float(fields[5]), finite.max(), abs_tol=1e-6), (name, head)

    got = np.frombuffer(encoded(), np.uint32)
    nan = np.isnan(x)
    zero = {"nf4": 7, "int1": 1}.get(name, 0)
    if np.isnan(numbers).any():
        check(np.isnan(ours[got[nan]]), name, "NaN", got[nan])
    else:
        check(got[nan] == zero, name, "NaN", got[nan])
    want = nearest(name, numbers, x)
    if not isinstance(definition, str):  # the sign of zeros
        want = np.where(numbers[want] == 0, np.signbit(x) << (bits - 1), want)
    check((got == want) | nan, name, "encode (number, got, want)", x, got, want)

    # Independent of everything above.
    if dtype is None:
        continue
    storage = np.uint8 if bits <= 8 else np.uint16
    theirs = codes.astype(storage).view(dtype).astype(np.float32)
    check(same(ours, theirs), name, "decode against the package", codes, ours, theirs)
    inside = np.abs(x) <= finite.max()
    if definition == "integer":
        with np.errstate(invalid="ignore"):
            theirs = np.clip(np.rint(x), finite.min(), finite.max())
        check((ours[got] == theirs) | nan, name, "encode", x, ours[got], theirs)
        continue
    with np.errstate(over="ignore", invalid="ignore"):
        cast = x.astype(dtype).astype(np.float32)
    check(same(ours[got], cast) | ~inside, name, "encode against the package", x,
          ours[got], cast)
    # The difference: we give the largest finite number, casts an infinity or NaN
    # (formats that have either).
    over = np.abs(x) > 2 * finite.max()
    check(np.abs(ours[got[over]]) == finite.max(), name, "saturation", x[over])
    if definition[2] != "finite":
        check(~np.isfinite(cast[over]), name, "overflow of a cast", x[over])

values = words.view(np.float32)
check(same(np.frombuffer(f32[0](), np.float32), values), "f32", "decode", values)
back = np.frombuffer(f32[1](), np.uint32).view(np.float32)
check(same(back, np.clip(values, -3.4028234663852886e38, 3.4028234663852886e38)),
      "f32", "encode", values, back)
print(len(formats) + 1, "formats")
