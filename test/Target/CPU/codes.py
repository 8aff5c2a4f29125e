# REQUIRES: python, x86
# RUN: %python %s %test_bin/interpret
"""Compiled convolutions, linear layers, pools and sums on codes against the interpreter
and numpy: random formats of images and weights, windows, groups, epilogues in
f32 and in integers, halos, `qnt.codes` and `qnt.wrap`, for every instruction set
that this machine runs.

What is computed in integers, and what only moves codes, is equal to the bit. An
f32 epilogue may be off by EPS of the sum of what it adds; its codes may round
such numbers either way."""
import os
import sys

import numpy as np

sys.path.append(os.path.join(os.path.dirname(__file__), "Inputs"))
from compiled import Graph, runnable, seeded, tensor
from windows import Windows, convolve, pick

EPS = 2e-6
f32 = np.float32
rng = seeded()
graph = Graph(sys.argv[1])
IMAGES = ["uint8, zero", "uint8, zero", "uint8", "int8", "int8, zero", "int4",
          "uint4, zero", "int5", "uint6, zero", "int7, zero"]
WEIGHTS = ["int8", "int8", "int4", "int4", "int2", "int3", "int5", "int6",
           "int7", "uint4", "uint7", "uint8", "int8, zero", "uint8, zero",
           "uint8, zero", "int4, zero", "uint5, zero"]


def bounds(fmt):
    bits = int(fmt.strip("uint"))
    return (0, 2**bits - 1) if fmt.startswith("u") else \
        (-2**(bits - 1), 2**(bits - 1) - 1)


class Codes:
    """Codes in the graph: a value, its type, scale, zero point, shape."""

    def __init__(self, entry, shape, kind, step):
        self.entry, self.shape = entry, shape
        self.fmt, self.has_zero = kind.split(",")[0], "zero" in kind
        self.low, self.high = bounds(self.fmt)
        self.scale = f32(step)
        self.zero = int(rng.integers(self.low, self.high + 1)) \
            if self.has_zero else 0
        self.params = [entry.param(self.scale.reshape(()))]
        if self.has_zero:
            self.params.append(entry.param(f32(self.zero).reshape(())))
        self.of = (f"!qnt.tensor<{'x'.join(map(str, shape))}, {self.fmt}, "
                   f"per_tensor, scale f32{', zero' if self.has_zero else ''}>")

    def given(self):
        """`scale %s zero %z`, and their types."""
        text = f"scale {self.params[0][0]}"
        if self.has_zero:
            text += f" zero {self.params[1][0]}"
        return text, "".join(", tensor<f32>" for _ in self.params)

    def numbers(self, y):
        """The integers less their zero point that values stand for."""
        return np.rint(y.astype(float) / self.scale).astype(np.int64)


def quantized_input(entry, name, shape, kind=None):
    codes = Codes(entry, shape, kind or pick(rng, IMAGES),
                  rng.uniform(0.01, 0.05))
    x, of = entry.input(name, ["batch", *shape[1:]])
    text, types = codes.given()
    codes.value = entry.op(
        f"qnt.quantize {x} {text} : {of}{types} -> {codes.of}")
    return codes


def dequantized(entry, codes, lines=None):
    to = tensor(codes.shape)
    return entry.op(f"qnt.dequantize {codes.value} : {codes.of} -> {to}",
                    lines), to


