# REQUIRES: python, x86, minilm
# RUN: %python %s %t.dir %build %minilm
"""An encoder end to end in the emulator: embeddings of two sentences of different
length, against the same model compiled for the CPU."""
import os
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "Inputs"))
from emulated import Place, run  # noqa: E402

folder, build, source = sys.argv[1:4]
place = Place(folder, build)
path, rng = place.path, place.rng


def embed(model, env=None):
    run("quant-run", model, "--entry", "embed", "--input", path("in.npz"),
        "--output", f"embedding={path('out.npy')}", env=env)
    return np.load(path("out.npy"))


def compare(recipe, chip, draws):
    """Distances of embeddings, which are vectors of length 1."""
    cpu, gpu = path("cpu.so"), path("gpu.so")
    run("quant-opt", source, f"--quantize={recipe}", "--target=cpu", "-o", cpu)
    run("quant-opt", source, f"--quantize={recipe}",
        f"--target=cuda chip={chip} code=mlir", "-o", gpu)
    errors = []
    for _ in range(draws):
        tokens = rng.integers(0, 30000, (2, 6)).astype(np.int32)
        np.savez(path("in.npz"), tokens=tokens, token_types=np.zeros_like(tokens),
                 lengths=np.array([6, 4], np.int32))
        errors += list(np.linalg.norm(embed(cpu) - embed(gpu, place.emulate(chip)), axis=1))
    print(recipe, chip, "distances", " ".join(f"{e:.1e}" for e in errors))
    return errors


# Where a number lies between two codes, the targets may choose different ones, and what
# follows differs by a part in a hundred: not in every sentence.
errors = compare("weights=int8 activations=int8", "sm_80", 4)
assert min(errors) <= 2e-6 and max(errors) <= 1e-1, errors
# Products of f16.
for chip in ("sm_80", "sm_90a", "sm_100a", "sm_120a"):
    errors = compare("weights=int8 activations=none", chip, 2)
    assert max(errors) <= 2e-3, errors
