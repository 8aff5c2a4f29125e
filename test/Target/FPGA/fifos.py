# REQUIRES: python, verilator
# RUN: %python %s %build %t
"""FIFOs by what they hold in simulation: the computed depths let a frame come as often as the
slowest stage makes one; so do those that were measured, which wait for nothing and keep
running however streams stall; with less, frames come later or not at all."""
import json
import os
import pathlib
import shutil
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "Inputs"))
from designs import make_random, pack  # noqa: E402
from integers import fold, quantize, read_streams, run  # noqa: E402
from networks import layers, network, small, strided  # noqa: E402
from rtl import Simulation  # noqa: E402

build, folder = map(pathlib.Path, sys.argv[1:])
seed, rng = make_random()
# What a stage loses each frame is seen when FIFOs have nothing left to make up for it.
FRAMES = 40


class Measured:
    """A design in `folder`, simulated for some frames of the same codes."""

    def __init__(self, here, codes):
        run(build / "test/bin/emit-design", here / "design.mlir", here)
        source, result = read_streams(here / "design.mlir")
        self.given = {"in0": pack(codes.ravel(), source.bits, source.lanes)}
        self.words = result.words
        self.simulation = Simulation(
            here, "model", [("in0", source.word_bits, FRAMES * source.words)],
            [("out0", result.word_bits, FRAMES * result.words)])

    def simulate(self, stalls=0, limit=1000000):
        """The words that come out, and the cycles between the last two frames."""
        got = self.simulation.run(self.given, stalls, 1 + seed % 1000000 + stalls, limit)["out0"]
        ends = [cycle for cycle, _ in got][self.words - 1::self.words]
        return [word for _, word in got], int(np.diff(ends)[-1])


def set_depths(here, depths, name):
    """The design with these."""
    there = here / name
    there.mkdir()
    (there / "fifos.json").write_text(json.dumps(
        {"format": "qnt-fpga-fifos", "version": 1, "depths": depths}))
    run(build / "bin/quant-opt", here / "design.mlir", "-o", there / "design.mlir",
        "--pass-pipeline=builtin.module(qflow.design("
        f"qnt-fpga-lower-units,qnt-fpga-set-fifos{{file={there}/fifos.json}}))")
    return there


def check(name, write, recipe, cycles, halves=True):
    """`halves`: with half of the deepest FIFO, frames come later or not at all."""
    here = folder / name
    here.mkdir(parents=True)
    write(rng, here / "model.onnx")
    quantize(rng, build, here, recipe)
    fold(build, here, cycles)
    codes = read_streams(here / "design.mlir")[0].draw(rng, FRAMES)[0]
    computed = Measured(here, codes)
    words, interval = computed.simulate()
    fifos = computed.simulation.fifos
    formula = json.loads((here / "report.json").read_text())["cycles"]
    assert interval == formula, (name, interval, formula)
    deep = {key: (depth, most) for key, (depth, most) in fifos.items() if depth > 2}
    print(name, "interval", interval, "deep", deep)
    total, needed = (sum(depth[at] for depth in deep.values()) for at in (0, 1))
    print(f"{name}: FIFOs of {total} words, of which {needed} were needed")
    depths = {key: max(2, most) for key, (_, most) in fifos.items()}
    measured = Measured(set_depths(here, depths, "measured"), codes)
    assert measured.simulate() == (words, interval)
    assert {key: depth for key, (depth, _) in measured.simulation.fifos.items()} == depths
    for stalls in (4, 12):
        assert measured.simulate(stalls)[0] == words, (name, stalls)
    if halves:
        # The deepest holds what another way takes meanwhile.
        key = max(deep, key=lambda key: deep[key][1])
        less = Measured(set_depths(here, depths | {key: depths[key] // 2}, "less"), codes)
        try:
            late = less.simulate(limit=3 * FRAMES * cycles + 10000)[1]
        except AssertionError as error:
            assert "nothing moves" in str(error), error
            late = None
        print(f"{name}: half of {key}:", late)
        assert late is None or late > interval, (name, key, late, interval)


shutil.rmtree(folder, ignore_errors=True)
check("layers", layers, f"weights=int{rng.integers(3, 9)} activations=int8", 30)
check("network", network, f"weights=int{rng.choice([4, 8])} activations=int8", 700)
check("strided", strided, f"weights=int{rng.choice([4, 8])} activations=int8", 2304,
      halves=False)
# The dot products are the slowest, and the window.
for cycles in (1024, 1250):
    check(f"small-{cycles}", small, f"weights=int{rng.choice([4, 8])} activations=int8", cycles,
          halves=False)
