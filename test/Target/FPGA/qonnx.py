# REQUIRES: python, verilator
# RUN: %python %s %build %t
"""An MLP as Brevitas exports it (QONNX: Quant, BipolarQuant around floats) as Verilog and as
C++, bit for bit what the interpreter gives of its integers; and these beside QONNX's own
definitions in numpy."""
import os
import pathlib
import shutil
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "Inputs"))
from csim import CSimulation  # noqa: E402
from designs import make_random, pack  # noqa: E402
from integers import interpret, read_streams, run  # noqa: E402
from rtl import Simulation  # noqa: E402

build, folder = map(pathlib.Path, sys.argv[1:])
seed, rng = make_random()
FRAMES = 4
DOMAIN = "qonnx.custom_op.general"


class MLP:
    """Layers between quantisers; `x` goes through numpy at the same time."""

    def __init__(self, x):
        self.x, self.value, self.nodes, self.weights = x, "x", [], []

    def add(self, kind, *inputs, domain="", **attributes):
        name = f"y{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], f"{kind}{len(self.nodes)}",
                                           domain=domain, **attributes))
        return name

    def constant(self, values):
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.float32(values), name))
        return name

    def quantizer(self, name, scale, bits, **attributes):
        return self.add("Quant", name, *map(self.constant, (scale, 0, bits)), domain=DOMAIN,
                        rounding_mode="ROUND", **attributes)

    def quantize(self, scale, bits, signed):
        self.value = self.quantizer(self.value, scale, bits, signed=signed, narrow=0)
        low = -(1 << bits - 1) if signed else 0
        self.x = np.clip(np.rint(self.x / np.float32(scale)), low,
                         low + (1 << bits) - 1) * np.float32(scale)

    def linear(self, outputs, bits):
        """Weights [inputs, outputs]; of one bit, signs."""
        inputs = self.x.shape[1]
        weight = rng.normal(0, 1, (inputs, outputs)).astype(np.float32)
        if bits == 1:
            scale = np.float32(0.5)
            made = self.add("BipolarQuant", self.constant(weight), self.constant(scale),
                            domain=DOMAIN)
            grid = np.where(weight >= 0, scale, -scale)
        else:
            high = (1 << bits - 1) - 1
            scale = (np.abs(weight).max(0, keepdims=True) / high).astype(np.float32)
            made = self.quantizer(self.constant(weight), scale, bits, signed=1, narrow=1)
            grid = np.clip(np.rint(weight / scale), -high, high) * scale
        self.value = self.add("MatMul", self.value, made)
        self.x = self.x @ grid

    def bias(self):
        bias = rng.normal(0, 1, self.x.shape[1]).astype(np.float32)
        self.value = self.add("Add", self.value, self.constant(bias))
        self.x = self.x + bias

    def relu(self):
        self.value, self.x = self.add("Relu", self.value), np.maximum(self.x, 0)

    def save(self, path, inputs):
        ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, size])
                for name, size in (("x", inputs), (self.value, self.x.shape[1]))]
        graph = helper.make_graph(self.nodes, "mlp", ends[:1], ends[1:], self.weights)
        onnx.save(helper.make_model(graph, ir_version=8, opset_imports=[
            helper.make_opsetid("", 13), helper.make_opsetid(DOMAIN, 1)]), path)


shutil.rmtree(folder, ignore_errors=True)
folder.mkdir(parents=True)
inputs = int(rng.integers(8, 25))
x = rng.normal(0, 1, (FRAMES, inputs)).astype(np.float32)
mlp = MLP(x)
mlp.quantize(1 / 32, 8, signed=1)
for outputs, bits in ((12, int(rng.integers(2, 6))), (8, 1)):
    mlp.linear(outputs, bits)
    mlp.bias()
    mlp.relu()
    mlp.quantize(np.float32(mlp.x.max() / 15), 4, signed=0)
mlp.linear(5, int(rng.integers(2, 9)))
mlp.save(folder / "model.onnx", inputs)

run(build / "bin/quant-opt", folder / "model.onnx", "-o", folder / "integers.mlir",
    "--quantize=arithmetic=integer")
run(build / "bin/quant-opt", folder / "integers.mlir", "-o", folder / "stored.mlir",
    f"--qnt-materialize-params=output={folder}/stored.safetensors")
run(build / "bin/quant-opt", folder / "stored.mlir", "-o", folder / "design.mlir",
    "--pass-pipeline=builtin.module(qnt-lower-to-qflow,qflow.design("
    "qnt-fpga-fold{cycles=64},qnt-fpga-size-fifos))")
run(build / "test/bin/emit-design", folder / "design.mlir", folder)
source, result = read_streams(folder / "design.mlir")
codes = np.clip(np.rint(x / source.scales) + source.zero, -128, 127).astype(int)
want = interpret(build, folder, x)
# A number between two codes of 4 bits may become the other one, by the last bits of a
# multiplier, and changes all that follow: that they are the same network is all this says.
distance = np.linalg.norm(want - mlp.x) / np.linalg.norm(mlp.x)
print("distance", distance)
assert distance <= 0.25, (want, mlp.x)
given = {"in0": pack(codes.ravel(), source.bits, source.lanes)}
compiled = CSimulation(folder, "model", [("in0", source.word_bits, source.words)],
                       [("out0", result.word_bits, result.words)])
assert (result.decode(compiled.run(given)["out0"]) == want).all()
simulation = Simulation(folder, "model", [("in0", source.word_bits, FRAMES * source.words)],
                        [("out0", result.word_bits, FRAMES * result.words)])
for stalls in (0, 7):
    got = simulation.run(given, stalls, seed=1 + seed % 1000000 + stalls)["out0"]
    assert (result.decode([word for _, word in got]) == want).all(), stalls
