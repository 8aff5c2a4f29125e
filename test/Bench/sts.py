#!/usr/bin/env python3
"""MiniLM on STS-B dev: Spearman correlation by recipe, and the relative error of
the compiled f32 model against numpy.

usage: sts.py
"""
import csv
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

from tools import BUILD, ROOT, compile_model, find_minilm, machine, need_shared, run_json, size_mb

sys.path.insert(0, str(ROOT / "test/Reference"))
import bert  # noqa: E402

RECIPES = [
    ("f32", None),
    ("W8A8", "weights=int8 activations=int8"),
    ("W4A8 g32", "weights=int4 group=32 activations=int8 clip=mse"),
    ("W4A8 per channel", "weights=int4 activations=int8 clip=mse"),
    ("W3A8 g32", "weights=int3 group=32 activations=int8 clip=mse"),
]


def relative_error(folder, model, scratch):
    """Largest |ours - numpy| over the largest |numpy| of the hidden states, on
    random tokens of several lengths."""
    rng = np.random.default_rng(1)
    worst = 0.0
    for tokens in (1, 7, 64, 128):
        ids = rng.integers(1000, 20000, (2, tokens)).astype(np.int32)
        types = np.zeros_like(ids)
        lengths = np.array([tokens, max(1, tokens - 3)], np.int32)
        np.savez(scratch / "in.npz", tokens=ids, token_types=types, lengths=lengths)
        subprocess.run([BUILD / "bin/quant-run", model, "--entry", "forward", "--input",
                        scratch / "in.npz", "--output", scratch / "out.npy"],
                       check=True, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        ours = np.load(scratch / "out.npy")
        reference = bert.hidden(folder, ids, types, lengths)
        for row, length in enumerate(lengths):
            error = np.abs(ours[row, :length] - reference[row, :length]).max()
            worst = max(worst, error / np.abs(reference[row, :length]).max())
    return worst


def main():
    folder = find_minilm()
    pairs = need_shared("data/stsb-en-dev.csv")
    print(f"MiniLM on {sum(1 for _ in csv.reader(open(pairs)))} pairs of STS-B dev, {machine()}")
    print("| recipe | MB | Spearman x 100 | change |")
    print("|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        scratch, base = pathlib.Path(scratch), None
        for i, (name, recipe) in enumerate(RECIPES):
            model = scratch / f"m{i}.so"
            compile_model(folder, model, recipe)
            score = run_json(model, "--eval", f"sts={pairs}")["spearman"]
            base = base or score
            print(f"| {name} | {size_mb(model):.1f} | {score:.2f} | {score - base:+.2f} |", flush=True)
        error = relative_error(folder, scratch / "m0.so", scratch)
        print(f"f32 against numpy: largest relative error {error:.1e}")


if __name__ == "__main__":
    main()
