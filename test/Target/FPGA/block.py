# REQUIRES: python, verilator
# RUN: %python %s %build %t
"""A transformer block of units, folded, with FIFOs as they are computed: its C++ and its
Verilog give what numpy computes, wherever streams wait; a frame comes as often as the
slowest stage makes one, also with the FIFOs that were measured."""
import json
import os
import pathlib
import shutil
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "Inputs"))
from block import make_block  # noqa: E402
from csim import CSimulation  # noqa: E402
from designs import make_random, pack  # noqa: E402
from integers import run  # noqa: E402
from rtl import Simulation  # noqa: E402
from units import FRAMES, Stream  # noqa: E402

build, folder = map(pathlib.Path, sys.argv[1:])
seed, rng = make_random()
shutil.rmtree(folder, ignore_errors=True)


def emit(here, source, *passes):
    """A design from `source` after `passes`, and its one stream in and out."""
    here.mkdir(parents=True, exist_ok=True)
    run(build / "bin/quant-opt", source, "-o", here / "design.mlir",
        f"--pass-pipeline=builtin.module(qflow.design({','.join(passes)}))")
    run(build / "test/bin/emit-design", here / "design.mlir", here)
    line = next(l for l in open(here / "design.mlir") if "qflow.design" in l)
    shape, lanes = line.split("!qflow.stream<")[1].split("xsi16, ")
    return Stream([int(n) for n in shape.split("x")], 16, True, int(lanes.split(">")[0]))


def simulate(here, stream, numbers, wanted, stalls):
    """Depths of FIFOs and what they needed."""
    given, want = (pack(n.ravel(), 16, stream.lanes) for n in (numbers, wanted))
    ports = [(name, 16 * stream.lanes, len(given)) for name in ("in0", "out0")]
    simulation = Simulation(here, "block", ports[:1], ports[1:])
    cycles = json.loads((here / "report.json").read_text())["cycles"]
    for stall in stalls:
        got = simulation.run({"in0": given}, stall, 1 + seed % 1000000 + stall)["out0"]
        assert [word for _, word in got] == want, (here, stall)
        if stall == 0:
            fifos = simulation.fifos
            ends = [cycle for cycle, _ in got][len(want) // FRAMES - 1::len(want) // FRAMES]
            print(here.name, "interval", np.diff(ends), "cycles", cycles)
            assert np.diff(ends)[-1] == cycles, (here, ends, cycles)
    return fifos


def check(number, tokens, width, heads, groups, size, hidden, limit):
    here = folder / str(number)
    here.mkdir(parents=True)
    block = make_block(rng, tokens, width, heads, groups, size, hidden)
    (here / "block.mlir").write_text(block.text)
    numbers, wanted = block.given["in0"], block.wanted["out0"]
    stream = emit(here, here / "block.mlir", f"qnt-fpga-fold{{{limit}}}",
                  "qnt-fpga-size-fifos")
    ports = [(name, 16 * stream.lanes, stream.words // FRAMES) for name in ("in0", "out0")]
    got = CSimulation(here, "block", ports[:1], ports[1:]).run(
        {"in0": pack(numbers.ravel(), 16, stream.lanes)})["out0"]
    assert got == pack(wanted.ravel(), 16, stream.lanes), number
    fifos = simulate(here, stream, numbers, wanted, (0, 4, 12))
    deep = {name: sizes for name, sizes in fifos.items() if sizes[0] > 2}
    print("FIFOs of", [sum(sizes[at] for sizes in deep.values()) for at in (0, 1)], deep)
    depths = {name: max(2, most) for name, (_, most) in fifos.items()}
    (here / "fifos.json").write_text(json.dumps(
        {"format": "qnt-fpga-fifos", "version": 1, "depths": depths}))
    simulate(here / "measured", emit(here / "measured", here / "design.mlir",
                                     "qnt-fpga-lower-units",
                                     f"qnt-fpga-set-fifos{{file={here}/fifos.json}}"),
             numbers, wanted, (0, 12))


groups = int(rng.integers(1, 3))
check(0, int(rng.integers(2, 7)), 16, 2 * groups, groups, 8, 24, "cycles=2000")
check(1, 1, 12, 2, 1, 4, 20, "cycles=300")
# As fast as the part has room for.
check(2, int(rng.integers(2, 7)), 16, 2, 1, 8, 24, "part=xc7z010 clock=100")
