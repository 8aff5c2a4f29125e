# REQUIRES: python, yosys, verilator
# RUN: %python %s %test_bin/emit-design %t
"""What Yosys makes of designs for 7 series parts, simulated with its models of DSPs, LUTs and
memories, beside numpy: what is counted in the netlist is all that there has to be."""
import os
import pathlib
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "Inputs"))
from rtl import Simulation  # noqa: E402
from units import constant_dot, depthwise, dot, join, requantize  # noqa: E402
from yosys import write_netlist  # noqa: E402

emit, folder = sys.argv[1], pathlib.Path(sys.argv[2])
# Not of QNT_SEED: of some netlists Verilator 5.006 makes an internal error.
seed, rng = 1, np.random.default_rng(1)

design = join("units", [constant_dot] * 6 + [dot, requantize, depthwise], rng)
design.emit(emit, folder)
write_netlist(folder, design.name)
simulation = Simulation(folder, design.name, *(
    [(name, bits, len(words[name])) for name, bits, _ in streams]
    for streams, words in ((design.inputs, design.given), (design.outputs, design.wanted))))
got = simulation.run(design.given, stalls=3, seed=1 + seed % 1000000)
for name, words in design.wanted.items():
    assert [word for _, word in got[name]] == words, name
