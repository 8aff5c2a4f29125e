#!/usr/bin/env python3
"""tinylm by number formats and methods: KL to our f32 and perplexity on
shared/data/english_heldout.txt; methods calibrate on english_calib.txt.

usage: methods.py [--limit WINDOWS] [--formats REGEX] [--methods REGEX]
"""
import argparse
import pathlib
import re
import tempfile

from tools import ROOT, compile_model, machine, need_shared, run_json

FORMATS = [
    ("W4A16 g128", "weights=int4 group=128"),
    ("W4A16 g32", "weights=int4 group=32"),
    ("W3A16 g64", "weights=int3 group=64"),
    ("W3A16 per channel", "weights=int3"),
    ("W2A16 g32", "weights=int2 group=32"),
    ("W4A8 g128", "weights=int4 group=128 activations=int8"),
    ("W4A4 g128", "weights=int4 group=128 activations=int4"),
    ("W4A4KV4 g128", "weights=int4 group=128 activations=int4 kv=int4"),
]
CALIB = "calib={calib} samples=128"
METHODS = [
    ("rtn", "method=rtn"),
    ("mse", "method=mse"),
    ("awq", f"method=awq {CALIB}"),
    ("gptq", f"method=gptq {CALIB}"),
    ("rotate", "rotate=hadamard method=mse"),
    ("rotate+gptq", f"rotate=hadamard method=gptq {CALIB}"),
    ("smooth+rotate+gptq", f"smooth=awq rotate=hadamard method=gptq {CALIB}"),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limit", type=int, help="windows to evaluate (all 557)")
    parser.add_argument("--formats", default="", help="those that match")
    parser.add_argument("--methods", default="", help="those that match; rtn always")
    args = parser.parse_args()
    text = need_shared("data/english_heldout.txt")
    calib = need_shared("data/english_calib.txt")
    limit = ["--limit", args.limit] if args.limit else []
    print(f"tinylm, {machine()}")
    print("| format | method | KL | of rtn's KL gone | perplexity |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        scratch = pathlib.Path(scratch)
        model = ROOT / "test/Inputs/tinylm"
        reference = scratch / "f32.so"
        compile_model(model, reference, None)
        base = run_json(reference, "--eval", f"ppl={text}", *limit)["ppl"]
        print(f"| f32 | | 0 | | {base:.3f} |", flush=True)
        for name, format_ in FORMATS:
            if not re.search(args.formats, name):
                continue
            plain = None
            for method, recipe in METHODS:
                if method != "rtn" and not re.search(args.methods, method):
                    continue
                compiled = scratch / "m.so"
                compile_model(model, compiled,
                              f"{format_} {recipe.format(calib=calib)}")
                result = run_json(compiled, "--compare", reference, "--text", text,
                                  *limit)
                plain = plain or result["kl"]
                gone = "" if method == "rtn" else f"{1 - result['kl'] / plain:.0%}"
                print(f"| {name} | {method} | {result['kl']:.5f} | {gone} | "
                      f"{result['ppl']:.3f} |", flush=True)


if __name__ == "__main__":
    main()
