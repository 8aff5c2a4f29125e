# REQUIRES: python, verilator
# RUN: %python %s %build %t
"""Codes of several scales that are joined, images by requantisers and vectors by tables: the
integers beside numpy, Verilog and C++ beside the interpreter."""
import os
import pathlib
import shutil
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "Inputs"))
from comparison import compare  # noqa: E402
from designs import make_random  # noqa: E402
from integers import run  # noqa: E402
from joined import Joined  # noqa: E402

build, folder = map(pathlib.Path, sys.argv[1:])
seed, rng = make_random()
shutil.rmtree(folder, ignore_errors=True)
# An image of one channel would not be transposed.
channels = int(rng.integers(2, 7))
for name, shape in ("image", (channels, 4, 5)), ("vector", (20 * channels,)):
    here = folder / name
    here.mkdir(parents=True)
    model = Joined(rng, shape, rows=int(rng.integers(1, 5)))
    model.save(here / "model.onnx")
    run(build / "bin/quant-opt", here / "model.onnx", "-o", here / "integers.mlir",
        "--quantize=arithmetic=integer")
    run(build / "bin/quant-opt", here / "integers.mlir", "-o", here / "stored.mlir",
        f"--qnt-materialize-params=output={here}/stored.safetensors")
    assert ("qnt.lookup" in (here / "stored.mlir").read_text()) == (name == "vector")
    codes, got = compare(rng, seed, build, here, int(rng.integers(250, 900)))
    # Sums are exact; their product with a scale is rounded to f32, as that is.
    want = model.compute(codes)
    assert np.allclose(got, want, rtol=2**-22, atol=0), np.abs(got - want).max()
