# REQUIRES: python, verilator
# RUN: %python %s %build %t
"""Networks whose channels are by themselves, in groups, side by side: blocks of MobileNetV2,
ResNeXt and Inception as Verilog and as C++, bit for bit what the interpreter gives, wherever
streams wait."""
import os
import pathlib
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "Inputs"))
from comparison import compare  # noqa: E402
from designs import make_random  # noqa: E402
from integers import quantize  # noqa: E402
from networks import grouped, inception, mobile  # noqa: E402

build, folder = map(pathlib.Path, sys.argv[1:])
seed, rng = make_random()
shutil.rmtree(folder, ignore_errors=True)
for write, most in ((mobile, 3000), (grouped, 2500), (inception, 5000)):
    here = folder / write.__name__
    here.mkdir(parents=True)
    write(rng, here / "model.onnx")
    quantize(rng, build, here, f"weights=int{rng.choice([4, 8])} activations=int8")
    compare(rng, seed, build, here, int(rng.integers(most * 2 // 5, most)))
