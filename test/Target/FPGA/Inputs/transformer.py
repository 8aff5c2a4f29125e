"""usage: transformer.py SOURCE BUILD FOLDER WEIGHTS PLACE. The first block of tinylm in integers,
from the checkpoint, with weights on the chip or in memory (dram): numbers of the interpreter, of
the C++ and of the Verilog with random stalls are the same, of embeddings and of codes that are
anything; frames come as often as the report says."""
import pathlib
import sys

import numpy as np

source, build, folder = map(pathlib.Path, sys.argv[1:4])
weights, place = sys.argv[4:]
sys.path.append(str(source / "test/Reference"))
from checkpoint import Checkpoint  # noqa: E402
from designs import make_random  # noqa: E402
from extracted import Block, extract, quantize_model  # noqa: E402

CHECKPOINT, TOKENS = source / "test/Inputs/tinylm", 8
seed, rng = make_random()
embeddings = Checkpoint(str(CHECKPOINT), np.float32).tensor("model.embed_tokens.weight")
folder.mkdir()
(folder / "text.txt").write_text((source / "docs/architecture.md").read_text())
quantize_model(build, CHECKPOINT, folder,
               f"weights={weights} head=none samples=4 calib={folder}/text.txt")
extract(build, folder, "layers.0", TOKENS)
block = Block(build, folder, "layers.0", 60000, frames=2, weights=place)
codes, numbers = block.source.draw(rng, 2)
codes[0], numbers[0] = block.encode(embeddings[rng.integers(1, 4096, TOKENS)])
between = block.check(codes, numbers, (0, 6), 1 + seed % 1000000)
print(weights, place, "frames in", between, "cycles, by the report", block.cycles)
assert between == [block.cycles], (between, block.cycles)
