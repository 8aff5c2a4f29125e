# REQUIRES: python
# RUN: %python %s
"""nn.conv, nn.pool, qnt.conv, qnt.max_pool and qnt.average_pool against numpy:
groups, strides, dilations and uneven pads; epilogues in floats, and in integers
computed in int64."""
import os
import sys

import ml_dtypes
import numpy as np

sys.path.append(os.path.join(os.path.dirname(__file__), "Inputs"))
from cases import Cases, tensor_type
from reference import Quantized

cases = Cases()
rng = cases.rng
f32 = np.float32


def floats(*shape):
    return rng.standard_normal(shape).astype(f32)


class Windows:
    """Random windows, and an image that they fit."""

    def __init__(self, pads=True):
        self.kernel, self.strides, self.dilations = rng.integers(1, 4, (3, 2))
        self.pads = rng.integers(0, 3, 4) if pads else np.zeros(4, int)
        extent = self.dilations * (self.kernel - 1) + 1
        self.extent = extent
        low = np.maximum(extent - self.pads[:2] - self.pads[2:], 1)
        self.size = low + rng.integers(0, 6, 2)
        self.result = (self.size + self.pads[:2] + self.pads[2:] - extent) \
            // self.strides + 1

    def text(self, kernel=False):
        parts = [f"kernel [{self.kernel[0]}, {self.kernel[1]}]"] if kernel else []
        for name in ("strides", "pads", "dilations"):
            values = list(map(int, getattr(self, name)))
            if any(v != (name != "pads") for v in values):
                parts.append(f"{name} {values}")
        return " ".join(parts)

    def cut(self, x, outside):
        """Windows of images [B, H, W, C] as [B, OH, OW, KH, KW, C]."""
        top, left, bottom, right = self.pads
        x = np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)),
                   constant_values=outside)
        rows, columns = (
            np.arange(n)[:, None] * s + np.arange(k) * d for n, s, k, d in
            zip(self.result, self.strides, self.kernel, self.dilations))
        return x[:, rows[:, None, :, None], columns[None, :, None, :]]


def convolve(windows, x, w, groups):
    """Of numbers with exact sums: int64, or doubles."""
    cut = windows.cut(x, 0)
    cut = cut.reshape(*cut.shape[:5], groups, -1)
    w = w.reshape(groups, -1, *w.shape[1:])
    y = np.einsum("bxyijgc,gnijc->bxygn", cut, w)
    return y.reshape(*y.shape[:3], -1)


def quantize(x, fmt, kind, zero_point=False):
    """The name and the numbers, less their zero points, of a constant."""
    q = Quantized(x, fmt, kind, "f32", zero_point)
    name = cases.op(f"qnt.quantize {cases.constant(x)} : {tensor_type(x)} -> "
                    f"{q.type()}")
    # Small floats count in units of their smallest number.
    q.unit = 1.0 if q.format.integer else float(ml_dtypes.finfo(q.format.dtype).smallest_subnormal)
    q.integers = ((q.numbers - q.zero) / q.unit).astype(np.int64)
    assert (q.integers * q.unit == q.numbers - q.zero).all()
    return name, q


def conv_shapes():
    windows = Windows()
    groups = int(rng.choice([1, 1, 2, 3]))
    depth, per_group = (int(n) for n in rng.integers(1, 5, 2))
    if rng.random() < 0.25:
        depth = 1
    x = floats(int(rng.integers(1, 3)), *windows.size, groups * depth)
    w = floats(groups * per_group, *windows.kernel, depth)
    text = windows.text() + (f" groups {groups}" if groups > 1 else "")
    return windows, groups, x, w, text


def float_conv():
    windows, groups, x, w, text = conv_shapes()
    y = convolve(windows, x.astype(float), w.astype(float), groups)
    bias = floats(len(w))
    b = bool(rng.random() < 0.5)
    name, of = cases.dynamic(x, (0, 1)) if rng.random() < 0.5 else \
        (cases.constant(x), tensor_type(x))
    v = cases.op(f"nn.conv {name}, {cases.constant(w)} " +
                 (f"bias {cases.constant(bias)} " if b else "") + text +
                 f" : {of}, {tensor_type(w)}" +
                 (f", {tensor_type(bias)}" if b else ""))
    y = (y + bias if b else y).astype(f32)
    cases.expect(v, y, 1e-6, 1e-6,
                 tensor_type(y, (0, 1)) if "?" in of else None)
    cases.end(f"conv{len(cases.functions)}")


