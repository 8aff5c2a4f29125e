#!/usr/bin/env python3
"""A language model whose arithmetic is in integers, in the interpreter: perplexity on windows
of held-out text beside the float model's on the same windows, and the KL divergence between
their predictions.

usage: integer_lm.py [--windows N] [--tokens N] [--recipes R;R;...]
"""
import argparse
import pathlib
import sys
import tempfile

import numpy as np
from tokenizers import Tokenizer

from tools import BUILD, ROOT, call, machine, need_shared

sys.path.append(str(ROOT / "test/Reference"))
import llama  # noqa: E402

FOLDER = ROOT / "test/Inputs/tinylm"
RECIPES = ["weights=int8", "weights=int4", "weights=int4 clip=mse", "weights=ternary"]


def log_softmax(x):
    x = x - x.max(-1, keepdims=True)
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def perplexity(logs, windows):
    return np.exp(-np.mean([logs[i, :-1][np.arange(len(w) - 1), w[1:]]
                            for i, w in enumerate(windows)]))


def interpret(recipe, windows, folder):
    """Scores [windows, tokens, vocabulary] of the model in integers."""
    calib = need_shared("data/english_calib.txt")
    call(BUILD / "bin/quant-opt", FOLDER, "-o", folder / "model.mlir",
         f"--quantize={recipe} activations=int8 per=tensor arithmetic=integer head=none "
         f"calib={calib} samples=32")
    call(BUILD / "bin/quant-opt", folder / "model.mlir", "-o", folder / "stored.mlir",
         f"--qnt-materialize-params=output={folder}/stored.safetensors")
    scores = []
    for window in windows:
        np.savez(folder / "in.npz", tokens=window[None].astype(np.int32))
        call(BUILD / "test/bin/interpret", folder / "stored.mlir", "score", folder / "in.npz",
             folder / "out")
        scores.append(np.load(folder / "out.0.npy")[0])
    return np.array(scores)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--windows", type=int, default=8)
    parser.add_argument("--tokens", type=int, default=256)
    parser.add_argument("--recipes", default=";".join(RECIPES))
    args = parser.parse_args()
    print(machine())
    text = need_shared("data/english_heldout.txt").read_text()
    ids = Tokenizer.from_file(str(FOLDER / "tokenizer.json")).encode(
        text[:args.windows * args.tokens * 8], add_special_tokens=False).ids
    windows = np.array(ids[:args.windows * args.tokens]).reshape(args.windows, -1)
    floats = log_softmax(llama.logits(str(FOLDER), windows))
    print(f"float: perplexity {perplexity(floats, windows):.3f} on {args.windows} windows of "
          f"{args.tokens} tokens", flush=True)
    for recipe in args.recipes.split(";"):
        with tempfile.TemporaryDirectory() as scratch:
            logs = log_softmax(interpret(recipe, windows, pathlib.Path(scratch)))
        kl = (np.exp(floats) * (floats - logs)).sum(-1).mean()
        top = (floats.argmax(-1) == logs.argmax(-1)).mean()
        print(f"{recipe}: perplexity {perplexity(logs, windows):.3f}, KL to float {kl:.5f}, "
              f"top-1 agreement {100 * top:.1f}%", flush=True)


main()
