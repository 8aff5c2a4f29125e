#!/usr/bin/env python3
"""What rotations cost as a model runs: decode steps of a Qwen3-0.6B-shaped model
with seeded random weights at W4A8 group 32, without rotations, with R4 (inputs of
down projections), and with R3 (queries and keys) beside R4 and a cache in codes.
Models take turns, so that what else the machine does falls on all of them.

usage: rotations.py [--checkpoint DIR] [--layers N] [--rounds R] [--tokens T]
"""
import argparse
import pathlib
import statistics
import subprocess
import sys
import tempfile

from tools import ROOT, compile_model, machine, run_json

RECIPE = "weights=int4 group=32 activations=int8 head=int8 embedding=bf16"
# A name, what the model adds to the recipe, and what it is compared to.
MODELS = [
    ("no rotations", "", None),
    ("R4", "rotate=down", "no rotations"),
    ("int8 cache", "kv=int8", None),
    ("int8 cache, R3 and R4", "kv=int8 rotate=keys,down", "int8 cache"),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=pathlib.Path)
    parser.add_argument("--layers", type=int, default=28)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--tokens", type=int, default=64, help="steps a round")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        checkpoint = args.checkpoint or scratch / "qwen3"
        if not checkpoint.exists():
            subprocess.run([sys.executable, ROOT / "test/Bench/make_checkpoint.py",
                            checkpoint, "--like", "qwen3-0.6b", "--layers",
                            str(args.layers)], check=True)
        compiled = {}
        for i, (name, keys, _) in enumerate(MODELS):
            compiled[name] = scratch / f"m{i}.so"
            compile_model(checkpoint, compiled[name], f"{RECIPE} {keys}")
        print(f"Qwen3-0.6B shape, {args.checkpoint or f'{args.layers} layers'}, {RECIPE}, "
              f"{args.rounds} rounds of {args.tokens} steps, {machine()}")
        print("| threads | model | ms a step (best) | added (best) | added (median) |")
        print("|---|---|---|---|---|")
        for threads in (1, 2):
            steps = {name: [] for name in compiled}
            for turn in range(args.rounds):
                names = list(compiled)
                for name in names if turn % 2 == 0 else reversed(names):
                    result = run_json(compiled[name], "--bench", "--threads", threads,
                                      "--prompt-tokens", 128, "--gen-tokens",
                                      args.tokens, "--runs", 1)
                    steps[name].append(1e3 / result["tokens_per_second"])
            for name, _, base in MODELS:
                added = ["", ""]
                if base:
                    ratios = [a / b for a, b in zip(steps[name], steps[base])]
                    added = [f"{100 * (ratio - 1):+.1f}%" for ratio in
                             (min(steps[name]) / min(steps[base]),
                              statistics.median(ratios))]
                print(f"| {threads} | {name} | {min(steps[name]):.2f} | {added[0]} | "
                      f"{added[1]} |", flush=True)


if __name__ == "__main__":
    main()
