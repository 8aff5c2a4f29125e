# REQUIRES: python
# RUN: rm -rf %t && %python %s %t %test_bin %source/test %inputs/tinylm random
"""Rotated models compute what the models compute: each rotation alone and all
together, on random checkpoints with grouped queries and widths that are no powers
of two, and on tinylm. At most 1e-4 of the largest output apart, in the
interpreter."""
import json
import os
import subprocess
import sys

import numpy as np

folder, programs, tests, tinylm, model = sys.argv[1:6]
sys.path.append(os.path.join(tests, "Bench"))
import make_checkpoint as make
from seeding import draw_seed

seed = draw_seed()
rng = np.random.default_rng(seed)
os.makedirs(folder, exist_ok=True)
worst = 0.0
# Activations that each rotates in a decoder's layer.
ONLINE = {"residual": 0, "values": 0, "keys": 2, "down": 1}


def path(name):
    return os.path.join(folder, name)


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, (command, done.stderr[:2000])
    return done.stdout


def outputs(module, entry, inputs, cache):
    np.savez(path("x.npz"), **inputs)
    run(os.path.join(programs, "interpret"), module, entry, path("x.npz"),
        path("y"), *map(str, cache))
    return np.load(path("y.0.npy")).astype(float)


def check(what, model, entry, inputs, options, cache=()):
    """`options` are those of qnt-rotate, each with how many activations it
    rotates (in all functions)."""
    global worst
    with open(path("model.mlir"), "w") as file:
        file.write(run(os.path.join(programs, "qnt-import"), model,
                       "--kv-type=f32"))
    want = outputs(path("model.mlir"), entry, inputs, cache)
    for option, online in options:
        steps = ["--nn-fold=norms", f"--qnt-rotate={option}"]
        text = run("quant-opt", path("model.mlir"), *steps)
        rotated = [line for line in text.splitlines()
                   if "qnt.rotate" in line and ": tensor<?" in line]
        assert len(rotated) == online, (what, option, len(rotated))
        with open(path("rotated.mlir"), "w") as file:
            file.write(text)
        variants = [path("rotated.mlir")]
        if option == options[-1][0]:
            variants.append(path("stored.mlir"))
            run("quant-opt", path("rotated.mlir"), "-o", variants[-1],
                f"--qnt-materialize-params=output={path('stored.safetensors')}")
        for variant in variants:
            got = outputs(variant, entry, inputs, cache)
            error = np.abs(got - want).max() / np.abs(want).max()
            worst = max(worst, error)
            assert error <= 1e-4, (what, option, variant, error)
            assert error > 0, (what, option)


def decoder(like, more=(), dtype="f32", **changes):
    """A random checkpoint; `more` are further options of all rotations."""
    config = make.SHAPES[like] | changes
    make.write(path("m"), config, dtype, seed=int(rng.integers(1 << 30)))
    layers = config["num_hidden_layers"]
    tokens = rng.integers(0, config["vocab_size"], (2, 7)).astype(np.int32)
    options = [(f"{name} seed={rng.integers(1 << 62)}", count * layers)
               for name, count in ONLINE.items()]
    options += [(f"{' '.join(ONLINE)} seed={rng.integers(1 << 62)} {option}",
                 3 * layers) for option in ("", *more)]
    check(f"{like} {changes}", path("m"), "score",
          {"tokens": tokens, "position": np.zeros(2, np.int32)}, options,
          (2, 16))


def encoder(model, config):
    """Post-norm: the stream cannot be rotated, the inputs of layers can."""
    layers = config["num_hidden_layers"]
    tokens = rng.integers(0, config["vocab_size"], (2, 4)).astype(np.int32)
    check(model, model, "forward",
          {"tokens": tokens, "token_types": tokens % 2,
           "lengths": np.array([4, 3], np.int32)},
          [("values", 0), ("keys", 2 * layers), ("down", layers),
           ("residual fallback=online", 2 * layers),
           ("residual values keys down fallback=online", 5 * layers)])


if model != "random":
    with open(os.path.join(model, "config.json")) as file:
        encoder(model, json.load(file))
    print(f"worst {worst:.2g}")
    sys.exit()

decoder("tiny-llama")
decoder("tiny-llama", ["block=4"], attention_bias=True, mlp_bias=True,
        hidden_size=84, num_attention_heads=6, num_key_value_heads=3,
        head_dim=20, intermediate_size=56)
# 172 has no Hadamard matrix, nor have heads of 6: blocks of 4 and 2.
decoder("tiny-llama", ["seed=0"], hidden_size=172, num_attention_heads=4,
        num_key_value_heads=4, head_dim=6, intermediate_size=36)
decoder("tiny-qwen3", num_key_value_heads=1)
decoder("tiny-smollm3", dtype="bf16")
decoder("tiny-qwen2", ["block=8"])

tokens = rng.integers(0, 4096, (1, 6)).astype(np.int32)
check("tinylm", tinylm, "score",
      {"tokens": tokens, "position": np.zeros(1, np.int32)},
      [(name, 6 * count) for name, count in ONLINE.items()] +
      [(" ".join(ONLINE), 18)], (1, 16))

config = make.SHAPES["tiny-bert"] | {"hidden_size": 48, "vocab_size": 50}
make.write(path("m"), config, "f32", seed=int(rng.integers(1 << 30)))
encoder(path("m"), config)
print(f"worst {worst:.2g}")
