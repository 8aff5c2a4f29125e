# REQUIRES: python, verilator
# RUN: %python %s %test_bin/emit-design %t
"""Designs as Verilog, wherever streams wait, beside Python's integers; and the clock
cycles of a frame."""
import os
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


for number, design in enumerate(make_all(rng)):
    here = f"{folder}/{number}"
    design.emit(emit, here)
    simulation = Simulation(here, design.name, whole(design.inputs, design.given),
                            whole(design.outputs, design.wanted))
    for stalls in (0, 5, 13):
        got = simulation.run(design.given, stalls, seed=1 + seed % 1000000 + stalls)
        for name, words in design.wanted.items():
            assert [word for _, word in got[name]] == words, (number, stalls, name)
        if stalls or not design.period:
            continue
        for name, _, words in design.outputs:
            ends = [cycle for cycle, _ in got[name]][words - 1::words]
            assert np.diff(ends).tolist() == [design.period] * (len(ends) - 1), (name, ends)
