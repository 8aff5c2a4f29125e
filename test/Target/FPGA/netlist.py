# REQUIRES: python, yosys, verilator
# RUN: %python %s %test_bin/emit-design %t
"""What Yosys makes of designs for 7 series parts, simulated with its models of DSPs, LUTs and
memories, beside numpy: what is counted in the netlist is all that there has to be."""
import os
import pathlib
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "Inputs"))
from designs import make_random  # noqa: E402
from rtl import Simulation  # noqa: E402
from units import constant_dot, depthwise, dot, join, requantize  # noqa: E402
from yosys import write_netlist  # noqa: E402

emit, folder = sys.argv[1], pathlib.Path(sys.argv[2])
seed, rng = make_random()

design = join("units", [constant_dot] * 8 + [dot, dot, requantize, depthwise], rng)
design.emit(emit, folder)
write_netlist(folder, design.name)
simulation = Simulation(folder, design.name, *(
    [(name, bits, len(words[name])) for name, bits, _ in streams]
    for streams, words in ((design.inputs, design.given), (design.outputs, design.wanted))))
got = simulation.run(design.given, stalls=3, seed=1 + seed % 1000000)
for name, words in design.wanted.items():
    assert [word for _, word in got[name]] == words, name
