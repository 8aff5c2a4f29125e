# REQUIRES: python, x86
# RUN: %python %s %test_bin/interpret
"""Compiled linear layers of every weight format against the interpreter, on
random shapes, blocks, activations and epilogues, for every instruction set that
this machine runs.

Tolerance: f32 sums of K products differ by their order, so an output may be off
by EPS times the sum of |x| |w|. Where x is quantised, zero points may be
subtracted from the sum, which are as large as the range: then |x| counts as the
largest of its row, or as the static range. Offsets are as large as the range of
their block: there |w| counts as five times the largest of its row. What follows in the epilogue passes
that on."""
import os
import sys

import ml_dtypes
import numpy as np
from scipy import special

sys.path.append(os.path.join(os.path.dirname(__file__), "Inputs"))
from compiled import Graph, runnable, seeded, tensor

EPS = 5e-7
f32 = np.float32
rng = seeded()
graphs = [Graph(sys.argv[1]) for _ in range(2)]

INTEGERS = [f"int{bits}" for bits in range(1, 9)] + \
    [f"uint{bits}" for bits in range(1, 9)]
MINIFLOATS = ["e4m3", "e5m2", "e2m1", "e3m2", "nf4"]
FLOATS = ["f16", "bf16", "f32"]
# Type of the activations, and whether they are static.
ACTIVATIONS = [("int8, per_row, scale f32", False),
               ("uint8, per_row, scale f32, zero", False),
               ("int8, per_row, scale f32, zero", False),
               ("int8, per_tensor, scale f32", True),
               ("uint8, per_tensor, scale f32, zero", True)] + [
    (f"int{bits}, {block}, scale f32", block == "per_tensor")
    for bits in (4, 5, 6, 7) for block in ("per_row", "per_tensor")] + [
    (f"uint{bits}, {block}, scale f32, zero", block == "per_tensor")
    for bits in (4, 5, 6, 7) for block in ("per_row", "per_tensor")]
