#!/usr/bin/env python3
"""tinylm by recipe: size, perplexity, KL and top-1 agreement against our f32 on
shared/data/english_heldout.txt, by the protocol of docs/quant-run.md.

usage: tinylm.py [--limit WINDOWS]
"""
import argparse
import pathlib
import tempfile

from tools import ROOT, compile_model, machine, need_shared, run_json, size_mb

RECIPES = [
    ("f32", None),
    ("W8A8", "weights=int8 activations=int8"),
    ("W8A8 static (mse)", "weights=int8 activations=int8 per=tensor range=mse samples=64 calib={calib}"),
    ("W8A16", "weights=int8"),
    ("W4A16 g32", "weights=int4 group=32 clip=mse"),
    ("W4A16 g32 absmax", "weights=int4 group=32"),
    ("W4A8 g32", "weights=int4 group=32 activations=int8 clip=mse"),
    ("W4A8 g128", "weights=int4 group=128 activations=int8 clip=mse"),
    ("W4A8 per channel", "weights=int4 activations=int8 clip=mse"),
    ("W4A8 g64 zero points", "weights=int4 group=64 zero=true activations=int8 clip=mse"),
    ("W3A16 g32", "weights=int3 group=32 clip=mse"),
    ("W2A16 g32", "weights=int2 group=32 clip=mse"),
    ("NF4 g64", "weights=nf4 group=64"),
    ("E4M3 weights", "weights=e4m3"),
    ("E2M1 g32", "weights=e2m1 group=32 clip=mse"),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limit", type=int, help="windows to evaluate (all 557)")
    args = parser.parse_args()
    text = need_shared("data/english_heldout.txt")
    calib = need_shared("data/english_calib.txt")
    limit = ["--limit", args.limit] if args.limit else []
    print(f"tinylm, {machine()}")
    print(f"| {'recipe':21} | {'MB':>5} | perplexity | {'change':>7} | {'KL':>8} | top-1 |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        reference, base = None, None
        for i, (name, recipe) in enumerate(RECIPES):
            model = pathlib.Path(scratch) / f"m{i}.so"
            compile_model(ROOT / "test/Inputs/tinylm", model,
                          recipe and recipe.format(calib=calib))
            if reference is None:
                reference = model
                result = run_json(model, "--eval", f"ppl={text}", *limit)
                base = result["ppl"]
                result.update(kl=0.0, top1_agreement=100.0)
            else:
                result = run_json(model, "--compare", reference, "--text", text, *limit)
            print(f"| {name:21} | {size_mb(model):5.1f} | {result['ppl']:10.4f} | "
                  f"{100 * (result['ppl'] / base - 1):+6.2f}% | {result['kl']:8.5f} | "
                  f"{result['top1_agreement']:4.1f}% |", flush=True)


if __name__ == "__main__":
    main()
