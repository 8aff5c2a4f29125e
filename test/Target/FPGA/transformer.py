# REQUIRES: python, verilator
# RUN: rm -rf %t
# RUN: %python %s %source %build %t
"""The first block of tinylm in integers, from the checkpoint: int4 and ternary weights.
Numbers of the interpreter, of the C++ and of the Verilog with random stalls are the same, of
embeddings and of codes that are anything."""
import pathlib
import sys

import ml_dtypes
import numpy as np

source, build, folder = map(pathlib.Path, sys.argv[1:])
sys.path += [str(source / "test/Target/FPGA/Inputs"), str(source / "test/Reference")]
from extracted import Block, extract, quantize_model  # noqa: E402
from checkpoint import Checkpoint  # noqa: E402
from designs import make_random  # noqa: E402

CHECKPOINT, TOKENS = source / "test/Inputs/tinylm", 8
seed, rng = make_random()
embeddings = Checkpoint(str(CHECKPOINT), np.float32).tensor("model.embed_tokens.weight")

folder.mkdir()
(folder / "text.txt").write_text((source / "docs/architecture.md").read_text())
for weights in ("int4", "ternary"):
    here = folder / weights
    quantize_model(build, CHECKPOINT, here, f"weights={weights} head=none samples=4 "
                   f"calib={folder}/text.txt")
    extract(build, here, "layers.0", TOKENS)
    block = Block(build, here, "layers.0", 60000, frames=2)
    codes, numbers = block.source.draw(rng, 2)
    codes[0], numbers[0] = block.encode(embeddings[rng.integers(1, 4096, TOKENS)])
    between = block.check(codes, numbers, (0, 6), 1 + seed % 1000000)
    print(weights, "frames in", between, "cycles, by the report", block.cycles)
    assert between == [block.cycles], (between, block.cycles)