ACTS = {"relu": lambda x: np.maximum(x, 0),
        "gelu": lambda x: x * special.ndtr(x),
        "gelu_tanh": lambda x: 0.5 * x * (1 + np.tanh(
            np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
        "silu": lambda x: x * special.expit(x), "tanh": np.tanh,
        "sigmoid": special.expit}
ROWS = [1, 70, *rng.integers(2, 15, 3), int(rng.integers(15, 70))]


def pick(options):
    return options[rng.integers(len(options))]


def size(least, most):
    """Often no multiple of 16 or 32."""
    return int(rng.integers(least, most + 1)) if rng.random() < 0.8 else \
        int(pick([16, 32, 64, 128]))


class Case:
    """One layer: its text in an entry, and what its outputs may be off by."""

    def __init__(self, entry, fmt, integer, share=None):
        self.entry = entry
        self.n = size(1, 90)
        self.inputs = {}
        index = len(entry.results)
        if share:
            self.k, self.x, self.xq = share.k, share.x, share.xq
            self.reach = share.reach
        else:
            self.k = size(1, 200)
            self.x = self.input(f"x{index}", [self.k])
            self.xq = self.quantized_input() if integer else self.x
        self.w = self.weight(fmt)
        y = self.layer(index)
        self.output = entry.result(y, tensor(["?", self.n]))
        self.what = f"{fmt}: {self.w[1]} x {self.xq[1]} {self.steps}"

    def input(self, name, dims):
        self.inputs[name] = dims
        return self.entry.input(name, ["m", *dims])

    def quantized_input(self):
        entry, (kind, static) = self.entry, pick(ACTIVATIONS)
        self.reach = None
        of = f"!qnt.tensor<?x{self.k}, {kind}>"
        if not static:
            return entry.op(f"qnt.quantize {self.x[0]} : {self.x[1]} -> {of}"), of
        # Some inputs lie beyond the range and are clamped.
        most = 2 ** int(kind.split(",")[0].strip("uint")) - 1
        step = f32(rng.uniform(4, 8) / most)
        self.reach = most * step
        step, _ = entry.param(step.reshape(()))
        text, types = f"scale {step}", "tensor<f32>"
        if "zero" in kind:
            zero, _ = entry.param(f32(
                rng.integers(2 * most // 5, 3 * most // 5 + 1)).reshape(()))
            text, types = text + f" zero {zero}", types + ", tensor<f32>"
        return entry.op(f"qnt.quantize {self.x[0]} {text} : {self.x[1]}, "
                        f"{types} -> {of}"), of

    def weight(self, fmt):
        entry = self.entry
        values = (rng.standard_normal((self.n, self.k)) *
                  np.exp(rng.standard_normal((self.n, 1)))).astype(f32)
        if fmt.startswith("uint"):
            values += f32(rng.uniform(-1, 1))
        if rng.random() < 0.3:
            dtype = pick(["f16", "bf16"])
            name, of = entry.param(values.astype(
                np.float16 if dtype == "f16" else ml_dtypes.bfloat16))
            wide = tensor(values.shape)
            name = entry.op(f"arith.extf {name} : {of} to {wide}")
            of = wide
        else:
            name, of = entry.param(values)
        if fmt == "nn.linear":
            return name, of
        if fmt in FLOATS:
            suffix = f"{fmt}, unscaled"
        else:
            block = pick(["per_channel", "per_tensor"] + [
                f"group<{g}>" for g in (16, 32, 48, 64, 128)])
            suffix = f"{fmt}, {block}, scale {pick(['f16', 'bf16', 'f32'])}"
            if "int" in fmt and (fmt.startswith("u") or rng.random() < 0.3):
                suffix += pick([", zero", ", zero", ", offset"])
        to = f"!qnt.tensor<{self.n}x{self.k}, {suffix}>"
        clip = " clip mse" if rng.random() < 0.3 else ""
        return entry.op(f"qnt.quantize {name}{clip} : {of} -> {to}"), to

    def layer(self, index):
        """In one op, or in several that the compiler fuses. `steps` are pairs
        of a kind and the operand's name in the inputs or its values."""
        entry, out = self.entry, tensor(["?", self.n])
        self.steps, operands, bias = [], [], None
        for kind in rng.choice(["bias", "add", "mul", *ACTS],
                               rng.integers(0, 4)):
            operand = None
            if kind == "bias":
                operand = rng.standard_normal(self.n).astype(f32)
                operands.append(entry.param(operand))
            elif kind in ("add", "mul"):
                operand = f"r{index}_{len(self.steps)}"
                operands.append(self.input(operand, [self.n]))
            self.steps.append((str(kind), operand))
        w, types = self.w[0], f"{self.xq[1]}, {self.w[1]}"
        if self.w[1].startswith("tensor"):
            values = rng.standard_normal(self.n).astype(f32)
            bias = entry.param(values)
            y = entry.op(f"nn.linear {self.xq[0]}, {w} bias {bias[0]} : "
                         f"{types}, {bias[1]}")
        elif rng.random() < 0.5:
            text = ", ".join(kind for kind, _ in self.steps)
            text = f"epilogue [{text}]" if text else ""
            if operands:
                text += (f" ({', '.join(o[0] for o in operands)} : "
                         f"{', '.join(o[1] for o in operands)})")
            return entry.op(f"qnt.linear {self.xq[0]}, {w} {text} : {types}")
        else:
            y = entry.op(f"qnt.linear {self.xq[0]}, {w} : {types}")
        rest = list(operands)
        for kind, operand in self.steps:
            if operand is None:
                y = entry.op(f"nn.activation {kind} {y} : {out}")
            else:
                name, of = rest.pop(0)
                op = "mul" if kind == "mul" else "add"
                y = entry.op(f"nn.{op} {y}, {name} : {out}, {of}")
        if bias:
            self.steps.insert(0, ("bias", values))
        return y

    def probes(self):
        """Numbers of the input and the weight."""
        found = []
        for (name, of), shape in ((self.xq, ["?", self.k]),
                                  (self.w, [self.n, self.k])):
            if of.startswith("!"):
                to = tensor(shape)
                name = self.entry.op(f"qnt.dequantize {name} : {of} -> {to}",
                                     self.entry.probes)
                of = to
            found.append((name, of))
        return found

    def reference(self, x, w, inputs):
        """In double, and what f32 may be off by."""
        x, w = x.astype(float), w.astype(float)
        y = x @ w.T
        reach = np.abs(x)
        if self.xq[1].startswith("!"):
            reach = np.full_like(x, self.reach or 0)
            if not self.reach:
                reach += np.abs(x).max(1, keepdims=True)
        size = np.abs(w)
        if "offset" in self.w[1]:
            size = np.broadcast_to(5 * size.max(1, keepdims=True), w.shape)
        off = EPS * (reach @ size.T)
        for kind, operand in self.steps:
            if isinstance(operand, str):
                operand = inputs[operand].astype(float)
            if kind == "mul":
                y, off = y * operand, off * np.abs(operand)
            elif kind in ACTS:
                # No slope is above 1.13; polynomials are good to some ulps.
                y, off = ACTS[kind](y), 1.13 * off + 1e-6
            else:
                y = y + operand
            off = off + 2**-23 * np.abs(y)
        return y, off + 1e-30


def make_entries(graph, names):
    cases = []
    for i, name in enumerate(names):
        if i % 6 == 0:
            entry = graph.entry(f"e{i // 6}")
            last = None
        fmt, integer = name
        share = last if last and integer and rng.random() < 0.4 else None
        cases.append(Case(entry, fmt, integer, share))
        last = cases[-1] if integer else last
    return cases


# Of which codes are small integers times a power of two.
SMALL = ["e2m1", "e1m2", "e2m0"]
FORMATS = [(f, True) for f in INTEGERS + ["int4", "int8"] + SMALL] + [
    (f, False) for f in [*INTEGERS[1::2], *MINIFLOATS, *FLOATS, "nn.linear"]]
FORMATS = [FORMATS[i] for i in rng.permutation(len(FORMATS))]
cases = {}
for g, graph in enumerate(graphs):
    cases[g] = make_entries(graph, FORMATS[g::2])
    probes = {}
    for entry in graph.entries:
        own = [c for c in cases[g] if c.entry is entry]
        probes[entry.name] = [p for c in own for p in c.probes()]
    graph.finish(probes)

worst, failures = 0.0, 0
for g, graph in enumerate(graphs):
    graph.wait()
    for entry in graph.entries:
        own = [c for c in cases[g] if c.entry is entry]
        total = sum(ROWS)
        inputs = {name: rng.standard_normal((total, *dims)).astype(f32)
                  for c in own for name, dims in c.inputs.items()}
        for name, x in inputs.items():
            x[rng.integers(total)] = 0  # A row of zeros has scale 1.
        truth = graph.interpret(entry.name, inputs, len(own))
        numbers = graph.interpret(entry.name + ".probe", inputs, 2 * len(own))
        limits = []
        for i, case in enumerate(own):
            y, off = case.reference(numbers[2 * i], numbers[2 * i + 1], inputs)
            # The interpreter rounds once; numpy is not our code.
            assert np.all(np.abs(truth[i] - y) <= off), case.what
            limits.append(off)
        for isa in runnable():
            start = 0
            for rows in map(int, ROWS):
                part = slice(start, start + rows)
                start += rows
                got = graph.run(entry.name, isa,
                                {n: x[part] for n, x in inputs.items()},
                                len(own), 1 + rows % 3)
                for case, y, t, off in zip(own, got, truth, limits):
                    ratio = np.max(np.abs(y - t[part]) / off[part]) \
                        if np.all(np.isfinite(y)) else np.inf
                    worst = max(worst, ratio)
                    if not ratio <= 1:
                        failures += 1
                        print(f"{isa}, {rows} rows, {ratio:.3g} times the "
                              f"tolerance: {case.what[:300]}")
print(f"{sum(map(len, cases.values()))} layers, rows {ROWS}, worst error "
      f"{worst:.2f} of the tolerance")
sys.exit(failures > 0)
