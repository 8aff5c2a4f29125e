# REQUIRES: python, verilator
# RUN: %python %s %test_bin/emit-verilog %t
"""Forks and changes of width as Verilog: each frame comes out as it went in, wherever
streams wait, and words at the rate of the narrower side."""
import os
import shutil
import subprocess
import sys
import time

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "Inputs"))
from rtl import Simulation, pack, unpack  # noqa: E402

emit, folder = sys.argv[1:]
seed = int(os.environ.get("QNT_SEED") or time.time())
print("seed", seed)
rng = np.random.default_rng(seed)
shutil.rmtree(folder, ignore_errors=True)
os.makedirs(folder)


def stream(lanes):
    return f"!qflow.stream<6x12xsi7, {lanes}>"


WIDTHS = {"a": 1, "b": 12, "c": 3}
with open(f"{folder}/streams.mlir", "w") as file:
    outs = ", ".join(f'{stream(lanes)} {{qflow.name = "{name}"}}'
                     for name, lanes in WIDTHS.items())
    file.write(f"""
qflow.design @streams(%x: {stream(3)} {{qflow.name = "x"}}) -> ({outs}) {{
  %one, %two, %three = qflow.fork %x : {stream(3)} -> 3
  %a = qflow.width %one : {stream(3)} -> {stream(1)}
  %wide = qflow.width %two : {stream(3)} -> {stream(6)}
  %wider = qflow.width %wide : {stream(6)} -> {stream(12)}
  %b = qflow.fifo %wider depth 5 : {stream(12)}
  %thin = qflow.width %three : {stream(3)} -> {stream(1)}
  %same = qflow.width %thin : {stream(1)} -> {stream(1)}
  %c = qflow.width %same : {stream(1)} -> {stream(3)}
  qflow.output %a, %b, %c : {", ".join(map(stream, WIDTHS.values()))}
}}
""")
subprocess.run([emit, f"{folder}/streams.mlir", folder], check=True)
x = rng.integers(-64, 64, 5 * 6 * 12)
outputs = [(name, 7 * lanes, x.size // lanes) for name, lanes in WIDTHS.items()]
simulation = Simulation(folder, "streams", [("x", 21, x.size // 3)], outputs)
for stalls in (0, 4, 12):
    got = simulation.run({"x": pack(x, 7, 3)}, stalls, seed=1 + seed % 1000000 + stalls)
    for name, lanes in WIDTHS.items():
        words = [word for _, word in got[name]]
        assert unpack(words, 7, lanes, signed=True) == x.tolist(), (name, stalls)
    if stalls == 0:
        # One number each clock cycle, all the time.
        cycles = [cycle for cycle, _ in got["a"]]
        assert np.diff(cycles[10:]).tolist() == [1] * (len(cycles) - 11), cycles
