#!/usr/bin/env python3
"""Whether any mix of formats runs at speed: decode steps of a Qwen3-0.6B-shaped model
with seeded random weights, uniform in each format and with formats drawn for each
tensor, against the mean of the uniform models' steps, weighted by the bytes that
the mix has in each format. By weights: the same, weighted by how many weights have it.
Models take turns, so that what else the machine does falls on all of them.

usage: mixed.py [--checkpoint DIR] [--layers N] [--mixes N] [--rounds R] [--tokens T]
                [--threads 1,2] [--seed S]
"""
import argparse
import json
import os
import pathlib
import random
import statistics
import tempfile

from tools import compile_model, find_checkpoint, machine, time_steps

FORMATS = ["int8", "int4", "int3", "int2"]
REST = "group=64 activations=int8 head=int8 head-group=0 embedding=bf16"


def read_shapes(checkpoint):
    """Weights of linear layers below the head, by name."""
    with open(checkpoint / "model.safetensors", "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    return {name: entry["shape"] for name, entry in header.items()
            if "_proj.weight" in name}


def share(allocation, shapes, bits):
    """Of each format in what the mix holds, weights counting as `bits` says."""
    sums = dict.fromkeys(FORMATS, 0)
    for name, fmt in allocation.items():
        sums[fmt] += shapes[name][0] * shapes[name][1] * bits(fmt)
    return {fmt: part / sum(sums.values()) for fmt, part in sums.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=pathlib.Path)
    parser.add_argument("--layers", type=int, default=28)
    parser.add_argument("--mixes", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--tokens", type=int, default=32, help="steps a round")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        checkpoint = find_checkpoint(args.checkpoint, scratch, args.layers)
        shapes = read_shapes(checkpoint)
        models, mixes = {}, {}
        for fmt in FORMATS:
            models[fmt] = scratch / f"{fmt}.so"
            compile_model(checkpoint, models[fmt], f"weights={fmt} {REST}")
        for i in range(args.mixes):
            name = f"mix {i + 1}"
            mixes[name] = {weight: rng.choice(FORMATS) for weight in shapes}
            chosen = scratch / f"mix{i}.json"
            chosen.write_text(json.dumps({"allocation": mixes[name]}))
            models[name] = scratch / f"mix{i}.so"
            compile_model(checkpoint, models[name],
                          f"allocation={chosen} weights=int8 {REST}")
        print(f"Qwen3-0.6B shape, {REST}, seed {args.seed}, {args.rounds} rounds of "
              f"{args.tokens} steps, {machine()}, load {os.getloadavg()[0]:.1f}")
        print("| threads | model | ms a step (best) | (median) | to the mean by bytes "
              "(best) | (median) | by weights (best) | (median) |")
        print("|---|---|---|---|---|---|---|---|")
        for threads in map(int, args.threads.split(",")):
            steps = time_steps(models, args.rounds, args.tokens, threads)
            best = {name: min(times) for name, times in steps.items()}
            middle = {name: statistics.median(times) for name, times in steps.items()}
            for name in models:
                ratios = [""] * 4
                if name in mixes:
                    # A scale of 16 bits for each 64 weights.
                    shares = [share(mixes[name], shapes, bits) for bits in
                              (lambda fmt: int(fmt[3:]) + 0.25, lambda fmt: 1)]
                    ratios = [f"{times[name] / sum(s[f] * times[f] for f in FORMATS):.3f}"
                              for s in shares for times in (best, middle)]
                print(f"| {threads} | {name} | {best[name]:.2f} | {middle[name]:.2f} | "
                      + " | ".join(ratios) + " |", flush=True)


if __name__ == "__main__":
    main()