class Case:
    """A layer, and what must be probed to check it."""

    def __init__(self, entry, index):
        self.entry, self.index = entry, index
        self.inputs, self.probes, self.steps = {}, [], []
        self.build()

    def image(self, name, shape, kind=None):
        name = f"{name}{self.index}"
        self.inputs[name] = shape
        codes = quantized_input(self.entry, name, shape, kind)
        self.probes.append(codes)
        return codes

    def floats(self, name, shape):
        name = f"{name}{self.index}"
        self.inputs[name] = shape
        return self.entry.input(name, ["batch", *shape[1:]])

    def finish(self, head, types, attributes, spread, shape, features,
               integer, unit, positions=1):
        """Adds an epilogue for sums or numbers of about `spread`; a sum stands
        for `unit` over `positions`, in f32."""
        entry = self.entry
        steps, operands = [], []
        self.integer = integer
        is_codes = rng.random() < 0.7
        out = Codes(entry, shape, pick(rng, IMAGES), 0.02)
        ratio = spread / (0.4 * (out.high - out.low))
        ints = lambda values: entry.param(np.array(values, np.int32))
        if integer:
            if rng.random() < 0.7:
                bias = rng.integers(-1 - int(spread), 2 + int(spread), features)
                operands.append(ints(bias))
                steps.append(("int_bias", bias))
            multiplier = rng.integers(2**30, 2**31, features)
            shift = np.clip(np.rint(np.log2(multiplier / (1 / ratio))), 1, 62)
            shift = shift.astype(np.int64) + rng.integers(0, 2, features)
            shift = np.clip(shift, 1, 62)
            rounds = is_codes and rng.random() < 0.4
            if rounds:
                entry.graph.params.pop(out.params[0][0], None)
                out = Codes(entry, shape, pick(rng, IMAGES),
                            ratio * np.median(unit) / positions)
            elif is_codes and rng.random() < 0.5:
                other = self.image("r", shape)
                factor = rng.integers(-2**31, 2**31, features)
                operands += [(other.value, other.of), ints(factor)]
                steps.append(("int_add", (other, factor)))
            if rng.random() < 0.4:
                steps.append(("relu", None))
            if rounds:
                operands += out.params
                factor = unit / (out.scale * f32(positions))
                steps.append(("requantize_f32", factor))
            elif is_codes:
                operands += [ints(multiplier), ints(shift), *out.params]
                steps.append(("requantize", (multiplier, shift)))
            else:
                scale = rng.uniform(0.5, 2, features).astype(f32)
                operands.append(entry.param(scale))
                steps.append(("rescale", scale))
        else:
            kinds = ["bias", "relu", "clamp", "add", "codes", "mul", "silu"]
            for kind in rng.choice(kinds, rng.integers(0, 4), replace=False):
                if kind == "bias":
                    bias = (rng.standard_normal(features) * spread).astype(f32)
                    operands.append(entry.param(bias))
                    steps.append(("bias", bias))
                elif kind == "clamp":
                    ends = np.sort(rng.standard_normal(2) * spread).astype(f32)
                    operands += [entry.param(e.reshape(())) for e in ends]
                    steps.append(("clamp", ends))
                elif kind in ("add", "mul"):
                    operands.append(self.floats(f"{kind}", shape))
                    steps.append((kind, f"{kind}{self.index}"))
                elif kind == "codes":
                    other = self.image("q", shape)
                    operands.append((other.value, other.of))
                    steps.append(("add", other))
                else:
                    steps.append((str(kind), None))
            if is_codes:
                # The scale is that of the numbers.
                entry.graph.params.pop(out.params[0][0], None)
                out = Codes(entry, shape, pick(rng, IMAGES), ratio)
                operands += out.params
                steps.append(("quantize", None))
        self.steps = steps
        of = out.of if is_codes else tensor(shape)
        text = ", ".join(kind for kind, _ in steps)
        text = f" epilogue [{text}]" if text else ""
        if operands:
            text += (f" ({', '.join(o[0] for o in operands)} : "
                     f"{', '.join(o[1] for o in operands)})")
        out.value = entry.op(f"{head}{attributes}{text} : {types} -> {of}")
        self.out = out if is_codes else None
        self.what = f"{head}{attributes}{text} : {types} -> {of}"
        if is_codes:
            # What follows reads codes through layouts of its own.
            self.result = self.follow(out)
        else:
            self.result = out.value, of
        entry.result(*self.result)

    def follow(self, out):
        entry = self.entry
        if rng.random() < 0.4:
            bits = pick(rng, [8, 16, 32])
            ints = tensor(out.shape, f"i{bits}")
            codes = entry.op(f"qnt.codes {out.value} : {out.of} -> {ints}")
            text, types = out.given()
            out.value = entry.op(f"qnt.wrap {codes} {text} : {ints}{types} -> "
                                 f"{out.of}")
        return dequantized(entry, out, entry.lines)

    def after(self, y, off, numbers, inputs):
        """What the epilogue makes of sums, or of numbers and their error."""
        probed = dict(zip(map(id, self.probes), numbers))
        added, relu = 0, False
        for kind, operand in self.steps:
            if kind in ("bias", "int_bias"):
                y = y + operand
            elif kind == "int_add":
                other, factor = operand
                added = other.numbers(probed[id(other)]) * factor
            elif kind == "relu":
                y, relu = y if self.integer else np.maximum(y, 0), True
            elif kind == "clamp":
                y = np.minimum(np.maximum(y, operand[0]), operand[1])
            elif kind == "mul":
                other = inputs[operand].astype(float)
                y, off = y * other, off * np.abs(other)
            elif kind == "add":
                other = inputs[operand] if isinstance(operand, str) else \
                    probed[id(operand)]
                y = y + other.astype(float)
                off = off + EPS * np.abs(other)
            elif kind == "silu":
                y, off = y / (1 + np.exp(-y)), 1.13 * off + 1e-6
            elif kind == "rescale":
                y = y.astype(f32) * operand
                return np.maximum(y, 0) if relu else y, 0
            elif kind == "requantize_f32":
                y = np.rint(y.astype(f32) * operand)
                least = self.out.low - self.out.zero
                y = np.clip(y, max(least, 0) if relu else least,
                            self.out.high - self.out.zero)
                return y * self.out.scale, 0
            elif kind == "requantize":
                multiplier, shift = operand
                y = (y * multiplier + added + (1 << (shift - 1))) >> shift
                least = 0 if relu else self.out.low - self.out.zero
                least = max(least, self.out.low - self.out.zero)
                y = np.clip(y, least, self.out.high - self.out.zero)
                return y * self.out.scale, 0
            if kind != "quantize":
                off = off + EPS * np.abs(y)
        return y, off

    def check(self, y, want, off):
        """How many of the results are wrong."""
        y = y.astype(float)
        if self.integer or self.out is None:
            return np.sum(~(np.abs(y - want.astype(f32)) <= off))
        out = self.out
        exact = np.clip(want / out.scale, out.low - out.zero,
                        out.high - out.zero)
        code = np.rint(y / out.scale)
        return np.sum(~(np.abs(y - code * out.scale) <= 1e-6 * np.abs(y))) + \
            np.sum(~(np.abs(code - exact) <= 0.5 + off / out.scale))


