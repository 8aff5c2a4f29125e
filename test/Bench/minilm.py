#!/usr/bin/env python3
"""MiniLM, batch 1, 128 tokens: our f32, W8A8 and W4A8 beside ONNX Runtime's f32
and dynamic int8 of the same network, interleaved in one run.

usage: minilm.py [--model DIR] [--threads N] [--rounds R]

Prints a table of medians with spreads and, round by round, the ratios. The
peer's models are built from the same checkpoint by test/Reference/bert_onnx.py
(f32; ONNX Runtime fuses attention, norms and GELU) and by
onnxruntime.quantization.quantize_dynamic (int8 weights per channel).
"""
import argparse
import logging
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
import onnxruntime as ort
from onnxruntime.quantization import QuantType, quantize_dynamic

from tools import ROOT, compile_model, find_minilm, machine, run_json

def session(path, threads):
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    return ort.InferenceSession(str(path), options, ["CPUExecutionProvider"])


def time_peer(peer, feeds, seconds=1.0):
    """Median milliseconds of a call over about `seconds`."""
    times = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 5:
        start = time.perf_counter()
        peer.run(None, feeds)
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times)


def time_ours(model, threads):
    return run_json(model, "--bench", "--tokens", 128, "--threads", threads)["ms"]


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=pathlib.Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    folder = args.model or find_minilm()
    logging.disable(logging.WARNING)

    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        recipes = {"qnt f32": None,
                   "qnt W8A8": "weights=int8 activations=int8",
                   "qnt W4A8 g32": "weights=int4 group=32 activations=int8 clip=mse"}
        runs = {}
        for name, recipe in recipes.items():
            model = scratch / (name.replace(" ", "_") + ".so")
            compile_model(folder, model, recipe)
            runs[name] = lambda model=model: time_ours(model, args.threads)

        floats, integers = scratch / "f32.onnx", scratch / "int8.onnx"
        subprocess.run([sys.executable, ROOT / "test/Reference/bert_onnx.py", folder, floats],
                       check=True, stdout=subprocess.DEVNULL)
        quantize_dynamic(str(floats), str(integers), weight_type=QuantType.QInt8, per_channel=True)
        ids = np.random.default_rng(0).integers(1000, 20000, (1, 128))
        feeds = {"input_ids": ids.astype(np.int64),
                 "token_type_ids": np.zeros((1, 128), np.int64),
                 "attention_mask": np.ones((1, 128), np.int64)}
        for name, path in (("ORT f32", floats), ("ORT int8", integers)):
            peer = session(path, args.threads)
            runs[name] = lambda peer=peer: time_peer(peer, feeds)

        times = {name: [] for name in runs}
        for _ in range(args.rounds):
            for name, run in runs.items():
                times[name].append(run())

    print(f"MiniLM, batch 1, 128 tokens, {args.threads} thread(s), {args.rounds} rounds, "
          f"ONNX Runtime {ort.__version__}, {machine()}")
    for name, values in times.items():
        spread = (max(values) - min(values)) / statistics.median(values)
        print(f"  {name:14} {statistics.median(values):7.2f} ms  (spread {spread:4.0%})")
    def ratio(slow, fast):
        values = [a / b for a, b in zip(times[slow], times[fast])]
        print(f"  {slow} / {fast}: {statistics.median(values):.2f} "
              f"({min(values):.2f} to {max(values):.2f})")
    ratio("qnt f32", "qnt W8A8")
    ratio("ORT f32", "qnt f32")
    ratio("ORT int8", "qnt W8A8")
    ratio("ORT int8", "qnt W4A8 g32")


if __name__ == "__main__":
    main()
