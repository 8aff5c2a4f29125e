# REQUIRES: python, x86
# RUN: %python %s %t.dir %build %inputs/tinylm
"""A language model end to end in the emulator: prompt and decoded tokens with a
cache of f16, against the same model compiled for the CPU."""
import os
import subprocess
import sys

import numpy as np

folder, build, source = sys.argv[1:4]
os.makedirs(folder, exist_ok=True)
seed = int(os.environ.get("QNT_SEED") or np.random.SeedSequence().entropy %
           2**32)
print("seed", seed)
rng = np.random.default_rng(seed)
EMULATED = dict(os.environ, LD_LIBRARY_PATH=f"{build}/test/emulated")


def path(name):
    return os.path.join(folder, name)


def run(*command, env=None):
    subprocess.run(command, env=env, check=True, stdout=subprocess.DEVNULL)


def score(model, tokens, env=None):
    """Logits [1, tokens, vocabulary] of every token."""
    np.save(path("tokens.npy"), tokens)
    np.save(path("position.npy"), np.zeros(1, np.int32))
    run("quant-run", model, "--entry", "score", "--context", "64",
        "--input", f"tokens={path('tokens.npy')}",
        "--input", f"position={path('position.npy')}",
        "--output", f"logits={path('logits.npy')}", env=env)
    return np.load(path("logits.npy"))


recipe = "--quantize=weights=int4 group=32 activations=int8"
cpu, gpu = path("cpu.so"), path("gpu.so")
run("quant-opt", source, recipe, "--target=cpu", "-o", cpu)
run("quant-opt", source, recipe, "--target=cuda chip=sm_80 code=mlir", "-o",
    gpu)
# Row by row in f32, and by tiles, whose products are of f16. Where a number lies
# between two codes, the targets may choose different ones; all that follows then
# differs by a part in a hundred.
limit = 5e-2
for count in (3, 18):
    tokens = rng.integers(0, 4096, (1, count)).astype(np.int32)
    want, got = score(cpu, tokens), score(gpu, tokens, EMULATED)
    error = np.sqrt(np.square(got - want).mean() / np.square(want).mean())
    print(f"{count} tokens: relative error {error:.1e}")
    assert error <= limit