class Conv(Case):
    def build(self):
        entry = self.entry
        kind = pick(rng, ["plain", "plain", "pointwise", "grouped",
                          "depthwise", "linear"])
        w = Windows.random(rng)
        depth, features = int(rng.integers(1, 40)), int(rng.integers(1, 70))
        self.groups = 1
        if kind == "depthwise":
            self.groups = features = int(rng.integers(2, 70))
            depth = 1
        elif kind == "grouped":
            self.groups = int(rng.integers(2, 5))
            features = self.groups * int(pick(rng, [1, 3, 8, 16, 20]))
            depth = int(rng.integers(1, 12))
        elif kind in ("pointwise", "linear"):
            w = Windows(w.image, (1, 1))
        if kind == "linear":
            w = Windows((1, 1), (1, 1))
        self.windows = w
        self.linear = kind == "linear"
        shape = ["?", *w.image, depth * self.groups]
        filters = (features, *w.kernel, depth)
        result = ["?", *w.output, features]
        if self.linear:
            shape, result = ["?", depth], ["?", features]
            filters = (features, depth)
        self.x = self.image("x", shape)
        kind = pick(rng, WEIGHTS)
        fmt, zero = kind.split(",")[0], ", zero" if "zero" in kind else ""
        low, high = bounds(fmt)
        block = pick(rng, ["per_channel", "per_tensor"])
        shape = (features,) if block == "per_channel" else ()
        stored = pick(rng, ["f16", "f32"])
        of = (f"!qnt.tensor<{'x'.join(map(str, filters))}, {fmt}, {block}, "
              f"scale {stored}{zero}>")
        scale = np.asarray(rng.uniform(3, 6, shape) / (high - low),
                           f32 if stored == "f32" else np.float16)
        point = np.asarray(rng.integers(low, high + 1, shape) if zero else
                           np.zeros(shape), np.int16)
        broadcast = shape + (1,) * (len(filters) - 1 if shape else 0)
        codes = np.rint(rng.standard_normal(filters) / scale.astype(
            float).reshape(broadcast)).astype(np.int16)
        codes = np.clip(codes + point.reshape(broadcast), low, high)
        q = entry.coded(codes, of, scale, point.astype(
            np.uint8 if fmt[0] == "u" else np.int8) if zero else None)
        self.codes = codes.astype(np.int64) - point.reshape(broadcast)
        to = tensor(filters)
        self.weight = entry.op(f"qnt.dequantize {q} : {of} -> {to}",
                               entry.probes), to
        inputs = np.prod(filters[1:])
        integer = rng.random() < 0.5
        spread = np.sqrt(inputs)
        if integer:
            spread *= 40 * (high - low) * 0.2
        else:
            spread *= self.x.scale * 40
        attributes = "" if self.linear else \
            f" {w.text()} groups {self.groups}"
        self.finish(f"qnt.{'linear' if self.linear else 'conv'} "
                    f"{self.x.value}, {q}", f"{self.x.of}, {of}", attributes,
                    max(2.0, spread), result, features, integer,
                    self.x.scale * scale.astype(f32))

    def probed(self):
        return [self.weight]

    def reference(self, numbers, weight, inputs):
        x = self.x.numbers(numbers[0])
        w = weight.astype(float)
        if self.linear:
            x = x[:, None, None, :]
            w4 = w[:, None, None, :]
        else:
            w4 = w
        if self.integer:
            y = convolve(x, self.codes.reshape(w4.shape), self.windows,
                         self.groups)
            off = 0
        else:
            y = convolve(x * float(self.x.scale), w4, self.windows, self.groups)
            off = EPS * convolve(np.abs(x) * float(self.x.scale), np.abs(w4),
                                 self.windows, self.groups)
        if self.linear:
            y = y[:, 0, 0, :]
            off = off[:, 0, 0, :] if not self.integer else 0
        return self.after(y, off, numbers, inputs)