def float_pool():
    windows = Windows()
    x = floats(2, *windows.size, int(rng.integers(1, 5)))
    if rng.random() < 0.2:
        x.flat[rng.integers(x.size)] = np.nan
    kind = str(rng.choice(["max", "average", "count"]))
    if kind == "max":
        y = windows.cut(x, -np.inf).max((3, 4))
    else:
        inside = windows.cut(np.ones_like(x), 0).sum((3, 4))
        count = np.prod(windows.kernel) if kind == "count" else inside
        with np.errstate(invalid="ignore"):
            y = windows.cut(x.astype(float), 0).sum((3, 4)) / count
    v = cases.op(f"nn.pool {'max' if kind == 'max' else 'average'} "
                 f"{cases.constant(x)} {windows.text(True)} "
                 f"{'count_pads' if kind == 'count' else ''} : "
                 f"{tensor_type(x)}")
    cases.expect(v, y.astype(f32), 1e-6, 1e-6)
    cases.end(f"pool{len(cases.functions)}")


def scalar(value):
    array = np.array(value, f32)
    return cases.constant(array), "tensor<f32>"


class Result:
    """A random type of codes per tensor, for numbers like `y`."""

    def __init__(self, y):
        self.format = str(rng.choice(["int8", "uint8", "int4"]))
        bits = int(self.format.split("int")[1])
        self.has_zero = self.format[0] == "u" or bool(rng.random() < 0.5)
        self.low = 0 if self.format[0] == "u" else -(1 << (bits - 1))
        self.high = self.low + (1 << bits) - 1
        self.scale = f32(max(np.abs(y).max(), 1e-3) / (1 << (bits - 1)) *
                         rng.uniform(0.5, 2))
        self.zero = int(rng.integers(self.low, self.high + 1)) \
            if self.has_zero else 0
        dims = "x".join(map(str, y.shape))
        self.type = f"!qnt.tensor<{dims}, {self.format}, per_tensor, " \
                    f"scale f32{', zero' * self.has_zero}>"

    def operands(self):
        return [scalar(self.scale)] + [scalar(self.zero)] * self.has_zero

    def expect(self, value, codes):
        codes = np.clip(codes, self.low, self.high).astype(np.int64)
        as_bytes = codes.astype(np.uint8).view(np.int8)
        of = tensor_type(as_bytes)
        got = cases.op(f"qnt.codes {value} : {self.type} -> {of}")
        cases.expect(got, as_bytes)


def write(op, steps, operands, types, result):
    """An op with an epilogue."""
    text = f"epilogue [{', '.join(steps)}]" if steps else ""
    if operands:
        names, kinds = zip(*operands)
        text += f"({', '.join(names)} : {', '.join(kinds)})"
    return cases.op(f"{op} {text} : {types} -> {result}")


def float_epilogue(op, types, y):
    """Steps on y, doubles in the order that the interpreter has them."""
    steps, operands = [], []
    for step in rng.permutation(["bias", "add", "add", "mul", "relu", "clamp"]
                                )[:rng.integers(0, 5)]:
        steps.append(str(step))
        if step == "relu":
            y = np.maximum(y, 0)
        elif step == "clamp":
            low, high = np.sort(floats(2))
            operands += [scalar(low), scalar(high)]
            y = np.clip(y, low, high)
        elif step == "add" and rng.random() < 0.5:
            name, q = quantize(floats(*y.shape), "uint8", "per_tensor", True)
            operands.append((name, q.type()))
            y = y + q.values().astype(f32)
        else:
            other = floats(y.shape[-1]) if step == "bias" else floats(*y.shape)
            operands.append((cases.constant(other), tensor_type(other)))
            y = y * other if step == "mul" else y + other
    if rng.random() < 0.5:
        v = write(op, steps, operands, types, tensor_type(y.astype(f32)))
        cases.expect(v, y.astype(f32), 1.2e-7, 1e-11)
        return
    result = Result(y)
    v = write(op, steps + ["quantize"], operands + result.operands(), types,
              result.type)
    result.expect(v, np.rint(y.astype(f32) / result.scale) + result.zero)


def integer_epilogue(op, types, sums):
    """Integer steps on exact sums [B, OH, OW, N]."""
    features = sums.shape[-1]
    steps, operands, relu = [], [], False

    def ints(values):
        values = np.asarray(values, np.int32)
        operands.append((cases.constant(values), tensor_type(values)))
        return values.astype(np.int64)

    if rng.random() < 0.7:
        steps.append("int_bias")
        sums = sums + ints(rng.integers(-1000, 1000, features))
    if rng.random() < 0.3:
        relu = bool(rng.random() < 0.5)
        scale = floats(features)
        steps += ["relu"] * relu + ["rescale"]
        operands.append((cases.constant(scale), tensor_type(scale)))
        y = sums.astype(f32) * scale
        v = write(op, steps, operands, types, tensor_type(y))
        cases.expect(v, np.maximum(y, 0) if relu else y)
        return
    result = Result(sums)
    total = np.zeros_like(sums)
    shift = rng.integers(1, 63, features)
    # Sums of small floats may have more than 32 bits, their multipliers have fewer than 31.
    most = min(2.0**31 - 1, 2.0**61 / max(1, np.abs(sums).max()))
    near = np.minimum(2.0**shift / result.scale, most)
    if rng.random() < 0.5:
        steps.append("int_add")
        name, q = quantize(floats(*sums.shape), str(rng.choice(["int8", "uint8"])),
                           "per_tensor", bool(rng.random() < 0.5))
        operands.append((name, q.type()))
        total += q.integers * ints(near * rng.uniform(0, 2, features) / 3)
    if rng.random() < 0.5:
        relu = True
        steps.append("relu")
    # Multipliers of both signs: scales of weights may be negative.
    multiplier = ints(near * rng.choice([-1, 1], features) *
                      rng.uniform(0, 1, features))
    ints(shift)
    total += sums * multiplier + (np.int64(1) << (shift - 1))
    codes = (total >> shift) + result.zero
    if relu:
        codes = np.maximum(codes, result.zero)
    v = write(op, steps + ["requantize"], operands + result.operands(), types,
              result.type)
    result.expect(v, codes)


