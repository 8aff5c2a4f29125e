# REQUIRES: python, x86
# RUN: %python %s %t.dir %build %inputs/tinylm
"""A language model end to end in the emulator: prompt and decoded tokens with a
cache of f16, against the same model compiled for the CPU."""
import os
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "Inputs"))
from emulated import Place, run  # noqa: E402

folder, build, source = sys.argv[1:4]
place = Place(folder, build)
path, rng, EMULATED = place.path, place.rng, place.env


def score(model, tokens, env=None):
    """Logits [1, tokens, vocabulary] of every token."""
    np.save(path("tokens.npy"), tokens)
    np.save(path("position.npy"), np.zeros(1, np.int32))
    run("quant-run", model, "--entry", "score", "--context", "64",
        "--input", f"tokens={path('tokens.npy')}",
        "--input", f"position={path('position.npy')}",
        "--output", f"logits={path('logits.npy')}", env=env)
    return np.load(path("logits.npy"))




def compare(recipe, counts):
    """Relative errors for prompts of so many tokens."""
    cpu, gpu = path("cpu.so"), path("gpu.so")
    run("quant-opt", source, f"--quantize={recipe}", "--target=cpu", "-o", cpu)
    run("quant-opt", source, f"--quantize={recipe}",
        "--target=cuda chip=sm_80 code=mlir", "-o", gpu)
    errors = []
    for count in counts:
        tokens = rng.integers(0, 4096, (1, count)).astype(np.int32)
        want, got = score(cpu, tokens), score(gpu, tokens, EMULATED)
        errors.append(np.sqrt(np.square(got - want).mean() / np.square(want).mean()))
    print(recipe, counts, "relative errors", " ".join(f"{e:.1e}" for e in errors))
    return errors


# Where a number lies between two codes, the targets may choose different ones, and what
# follows differs by a part in a hundred: not in every draw.
errors = compare("weights=int4 group=32 activations=int8", [3] * 5)
assert min(errors) <= 1e-6 and max(errors) <= 5e-2, errors
# Products of f16; attention row by row, and by tiles.
errors = compare("weights=int4 group=32 activations=none", [3, 18])
assert max(errors) <= 1e-3, errors
