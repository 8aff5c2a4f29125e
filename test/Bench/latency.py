#!/usr/bin/env python3
"""How well the table of latencies predicts decode steps: a Qwen3-0.6B-shaped model
with seeded random weights in uniform formats. Predicted is the sum over its layers
(quant-opt --measure-latency, measured in this run) and what else the first model
spends in a step; both are given as ratios to the first model. Models take turns, so
that what else the machine does falls on all of them.

usage: latency.py [--checkpoint DIR] [--layers N] [--rounds R] [--tokens T]
                  [--threads 1,2]
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import tempfile

from tools import BUILD, compile_model, find_checkpoint, machine, time_steps

# Formats of the layers, as --measure-latency and as a recipe has them.
FORMATS = {"int8": "weights=int8", "int4:64": "weights=int4 group=64",
           "int3:64": "weights=int3 group=64", "int2:64": "weights=int2 group=64"}
REST = "activations=int8 head=int8 head-group=0 embedding=bf16"
HEAD = "int8"


def predict(checkpoint, scratch, threads, vocabulary):
    """Seconds of all layers, by format."""
    cache = scratch / f"cache{threads}"
    cache.mkdir()
    path = scratch / f"costs{threads}.json"
    subprocess.run([BUILD / "bin/quant-opt", checkpoint, "--measure-latency=" +
                    ",".join(FORMATS), "-o", path], check=True,
                   stdout=subprocess.DEVNULL,
                   env=os.environ | {"XDG_CACHE_HOME": str(cache),
                                     "OMP_NUM_THREADS": str(threads)})
    totals = dict.fromkeys(FORMATS, 0.0)
    for group in json.loads(path.read_text())["layers"]:
        seconds = {cost["format"]: cost["seconds"] for cost in group["costs"]}
        for name in totals:
            is_head = group["shape"][0] == vocabulary
            totals[name] += group["count"] * seconds[HEAD if is_head else name]
    return totals


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=pathlib.Path)
    parser.add_argument("--layers", type=int, default=28)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--tokens", type=int, default=32, help="steps a round")
    parser.add_argument("--threads", default="1,2")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        checkpoint = find_checkpoint(args.checkpoint, scratch, args.layers)
        vocabulary = json.loads((checkpoint / "config.json").read_text())["vocab_size"]
        models = {}
        for i, (name, weights) in enumerate(FORMATS.items()):
            models[name] = scratch / f"m{i}.so"
            compile_model(checkpoint, models[name], f"{weights} {REST}")
        print(f"Qwen3-0.6B shape, {REST}, {args.rounds} rounds of {args.tokens} steps, "
              f"{machine()}, load {os.getloadavg()[0]:.1f}")
        print("| threads | weights | ms a step (best) | (median) | layers predicted, ms "
              "| ratio measured (best) | (median) | ratio predicted | off |")
        print("|---|---|---|---|---|---|---|---|---|")
        base = next(iter(FORMATS))
        for threads in map(int, args.threads.split(",")):
            layers = predict(checkpoint, scratch, threads, vocabulary)
            steps = time_steps(models, args.rounds, args.tokens, threads)
            best = {name: min(times) for name, times in steps.items()}
            middle = {name: statistics.median(times) for name, times in steps.items()}
            # What is not a linear layer costs the same in all models.
            rest = best[base] - 1e3 * layers[base]
            for name in models:
                predicted = (1e3 * layers[name] + rest) / best[base]
                measured = best[name] / best[base]
                print(f"| {threads} | {name} | {best[name]:.2f} | {middle[name]:.2f} | "
                      f"{1e3 * layers[name]:.2f} | {measured:.3f} | "
                      f"{middle[name] / middle[base]:.3f} | {predicted:.3f} | "
                      f"{100 * (predicted / measured - 1):+.1f}% |", flush=True)


if __name__ == "__main__":
    main()
