#!/usr/bin/env python3
"""tinylm with injected outliers, W4A4: some channels at the input of linear layers
are 64 times as large, and the float model is the same. Perplexity on
shared/data/english_heldout.txt by where they are and what is done against them.

usage: outliers.py [--limit WINDOWS] [--channels N]
"""
import argparse
import pathlib
import tempfile

from tools import ROOT, compile_model, machine, need_shared, run_json

SITES = ["none", "norms", "values", "products", "all"]
FORMAT = "weights=int4 group=128 activations=int4"
CALIB = "calib={calib} samples=128"
METHODS = [
    ("rtn", [], "method=rtn"),
    ("folded", ["--nn-fold=norms"], "method=rtn"),
    ("rotate", [], "rotate=hadamard method=mse"),
    ("smooth+rotate", [],
     f"smooth=smoothquant rotate=hadamard method=mse {CALIB}"),
    ("apart", [], f"outliers=8 method=mse {CALIB}"),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limit", type=int, help="windows to evaluate (all 557)")
    parser.add_argument("--channels", type=int, default=4, help="at each site")
    args = parser.parse_args()
    text = need_shared("data/english_heldout.txt")
    calib = need_shared("data/english_calib.txt")
    limit = ["--limit", args.limit] if args.limit else []
    print(f"tinylm W4A4 g128, {args.channels} channels x 64, {machine()}")
    print("| outliers | " + " | ".join(["f32"] + [m[0] for m in METHODS]) + " |")
    print("|---" * (len(METHODS) + 2) + "|")
    with tempfile.TemporaryDirectory() as scratch:
        model = ROOT / "test/Inputs/tinylm"
        compiled = pathlib.Path(scratch) / "m.so"

        def perplexity(recipe, passes):
            compile_model(model, compiled, recipe, *passes)
            return run_json(compiled, "--eval", f"ppl={text}", *limit)["ppl"]
        for site in SITES:
            inject = [] if site == "none" else [
                f"--qnt-inject-outliers=at={site} channels={args.channels} "
                "factor=64 seed=1"]
            cells = [perplexity(None, inject)]
            for _, passes, recipe in METHODS:
                cells.append(perplexity(f"{FORMAT} {recipe.format(calib=calib)}",
                                        inject + passes))
            print(f"| {site} | " + " | ".join(f"{c:.2f}" for c in cells) + " |",
                  flush=True)


if __name__ == "__main__":
    main()
