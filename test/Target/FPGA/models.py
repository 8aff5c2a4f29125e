# REQUIRES: python, verilator
# RUN: %python %s %build %t
"""Integer models as Verilog and as C++, bit for bit what the interpreter gives, wherever
streams wait: layers of vectors; a network of
convolutions with strides, pads around codes whose zero point is not 0, codes added,
pools; ternary layers, of which the folding multiplies some by tables."""
import os
import pathlib
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "Inputs"))
from comparison import compare  # noqa: E402
from designs import make_random  # noqa: E402
from integers import quantize  # noqa: E402
from networks import layers, network, wide  # noqa: E402

build, folder = map(pathlib.Path, sys.argv[1:])
seed, rng = make_random()


def check(name, write, recipe, cycles, part=None):
    here = folder / name
    here.mkdir(parents=True)
    write(rng, here / "model.onnx")
    quantize(rng, build, here, recipe)
    compare(rng, seed, build, here, cycles, part)
    return (here / "design.mlir").read_text()


shutil.rmtree(folder, ignore_errors=True)
check("layers", layers, f"weights=int{rng.integers(3, 9)} activations=int8", 30)
# E4M3 is that of the network: in its units, biases of a norm of small weights may be beyond 32 bits,
# which is refused.
check("minifloats", layers,
      f"weights={rng.choice(['e2m1', 'e3m2', 'e2m3', 'e3m1'])} activations=int8", 30)
check("network", network, f"weights=int{rng.choice([4, 8])} activations=int8", 700)
check("network-minifloats", network,
      f"weights={rng.choice(['e2m1', 'e2m3', 'e4m3'])} activations=int8", 700)
text = check("tables", wide, "weights=ternary activations=int8", 700, "xc7z020")
assert "in_tables" in text, text
