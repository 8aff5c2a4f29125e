#!/usr/bin/env python3
"""Calibration of a 7B-shaped model (Llama: 32 layers, 4096, 11008, vocabulary
32000; seeded random bf16 weights in shards of two layers), second moments of all
sites included: peak resident memory of the whole of quant-opt, which runs with its
anonymous memory limited to the same 8 GB, seconds, and sizes of what it reads and
writes.

usage: calibrate_large.py FOLDER [--layers N] [--samples N] [--tokens N] [--keep]

FOLDER takes about 36 GB: the checkpoint (kept with --keep, and taken again) and the
statistics.
"""
import argparse
import json
import os
import pathlib
import resource
import struct
import sys
import time

import numpy as np

from make_checkpoint import SHAPES, encode, tensors
from tools import BUILD, machine

LIMIT = 8 << 30


def write_shard(path, entries, numbers, random):
    """Weights of variance 1 / inputs: stretches of one list of normal numbers,
    from random places on; making all of them anew would take an hour."""
    header, offset = {}, 0
    for name, shape, _ in entries:
        end = offset + 2 * int(np.prod(shape))
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name, shape, kind in entries:
            count = int(np.prod(shape))
            if kind == "scale":
                file.write(encode(np.float32(1) + np.float32(0.1) * numbers[:count], "bf16"))
                continue
            scaled = encode(numbers * np.float32(shape[-1] ** -0.5), "bf16")
            while count:
                at = int(random.integers(0, len(numbers) // 2))
                part = min(count, len(numbers) - at)
                file.write(scaled[2 * at:2 * (at + part)])
                count -= part


def write_checkpoint(folder, config, seed):
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config))
    random = np.random.default_rng(seed)
    numbers = random.standard_normal(1 << 22, np.float32)
    shards = {}
    for entry in tensors(config):
        parts = entry[0].split(".")
        layer = int(parts[2]) // 2 if parts[1] == "layers" else "ends"
        shards.setdefault(f"model-{layer}.safetensors", []).append(entry)
    for name, entries in shards.items():
        write_shard(folder / name, entries, numbers, random)
    # Last: a folder with an index is whole.
    weight_map = {e[0]: name for name, entries in shards.items() for e in entries}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--layers", type=int, default=32)
    parser.add_argument("--samples", type=int, default=4)
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--keep", action="store_true")
    args = parser.parse_args()
    config = dict(SHAPES["llama-7b"], num_hidden_layers=args.layers)
    checkpoint = args.folder / f"llama-{args.layers}"
    if not (checkpoint / "model.safetensors.index.json").exists():
        write_checkpoint(checkpoint, config, seed=1)
    size = sum(path.stat().st_size for path in checkpoint.iterdir())
    ids = np.random.default_rng(2).integers(0, config["vocab_size"], (args.samples, args.tokens))
    samples = args.folder / "samples.npz"
    np.savez(samples, tokens=ids.astype(np.int32), position=np.zeros(args.samples, np.int32))
    out = args.folder / "calibrated"
    command = [BUILD / "bin/quant-opt", checkpoint,
               f"--qnt-calibrate=samples={samples} count={args.samples} output={out}.json "
               f"tensors={out}.safetensors moments work={out}.work",
               "-o", f"{out}.mlir"]
    start = time.perf_counter()
    pid = os.fork()
    if pid == 0:
        resource.setrlimit(resource.RLIMIT_DATA, (LIMIT, LIMIT))
        os.execv(command[0], [str(word) for word in command])
    _, status, usage = os.wait4(pid, 0)
    if status:
        sys.exit(f"quant-opt failed with status {status}")
    seconds = time.perf_counter() - start
    statistics = os.path.getsize(f"{out}.safetensors")
    print(f"Llama-7B shape, {args.layers} layers, {args.samples} samples of {args.tokens} tokens, "
          f"{machine()}")
    print("| checkpoint | statistics written | peak resident | seconds |")
    print("|---|---|---|---|")
    print(f"| {size / 1e9:.1f} GB | {statistics / 1e9:.1f} GB | {usage.ru_maxrss / 2**20:.2f} GiB | "
          f"{seconds:.0f} |")
    for path in args.folder.glob("calibrated.*"):
        path.unlink()
    if not args.keep:
        for path in checkpoint.iterdir():
            path.unlink()
        checkpoint.rmdir()
    if usage.ru_maxrss * 1024 > LIMIT:
        sys.exit("more than 8 GB resident")


if __name__ == "__main__":
    main()
