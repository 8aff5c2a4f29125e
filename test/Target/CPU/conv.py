# REQUIRES: python, x86
# RUN: %python %s %test_bin/interpret
"""Compiled convolutions and pools on f32 images against the interpreter and
numpy, on random shapes, windows, groups, weights and epilogues, for every
instruction set that this machine runs.

Tolerance: f32 sums of K products differ by their order, so an output may be off
by EPS times the sum of |x| |w|, which the epilogue passes on."""
import os
import sys

import numpy as np

sys.path.append(os.path.join(os.path.dirname(__file__), "Inputs"))
from compiled import Graph, runnable, seeded, tensor
from windows import Windows, convolve, pick

EPS = 5e-7
f32 = np.float32
rng = seeded()
graph = Graph(sys.argv[1])
FORMATS = ["nn.conv", "nn.conv", "nn.conv", "f16", "bf16", "f32", "int8", "int4",
           "uint8", "int3", "int1", "e4m3", "nf4"]


class Conv:
    def __init__(self, entry, index, kind, fmt):
        self.windows = w = Windows.random(rng)
        if kind == "depthwise":
            self.groups = int(rng.integers(2, 70))
            depth, features = 1, self.groups
        elif kind == "grouped":
            self.groups = int(rng.integers(2, 5))
            depth = int(rng.integers(1, 12))
            features = self.groups * int(pick(rng, [1, 3, 8, 16, 20]))
        else:
            self.groups, depth = 1, int(rng.integers(1, 40))
            features = int(rng.integers(1, 70))
            if kind == "pointwise":
                self.windows = w = Windows(w.image, (1, 1))
        self.channels = depth * self.groups
        self.shape = ["?", *w.image, self.channels]
        x, of = entry.input(f"x{index}", ["batch", *self.shape[1:]])
        self.inputs = {f"x{index}": self.shape}
        self.x = f"x{index}"
        values = rng.standard_normal((features, *w.kernel, depth)).astype(f32)
        name, wof = entry.param(values)
        out = tensor(["?", *w.output, features])
        bias = rng.standard_normal(features).astype(f32)
        self.steps = []
        if fmt == "nn.conv":
            b = entry.param(bias)
            self.steps.append(("bias", bias))
            y = entry.op(f"nn.conv {x}, {name} bias {b[0]} {w.text()} groups "
                         f"{self.groups} : {of}, {wof}, {b[1]}")
            self.weight = (name, wof)
        else:
            suffix = f"{fmt}, unscaled"
            if fmt not in ("f16", "bf16", "f32"):
                block = pick(rng, ["per_channel", "per_tensor"])
                suffix = f"{fmt}, {block}, scale {pick(rng, ['f16', 'f32'])}"
                if fmt in ("uint8", "int3", "int8") and rng.random() < 0.7:
                    suffix += ", zero"
            qof = f"!qnt.tensor<{'x'.join(map(str, values.shape))}, {suffix}>"
            q = entry.op(f"qnt.quantize {name} : {wof} -> {qof}")
            self.weight = (q, qof)
            y = entry.op(f"qnt.conv {x}, {q} {w.text()} groups {self.groups} : "
                         f"{of}, {qof} -> {out}")
        for kind in rng.choice(["relu", "silu", "add", "mul"],
                               rng.integers(0, 3), replace=False):
            if kind in ("relu", "silu"):
                self.steps.append((kind, None))
                y = entry.op(f"nn.activation {kind} {y} : {out}")
            else:
                other = f"r{index}_{kind}"
                self.inputs[other] = ["?", *w.output, features]
                name, _ = entry.input(other, ["batch", *w.output, features])
                self.steps.append((kind, other))
                y = entry.op(f"nn.{kind} {y}, {name} : {out}, {out}")
        entry.result(y, out)
        self.what = f"{kind} {fmt} {self.shape} x {values.shape} {w.text()} " \
            f"groups {self.groups} {[s for s, _ in self.steps]}"

    def probe(self, entry):
        name, of = self.weight
        if not of.startswith("!"):
            return self.weight
        to = "tensor<" + of[len("!qnt.tensor<"):].split(",")[0] + "xf32>"
        return entry.op(f"qnt.dequantize {name} : {of} -> {to}",
                        entry.probes), to

    def reference(self, weight, inputs):
        w = weight.astype(float)
        x = inputs[self.x].astype(float)
        y = convolve(x, w, self.windows, self.groups)
        off = EPS * convolve(np.abs(x), np.abs(w), self.windows, self.groups)
        for kind, operand in self.steps:
            if isinstance(operand, str):
                operand = inputs[operand].astype(float)
            if kind == "relu":
                y = np.maximum(y, 0)
            elif kind == "silu":
                y, off = y / (1 + np.exp(-y)), 1.13 * off + 1e-6
            elif kind == "mul":
                y, off = y * operand, off * np.abs(operand)
            else:
                y = y + operand
            off = off + 2**-22 * np.abs(y)
        return y, off + 1e-30


