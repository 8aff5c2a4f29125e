# REQUIRES: python, verilator
# RUN: %python %s %build %t
"""An MLP as Brevitas exports it (QONNX: Quant, BipolarQuant around floats) as Verilog and as
C++, bit for bit what the interpreter gives of its integers; and these beside QONNX's own
definitions in numpy."""
import json
import os
import pathlib
import shutil
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "Inputs"))
from csim import CSimulation  # noqa: E402
from designs import make_random, pack  # noqa: E402
from integers import fold, interpret, read_streams, run  # noqa: E402
from mlp import MLP  # noqa: E402
from rtl import Simulation  # noqa: E402

build, folder = map(pathlib.Path, sys.argv[1:])
seed, rng = make_random()
FRAMES = 4

shutil.rmtree(folder, ignore_errors=True)
folder.mkdir(parents=True)
inputs = int(rng.integers(8, 25))
x = rng.normal(0, 1, (FRAMES, inputs)).astype(np.float32)
mlp = MLP(rng, x)
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
fold(build, folder, 64)
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
    if stalls == 0:
        ends = [cycle for cycle, _ in got][result.words - 1::result.words]
        formula = json.loads((folder / "report.json").read_text())["cycles"]
        assert ends[-1] - ends[-2] == formula, (ends, formula)