class AveragePool(Case):
    def build(self):
        self.windows = w = Windows.random(rng, pads=False)
        channels = int(rng.integers(1, 70))
        self.x = self.image("x", ["?", *w.image, channels])
        self.integer = integer = rng.random() < 0.5
        spread = 60.0 * np.prod(w.kernel) if integer else 60 * self.x.scale
        self.finish(f"qnt.average_pool {self.x.value}", self.x.of,
                    " " + w.text(kernel=True), spread,
                    ["?", *w.output, channels], channels, integer,
                    self.x.scale, int(np.prod(w.kernel)))

    def probed(self):
        return []

    def reference(self, numbers, _, inputs):
        sums = self.windows.taps(self.x.numbers(numbers[0]), 0).sum(0)
        if self.integer:
            return self.after(sums, 0, numbers, inputs)
        y = sums * float(self.x.scale) / np.prod(self.windows.kernel)
        return self.after(y, EPS * np.abs(y), numbers, inputs)


class Add(Case):
    def build(self):
        shape = pick(rng, [["?", 5, 7, int(rng.integers(1, 70))],
                           ["?", int(rng.integers(1, 70))]])
        self.x, self.y = self.image("x", shape), self.image("r", shape)
        entry = self.entry
        out = Codes(entry, shape, pick(rng, IMAGES), rng.uniform(0.02, 0.1))
        text, types = out.given()
        self.what = (f"qnt.add {self.x.value}, {self.y.value} {text} : "
                     f"{self.x.of}, {self.y.of}{types} -> {out.of}")
        out.value = entry.op(self.what)
        self.integer, self.out = True, out
        entry.result(*self.follow(out))

    def probed(self):
        return []

    def reference(self, numbers, _, inputs):
        x, y = self.x, self.y
        a, b = x.scale / self.out.scale, y.scale / self.out.scale
        # Products of two f32 numbers are exact in f64.
        fma = lambda m, n, c: f32(np.asarray(m, float) * n + c)
        rest = self.out.zero - fma(a, x.zero, b * f32(y.zero))
        total = fma(x.numbers(numbers[0]) + x.zero, a,
                    fma(y.numbers(numbers[1]) + y.zero, b, f32(rest)))
        codes = np.clip(np.rint(total), self.out.low, self.out.high)
        return (codes - self.out.zero) * self.out.scale, 0