def quantized_conv():
    windows, groups, x, w, text = conv_shapes()
    fmt = str(rng.choice(["int8", "int4", "int2", "uint8", "e2m1", "e3m2", "e2m3", "e4m3"]))
    kind = str(rng.choice(["per_channel", "per_tensor"]))
    wn, wq = quantize(w, fmt, kind, fmt == "uint8")
    if rng.random() < 0.25:
        sums = convolve(windows, x.astype(float), wq.values().astype(f32)
                        .astype(float), groups)
        float_epilogue(f"qnt.conv {cases.constant(x)}, {wn} {text}",
                       f"{tensor_type(x)}, {wq.type()}", sums)
        cases.end(f"float_input{len(cases.functions)}")
        return
    xn, xq = quantize(x, str(rng.choice(["int8", "uint8", "int4"])),
                      "per_tensor", bool(rng.random() < 0.7))
    sums = convolve(windows, xq.integers, wq.integers, groups)
    op, types = f"qnt.conv {xn}, {wn} {text}", f"{xq.type()}, {wq.type()}"
    if fmt != "uint8" and rng.random() < 0.5:
        integer_epilogue(op, types, sums)
    else:
        scale = wq.scale.reshape(len(w), -1)[:, 0]
        float_epilogue(op, types, sums * wq.unit * xq.scale.flat[0] * scale)
    cases.end(f"quantized_conv{len(cases.functions)}")


def integer_linear():
    """Integer steps of qnt.linear."""
    n, k = int(rng.integers(1, 12)), int(rng.integers(1, 40))
    wn, wq = quantize(floats(n, k), str(rng.choice(["int8", "int3", "e2m1", "e3m2", "e2m3",
                                                    "e4m3"])),
                      str(rng.choice(["per_channel", "per_tensor"])))
    xn, xq = quantize(floats(int(rng.integers(1, 5)), k), str(rng.choice(["int8", "uint8", "int4"])),
                      "per_tensor", bool(rng.random() < 0.7))
    integer_epilogue(f"qnt.linear {xn}, {wn}", f"{xq.type()}, {wq.type()}",
                     xq.integers @ wq.integers.T)
    cases.end(f"integer_linear{len(cases.functions)}")


def quantized_pools():
    windows = Windows()
    windows.pads = np.minimum(windows.pads, windows.extent.tolist() * 2 -
                              np.ones(4, int))
    windows.size = np.maximum(windows.size, windows.extent)
    windows.result = (windows.size + windows.pads[:2] + windows.pads[2:] -
                      windows.extent) // windows.strides + 1
    x = floats(2, *windows.size, int(rng.integers(1, 5)))
    fmt = str(rng.choice(["int8", "uint8"]))
    name, q = quantize(x, fmt, "per_tensor", bool(rng.random() < 0.7))
    numbers = windows.cut(q.numbers.astype(np.int64), -1000).max((3, 4))
    numbers = np.maximum(numbers, 0 if fmt[0] == "u" else -128)
    to = q.type(numbers.shape)
    v = cases.op(f"qnt.max_pool {name} {windows.text(True)} : {q.type()} -> "
                 f"{to}")
    as_bytes = numbers.astype(np.uint8).view(np.int8)
    got = cases.op(f"qnt.codes {v} : {to} -> {tensor_type(as_bytes)}")
    cases.expect(got, as_bytes)
    cases.end(f"max_pool{len(cases.functions)}")

    windows = Windows(pads=False)
    x = floats(2, *windows.size, int(rng.integers(1, 5)))
    name, q = quantize(x, fmt, "per_tensor", bool(rng.random() < 0.7))
    sums = windows.cut(q.integers, 0).sum((3, 4))
    op = f"qnt.average_pool {name} {windows.text(True)}"
    if rng.random() < 0.5:
        integer_epilogue(op, q.type(), sums)
    else:
        float_epilogue(op, q.type(), sums * q.scale.flat[0] /
                       np.prod(windows.kernel))
    cases.end(f"average_pool{len(cases.functions)}")


for _ in range(40):
    float_conv()
    float_pool()
    quantized_conv()
    quantized_conv()
    integer_linear()
    quantized_pools()
cases.run()
