"""qnt.quantize and its types in numpy, written from the description of the op."""
import ml_dtypes
import numpy as np

f32 = np.float32
SCALE_TYPES = {"f16": np.float16, "bf16": ml_dtypes.bfloat16, "f32": f32}
LEAST = {"f16": 2.0**-24, "bf16": 2.0**-126, "f32": 2.0**-126}
MINIFLOATS = {"e4m3": ml_dtypes.float8_e4m3fn, "e5m2": ml_dtypes.float8_e5m2,
              "e2m1": ml_dtypes.float4_e2m1fn, "e3m2": ml_dtypes.float6_e3m2fn,
              "e2m3": ml_dtypes.float6_e2m3fn, "bf16": ml_dtypes.bfloat16,
              "f16": np.float16, "f32": f32}
# Dettmers et al. 2023, appendix E.
NF4 = np.array([-1.0, -0.6961928009986877, -0.5250730514526367,
                -0.39491748809814453, -0.28444138169288635,
                -0.18477343022823334, -0.09105003625154495, 0.0,
                0.07958029955625534, 0.16093020141124725, 0.24611230194568634,
                0.33791524171829224, 0.44070982933044434, 0.5626170039176941,
                0.7229568362236023, 1.0], f32)


class Format:
    def __init__(self, name):
        self.name = name
        self.integer = "int" in name
        self.signed = not name.startswith("u")
        if self.integer:
            self.bits = int(name.split("int")[1])
            numbers = np.arange(1 << self.bits)
            if self.signed:
                numbers = np.where(numbers >> (self.bits - 1),
                                   numbers - (1 << self.bits), numbers)
            if name == "int1":
                numbers = np.array([-1, 1])
            self.numbers = numbers.astype(f32)
            self.low, self.high = self.numbers.min(), self.numbers.max()
        elif name == "nf4":
            self.numbers = NF4
            self.low, self.high = f32(-1), f32(1)
        else:
            self.dtype = MINIFLOATS[name]
            self.high = f32(ml_dtypes.finfo(self.dtype).max)
            self.low = -self.high

    @property
    def scaled(self):
        return self.name not in ("f32", "f16", "bf16")

    def nearest(self, x, zero=f32(0)):
        """The numbers that x (in units of the scale) is encoded as."""
        x = np.where(np.isnan(x), f32(0), x)
        if self.name == "int1":
            return np.where(x + zero >= 0, f32(1), f32(-1))
        if self.integer:
            return np.clip(np.rint(x) + zero, self.low, self.high)
        if self.name == "nf4":
            distance = np.abs(x.astype(float)[..., None] - self.numbers)
            return self.numbers[np.argmin(distance, -1)]
        return np.clip(x, self.low, self.high).astype(self.dtype).astype(f32)


def row_scale(row, fmt):
    """The least power of two whose 448 times reaches the largest scale."""
    most = float(np.abs(row[~np.isnan(row)]).max(initial=0) / fmt.high)
    if most == 0:
        return 1.0
    power = int(np.frexp(most / 448)[1]) - 2
    while most > 448 * 2.0**power:
        power += 1
    return 2.0**max(power, -117)


def round_scale(scale, scale_type, of_row=1.0):
    if scale_type == "f8E8M0FNU":
        mantissa, power = np.frexp(float(scale))
        return f32(max(2.0**(power - (mantissa == 0.5)), 2.0**-126))
    if scale_type == "f8E4M3FN":
        number = f32(min(scale / of_row, 448)).astype(ml_dtypes.float8_e4m3fn)
        return f32(max(float(number), 2.0**-9) * of_row)
    dtype = SCALE_TYPES[scale_type]
    top = float(ml_dtypes.finfo(dtype).max)
    size = min(abs(f32(scale)), f32(top)).astype(dtype).astype(f32)
    return np.copysign(max(size, f32(LEAST[scale_type])), f32(scale))


def fit(fmt, scale_type, zero_point, low, high, of_row=1.0):
    # zero_point: False, True, or "offset": zeros are offsets.
    if not zero_point:
        return (round_scale(max(-low, high) / fmt.high, scale_type, of_row),
                f32(0))
    with np.errstate(over="ignore"):
        width = high - low
    scale = round_scale(width / (fmt.high - fmt.low), scale_type)
    if zero_point == "offset":
        return scale, f32(scale * fmt.low) - low
    return scale, np.clip(fmt.low - np.rint(low / scale), fmt.low, fmt.high)


