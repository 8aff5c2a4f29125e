#!/usr/bin/env python3
"""Number formats by methods.

  tinylm    KL to our f32 and perplexity on shared/data/english_heldout.txt
  minilm    Spearman correlation x 100 on shared/data/stsb-en-dev.csv
  resnet20  top-1 on shared/data/cifar10_test_2000.npz

Language models calibrate on english_calib.txt, ResNet-20 on cifar10_calib_512.npz.

usage: methods.py [--models NAME,...] [--limit N] [--formats REGEX]
                  [--methods REGEX]
"""
import argparse
import pathlib
import re
import tempfile

from cifar import MODELS as IMAGES
from tools import (ROOT, compile_model, find_minilm, machine, need_shared,
                   run_json)

METHODS = [
    ("rtn", "method=rtn"),
    ("mse", "method=mse"),
    ("awq", "method=awq {calib}"),
    ("gptq", "method=gptq {calib}"),
    ("lowrank 8", "method=rtn lowrank=8 {calib}"),
    ("lowrank 32", "method=rtn lowrank=32 {calib}"),
    ("rotate", "rotate=hadamard method=mse"),
    ("duquant", "rotate=duquant method=mse {calib}"),
    ("rotate+gptq", "rotate=hadamard method=gptq {calib}"),
    ("smooth+rotate+gptq", "smooth=awq rotate=hadamard method=gptq {calib}"),
]


class TinyLM:
    formats = [
        ("W4A16 g128", "weights=int4 group=128"),
        ("W4A16 g32", "weights=int4 group=32"),
        ("W3A16 g64", "weights=int3 group=64"),
        ("W3A16 per channel", "weights=int3"),
        ("W2A16 g32", "weights=int2 group=32"),
        ("W4A8 g128", "weights=int4 group=128 activations=int8"),
        ("W4A4 g128", "weights=int4 group=128 activations=int4"),
        ("W4A4KV4 g128", "weights=int4 group=128 activations=int4 kv=int4"),
    ]
    methods = METHODS
    columns = "| KL | of rtn's KL gone | perplexity |"
    calib = f"calib={need_shared('data/english_calib.txt')} samples=128"

    def __init__(self, scratch, limit):
        self.text = need_shared("data/english_heldout.txt")
        self.limit = ["--limit", limit] if limit else []
        self.reference = scratch / "f32.so"
        self.plain = None

    def compile(self, output, recipe):
        compile_model(ROOT / "test/Inputs/tinylm", output, recipe)

    def measure(self, model, method):
        """The row's cells, of `model` or, without a method, of the reference."""
        if not method:
            base = run_json(model, "--eval", f"ppl={self.text}", *self.limit)
            return f"| 0 | | {base['ppl']:.3f} |"
        got = run_json(model, "--compare", self.reference, "--text", self.text,
                       *self.limit)
        if method == "rtn":
            self.plain = got["kl"]
        gone = "" if method == "rtn" else f"{1 - got['kl'] / self.plain:.0%}"
        return f"| {got['kl']:.5f} | {gone} | {got['ppl']:.3f} |"


class MiniLM:
    formats = [
        ("W4A8 g128", "weights=int4 group=128 activations=int8"),
        ("W4A4 g128", "weights=int4 group=128 activations=int4"),
    ]
    methods = METHODS
    columns = "| Spearman x 100 |"
    calib = TinyLM.calib

    def __init__(self, scratch, limit):
        self.pairs = need_shared("data/stsb-en-dev.csv")
        self.limit = ["--limit", limit] if limit else []

    def compile(self, output, recipe):
        compile_model(find_minilm(), output, recipe)

    def measure(self, model, method):
        score = run_json(model, "--eval", f"sts={self.pairs}", *self.limit)
        return f"| {score['spearman']:.2f} |"


class ResNet20:
    formats = [
        ("W4A8 per channel", "weights=int4 activations=int8 per=tensor {calib}"),
        ("W4A4 per channel", "weights=int4 activations=uint4 per=tensor {calib}"),
    ]
    methods = [
        ("rtn", "method=rtn"),
        ("rtn, bias corrected", "method=rtn bias=correct"),
        ("mse", "method=mse range=mse"),
        ("mse, bias corrected", "method=mse range=mse bias=correct"),
        ("gptq", "method=gptq range=mse"),
        ("gptq, bias corrected", "method=gptq range=mse bias=correct"),
    ]
    columns = "| top-1 % |"
    calib = f"calib={need_shared('data/cifar10_calib_512.npz')} samples=512"

    def __init__(self, scratch, limit):
        self.test = need_shared("data/cifar10_test_2000.npz")
        self.limit = ["--limit", limit] if limit else []

    def compile(self, output, recipe):
        compile_model(need_shared("models/resnet20_cifar10.onnx"), output, recipe,
                      f"--preprocess={IMAGES['resnet20']}")

    def measure(self, model, method):
        score = run_json(model, "--eval", f"top1={self.test}", *self.limit)
        return f"| {score['top1']:.2f} |"


MODELS = {"tinylm": TinyLM, "minilm": MiniLM, "resnet20": ResNet20}


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--limit", type=int,
                        help="windows, pairs or images to evaluate (all)")
    parser.add_argument("--formats", default="", help="those that match")
    parser.add_argument("--methods", default="", help="those that match; rtn always")
    args = parser.parse_args()
    print(machine())
    for name in args.models.split(","):
        with tempfile.TemporaryDirectory() as scratch:
            scratch = pathlib.Path(scratch)
            model = MODELS[name](scratch, args.limit)
            print(f"\n{name}\n\n| format | method {model.columns}")
            print("|---|---" + re.sub(r"[^|]+", "---", model.columns))
            model.compile(scratch / "f32.so", None)
            print(f"| f32 | {model.measure(scratch / 'f32.so', None)}", flush=True)
            for label, format_ in model.formats:
                if not re.search(args.formats, label):
                    continue
                for method, recipe in model.methods:
                    if method != "rtn" and not re.search(args.methods, method):
                        continue
                    # It is made for what is quantised of activations.
                    if method == "duquant" and "activations" not in format_:
                        continue
                    recipe = f"{format_} {recipe}".format(calib=model.calib)
                    model.compile(scratch / "m.so", recipe)
                    cells = model.measure(scratch / "m.so", method)
                    print(f"| {label} | {method} {cells}", flush=True)


if __name__ == "__main__":
    main()
