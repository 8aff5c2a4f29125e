# REQUIRES: python, verilator
# RUN: %python %s %test_bin/emit-design %t
"""Designs as Verilog, wherever streams wait, beside Python's integers; and the clock
cycles of a frame."""
import json
import os
import pathlib
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "Inputs"))
from all_designs import make_all  # noqa: E402
from designs import make_random  # noqa: E402
from rtl import Simulation  # noqa: E402

emit, folder = sys.argv[1:]
seed, rng = make_random()


def whole(streams, words):
    """All frames at once."""
    return [(name, bits, len(words[name])) for name, bits, _ in streams]


def check_stages(here, design, got):
    """Each unit by itself: a frame comes each time it has taken its cycles, and the first
    once the pipeline is full, stages and a cycle later (docs/fpga-target.md). What a slice,
    a window or a dot product of pairs gives last may come before its last iteration, and of few
    rows tables' sums before the time in which tables are filled is over."""
    stages = json.loads(pathlib.Path(here, "report.json").read_text())["stages"]
    units = [stage for stage in stages if stage["kind"] != "fifo"]
    for name, _, words in design.outputs:
        unit = units[int(name[1:].split("_")[0])]
        ends = [cycle for cycle, _ in got[name]][words - 1::words]
        assert np.diff(ends).tolist() == [unit["cycles"]] * (len(ends) - 1), (unit, ends)
        fill = ends[0] - unit["cycles"]
        full = unit["pipeline_stages"] + 1
        takes_more = unit["kind"] in ("slice", "window", "pair_dot", "table_dot")
        assert fill == full or takes_more and fill < full, (unit, ends)


for number, design in enumerate(make_all(rng)):
    here = f"{folder}/{number}"
    design.emit(emit, here)
    simulation = Simulation(here, design.name, whole(design.inputs, design.given),
                            whole(design.outputs, design.wanted))
    for stalls in (0, 5, 13):
        got = simulation.run(design.given, stalls, seed=1 + seed % 1000000 + stalls)
        for name, words in design.wanted.items():
            assert [word for _, word in got[name]] == words, (number, stalls, name)
        if stalls == 0 and design.name in ("units", "attention"):
            check_stages(here, design, got)
        if stalls or not design.period:
            continue
        for name, _, words in design.outputs:
            ends = [cycle for cycle, _ in got[name]][words - 1::words]
            assert np.diff(ends).tolist() == [design.period] * (len(ends) - 1), (name, ends)
