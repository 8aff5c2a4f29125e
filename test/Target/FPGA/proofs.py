# REQUIRES: python, yosys, z3
# RUN: %python %s %build %t
"""Units compute what they are defined to for all inputs, by Yosys and Z3: one iteration of
a process, from what its Verilog is written from, beside arithmetic in 64 bits written from
the definitions of qflow's requantiser and of qnt's epilogue; and products in LUTs beside
a * b; and sums of products that rows share. Wrong ones have counterexamples."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

import ml_dtypes
import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "Inputs"))
from designs import make_random  # noqa: E402
from proofs import Proofs, literal  # noqa: E402
from units import Stream, bits_for, dense, shared  # noqa: E402

build, folder = map(pathlib.Path, sys.argv[1:])
seed, rng = make_random()
shutil.rmtree(folder, ignore_errors=True)
MODEL = """module qnt_product #(parameter A = 8, parameter A_SIGNED = 0, parameter B = 8,
                     parameter B_SIGNED = 1, parameter Y = 16) (
  input [A-1:0] a, input [B-1:0] b, output [Y-1:0] y);
  wire signed [A:0] whole_a = {A_SIGNED ? a[A-1] : 1'b0, a};
  wire signed [B:0] whole_b = {B_SIGNED ? b[B-1] : 1'b0, b};
  wire signed [Y-1:0] product = whole_a * whole_b;
  assign y = product;
endmodule
"""


def emit(name, text):
    """The iterations of the processes of a design, and the module of products among them."""
    here = folder / name
    here.mkdir(parents=True, exist_ok=True)
    (here / "design.mlir").write_text(text)
    subprocess.run([build / "test/bin/emit-design", here / "design.mlir", here, "iterations"],
                   check=True)
    text = (here / f"{name}_iterations.v").read_text()
    text = re.sub(r'readmemh\("', f'readmemh("{here}/', text)
    product = re.search(r"\(\* use_dsp.*?module qnt_product.*?endmodule\n", text, re.S)
    return (text.replace(product[0], "") if product else text), product and product[0]


def index_bits(count):
    return max(1, (int(count) - 1).bit_length())


class Requantizer:
    """Of channels, one a word: y = clamp((x * multiplier + offset + b * factor) >> shift)."""

    def __init__(self, bits, signed, multipliers, offsets, shifts, clamp, result, factors=None,
                 addend=None, in_luts=False, by_thresholds=False):
        self.bits, self.signed, self.multipliers, self.offsets = bits, signed, multipliers, offsets
        self.shifts, self.clamp, self.result, self.factors = shifts, clamp, result, factors
        self.addend, self.in_luts, self.by_thresholds = addend, in_luts, by_thresholds

    def stream(self, bits, signed):
        return f"!qflow.stream<{len(self.shifts)}x{'s' if signed else 'u'}i{bits}, 1>"

    def write(self, name):
        x, y = self.stream(self.bits, self.signed), self.stream(*self.result)
        add, argument = "", ""
        if self.addend:
            b = self.stream(*self.addend)
            add, argument = f"add %b factors {dense(self.factors, 64)} : {b}", f", %b: {b}"
        return (f"qflow.design @{name}(%x: {x}{argument}) -> {y} {{\n"
                f"  %y = qflow.requantize %x multipliers {dense(self.multipliers, 64)} offsets "
                f"{dense(self.offsets, 64)} shifts {dense(self.shifts, 64)} clamp "
                f"{list(self.clamp)} {'in_luts' if self.in_luts else ''} "
                f"{'by_thresholds' if self.by_thresholds else ''} {add} : {x} -> {y}\n"
                f"  qflow.output %y : {y}\n}}\n")

    def state(self, proofs, name, module, channel):
        """That this channel of `module` is what the definition says."""
        inputs = {"x": self.bits}
        if self.addend:
            inputs["b"] = self.addend[0]
        sums = f"wide_x * {literal(self.multipliers[channel])}"
        if self.addend:
            sums += f" + wide_b * {literal(self.factors[channel])}"
        sums += f" + {literal(self.offsets[channel])}"
        channels = len(self.shifts)
        low, high = map(literal, self.clamp)
        proofs.state(name, inputs, widen("x", self.bits, self.signed)
                     + (widen("b", *self.addend) if self.addend else "") + f"""
  wire signed [63:0] shifted = ({sums}) >>> {self.shifts[channel]};
  wire signed [63:0] want = shifted < {low} ? {low} : shifted > {high} ? {high} : shifted;
{self.instantiate(module, channel)}
  assign bad = y != want[{self.result[0] - 1}:0] | !valid;""")

    def instantiate(self, module, channel):
        bits = index_bits(len(self.shifts))
        add = ".in1_data(b), " if self.addend else ""
        return (f"  wire [{self.result[0] - 1}:0] y;\n  wire valid;\n"
                f"  {module} unit(.index0(1'b0), .index1({bits}'d{channel}), .in0_data(x), {add}"
                f".out0_data(y), .out0_valid(valid));")

    def compute(self, channel, x, b=0):
        """By Python's integers."""
        def number(bits, width, signed):
            return bits - (1 << width) if signed and bits >> width - 1 else bits
        total = number(x, self.bits, self.signed) * int(self.multipliers[channel])
        total += int(self.offsets[channel])
        if self.addend:
            total += number(b, *self.addend) * int(self.factors[channel])
        return min(max(total >> int(self.shifts[channel]), self.clamp[0]), self.clamp[1])


def widen(name, bits, signed):
    sign = f"{name}[{bits - 1}]" if signed else "1'b0"
    return f"  wire signed [63:0] wide_{name} = {{{{{64 - bits}{{{sign}}}}}, {name}}};\n"


def draw_requantizer():
    """Of a channel with saturation on both sides, others anywhere."""
    channels, signed = int(rng.integers(1, 5)), bool(rng.integers(2))
    bits = int(rng.integers(2, 25))
    result = int(rng.integers(2, 10)), bool(rng.integers(2))
    low = -(1 << result[0] - 1) if result[1] else 0
    shifts = rng.integers(0, rng.choice([4, 24, 40, 63]), channels)
    multipliers = rng.integers(-(1 << 24), 1 << 31, channels)
    offsets = rng.integers(-(1 << 40), 1 << 40, channels)
    addend = (int(rng.integers(1, 9)), bool(rng.integers(2))) if rng.integers(2) else None
    factors = rng.integers(0, 1 << 30, channels)
    return Requantizer(bits, signed, multipliers, offsets, shifts,
                       (low, low + (1 << result[0]) - 1), result, factors, addend,
                       bool(rng.integers(2)))


def draw_thresholds():
    """Of one channel, whose thresholds are constants, of few codes, some of which none has."""
    bits, signed, result = int(rng.integers(2, 25)), bool(rng.integers(2)), int(rng.integers(1, 5))
    codes = bool(rng.integers(2))
    low = -(1 << result - 1) if codes else 0
    clamp = sorted(map(int, rng.integers(low, low + (1 << result), 2)))
    shift = int(rng.integers(0, rng.choice([4, 24, 40, 63])))
    return Requantizer(bits, signed, [int(rng.integers(0, 1 << int(rng.integers(1, 32))))],
                       [int(rng.integers(-(1 << 40), 1 << 40))], [shift], clamp,
                       (result, codes), by_thresholds=True)


def prove_thresholds():
    """Codes found by thresholds are those of products, for every x."""
    proofs = Proofs(folder / "thresholds")
    proofs.read(MODEL)
    edges = [
        # 16 codes and 1, all multipliers that are not negative, ends of the input's type.
        Requantizer(16, True, [77], [1 << 11], [12], (-8, 7), (4, True), by_thresholds=True),
        Requantizer(8, False, [1], [0], [0], (0, 15), (4, False), by_thresholds=True),
        Requantizer(8, True, [0], [5 << 10], [10], (0, 15), (4, False), by_thresholds=True),
        Requantizer(20, True, [(1 << 31) - 1], [-(1 << 61)], [62], (-1, 1), (2, True),
                    by_thresholds=True),
        Requantizer(12, True, [3], [7], [4], (2, 2), (4, False), by_thresholds=True),
    ]
    for number, unit in enumerate(edges + [draw_thresholds() for _ in range(6)]):
        name = f"t{number}"
        proofs.read(emit(name, unit.write(name))[0])
        unit.state(proofs, name, f"{name}_requantize_iteration", 0)
    # One threshold is one too large.
    wrong = Requantizer(16, True, [77], [(1 << 11) - 77], [12], (-8, 7), (4, True),
                        by_thresholds=True)
    proofs.read(emit("late", wrong.write("late"))[0])
    edges[0].state(proofs, "wrong_threshold", "late_requantize_iteration", 0)
    found = proofs.check({"wrong_threshold"})["wrong_threshold"]
    assert wrong.compute(0, found["x"]) != edges[0].compute(0, found["x"]), found


def prove_requantizers():
    proofs = Proofs(folder / "requantizers")
    proofs.read(MODEL)
    edges = [
        # Shifts of nothing and of most, both ways of saturation, codes of one bit.
        Requantizer(16, True, [1, -1, 3, 1 << 31], [0, 5, -7, 1 << 61], [0, 0, 1, 62],
                    (-128, 127), (8, True)),
        Requantizer(12, False, [(1 << 31) - 1, -(1 << 31)], [-(1 << 40), 1 << 45], [35, 34],
                    (0, 255), (8, False), in_luts=True),
        Requantizer(20, True, [1 << 30, 0, 12345], [1 << 34, 1 << 40, -1], [35, 35, 14],
                    (3, 250), (8, False), [1 << 29, -7, 77], (8, True)),
        Requantizer(9, True, [513], [1 << 8], [9], (0, 1), (1, False)),
    ]
    for number, unit in enumerate(edges + [draw_requantizer() for _ in range(4)]):
        name = f"r{number}"
        proofs.read(emit(name, unit.write(name))[0])
        for channel in range(len(unit.shifts)):
            unit.state(proofs, f"{name}_{channel}", f"{name}_requantize_iteration", channel)
    # A half too little, a multiplier one too large, one number more within the bounds.
    right = edges[0]
    wrong = {}
    for name, change in (("rounding", {"offsets": [255 - 1]}), ("multiplier", {"multipliers": [78]}),
                         ("bound", {"clamp": (-128, 126)})):
        parameters = {"multipliers": [77], "offsets": [255], "shifts": [9], "clamp": (-128, 127)}
        right = Requantizer(16, True, **parameters, result=(8, True))
        unit = Requantizer(16, True, **(parameters | change), result=(8, True))
        proofs.read(emit(name, unit.write(name))[0])
        right.state(proofs, f"wrong_{name}", f"{name}_requantize_iteration", 0)
        wrong[f"wrong_{name}"] = unit
    for name, inputs in proofs.check(wrong).items():
        assert wrong[name].compute(0, inputs["x"]) != right.compute(0, inputs["x"]), (name, inputs)


class Layer:
    """A linear layer of qnt that ends in [int_bias, int_add, relu, requantize]. Weights are
    integers of 4 bits, since a row's largest is 7 and its scale thus 1."""

    def __init__(self, adds, relu):
        self.channels, self.adds, self.relu = int(rng.integers(1, 4)), adds, relu
        inputs = int(rng.integers(2, 30))
        self.weights = rng.integers(-7, 8, (self.channels, inputs))
        self.weights[:, 0] = 7
        self.bias = rng.integers(-(1 << 12), 1 << 12, self.channels)
        self.multipliers = rng.integers(1 << 30, 1 << 31, self.channels)
        self.shifts = rng.integers(*((1, 63) if rng.integers(2) else (34, 44)), self.channels)
        # Beyond 64 bits there is no unit, and a zero point is shifted.
        self.shifts = np.minimum(self.shifts, 54)
        self.factors = rng.integers(1 << 29, 1 << 30, self.channels)
        self.signed = bool(rng.integers(2))
        self.zeros = [int(n) for n in rng.integers(-128 if self.signed else 0,
                                                   128 if self.signed else 256, 3)]

    def write(self):
        n, k = self.weights.shape
        code = "int8" if self.signed else "uint8"
        block = "per_tensor, scale f32, zero"
        x, b, y = (f"!qnt.tensor<1x{size}, {code}, {block}>" for size in (k, n, n))
        w = f"!qnt.tensor<{n}x{k}, int4, per_channel, scale f32>"

        def constant(name, numbers, kind):
            numbers = np.asarray(numbers)
            shape = "".join(f"{d}x" for d in numbers.shape)
            values = numbers.astype(float) if kind == "f32" else numbers
            return (f"  %{name} = arith.constant dense<{values.tolist()}> : "
                    f"tensor<{shape}{kind}>\n")
        add, text = "", constant("weights", self.weights, "f32")
        for number, zero in enumerate(self.zeros):
            text += constant(f"zero{number}", zero, "f32")
        for name in ("bias", "multipliers", "shifts", "factors"):
            text += constant(name, getattr(self, name), "i32")
        steps, extra, types = ["int_bias"], "%bias", f"tensor<{n}xi32>"
        if self.adds:
            steps.append("int_add")
            extra += ", %b, %factors"
            types += f", {b}, tensor<{n}xi32>"
        if self.relu:
            steps.append("relu")
        steps.append("requantize")
        scalar, vector = "tensor<f32>", f"tensor<{n}xi32>"
        return f"""func.func @main(%in: tensor<1x{k}xf32>, %more: tensor<1x{n}xf32>) -> tensor<1x{n}xf32> {{
  %scale = arith.constant dense<0.5> : {scalar}
{text}
  %x = qnt.quantize %in scale %scale zero %zero0 : tensor<1x{k}xf32>, {scalar}, {scalar} -> {x}
  %b = qnt.quantize %more scale %scale zero %zero1 : tensor<1x{n}xf32>, {scalar}, {scalar} -> {b}
  %w = qnt.quantize %weights : tensor<{n}x{k}xf32> -> {w}
  %y = qnt.linear %x, %w epilogue [{", ".join(steps)}]({extra}, %multipliers, %shifts, %scale, %zero2 : {types}, {vector}, {vector}, {scalar}, {scalar}) : {x}, {w} -> {y}
  %out = qnt.dequantize %y : {y} -> tensor<1x{n}xf32>
  return %out : tensor<1x{n}xf32>
}}
"""

    def emit(self, name):
        here = folder / name
        here.mkdir()
        (here / "layer.mlir").write_text(self.write())
        subprocess.run([build / "bin/quant-opt", here / "layer.mlir", "-o", here / "units.mlir",
                        f"--qnt-materialize-params=output={here}/layer.safetensors",
                        f"--qnt-lower-to-qflow=name={name}"], check=True)
        text = (here / "units.mlir").read_text()
        self.bits = int(re.search(r"qflow.dot .*stream<\d+xsi(\d+), 1>$", text, re.M)[1])
        return emit(name, text)[0]

    def state(self, proofs, name, module, channel, half=1):
        """(a * multiplier + (b - zero) * factor + 2^(shift - 1)) >> shift + zero, clamped,
        where a = sum + bias, of codes less their zero points."""
        inputs, low = {"x": self.bits}, -128 if self.signed else 0
        high, shift = low + 255, int(self.shifts[channel])
        constant = int(self.bias[channel]) - self.zeros[0] * int(self.weights[channel].sum())
        # Multiplied out; Yosys computes what is constant.
        multiplier, factor = literal(self.multipliers[channel]), literal(self.factors[channel])
        sums, constants = f"wide_x * {multiplier}", f"{literal(constant)} * {multiplier}"
        text, add = widen("x", self.bits, True), ""
        if self.adds:
            inputs["b"] = 8
            text += widen("b", 8, self.signed)
            add = ".in1_data(b), "
            sums += f" + wide_b * {factor}"
            constants += f" - {literal(self.zeros[1])} * {factor}"
        if self.relu:
            low = max(low, self.zeros[2])
        low, high, zero = map(literal, (low, high, self.zeros[2]))
        proofs.state(name, inputs, f"""{text}
  wire signed [63:0] shifted = ({sums} + ({constants} + {literal(half << shift - 1)})) >>> {shift};
  wire signed [63:0] code = shifted + {zero};
  wire signed [63:0] want = code < {low} ? {low} : code > {high} ? {high} : code;
  wire [7:0] y;
  {module} unit(.index0(1'b0), .index1({index_bits(self.channels)}'d{channel}), .in0_data(x),
    {add}.out0_data(y));
  assign bad = y != want[7:0];""")


def prove_layers():
    proofs = Proofs(folder / "layers")
    for number, (adds, relu) in enumerate(((0, 0), (0, 1), (1, 0), (1, 1))):
        layer, name = Layer(adds, relu), f"l{number}"
        proofs.read(layer.emit(name))
        for channel in range(layer.channels):
            layer.state(proofs, f"{name}_{channel}", f"{name}_requantize_iteration", channel)
    # Without the half, codes are cut.
    layer = Layer(0, 0)
    layer.shifts[:] = 40
    layer.zeros = [0, 0, 1]
    layer.bias[:] = 0
    proofs.read(layer.emit("cut"))
    layer.state(proofs, "wrong_cut", "cut_requantize_iteration", 0, half=0)
    proofs.check({"wrong_cut"})


class SharedRows:
    """A dot product of one vector, `count` rows of which share each product."""

    def __init__(self, weights, bits, signed, count):
        self.weights, self.bits, self.signed, self.count = weights, bits, signed, count
        low = -(1 << bits - 1) if signed else 0
        ends = np.stack([weights * low, weights * (low + (1 << bits) - 1)])
        self.sum_bits = bits_for(ends.min(0).sum(1).min(), ends.max(0).sum(1).max())

    def write(self, name):
        rows, inputs = self.weights.shape
        x = Stream([inputs], self.bits, self.signed, inputs)
        y = Stream([rows], self.sum_bits, True, rows)
        assert f"shared {self.count} " in shared(self.weights, x, rows)
        return (f"qflow.design @{name}(%x: {x}) -> {y} {{\n  %y = qflow.dot %x weights "
                f"{dense(self.weights, 8)} shared {self.count} : {x} -> {y}\n"
                f"  qflow.output %y : {y}\n}}\n")

    def state(self, proofs, name, module):
        """That `module` gives each row's sum of products."""
        rows, inputs = self.weights.shape
        parts = {f"x{i}": self.bits for i in range(inputs)}
        body = "".join(widen(part, self.bits, self.signed) for part in parts)
        body += f"  wire [{rows * self.sum_bits - 1}:0] y;\n  wire valid;\n"
        whole = ", ".join(reversed(parts))
        body += (f"  {module} unit(.index0(1'b0), .index1(1'b0), .index2(1'b0), "
                 f".in0_data({{{whole}}}), .out0_data(y), .out0_valid(valid));\n")
        wrong = ["!valid"]
        for row, weights in enumerate(self.weights):
            total = " + ".join(f"wide_x{i} * {literal(w)}" for i, w in enumerate(weights))
            body += f"  wire signed [63:0] want{row} = {total};\n"
            wrong.append(f"y[{row * self.sum_bits} +: {self.sum_bits}] != "
                         f"want{row}[{self.sum_bits - 1}:0]")
        proofs.state(name, parts, body + f"  assign bad = {' | '.join(wrong)};")


def draw_shared_rows():
    while True:
        bits, signed = int(rng.integers(1, 7)), bool(rng.integers(2))
        high = 1 << int(rng.integers(1, 8))
        rows, inputs = int(rng.integers(2, 5)), int(rng.integers(1, 3))
        weights = rng.integers(-high, high, (rows, inputs))
        counts = [int(text.split()[1]) for text in
                  shared(weights, Stream([inputs], bits, signed, inputs), rows)]
        if counts:
            return SharedRows(weights, bits, signed, int(rng.choice(counts)))


def prove_shared_rows():
    edges = [
        # All 25 bits: two rows of 8 by 8, one input or two; three of 4 by 4; six of ternary.
        SharedRows(np.array([[-127], [-128], [127], [-1]]), 8, False, 2),
        SharedRows(np.array([[127, -127], [-127, -127]]), 8, False, 2),
        SharedRows(np.array([[-8, 7], [-8, -8], [-1, 0]]), 4, False, 3),
        SharedRows(np.array([[-1], [1], [-1], [0], [-1], [-1]]), 3, True, 6),
        # A row of zeros on top.
        SharedRows(np.array([[-3, 5], [0, 0]]), 4, True, 2),
    ]
    proofs = Proofs(folder / "shared")
    for number, unit in enumerate(edges + [draw_shared_rows() for _ in range(4)]):
        name = f"s{number}"
        proofs.read(emit(name, unit.write(name))[0])
        unit.state(proofs, name, f"{name}_dot_iteration")
    # What a negative sum borrowed is not given back.
    right = edges[0]
    text = emit("kept", right.write("kept"))[0]
    wrong = re.sub(r"(assign \w+\[[^]]*\] = \w+\[[^]]*\]) \+ \w+\[[^]]*\];", r"\1;", text)
    assert wrong != text, text
    proofs.read(wrong)
    right.state(proofs, "wrong_borrow", "kept_dot_iteration")
    found = proofs.check({"wrong_borrow"})["wrong_borrow"]
    assert found["x0"] > 0, found


class Pairs:
    """The first products of a pair of vectors: `weights` are those of the first rows and inputs,
    the others are 0."""

    def __init__(self, weights, bits, signed, count):
        self.weights, self.bits, self.signed, self.count = weights, bits, signed, count
        rows, inputs = weights.shape
        self.whole = np.zeros((2 * rows, 3 * inputs), int)
        self.whole[:rows, :inputs] = weights
        low = -(1 << bits - 1) if signed else 0
        ends = np.stack([weights * low, weights * (low + (1 << bits) - 1)])
        self.sum_bits = bits_for(ends.min(0).sum(1).min(), ends.max(0).sum(1).max())

    def write(self, name):
        rows, inputs = self.weights.shape
        x = Stream([2, 3 * inputs], self.bits, self.signed, inputs)
        y = Stream([2, 2 * rows], self.sum_bits, True, rows)
        way = (f"shared {self.count} " if self.count > 1 else "") + "vectors 2 "
        assert way in shared(self.whole, x, rows, 2), (way, list(shared(self.whole, x, rows, 2)))
        return (f"qflow.design @{name}(%x: {x}) -> {y} {{\n  %y = qflow.dot %x weights "
                f"{dense(self.whole, 8)} {way} : {x} -> {y}\n  qflow.output %y : {y}\n}}\n")

    def state(self, proofs, name, module):
        """That the sums of both vectors are each row's. The first one was kept."""
        rows, inputs = self.weights.shape
        parts = {f"{x}{i}": self.bits for x in "ab" for i in range(inputs)}
        body = "".join(widen(part, self.bits, self.signed) for part in parts)
        whole = {x: ", ".join(f"{x}{i}" for i in reversed(range(inputs))) for x in "ab"}
        body += (f"  wire [{rows * self.sum_bits - 1}:0] sums_a, sums_b;\n"
                 f"  {module} unit(.index0(2'd1), .index1(2'd0), .state0(1'b0), .state1(3'd0), "
                 f".load0({{{whole['a']}}}), .in0_data({{{whole['b']}}}), .next2(sums_a), "
                 f".next3(sums_b));\n")
        wrong = []
        for x in "ab":
            for row, weights in enumerate(self.weights):
                total = " + ".join(f"wide_{x}{i} * {literal(w)}" for i, w in enumerate(weights))
                body += f"  wire signed [63:0] want_{x}{row} = {total};\n"
                wrong.append(f"sums_{x}[{row * self.sum_bits} +: {self.sum_bits}] != "
                             f"want_{x}{row}[{self.sum_bits - 1}:0]")
        proofs.state(name, parts, body + f"  assign bad = {' | '.join(wrong)};")


def draw_pairs():
    while True:
        bits, signed = int(rng.integers(1, 6)), bool(rng.integers(2))
        high = 1 << int(rng.integers(1, 4))
        rows, inputs = int(rng.integers(1, 4)), int(rng.integers(1, 3))
        weights = rng.integers(-high, high, (rows, inputs))
        whole = np.zeros((2 * rows, 3 * inputs), int)
        whole[:rows, :inputs] = weights
        ways = list(shared(whole, Stream([2, 3 * inputs], bits, signed, inputs), rows, 2))
        if ways:
            words = ways[int(rng.integers(len(ways)))].split()
            return Pairs(weights, bits, signed, int(words[1]) if words[0] == "shared" else 1)


def prove_pairs():
    """What two vectors and rows share, parted."""
    edges = [
        # Two rows of int4 by codes of 4 bits, whose sums take all bits of their fields.
        Pairs(np.array([[-8, -8], [7, -8]]), 4, False, 2),
        Pairs(np.array([[-8, 7], [-8, -8]]), 4, True, 2),
        # One row of more bits.
        Pairs(np.array([[-100]]), 2, True, 1),
        # A row of zeros on top.
        Pairs(np.array([[-2], [0]]), 4, True, 2),
    ]
    proofs = Proofs(folder / "pairs")
    for number, unit in enumerate(edges + [draw_pairs() for _ in range(4)]):
        name = f"p{number}"
        proofs.read(emit(name, unit.write(name))[0])
        unit.state(proofs, name, f"{name}_pair_dot_iteration")
    # Weights of another row.
    right, wrong = edges[1], Pairs(np.array([[-8, 7], [-8, -7]]), 4, True, 2)
    wrong.sum_bits = right.sum_bits
    proofs.read(emit("other", wrong.write("other"))[0])
    right.state(proofs, "wrong_pair", "other_pair_dot_iteration")
    found = proofs.check({"wrong_pair"})["wrong_pair"]
    assert found["a1"] or found["b1"], found


class Minifloats:
    """A dot product of one input with a row for each number of a format of ml_dtypes, in units of
    the smallest; the rest of its codes is zeros."""

    def __init__(self, dtype, exponent, mantissa, bits, signed, in_luts):
        self.exponent, self.mantissa, self.bits, self.signed = exponent, mantissa, bits, signed
        self.in_luts, self.width = in_luts, 1 + exponent + mantissa
        numbers = np.arange(1 << self.width, dtype=np.uint8).view(dtype).astype(float)
        units = numbers / float(ml_dtypes.finfo(dtype).smallest_subnormal)
        self.weights = np.where(np.isfinite(units), units, 0).astype(np.int64)
        assert (self.weights == np.where(np.isfinite(units), units, 0)).all()
        self.sum_bits = bits + (not signed) + bits_for(self.weights.min(), self.weights.max())

    def write(self, name):
        x = Stream([1], self.bits, self.signed, 1)
        y = Stream([len(self.weights)], self.sum_bits, True, 1)
        weights = dense(self.weights[:, None], bits_for(self.weights.min(), self.weights.max()))
        return (f"qflow.design @{name}(%x: {x}) -> {y} {{\n  %y = qflow.dot %x weights {weights} "
                f"minifloat [{self.exponent}, {self.mantissa}] {'in_luts' if self.in_luts else ''}"
                f" : {x} -> {y}\n  qflow.output %y : {y}\n}}\n")

    def state(self, proofs, name, module, wrong=None):
        """That with row `a` the sum is the number times the input. `wrong` has another number."""
        cases = "".join(f"      {row}: number = {literal(weight + (row == wrong))};\n"
                        for row, weight in enumerate(self.weights))
        proofs.state(name, {"a": self.width, "x": self.bits}, f"""
{widen("x", self.bits, self.signed)}
  function signed [63:0] number(input [{self.width - 1}:0] row);
    case (row)
{cases}    endcase
  endfunction
  wire signed [63:0] want = wide_x * number(a);
  wire [{self.sum_bits - 1}:0] y;
  {module} unit(.index0(1'b0), .index1(a), .index2(1'b0), .state0(a), .in0_data(x), .load0(x),
    .out0_data(y));
  assign bad = y != want[{self.sum_bits - 1}:0];""")


def prove_minifloats():
    """Stored as small floats, weights are multiplied as the numbers that they are: of each code."""
    proofs = Proofs(folder / "minifloats")
    proofs.read(MODEL)
    formats = [(ml_dtypes.float4_e2m1fn, 2, 1, 8), (ml_dtypes.float6_e2m3fn, 2, 3, 4),
               (ml_dtypes.float6_e3m2fn, 3, 2, 4), (ml_dtypes.float8_e4m3fn, 4, 3, 2),
               (ml_dtypes.float8_e3m4, 3, 4, 2), (ml_dtypes.float8_e5m2, 5, 2, 1)]
    for number, (dtype, exponent, mantissa, bits) in enumerate(formats):
        for in_luts in (False, True):
            unit = Minifloats(dtype, exponent, mantissa, bits, bool(rng.integers(2)), in_luts)
            name = f"m{number}{int(in_luts)}"
            proofs.read(emit(name, unit.write(name))[0])
            unit.state(proofs, name, f"{name}_dot_iteration")
            if number == 0:
                unit.state(proofs, f"wrong{name}", f"{name}_dot_iteration", int(rng.integers(16)))
    proofs.check({"wrongm00", "wrongm01"})


def instantiate(name, a, b, y, signed_a, signed_b, ports):
    return (f"  {name} #(.A({a}), .A_SIGNED({int(signed_a)}), .B({b}), "
            f".B_SIGNED({int(signed_b)}), .Y({y})) {ports};\n")


def state_digit(proofs, name, product, a, signed_a, n):
    """That with digit n, of bits 2n + 1, 2n and 2n - 1 of b, there is 4^n times it times a
    more than without, for which b itself stands likewise."""
    b, y = 2 * n + 2, a + 2 * n + 2
    low = f"b[{b - 3}]" if n else "1'b0"
    earlier = f"$signed(b[{b - 3}:0])" if n else "0"
    less = (instantiate(product, a, b - 2, y, signed_a, 1, f"less(a, b[{b - 3}:0], before)")
            if n else "  assign before = 0;\n")
    proofs.state(name, {"a": a, "b": b}, widen("a", a, signed_a)
                 + f"  wire signed [{y - 1}:0] y, before;\n"
                 + instantiate(product, a, b, y, signed_a, 1, "whole(a, b, y)") + less + f"""
  wire [2:0] bits = {{b[{b - 1}], b[{b - 2}], {low}}};
  wire signed [63:0] digit = bits == 0 | bits == 7 ? 0 : bits == 3 ? 2 : bits == 4 ? -2 :
    bits[2] ? -1 : 1;
  wire signed [63:0] multiple = digit == 2 ? wide_a + wide_a : digit == 1 ? wide_a :
    digit == 0 ? 0 : digit == -1 ? -wide_a : -wide_a - wide_a;
  wire signed [{y - 1}:0] want = before + (multiple <<< {2 * n});
  wire signed [63:0] number = $signed(b), less_number = {earlier};
  assign bad = y != want | number != less_number + (digit <<< {2 * n});""")


def write_widths(a, signed_a, widths):
    """That b of other widths, or without a sign, has the product of what has a sign and as
    many digits."""
    text, bads = "", []
    for number, (b, signed_b) in enumerate(widths):
        even = 2 * ((b + 2 - signed_b) // 2)
        sign = f"b[{b - 1}]" if signed_b else "1'b0"
        text += (f"  wire [{a + b - 1}:0] y{number}, z{number};\n"
                 + instantiate("qnt_product", a, b, a + b, signed_a, signed_b,
                               f"p{number}(a, b[{b - 1}:0], y{number})")
                 + instantiate("qnt_product", a, even, a + b, signed_a, 1,
                               f"q{number}(a, {{{{{even - b + 1}{{{sign}}}}}, b[{b - 1}:0]}}, "
                               f"z{number})"))
        bads.append(f"y{number} != z{number}")
    return text + f"  assign bad = {' | '.join(bads)};"


def prove_products():
    """By induction over the digits of b: what the next one adds to the product is a times
    what it adds to b. Up to 8 by 8 bits, and as wide as a requantiser's."""
    text = emit("products", Requantizer(8, True, [77], [0], [3], (-128, 127), (8, True),
                                        in_luts=True).write("products"))[1]
    proofs = Proofs(folder / "products")
    proofs.read(text)
    small = [(b, signed) for b in range(1, 9) for signed in (0, 1)]
    for a, signed_a, widths in [(a, signed, small) for a in range(1, 9) for signed in (0, 1)] + [
            (24, 1, [(31, 0)])]:
        digits = max((b + 2 - signed) // 2 for b, signed in widths)
        for n in range(digits):
            state_digit(proofs, f"digit{a}_{signed_a}_{n}", "qnt_product", a, signed_a, n)
        proofs.state(f"widths{a}_{signed_a}", {"a": a, "b": max(widths)[0]},
                     write_widths(a, signed_a, widths))
    wrong = text.replace("module qnt_product", "module wrong").replace("3'b011", "3'b010")
    assert wrong.count("3'b010") == 1
    proofs.read(wrong)
    state_digit(proofs, "wrong_digit", "wrong", 8, 1, 2)
    found = proofs.check({"wrong_digit"}, solver="yosys")["wrong_digit"]
    assert set(found) == {"a", "b"}, found


def prove_lookup():
    proofs = Proofs(folder / "lookup")
    tables = {"right": rng.integers(-128, 128, 64)}
    tables["wrong"] = tables["right"].copy()
    tables["wrong"][int(rng.integers(64))] ^= 1
    for name, table in tables.items():
        x, y = "!qflow.stream<4xui6, 2>", "!qflow.stream<4xsi8, 2>"
        proofs.read(emit(name, f"qflow.design @{name}(%x: {x}) -> {y} {{\n  %y = qflow.lookup %x "
                         f"table {dense(table, 8)} : {x} -> {y}\n  qflow.output %y : {y}\n}}\n")[0])
        cases = "".join(f"      {code}: entry = {number & 255};\n"
                        for code, number in enumerate(tables["right"].tolist()))
        proofs.state(name + "_table", {"x": 12}, f"""
  function [7:0] entry(input [5:0] code);
    case (code)
{cases}    endcase
  endfunction
  wire [15:0] y;
  {name}_lookup_iteration unit(.index0(1'b0), .in0_data(x), .out0_data(y));
  assign bad = y != {{entry(x[11:6]), entry(x[5:0])}};""")
    proofs.check({"wrong_table"})


for prove in (prove_products, prove_shared_rows, prove_pairs, prove_minifloats,
              prove_requantizers, prove_thresholds, prove_layers, prove_lookup):
    begun = time.time()
    prove()
    print(prove.__name__, f"{time.time() - begun:.1f} s")