class MaxPool(Case):
    def build(self):
        self.windows = w = Windows.random(rng)
        channels = int(pick(rng, [3, 7, 16, 64, 80, 100]))
        self.x = self.image("x", ["?", *w.image, channels])
        shape = ["?", *w.output, channels]
        of = self.x.of.replace("x".join(map(str, self.x.shape)),
                               "x".join(map(str, shape)), 1)
        y = self.entry.op(f"qnt.max_pool {self.x.value} {w.text(kernel=True)}"
                          f" : {self.x.of} -> {of}")
        self.what = f"max_pool {self.x.of} {w.text(kernel=True)}"
        self.integer, self.out = True, None
        to = tensor(shape)
        self.entry.result(
            self.entry.op(f"qnt.dequantize {y} : {of} -> {to}"), to)

    def probed(self):
        return []

    def reference(self, numbers, _, inputs):
        return self.windows.taps(numbers[0].astype(float), -np.inf).max(0), 0


cases = []
for e in range(3):
    entry = graph.entry(f"e{e}")
    own = [Conv(entry, i) for i in range(7)]
    own += [AveragePool(entry, 7), AveragePool(entry, 8), MaxPool(entry, 9),
            Add(entry, 10)]
    cases.append(own)
probes = {}
for entry, own in zip(graph.entries, cases):
    probes[entry.name] = []
    for case in own:
        for codes in case.probes:
            # `follow` may have renamed it; inputs are never followed.
            probes[entry.name].append(dequantized(entry, codes, entry.probes))
        probes[entry.name] += case.probed()
graph.finish(probes)
graph.wait()

failures = 0
for entry, own in zip(graph.entries, cases):
    for batch in (1, int(rng.integers(2, 8))):
        inputs = {}
        for case in own:
            for name, shape in case.inputs.items():
                x = rng.standard_normal([batch, *shape[1:]])
                if name[0] in "xrq":
                    x *= 2  # Some beyond the range of the codes.
                    if rng.random() < 0.3:
                        x.flat[rng.integers(x.size)] = np.nan
                inputs[name] = x.astype(f32)
        truth = graph.interpret(entry.name, inputs, len(own))
        numbers = graph.interpret(entry.name + ".probe", inputs,
                                  len(probes[entry.name]))
        wanted = []
        for case, t in zip(own, truth):
            mine = [numbers.pop(0) for _ in case.probes]
            weight = [numbers.pop(0) for _ in case.probed()]
            want, off = case.reference(mine, weight[0] if weight else None,
                                       inputs)
            wrong = case.check(t, want, off)
            assert not wrong, f"interpreter: {wrong} wrong in {case.what}"
            wanted.append((want, off))
        for isa in runnable():
            got = graph.run(entry.name, isa, inputs, len(own),
                            1 + batch % 3)
            for case, y, t, (want, off) in zip(own, got, truth, wanted):
                wrong = np.sum(y != t) if case.integer else \
                    case.check(y, want, off)
                if wrong:
                    failures += 1
                    at = tuple(np.argwhere(y != t)[0])
                    print(f"{isa}, batch {batch}, {wrong} of {y.size} wrong, "
                          f"at {at} {y[at]}, expected {t[at]}: {case.what}")
print(f"{sum(map(len, cases))} layers")
sys.exit(failures > 0)
