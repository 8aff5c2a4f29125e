# REQUIRES: python, verilator
# RUN: %python %s %build %t
"""Integer models as Verilog and as C++, bit for bit what the interpreter gives, wherever
streams wait: layers of vectors; a network of
convolutions with strides, pads around codes whose zero point is not 0, codes added,
pools."""
import json
import os
import pathlib
import shutil
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "Inputs"))
from csim import CSimulation  # noqa: E402
from designs import make_random, pack  # noqa: E402
from integers import fold, interpret, quantize, read_streams, run  # noqa: E402
from networks import layers, network  # noqa: E402
from rtl import Simulation  # noqa: E402

build, folder = map(pathlib.Path, sys.argv[1:])
seed, rng = make_random()
FRAMES = 3


def check(name, write, recipe, cycles):
    here = folder / name
    here.mkdir(parents=True)
    write(rng, here / "model.onnx")
    quantize(rng, build, here, recipe)
    fold(build, here, cycles)
    run(build / "test/bin/emit-design", here / "design.mlir", here)
    source, result = read_streams(here / "design.mlir")
    codes, numbers = source.draw(rng, FRAMES)
    # The design has images channels last, the model first.
    images = numbers if numbers.ndim == 2 else numbers.transpose(0, 3, 1, 2)
    want = interpret(build, here, images)
    given = {"in0": pack(codes.ravel(), source.bits, source.lanes)}
    compiled = CSimulation(here, "model", [("in0", source.word_bits, source.words)],
                           [("out0", result.word_bits, result.words)])
    assert (result.decode(compiled.run(given)["out0"]) == want).all(), name
    simulation = Simulation(here, "model", [("in0", source.word_bits, FRAMES * source.words)],
                            [("out0", result.word_bits, FRAMES * result.words)])
    for stalls in (0, 4, 12):
        got = simulation.run(given, stalls, seed=1 + seed % 1000000 + stalls)["out0"]
        assert (result.decode([word for _, word in got]) == want).all(), (name, stalls)
        if stalls == 0:
            ends = [cycle for cycle, _ in got][result.words - 1::result.words]
            formula = json.loads((here / "report.json").read_text())["cycles"]
            assert np.diff(ends).tolist() == [formula] * (FRAMES - 1), (name, ends, formula)


shutil.rmtree(folder, ignore_errors=True)
check("layers", layers, f"weights=int{rng.integers(3, 9)} activations=int8", 30)
check("minifloats", layers,
      f"weights={rng.choice(['e2m1', 'e3m2', 'e2m3', 'e4m3', 'e3m1'])} activations=int8", 30)
check("network", network, f"weights=int{rng.choice([4, 8])} activations=int8", 700)
check("network-minifloats", network,
      f"weights={rng.choice(['e2m1', 'e2m3', 'e4m3'])} activations=int8", 700)
