#!/usr/bin/env python3
"""How long allocations take: 400 tensors with 6 formats each, under a budget of
bytes and, with --couplings, kernels that fuse neighbours.

usage: allocation.py [--trials N] [--couplings]
"""
import argparse
import json
import statistics
import subprocess
import time

import numpy as np

from tools import BUILD, machine


def make(rng, tensors, share, coupled):
    """A problem whose budget is `share` of the way from the least to the most bytes."""
    items = []
    for _ in range(tensors):
        elements, loss = 10 ** rng.uniform(4, 7), 10 ** rng.uniform(-5, -1)
        items.append([{"name": f"int{bits}",
                       "loss": float(loss * rng.uniform(0.7, 1.4) * 4.0 ** -bits),
                       "costs": [float(elements * bits / 8)]}
                      for bits in (2, 3, 4, 5, 6, 8)])
    least = sum(item[0]["costs"][0] for item in items)
    most = sum(item[-1]["costs"][0] for item in items)
    couplings = [{"first": i, "second": i + 1,
                  "costs": [[[1e4 * (a != b)] for b in range(6)] for a in range(6)]}
                 for i in range(0, tensors - 1, 2)] if coupled else []
    return {"items": items, "limits": [least + (most - least) * share],
            "couplings": couplings}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=9)
    parser.add_argument("--couplings", action="store_true")
    args = parser.parse_args()
    seed = int(time.time())
    rng = np.random.default_rng(seed)
    print(f"{machine()}, seed {seed}")
    print("| share of the budget | seconds, median (least to most) |")
    print("|---|---|")
    for share in (0.1, 0.3, 0.6):
        times = []
        for _ in range(args.trials):
            text = json.dumps([make(rng, 400, share, args.couplings)])
            start = time.perf_counter()
            done = subprocess.run([BUILD / "test/bin/test-allocation"], input=text,
                                  text=True, capture_output=True, check=True)
            times.append(time.perf_counter() - start)
            assert "loss" in json.loads(done.stdout)[0], done.stdout
        print(f"| {share} | {statistics.median(times):.2f} "
              f"({min(times):.2f} to {max(times):.2f}) |", flush=True)


if __name__ == "__main__":
    main()
