# REQUIRES: python, x86, cpu-avx512vnni
# RUN: %python %s %test_bin/interpret
"""Linear layers in AMX's tiles, which are emulated where the processor lacks
them: random weights of every integer format, blocks, activations and epilogues.
Sums of integers are exact and what follows is the same arithmetic in the same
order, so results are those of avx512vnni to the bit.

Tolerance beside numpy: f32 sums of K products differ by their order, so an
output may be off by EPS times the sum of |x| |w|, where |x| counts as the largest
of its row (zero points are as large), and |w| with offsets as five times the
largest of its row. No slope of the functions is above 1.13; their polynomials
are good to some ulps."""
import os
import subprocess
import sys

import numpy as np
from scipy import special

sys.path.append(os.path.join(os.path.dirname(__file__), "Inputs"))
from compiled import Graph, seeded, tensor

EPS = 5e-7
f32 = np.float32
rng = seeded()
graph = Graph(sys.argv[1])
ISAS = ["amx", "avx512vnni"]
ACTS = {"relu": lambda x: np.maximum(x, 0), "silu": lambda x: x * special.expit(x),
        "gelu": lambda x: x * special.ndtr(x)}
# Tails of tiles of 16 and 32, and of up to 4 rows that vectors multiply.
ROWS = [int(rng.integers(5, 17)), int(rng.integers(17, 33)), int(rng.integers(33, 37)),
        int(rng.integers(37, 71))]


def pick(options):
    return options[rng.integers(len(options))]


class Layer:
    def __init__(self, entry, index, fmt):
        self.n, self.k = int(rng.integers(1, 101)), int(rng.integers(1, 401))
        if rng.random() < 0.3:
            self.k = 64 * int(rng.integers(1, 6))
        block = pick(["per_channel", "per_tensor"] +
                     [f"group<{g}>" for g in (32, 48, 64, 96, 128)])
        suffix = f"{fmt}, {block}, scale {pick(['f16', 'bf16', 'f32'])}"
        if "int" in fmt and (fmt.startswith("u") or rng.random() < 0.3):
            suffix += pick([", zero", ", offset"])
        weight = (rng.standard_normal((self.n, self.k)) *
                  np.exp(rng.standard_normal((self.n, 1)))).astype(f32)
        name, of = entry.param(weight)
        self.w = f"!qnt.tensor<{self.n}x{self.k}, {suffix}>"
        w = entry.op(f"qnt.quantize {name} : {of} -> {self.w}")
        bits = pick([8, 8, 8, 4, 6])
        self.xq = f"!qnt.tensor<?x{self.k}, " + pick(
            [f"int{bits}, per_row, scale f32>", f"uint{bits}, per_row, scale f32, zero>"])
        self.names = {f"x{index}": self.k}
        x = entry.input(f"x{index}", ["m", self.k])
        xq = entry.op(f"qnt.quantize {x[0]} : {x[1]} -> {self.xq}")
        self.steps, operands = [], []
        for kind in rng.choice(["bias", "add", "mul", *ACTS], rng.integers(0, 4)):
            values = None
            if kind == "bias":
                values = rng.standard_normal(self.n).astype(f32)
                operands.append(entry.param(values))
            elif kind in ("add", "mul"):
                values = f"r{index}_{len(self.steps)}"
                self.names[values] = self.n
                operands.append(entry.input(values, ["m", self.n]))
            self.steps.append((str(kind), values))
        text = ", ".join(kind for kind, _ in self.steps)
        text = f"epilogue [{text}]" if text else ""
        if operands:
            text += (f" ({', '.join(name for name, _ in operands)} : "
                     f"{', '.join(of for _, of in operands)})")
        out = entry.op(f"qnt.linear {xq}, {w} {text} : {self.xq}, {self.w}")
        entry.result(out, tensor(["?", self.n]))
        self.probes = []
        for value, of, shape in ((xq, self.xq, ["?", self.k]), (w, self.w, [self.n, self.k])):
            to = tensor(shape)
            self.probes.append((entry.op(f"qnt.dequantize {value} : {of} -> {to}",
                                         entry.probes), to))

    def reference(self, x, w, inputs):
        x, w = x.astype(float), w.astype(float)
        y = x @ w.T
        reach = np.abs(x).max(1, keepdims=True) + np.abs(x)
        size = np.abs(w)
        if "offset" in self.w:
            size = np.broadcast_to(5 * size.max(1, keepdims=True), w.shape)
        off = EPS * (reach @ size.T)
        for kind, values in self.steps:
            if isinstance(values, str):
                values = inputs[values].astype(float)
            if kind == "mul":
                y, off = y * values, off * np.abs(values)
            elif kind in ACTS:
                y, off = ACTS[kind](y), 1.13 * off + 1e-6
            else:
                y = y + values
            off = off + 2**-23 * np.abs(y)
        return y, off + 1e-30


FORMATS = ["int8", "int8", "int8", "int4", "int4", "e2m1", "e2m1"] + \
    [f"{kind}{bits}" for kind in ("int", "uint") for bits in range(1, 9)]
layers = {}
for i, fmt in enumerate(rng.permutation(FORMATS)):
    if i % 7 == 0:
        entry = graph.entry(f"e{i // 7}")
        layers[entry.name] = []
    layers[entry.name].append(Layer(entry, i, str(fmt)))
graph.finish({name: [p for layer in own for p in layer.probes]
              for name, own in layers.items()}, ISAS)
graph.wait()
code = subprocess.run(["llvm-objdump", "-d", graph.path("model.so")], capture_output=True,
                      text=True, check=True).stdout
for instruction in ("ldtilecfg", "tdpbusd", "tdpbsud", "tilerelease"):
    assert instruction in code, instruction

worst, failures = 0.0, 0
for name, own in layers.items():
    for rows in ROWS:
        inputs = {key: rng.standard_normal((rows, size)).astype(f32)
                  for layer in own for key, size in layer.names.items()}
        for x in inputs.values():
            x[rng.integers(rows)] = 0
        numbers = graph.interpret(name + ".probe", inputs, 2 * len(own))
        tiles, vectors = (graph.run(name, isa, inputs, len(own), 1 + rows % 3)
                          for isa in ISAS)
        for i, layer in enumerate(own):
            y, off = layer.reference(numbers[2 * i], numbers[2 * i + 1], inputs)
            ratio = np.max(np.abs(tiles[i] - y) / off) \
                if np.all(np.isfinite(tiles[i])) else np.inf
            worst = max(worst, ratio)
            same = np.array_equal(tiles[i].view(np.uint32), vectors[i].view(np.uint32))
            if not (ratio <= 1 and same):
                failures += 1
                print(f"{rows} rows, {ratio:.3g} times the tolerance, "
                      f"{'' if same else 'not '}the bits of {ISAS[1]}: {layer.w} x {layer.xq} "
                      f"{[kind for kind, _ in layer.steps]}")
print(f"{len(FORMATS)} layers, rows {ROWS}, worst error {worst:.2f} of the tolerance")
sys.exit(failures > 0)
