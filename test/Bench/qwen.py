#!/usr/bin/env python3
"""A Qwen3-0.6B-shaped model with seeded random weights: time and memory to
quantise and compile it at W4A8 group 32 with an int8 head, prefill of 512 tokens
and decode speed, the latter as a share of the memory-read bandwidth measured
between its steps.

usage: qwen.py [--checkpoint DIR] [--runs R]
"""
import argparse
import pathlib
import tempfile

from tools import compile_model, find_checkpoint, machine, run_json, size_mb

RECIPE = "weights=int4 group=32 activations=int8 head=int8 embedding=bf16"


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=pathlib.Path)
    parser.add_argument("--runs", type=int, default=5)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        checkpoint = find_checkpoint(args.checkpoint, scratch)
        model = scratch / "model.so"
        seconds, megabytes = compile_model(checkpoint, model, RECIPE)
        print(f"Qwen3-0.6B shape, {RECIPE}, {machine()}")
        print(f"quantise and compile: {seconds:.1f} s, peak resident {megabytes:.0f} MB, "
              f"{size_mb(model):.0f} MB written")
        print("| threads | prefill tokens/s | decode tokens/s | decode / read | read GB/s |")
        print("|---|---|---|---|---|")
        for threads in (1, 2):
            r = run_json(model, "--bench", "--threads", threads, "--prompt-tokens", 512,
                         "--gen-tokens", 64, "--runs", args.runs)
            print(f"| {threads} | {r['prefill_tokens_per_second']:.0f} | "
                  f"{r['tokens_per_second']:.1f} | {r['decode_bandwidth_ratio']:.2f} | "
                  f"{r['read_gb_per_second']:.1f} |", flush=True)


if __name__ == "__main__":
    main()
