# REQUIRES: python, x86
# RUN: %python %s %t.dir %build %test_bin %inputs/tinylm
"""A language model whose weights and activations are small floats, end to end in the
emulator: logits of prompts against the interpreter's.

Few tokens of many sequences are as many rows for the layers, but attention is in f32, as
the cache is: where all codes are the interpreter's, logits are off by roundings of f32, some
2^-24 each, less than 1e-6 in all. Where a number lies between two codes the two may choose differently, which
changes what its sequence gives, but not the other sequences.

Of many tokens of one sequence, attention rounds to f16, which moves codes of all that
follows. Take off the logits that the weights give with activations that are not rounded,
and what is left is what rounding to codes does: of two that choose codes apart from one
another it differs by the square root of 2 times its size, and by less the more they agree.
"""
import os
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "Inputs"))
from emulated import Place, run  # noqa: E402

folder, build, programs, source = sys.argv[1:5]
place = Place(folder, build)
path = place.path
# How weights are quantised, activations, chips, and prompts: sequences and tokens.
CASES = [("weights=e4m3", "e4m3", ["sm_90a", "sm_100a"], [(24, 3), (1, 66)]),
         ("weights=e5m2", "e5m2", ["sm_100a"], [(24, 3)]),
         ("weights=nvfp4", "nvfp4", ["sm_100a", "sm_120a"], [(6, 3), (24, 3), (1, 66)]),
         ("weights=mxfp4 clip=mse", "mxfp4", ["sm_100a", "sm_120a"], [(24, 3)])]


def store(name, recipe):
    run("quant-opt", source, f"--quantize={recipe}", "-o", path("quantized.mlir"))
    run("quant-opt", path("quantized.mlir"), "-o", path(f"{name}.mlir"),
        f"--qnt-materialize-params=output={path(f'{name}.safetensors')}")


def interpret(name, tokens):
    batch = len(tokens)
    np.savez(path("x.npz"), tokens=tokens, position=np.zeros(batch, np.int32))
    run(os.path.join(programs, "interpret"), path(f"{name}.mlir"), "score",
        path("x.npz"), path("y"), str(batch), "128")
    return np.load(path("y.0.npy"))


def emulate(chip, tokens):
    np.save(path("tokens.npy"), tokens)
    np.save(path("position.npy"), np.zeros(len(tokens), np.int32))
    run("quant-run", path(f"{chip}.so"), "--entry", "score", "--context", "128",
        "--input", f"tokens={path('tokens.npy')}",
        "--input", f"position={path('position.npy')}",
        "--output", f"logits={path('logits.npy')}", env=place.emulate(chip))
    return np.load(path("logits.npy"))


def norm(logits):
    """Of each sequence."""
    return np.sqrt(np.square(logits.astype(np.float64)).sum((1, 2)))


for weights, activations, chips, prompts in CASES:
    recipe = f"{weights} activations={activations} kv=f32"
    store("codes", recipe)
    store("floats", f"{weights} kv=f32")
    for chip in chips:
        run("quant-opt", source, f"--quantize={recipe}",
            f"--target=cuda chip={chip} code=mlir", "-o", path(f"{chip}.so"))
    for batch, count in prompts:
        tokens = place.rng.integers(0, 4096, (batch, count)).astype(np.int32)
        want = interpret("codes", tokens)
        size = norm(want)
        rounding = norm(want - interpret("floats", tokens))
        for chip in chips:
            errors = norm(emulate(chip, tokens) - want)
            alike = (errors <= 1e-6 * size).mean()
            part = np.linalg.norm(errors) / np.linalg.norm(rounding)
            print(f"{recipe} {chip} {batch} x {count}: {alike:.0%} of sequences alike, errors "
                  f"up to {(errors / size).max():.1e}, in all {part:.2f} of the rounding's")
            # Of many tokens, some code differs.
            assert count > 3 or alike >= 0.25, (recipe, chip, errors / size)
            assert part <= 2 ** 0.5, (recipe, chip, errors / size, rounding / size)