def encode(fmt, zero_point, params, block):
    """The numbers of a block."""
    scale, zero = params
    if zero_point == "offset":
        block = np.where(np.isnan(block), f32(0), block)
        return fmt.nearest((block + zero) / scale)
    return fmt.nearest(block / scale, zero)


def error(fmt, zero_point, params, block):
    scale, zero = map(float, params)
    numbers = encode(fmt, zero_point, params, block).astype(float)
    if zero_point == "offset":
        return np.sum((block + zero - scale * numbers)**2)
    return np.sum((block - scale * (numbers - zero))**2)


def choose(fmt, scale_type, zero_point, clip, block, of_row=1.0):
    """(scale, zero) of one block of f32 values."""
    low, high = min(f32(0), block.min()), max(f32(0), block.max())
    if low == 0 and high == 0 and scale_type != "f8E4M3FN":
        return f32(1), fmt.low if zero_point else f32(0)
    candidates = [fit(fmt, scale_type, zero_point, low, high, of_row)]
    if clip == "mse":
        for percent in range(98, 38, -2):
            factor = f32(percent) / f32(100)
            candidates.append(fit(fmt, scale_type, zero_point, low * factor,
                                  high * factor, of_row))
        if fmt.integer and fmt.signed and not zero_point \
                and scale_type in SCALE_TYPES:
            extreme = low if -low >= high else high
            candidates.append((round_scale(extreme / fmt.low, scale_type),
                               f32(0)))
    errors = [error(fmt, zero_point, c, block) for c in candidates]
    return candidates[int(np.argmin(errors))]


def blocks(kind, shape):
    """Flat index ranges of the blocks of a tensor."""
    size, last = int(np.prod(shape)), shape[-1]
    if kind in ("unscaled", "per_tensor"):
        return [slice(0, size)]
    step = {"per_channel": size // shape[0], "per_row": last}.get(kind)
    if step:
        return [slice(i, i + step) for i in range(0, size, step)]
    group = int(kind[6:-1])
    return [slice(row + i, row + min(i + group, last))
            for row in range(0, size, last) for i in range(0, last, group)]


class Quantized:
    """numbers, scales and zero points per element, and the type's text."""

    def __init__(self, x, fmt, kind, scale_type="f32", zero_point=False,
                 clip="absmax", params=None):
        self.shape = x.shape
        self.kind = kind
        self.offset = zero_point == "offset"
        self.format = fmt = Format(fmt)
        self.suffix = f"{fmt.name}, {kind}"
        if fmt.scaled:
            self.suffix += f", scale {scale_type}"
            self.suffix += ", offset" if self.offset else ", zero" * zero_point
        flat = x.reshape(-1)
        numbers, self.scales, self.zeros = [], [], []
        scale_of, zero_of = [], []
        for i, at in enumerate(blocks(kind, x.shape)):
            block = flat[at]
            if not fmt.scaled:
                scale, zero = f32(1), f32(0)
            elif params:
                scale, zero = params[0].flat[i], params[1].flat[i]
            else:
                last = x.shape[-1]
                row = flat[at.start // last * last:][:last]
                scale, zero = choose(fmt, scale_type, zero_point, clip, block,
                                     row_scale(row, fmt)
                                     if scale_type == "f8E4M3FN" else 1.0)
            self.scales.append(scale)
            self.zeros.append(zero)
            numbers.append(encode(fmt, zero_point, (scale, zero), block))
            scale_of.append(np.full(len(block), scale))
            zero_of.append(np.full(len(block), zero))
        self.numbers = np.concatenate(numbers).astype(float).reshape(x.shape)
        self.scale = np.concatenate(scale_of).astype(float).reshape(x.shape)
        self.zero = np.concatenate(zero_of).astype(float).reshape(x.shape)

    def type(self, shape=None):
        dims = "x".join(map(str, shape or self.shape))
        return f"!qnt.tensor<{dims}, {self.suffix}>"

    def values(self):
        """Exact in double."""
        if self.offset:
            return self.scale * self.numbers - self.zero
        return self.scale * (self.numbers - self.zero)

    def dequantized(self):
        """In f32, rounded after each operation."""
        if self.offset:
            return f32(self.scale * self.numbers) - f32(self.zero)
        return self.values().astype(f32)
