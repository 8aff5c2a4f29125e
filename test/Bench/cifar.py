#!/usr/bin/env python3
"""Top-1 of ResNet-20 and ResNet-8 on CIFAR-10 images, in float and quantised, and
whether integer arithmetic gives the interpreter's scores bit for bit.

usage: cifar.py [--limit N] [--exact N] [--samples N] [--range R] [--models M,...]

`--limit` and `--exact` are how many of the 2,000 images count for the accuracy
and are compared with the interpreter (0: none).
"""
import argparse
import pathlib
import subprocess
import tempfile

import numpy as np
import onnx

from tools import BUILD, call, machine, need_shared

CALIBRATION = need_shared("data/cifar10_calib_512.npz")
TEST = need_shared("data/cifar10_test_2000.npz")
MODELS = {
    "resnet20": "image: u8 nhwc scale=1/255 mean=.485,.456,.406 "
                "std=.229,.224,.225",
    "resnet8": "input: u8 nhwc name=image",
}
RECIPES = {
    "f32": None,
    "W8A8": "weights=int8 activations=int8",
    "W4A8": "weights=int4 clip=mse activations=int8",
    "W4A8 gptq": "weights=int4 method=gptq bias=correct activations=int8",
    "W8A8 integer": "weights=int8 activations=int8 arithmetic=integer",
    "W4A8 integer": "weights=int4 method=gptq bias=correct activations=int8 "
                    "arithmetic=integer",
}


def without_softmax(source, folder):
    """The model up to its logits: the softmax that may follow them is floating
    point, and changes no order."""
    model = onnx.load(source)
    last = model.graph.node[-1]
    if last.op_type == "Softmax":
        model.graph.node.remove(last)
        model.graph.output[0].name = last.input[0]
    path = folder / source.name
    onnx.save(model, path)
    return path


class Model:
    def __init__(self, folder, source, preprocess, recipe, args):
        self.folder = folder
        self.options = [source, f"--preprocess={preprocess}"]
        if recipe:
            self.options.append(
                f"--quantize={recipe} per=tensor calib={CALIBRATION} "
                f"samples={args.samples} range={args.range}")
        self.path = folder / "model.so"
        call(BUILD / "bin/quant-opt", *self.options, "--target=cpu", "-o",
             self.path)

    def scores(self, limit):
        """Of the first test images, [samples, classes]."""
        out = self.folder / "scores.npy"
        subprocess.run([BUILD / "bin/quant-run", self.path, "--eval",
                        f"top1={TEST}", "--limit", str(limit), "--output",
                        out],
                       check=True, capture_output=True)
        return np.load(out)

    def interpreted(self, count):
        """The same of the first `count` images, in the interpreter."""
        source, module = self.folder / "source.mlir", self.folder / "model.mlir"
        call(BUILD / "bin/quant-opt", *self.options, "-o", source)
        call(BUILD / "bin/quant-opt", source, "-o", module,
             f"--qnt-materialize-params=output={self.folder}/stored.safetensors")
        part = self.folder / "part.npz"
        np.savez(part, image=np.load(TEST)["image"][:count])
        call(BUILD / "test/bin/interpret", module, "main", part,
             self.folder / "out")
        return np.load(self.folder / "out.0.npy")


def measure(args, folder):
    """Rows of model, recipe, top-1, images equal to the interpreter's."""
    for name in args.models.split(","):
        source = without_softmax(need_shared(f"models/{name}_cifar10.onnx"), folder)
        labels = np.load(TEST)["label"][:args.limit]
        for recipe, text in RECIPES.items():
            model = Model(folder, source, MODELS[name], text, args)
            scores = model.scores(args.limit)
            top1 = 100 * np.mean(scores.argmax(1) == labels)
            equal = None
            if args.exact and "integer" in recipe:
                count = min(args.exact, len(scores))
                want = model.interpreted(count)
                equal = (want == scores[:count]).all(1).sum(), count
            yield name, recipe, top1, equal


def parse(argv=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--limit", type=int, default=2000)
    parser.add_argument("--exact", type=int, default=2000)
    parser.add_argument("--samples", type=int, default=128)
    parser.add_argument("--range", default="minmax")
    parser.add_argument("--models", default=",".join(MODELS))
    return parser.parse_args(argv)


def main():
    args = parse()
    print(machine())
    print(f"{'model':10} {'recipe':14} {'top-1':>7}  interpreter")
    with tempfile.TemporaryDirectory() as scratch:
        for name, recipe, top1, equal in measure(args, pathlib.Path(scratch)):
            exact = f"{equal[0]} of {equal[1]} bit-equal" if equal else ""
            print(f"{name:10} {recipe:14} {top1:6.2f}%  {exact}", flush=True)


if __name__ == "__main__":
    main()
