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
import subprocess
import sys
import tempfile

import numpy as np
import onnxruntime as ort
from onnxruntime.quantization import QuantType, quantize_dynamic

from rounds import open_session, show_ratio, show_times, take_turns, time_session
from tools import ROOT, compile_model, find_minilm, machine, run_json


def export_peers(folder, scratch):
    """The checkpoint as ONNX, f32 and dynamic int8, and inputs of 128 tokens."""
    floats, integers = scratch / "f32.onnx", scratch / "int8.onnx"
    subprocess.run([sys.executable, ROOT / "test/Reference/bert_onnx.py", folder, floats],
                   check=True, stdout=subprocess.DEVNULL)
    quantize_dynamic(str(floats), str(integers), weight_type=QuantType.QInt8, per_channel=True)
    ids = np.random.default_rng(0).integers(1000, 20000, (1, 128))
    feeds = {"input_ids": ids.astype(np.int64),
             "token_type_ids": np.zeros((1, 128), np.int64),
             "attention_mask": np.ones((1, 128), np.int64)}
    return floats, integers, feeds


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

        floats, integers, feeds = export_peers(folder, scratch)
        for name, path in (("ORT f32", floats), ("ORT int8", integers)):
            session = open_session(path, args.threads)
            runs[name] = lambda session=session: time_session(session, feeds)
        times = take_turns(runs, args.rounds)

    print(f"MiniLM, batch 1, 128 tokens, {args.threads} thread(s), {args.rounds} rounds, "
          f"ONNX Runtime {ort.__version__}, {machine()}")
    show_times(times)
    show_ratio(times, "qnt f32", "qnt W8A8")
    show_ratio(times, "ORT f32", "qnt f32")
    show_ratio(times, "ORT int8", "qnt W8A8")
    show_ratio(times, "ORT int8", "qnt W4A8 g32")


if __name__ == "__main__":
    main()