class Pool:
    def __init__(self, entry, index):
        self.windows = w = Windows.random(rng)
        channels = int(rng.integers(1, 40))
        self.shape = ["?", *w.image, channels]
        self.kind = pick(rng, ["max", "average"])
        self.count = " count_pads" if self.kind == "average" and \
            rng.random() < 0.5 else ""
        self.x = f"x{index}"
        x, of = entry.input(self.x, ["batch", *self.shape[1:]])
        self.inputs = {self.x: self.shape}
        y = entry.op(f"nn.pool {self.kind} {x} {w.text(kernel=True)}"
                     f"{self.count} : {of}")
        entry.result(y, tensor(["?", *w.output, channels]))
        self.what = f"{self.kind} pool {self.shape} {w.text(kernel=True)}"

    def probe(self, entry):
        return entry.op("arith.constant dense<0.0> : tensor<1xf32>",
                        entry.probes), "tensor<1xf32>"

    def reference(self, _, inputs):
        x = inputs[self.x].astype(float)
        w = self.windows
        with np.errstate(all="ignore"):
            if self.kind == "max":
                return w.taps(x, -np.inf).max(0), 0
            counts = np.full(len(w.taps(x, 0)), 1) if self.count else \
                w.taps(np.ones_like(x), 0)
            total = w.taps(x, 0).sum(0)
            return total / counts.sum(0), EPS * w.taps(np.abs(x), 0).sum(0)


cases = []
for e in range(3):
    entry = graph.entry(f"e{e}")
    own = []
    for i in range(7):
        kind = pick(rng, ["plain", "plain", "pointwise", "grouped", "depthwise"])
        own.append(Conv(entry, i, kind, pick(rng, FORMATS)))
    own += [Pool(entry, 7 + i) for i in range(3)]
    cases.append(own)
graph.finish({entry.name: [c.probe(entry) for c in own]
              for entry, own in zip(graph.entries, cases)})
graph.wait()

failures, worst = 0, 0.0
for entry, own in zip(graph.entries, cases):
    for batch in (1, int(rng.integers(2, 5))):
        inputs = {}
        for case in own:
            for name, shape in case.inputs.items():
                x = rng.standard_normal([batch, *shape[1:]]).astype(f32)
                if isinstance(case, Pool) and rng.random() < 0.3:
                    x.flat[rng.integers(x.size)] = np.nan
                inputs[name] = x
        truth = graph.interpret(entry.name, inputs, len(own))
        weights = graph.interpret(entry.name + ".probe", inputs, len(own))
        limits = []
        for case, t, w in zip(own, truth, weights):
            y, off = case.reference(w, inputs)
            assert np.allclose(t, y, rtol=1e-6, atol=1e-6, equal_nan=True), \
                case.what
            limits.append(off)
        for isa in runnable():
            got = graph.run(entry.name, isa, inputs, len(own), batch)
            for case, y, t, off in zip(own, got, truth, limits):
                # Equal infinities and NaNs count as no difference.
                same = (y == t) | (np.isnan(y) & np.isnan(t))
                with np.errstate(all="ignore"):
                    off = np.abs(y - t.astype(float)) - off
                bad = ~(same | (off <= 0))
                if bad.any():
                    failures += 1
                    at = tuple(np.argwhere(bad)[0])
                    print(f"{isa}, batch {batch}, {bad.sum()} of {bad.size}: "
                          f"{y[at]} at {at}, expected {t[at]}: {case.what}")
print(f"{sum(map(len, cases))} layers")
sys.exit(failures > 0)
