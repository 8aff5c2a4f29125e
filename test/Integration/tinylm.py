# REQUIRES: python
# RUN: rm -rf %t && mkdir %t
# RUN: %python %s %source %t
"""tinylm from checkpoint to compiled code, against numpy.

The compiled f32 model's logits agree with the numpy reference; greedy text is
the documented one; quantised models stay near the float model; what a prompt
yields does not depend on its batch, on the number of threads or on how its
tokens reach the cache.
"""
import json
import pathlib
import subprocess
import sys

import numpy as np

source, scratch = map(pathlib.Path, sys.argv[1:])
sys.path.insert(0, str(source / "test/Reference"))
import llama  # noqa: E402
from seeding import draw_seed

FOLDER = source / "test/Inputs/tinylm"


def compile_model(name, recipe=None):
    model = scratch / f"{name}.so"
    command = ["quant-opt", FOLDER, "--target=cpu", "-o", model]
    if recipe:
        command.append(f"--quantize={recipe}")
    subprocess.run(command, check=True)
    return model


def run(model, *args):
    return subprocess.run(["quant-run", model, *map(str, args)], check=True,
                          capture_output=True, text=True).stdout


def score(model, tokens):
    np.savez(scratch / "in.npz", tokens=tokens.astype(np.int32),
             position=np.zeros(len(tokens), np.int32))
    run(model, "--entry", "score", "--input", scratch / "in.npz", "--output", scratch / "out.npy")
    return np.load(scratch / "out.npy")


floats = compile_model("f32", "weights=none kv=f32")
seed = draw_seed()
rng = np.random.default_rng(seed)
for batch, length in ((1, 1), (2, 19), (1, 100)):
    tokens = rng.integers(1, 4096, (batch, length))
    reference = llama.logits(str(FOLDER), tokens)
    error = np.abs(score(floats, tokens) - reference).max() / np.abs(reference).max()
    print(f"f32, batch {batch} x {length}: relative error {error:.1e}")
    assert error < 1e-5, error

film, war = "The film is", "In the last year of the war"
text = run(floats, "--prompt", film, "-n", 64)
assert text.startswith(" a very good movie. \nthe film is a little too bad. \n"
                       "the film is a little too bad."), text
text = run(floats, "--prompt", war, "-n", 32)
assert text.startswith(", the United States, the United States, the United States, the United "
                       "States, and the United States, the United States, the United States,"), text

# Perplexity on what the model itself says: bounds far above the measured change
# and far below that of a broken kernel.
sample = scratch / "sample.txt"
sample.write_text("".join(
    run(floats, "--prompt", prompt, "-n", 250, "--temperature", 1, "--seed", i, "--ignore-eos")
    for i, prompt in enumerate([film, war, "The king", "She said that", "Yesterday"])))
for name, recipe, bound in (
        ("w8a8", "weights=int8 activations=int8", 0.01),
        ("static", f"weights=int8 activations=int8 per=tensor range=mse calib={sample}", 0.04),
        ("w4a8", "weights=int4 group=32 activations=int8 clip=mse", 0.06),
        ("w4a4", "weights=int4 group=32 activations=uint4 clip=mse head=int8", 0.5),
        ("w8a8kv8", "weights=int8 activations=int8 kv=int8", 0.01),
        ("w8a8kv4", "weights=int8 activations=int8 kv=int4", 0.05),
        ("w4a16", "weights=int4 group=32 clip=mse floats=bf16", 0.06)):
    model = compile_model(name, recipe)
    result = json.loads(run(model, "--compare", floats, "--text", sample, "--json"))
    print(f"{name}: perplexity {result['ppl']:.3f} (f32 {result['reference_ppl']:.3f}), "
          f"KL {result['kl']:.5f}")
    assert 0 < result["kl"] < 2 * bound, result["kl"]
    assert abs(result["ppl"] / result["reference_ppl"] - 1) < bound

quantised = scratch / "w4a8.so"
alone = run(quantised, "--prompt", war, "-n", 24)
both = run(quantised, "--prompt", film, "--prompt", war, "-n", 24)
assert alone.strip() in both, (alone, both)
assert run(quantised, "--prompt", war, "-n", 24, "--threads", 1) == alone
by_score, by_decode = (
    json.loads(run(quantised, "--eval", f"ppl={sample}", "--ppl-via", entry, "--limit", 2,
                   "--json"))["ppl"] for entry in ("score", "decode"))
assert abs(by_score / by_decode - 1) < 1e-5, (by_score, by_decode)
