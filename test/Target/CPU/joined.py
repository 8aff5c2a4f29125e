# REQUIRES: python, x86
# RUN: %python %s %test_bin/interpret
"""Layers of one input, which run in one parallel loop: query, key and value of
unlike sizes and formats, and gate and up, of which one multiplies by the other's
result.

Tolerance: as of linear.py: f32 sums of K products may be off by EPS times the
sum of |x| |w|, where |x| counts as the largest of its row."""
import os
import sys

import numpy as np
from scipy import special

sys.path.append(os.path.join(os.path.dirname(__file__), "Inputs"))
from compiled import Graph, runnable, seeded, tensor

EPS = 5e-7
f32 = np.float32
rng = seeded()
graph = Graph(sys.argv[1])


class Block:
    """q, k, v and gate, up of one input; further ops lie between them."""

    def __init__(self, index):
        self.entry = entry = graph.entry(f"e{index}")
        self.k = int(rng.integers(1, 200))
        x = entry.input("x", ["m", self.k])
        self.integer = rng.random() < 0.7
        self.of = f"!qnt.tensor<?x{self.k}, int8, per_row, scale f32>" \
            if self.integer else x[1]
        self.x = entry.op(f"qnt.quantize {x[0]} : {x[1]} -> {self.of}") \
            if self.integer else x[0]
        self.probes, self.layers, self.results = [], [], 0
        if self.integer:
            self.probe(self.x, self.of, ["?", self.k])
        else:
            self.probes.append((self.x, self.of))
        for _ in range(3):
            y, n = self.layer(int(rng.integers(1, 200)), "")
            y = entry.op(f"nn.activation relu {y} : {tensor(['?', n])}") \
                if rng.random() < 0.3 else y
            self.layers[-1]["relu"] = "activation" in entry.lines[-1]
            entry.result(y, tensor(["?", n]))
        n = int(rng.integers(1, 200))
        gate, _ = self.layer(n, "epilogue [silu]")
        kind = str(rng.choice(["mul", "add"]))
        up, _ = self.layer(n, f"epilogue [{kind}] ({gate} : {tensor(['?', n])})")
        self.layers[-1]["by"] = kind
        entry.result(up, tensor(["?", n]))
        self.keeps_gate = rng.random() < 0.5
        if self.keeps_gate:
            entry.result(gate, tensor(["?", n]))

    def probe(self, value, of, shape):
        to = tensor(shape)
        self.probes.append((self.entry.op(f"qnt.dequantize {value} : {of} -> {to}",
                                          self.entry.probes), to))

    def layer(self, n, text):
        entry = self.entry
        weight = rng.standard_normal((n, self.k)).astype(f32)
        name, of = entry.param(weight)
        fmt = rng.choice(["int8, per_channel", "int4, group<32>", "int4, per_channel"])
        to = f"!qnt.tensor<{n}x{self.k}, {fmt}, scale f32>"
        w = entry.op(f"qnt.quantize {name} : {of} -> {to}")
        self.probe(w, to, [n, self.k])
        self.layers.append({})
        return entry.op(f"qnt.linear {self.x}, {w} {text} : {self.of}, {to}"), n

    def reference(self, numbers):
        x, *weights = (a.astype(float) for a in numbers)
        reach = np.abs(x) + (np.abs(x).max(1, keepdims=True) if self.integer else 0)
        ys = [x @ w.T for w in weights]
        offs = [EPS * (reach @ np.abs(w).T) + 2**-23 * np.abs(y) for w, y in zip(weights, ys)]
        out = [(np.maximum(y, 0) if layer.get("relu") else y, off)
               for y, off, layer in zip(ys[:3], offs, self.layers)]
        gate, off = special.expit(ys[3]) * ys[3], 1.13 * offs[3] + 1e-6
        off = off + 2**-23 * np.abs(gate)
        if self.layers[4]["by"] == "mul":
            up = ys[4] * gate
            total = offs[4] * (np.abs(gate) + off) + off * np.abs(ys[4])
        else:
            up, total = ys[4] + gate, offs[4] + off
        out.append((up, total + 2**-23 * np.abs(up)))
        return out + ([(gate, off)] if self.keeps_gate else [])


blocks = [Block(i) for i in range(6)]
graph.finish({b.entry.name: b.probes for b in blocks})
graph.wait()
failures, worst = 0, 0.0
for block in blocks:
    name, count = block.entry.name, len(block.entry.results)
    for rows in (1, int(rng.integers(2, 5)), int(rng.integers(5, 40))):
        inputs = {"x": rng.standard_normal((rows, block.k)).astype(f32)}
        want = block.reference(graph.interpret(name + ".probe", inputs, 6))
        for isa in runnable():
            got = graph.run(name, isa, inputs, count, int(rng.integers(1, 5)))
            for i, (y, (t, off)) in enumerate(zip(got, want, strict=True)):
                ratio = np.max(np.abs(y - t) / (off + 1e-30)) \
                    if np.all(np.isfinite(y)) else np.inf
                worst = max(worst, ratio)
                if not ratio <= 1:
                    failures += 1
                    print(f"{isa}, {rows} rows, {ratio:.3g} times the tolerance: {name}, {i}")
print(f"{len(blocks)} blocks, worst error {worst:.2f} of the tolerance")
sys.exit(failures > 0)
