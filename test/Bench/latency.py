#!/usr/bin/env python3
"""How well budgets of time predict decode steps: a Qwen3-0.6B-shaped model with seeded
random weights, uniform W8 and allocated under latency= at shares of the way from what its
layers take at W2 to what they take at W8. Predicted is what the budget counts, by the table of latencies that is measured in
this run, and what else W8 spends in a step; both are given as ratios to W8. Models take
turns, so that what else the machine does falls on all of them.

usage: latency.py [--checkpoint DIR] [--layers N] [--rounds R] [--tokens T]
                  [--threads 1,2] [--shares S,...]
"""
import argparse
import json
import os
import pathlib
import statistics
import subprocess
import tempfile

from tools import BUILD, compile_model, find_checkpoint, machine, time_steps

FORMATS = ["int2", "int3", "int4", "int8"]
REST = "group=64 activations=int8 head=int8 head-group=0 embedding=bf16"


def predict(checkpoint, scratch, vocabulary):
    """Milliseconds of all layers at W2 and at W8."""
    path = scratch / "costs.json"
    subprocess.run([BUILD / "bin/quant-opt", checkpoint,
                    "--measure-latency=int8,int2:64,int8:64", "-o", path], check=True,
                   stdout=subprocess.DEVNULL)
    totals = {"int2:64": 0.0, "int8:64": 0.0}
    for group in json.loads(path.read_text())["layers"]:
        seconds = {cost["format"]: cost["seconds"] for cost in group["costs"]}
        is_head = group["shape"][0] == vocabulary
        for name in totals:
            totals[name] += 1e3 * group["count"] * seconds["int8" if is_head else name]
    return totals.values()


def allocate(checkpoint, path, milliseconds):
    """Milliseconds of the allocated model's layers, as its budget counts them."""
    report = path.with_suffix(".report.json")
    compile_model(checkpoint, path, f"latency={milliseconds:.4f}ms sensitivity=weight "
                  f"formats={','.join(FORMATS)} {REST}", f"--report={report}")
    return json.loads(report.read_text())["budgets"][0]["taken"]


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=pathlib.Path)
    parser.add_argument("--layers", type=int, default=28)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--tokens", type=int, default=32, help="steps a round")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--shares", default="0.1,0.3,0.5,0.7,0.9",
                        type=lambda text: [float(share) for share in text.split(",")])
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        checkpoint = find_checkpoint(args.checkpoint, scratch, args.layers)
        vocabulary = json.loads((checkpoint / "config.json").read_text())["vocab_size"]
        base = "W8"
        uniform = scratch / "w8.so"
        compile_model(checkpoint, uniform, f"weights=int8 {REST}")
        print(f"Qwen3-0.6B shape, {REST}, {args.rounds} rounds of {args.tokens} steps, "
              f"{machine()}, load {os.getloadavg()[0]:.1f}")
        print("| threads | model | ms a step (best) | (median) | layers predicted, ms "
              "| ratio measured (best) | (median) | ratio predicted | off |")
        print("|---|---|---|---|---|---|---|---|---|")
        for threads in map(int, args.threads.split(",")):
            # The table of latencies is this run's own.
            os.environ["XDG_CACHE_HOME"] = str(scratch / f"cache{threads}")
            os.environ["OMP_NUM_THREADS"] = str(threads)
            models = {base: uniform}
            low, high = predict(checkpoint, scratch, vocabulary)
            layers = {base: high}
            for share in args.shares:
                budget = low + share * (high - low)
                name = f"latency={budget:.2f}ms"
                models[name] = scratch / f"t{threads}-{share}.so"
                layers[name] = allocate(checkpoint, models[name], budget)
            steps = time_steps(models, args.rounds, args.tokens, threads)
            best = {name: min(times) for name, times in steps.items()}
            middle = {name: statistics.median(times) for name, times in steps.items()}
            # What is not a linear layer costs the same in all models.
            rest = best[base] - layers[base]
            for name in models:
                predicted = (layers[name] + rest) / best[base]
                measured = best[name] / best[base]
                print(f"| {threads} | {name} | {best[name]:.2f} | {middle[name]:.2f} | "
                      f"{layers[name]:.2f} | {measured:.3f} | "
                      f"{middle[name] / middle[base]:.3f} | {predicted:.3f} | "
                      f"{100 * (predicted / measured - 1):+.1f}% |", flush=True)


if __name__ == "__main__":
    main()
