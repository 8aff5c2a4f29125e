# REQUIRES: python, x86
# RUN: %python %s %test_bin/costs-test quant-opt %t
"""Bytes that the cost model tells of weights are those that compiled models store,
for random shapes, formats, blocks and activations; those of the neutral model and
bit operations are counted here."""
import os
import subprocess
import sys

import numpy as np
from safetensors.numpy import load_file, save_file

from seeding import draw_seed

tool, opt, folder = sys.argv[1:]
os.makedirs(folder, exist_ok=True)
seed = draw_seed()
rng = np.random.default_rng(seed)

INTEGERS = [f"{sign}int{bits}" for sign in ("", "u") for bits in range(2, 9)]
FLOATS = {"bf16": 16, "f16": 16, "f32": 32}
OTHERS = {"e4m3": 8, "e2m1": 4, "nf4": 4}
ROWS = ["int8, per_row, scale f32", "uint8, per_row, scale f32, zero",
        "int4, per_row, scale f32", "uint4, per_row, scale f32, zero"]
TENSOR = ["int8, per_tensor, scale f32", "uint8, per_tensor, scale f32, zero"]


def pick(options):
    return options[rng.integers(len(options))]


class Layer:
    def __init__(self, index, conv):
        self.name = f"p{index}"
        self.activation = pick([None, *([] if conv else ROWS), *TENSOR])
        self.format = pick(INTEGERS if self.activation else
                           [*INTEGERS, *FLOATS, *OTHERS])
        self.groups = 1
        if conv:
            self.groups = pick([1, 1, 1, 2, 5])
            depth = pick([1, int(rng.integers(1, 40))])
            features = self.groups * int(rng.integers(1, 40))
            self.shape = [features, *map(int, rng.integers(1, 4, 2)), depth]
        else:
            self.shape = [int(n) for n in rng.integers(1, 200, 2)]
        self.block(conv)

    def block(self, conv):
        self.bits = (FLOATS | OTHERS).get(self.format) or int(self.format[-1])
        rest = int(np.prod(self.shape[1:]))
        codes = -(-self.shape[0] * rest * self.bits // 8)
        if self.format in FLOATS:
            self.of, self.neutral = f"{self.format}, unscaled", codes
            return
        group = 0 if conv else pick([0, 16, 32, 64, 96])
        scale = pick(["f16", "bf16", "f32"])
        zero = "" if conv or self.format in OTHERS else pick(["", "zero", "offset"])
        if self.activation in TENSOR and self.format.endswith("int8") and zero:
            zero = ""
        blocks = self.shape[0] * (-(-rest // group) if group else 1)
        self.of = f"{self.format}, " + (f"group<{group}>" if group else "per_channel")
        self.of += f", scale {scale}" + (f", {zero}" if zero else "")
        self.neutral = codes + blocks * ((4 if scale == "f32" else 2) +
                                         {"": 0, "zero": 1, "offset": 4}[zero])

    def text(self):
        conv = len(self.shape) == 4
        channels = self.shape[-1] * self.groups
        image = [8, 8, channels] if conv else [channels]
        x = f"tensor<?x{'x'.join(map(str, image))}xf32>"
        w = "x".join(map(str, self.shape))
        lines = [f"%w = ml_program.global_load_const @{self.name} : tensor<{w}xf32>",
                 f"%q = qnt.quantize %w : tensor<{w}xf32> -> !qnt.tensor<{w}, {self.of}>"]
        value, of = "%x", x
        if self.activation:
            given = types = ""
            if "per_tensor" in self.activation:
                lines.append("%s = ml_program.global_load_const @scale : tensor<f32>")
                given, types = " scale %s", ", tensor<f32>"
            if "per_tensor" in self.activation and "zero" in self.activation:
                lines.append("%z = ml_program.global_load_const @zero : tensor<f32>")
                given, types = given + " zero %z", types + ", tensor<f32>"
            value, of = "%c", x.replace("tensor", "!qnt.tensor", 1).replace(
                "xf32>", f", {self.activation}>")
            lines.append(f"%c = qnt.quantize %x{given} : {x}{types} -> {of}")
        weight = f"!qnt.tensor<{w}, {self.of}>"
        if conv:
            side = [8 - k + 1 for k in self.shape[1:3]]
            y = f"tensor<?x{side[0]}x{side[1]}x{self.shape[0]}xf32>"
            lines.append(f"%y = qnt.conv {value}, %q groups {self.groups} : {of}, "
                         f"{weight} -> {y}")
        else:
            y = f"tensor<?x{self.shape[0]}xf32>"
            lines.append(f"%y = qnt.linear {value}, %q : {of}, {weight}")
        dims = ", ".join(['"rows"'] + ['""'] * len(image))
        return (f'func.func @f_{self.name}(%x: {x} {{qnt.name = "x", '
                f'qnt.dims = [{dims}]}}) -> ({y} {{qnt.name = "y"}}) {{\n  ' +
                "\n  ".join(lines) + f"\n  return %y : {y}\n}}\n")

    def operations(self):
        a, b = (int(self.activation.split(",")[0][-1]), self.bits) \
            if self.activation else (32, 32)
        return int(np.prod(self.shape)) * a * b


layers = [Layer(i, conv=i % 3 == 2) for i in range(24)]
save_file({"scale": np.float32(0.05).reshape(()), "zero": np.float32(100).reshape(()),
           **{layer.name: rng.standard_normal(layer.shape).astype(np.float32)
              for layer in layers}}, f"{folder}/in.safetensors")
with open(f"{folder}/m.mlir", "w") as file:
    file.write(f'module attributes {{qnt.params = "{folder}/in.safetensors"}} {{\n')
    for name, of in [("scale", "tensor<f32>"), ("zero", "tensor<f32>")] + \
            [(l.name, f"tensor<{'x'.join(map(str, l.shape))}xf32>") for l in layers]:
        file.write(f"ml_program.global private @{name}(#ml_program.extern : {of}) "
                   f": {of}\n")
    file.write("".join(layer.text() for layer in layers) + "}\n")
subprocess.run([opt, f"{folder}/m.mlir", "--target=cpu isa=portable", "-o",
                f"{folder}/m.so"], check=True)
stored = load_file(f"{folder}/m.safetensors")
told = {}
for line in subprocess.run([tool, "bytes", f"{folder}/m.mlir"], check=True, text=True,
                           capture_output=True).stdout.strip().split("\n"):
    name, *numbers = line.split()
    told[name] = [int(n) for n in numbers]
assert len(told) == len(layers), told
for layer in layers:
    want = [stored[layer.name].nbytes, layer.neutral, layer.operations()]
    assert told[layer.name] == want, (layer.text(), told[layer.name], want)
