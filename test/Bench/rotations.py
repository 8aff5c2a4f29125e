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
import tempfile

from tools import compile_model, find_checkpoint, machine, time_steps

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
        checkpoint = find_checkpoint(args.checkpoint, scratch, args.layers)
        compiled = {}
        for i, (name, keys, _) in enumerate(MODELS):
            compiled[name] = scratch / f"m{i}.so"
            compile_model(checkpoint, compiled[name], f"{RECIPE} {keys}")
        print(f"Qwen3-0.6B shape, {args.checkpoint or f'{args.layers} layers'}, {RECIPE}, "
              f"{args.rounds} rounds of {args.tokens} steps, {machine()}")
        print("| threads | model | ms a step (best) | added (best) | added (median) |")
        print("|---|---|---|---|---|")
        for threads in (1, 2):
            steps = time_steps(compiled, args.rounds, args.tokens, threads)
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
