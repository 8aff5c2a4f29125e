#!/usr/bin/env python3
"""Models of integers as designs for an FPGA. Scores of the C++, run by clang, and of the
Verilog, run by Verilator, some with random stalls on every stream, beside those of the same
integers compiled for the CPU, which are compared with the interpreter's; the clock cycles
between frames, and the model's multiply-accumulates in each of them; what the design
takes by the estimate and, with --yosys, as Yosys makes it; with --fifos, the same with FIFOs as
deep as these frames needed them. Models "-fit" are folded for the fewest cycles that the part has
room for.

usage: fpga.py [--models M,...] [--images N] [--exact N] [--rtl N] [--stalled N] [--sanitized N]
               [--types N] [--yosys] [--fifos] [--part P] [--clock C] [--luts S]
"""
import argparse
import json
import math
import pathlib
import re
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime

from cifar import without_softmax
from make_cnn import NETWORKS
from tools import BUILD, ROOT, call, machine, need_shared, run_json

sys.path[:0] = [str(ROOT / "test/Inputs"), str(ROOT / "test/Target/FPGA/Inputs")]
from csim import find_ap_types  # noqa: E402
from designs import pack, unpack  # noqa: E402
from yosys import synthesize  # noqa: E402

INT8 = "weights=int8 activations=int8 range=mse samples=64"
W4A8 = "weights=int4 method=gptq activations=int8 range=mse"
W4A4 = "weights=int4 method=gptq activations=uint4 range=mse"


def read_images(name, count=None):
    """[N, 3, 32, 32], as the model wants them, and their classes."""
    data = np.load(need_shared(f"data/{name}"))
    images = data["image"][:count].astype(np.float32)
    return images, data["label"][:count]


def as_they_are(image):
    return image.transpose(0, 3, 1, 2).copy()


def pixels(image):
    """[N, 32, 32, 3]"""
    return image.astype(np.uint8)


def normalized(image):
    of_one = image / np.float32(255) - np.float32([.485, .456, .406])
    return as_they_are(of_one / np.float32([.229, .224, .225]))


class Images:
    """CIFAR-10 for a model whose input is called `input`, behind `preprocess`."""

    def __init__(self, input, prepare, preprocess=None):
        self.input, self.prepare, self.preprocess = input, prepare, preprocess

    def calibration(self):
        return self.prepare(read_images("cifar10_calib_512.npz")[0])

    def test(self, count):
        images, labels = read_images("cifar10_test_2000.npz", count)
        return self.prepare(images), labels


class Noise:
    """For a model of vectors."""
    preprocess = None

    def __init__(self, input, size):
        self.input, self.size = input, size

    def calibration(self):
        return np.random.default_rng(1).normal(0, 1, (64, self.size)).astype(np.float32)

    def test(self, count):
        return np.random.default_rng(2).normal(0, 1, (count, self.size)).astype(np.float32), None


RESNET8 = ("resnet8_cifar10", Images("input", as_they_are))
PIXELS = ("resnet8_cifar10", Images("image", pixels, "input: u8 nhwc name=image"))
# File, inputs, recipe, part, cycles a frame.
MODELS = {"resnet8": (*RESNET8, INT8, "xc7z020", 40000),
          "resnet20": ("resnet20_cifar10", Images("image", normalized), INT8, "xc7z045", 150000),
          "autoencoder": ("ad_autoencoder", Noise("input", 640), INT8, "xc7z045", 1300),
          "resnet8-fit": (*PIXELS, INT8, "xc7z020", None),
          "resnet8-w4a8-fit": (*PIXELS, W4A8, "xc7z020", None),
          "resnet8-w4a4-fit": (*PIXELS, W4A4, "xc7z020", None),
          "mobilenet-fit": ("mobilenet32", Images("image", normalized), INT8, "xc7z020", None)}


def count_products(path):
    """Multiply-accumulates of a frame."""
    # Shapes follow where what they are computed from is folded.
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    with tempfile.NamedTemporaryFile(suffix=".onnx") as folded:
        options.optimized_model_filepath = folded.name
        onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        graph = onnx.shape_inference.infer_shapes(onnx.load(folded.name)).graph
    shapes = {value.name: [d.dim_value or 1 for d in value.type.tensor_type.shape.dim]
              for value in [*graph.value_info, *graph.output]}
    weights = {weight.name: weight.dims for weight in graph.initializer}
    total = 0
    for node in graph.node:
        if node.op_type in ("Conv", "Gemm", "MatMul"):
            weight = weights[node.input[1]]
            # All but the weight's features of the result are places that they are made for.
            features = shapes[node.output[0]][1]
            total += math.prod(shapes[node.output[0]]) // features * math.prod(weight)
    return total


class Stream:
    """What comes in or goes out, by the project's README."""

    def __init__(self, readme, name):
        row = re.search(rf"\| `{name}` \| \w+ \| ([\dx ]+) \| (\w+), (\d+) bits \| (\d+) \| "
                        r"(\d+) \| (.*) \|", readme)
        self.name, self.signed = name, row[2] == "signed"
        self.shape = [int(n) for n in row[1].split(" x ")]
        self.bits, self.lanes, self.words = int(row[3]), int(row[4]), int(row[5])
        one = re.match(r"\(n - (-?\d+)\) \* (\S+)", row[6])
        self.zero = int(one[1]) if one else 0
        scales = one[2] if one else re.search(f"Scales of `{name}`: (.*)", readme)[1]
        self.scales = np.array(scales.split(), np.float32)

    def encode(self, numbers):
        """The nearest codes, ties to even, of tensors [N, channels, ...]."""
        if numbers.ndim == 4 and numbers.dtype != np.uint8:
            numbers = numbers.transpose(0, 2, 3, 1)
        low = -(1 << self.bits - 1) if self.signed else 0
        codes = np.rint(numbers / self.scales) + self.zero
        codes = np.clip(codes, low, low + (1 << self.bits) - 1).astype(np.int64)
        return pack(codes.ravel().tolist(), self.bits, self.lanes)

    def decode(self, words):
        numbers = np.array(unpack(words, self.bits, self.lanes, self.signed))
        return (numbers.reshape(-1, *self.shape) - self.zero).astype(np.float32) * self.scales


class Project:
    """A model's design in a folder, and the same integers for the CPU."""

    def __init__(self, name, folder, args):
        self.folder = folder
        stem, self.data, recipe, part, cycles = MODELS[name]
        source = folder / f"{stem}.onnx"
        if stem in NETWORKS:
            onnx.save(NETWORKS[stem](size=32, seed=0), source)
        else:
            source = need_shared(f"models/{stem}.onnx")
        if isinstance(self.data, Images):
            source = without_softmax(source, folder)
        self.products = count_products(source)
        np.savez(folder / "samples.npz", **{self.data.input: self.data.calibration()})
        preprocess = self.data.preprocess
        self.opt(source, "-o", folder / "integers.mlir",
                 *([f"--preprocess={preprocess}"] if preprocess else []),
                 f"--quantize={recipe} per=tensor arithmetic=integer calib={folder}/samples.npz")
        self.opt(folder / "integers.mlir", "-o", folder / "stored.mlir",
                 f"--qnt-materialize-params=output={folder}/stored.safetensors")
        self.target = (f"--target=fpga part={args.part or part} clock={args.clock} "
                       f"luts={args.luts}" + (f" cycles={cycles}" if cycles else ""))
        self.opt(folder / "integers.mlir", "-o", folder / "design", self.target)
        readme = (folder / "design/README.md").read_text()
        self.source, self.result = Stream(readme, "in0"), Stream(readme, "out0")

    def opt(self, *args):
        call(BUILD / "bin/quant-opt", *args)

    def use_measured_fifos(self):
        """The same design with the depths that the last simulation without stalls needed."""
        depths = self.folder / "fifos.json"
        depths.write_text((self.folder / "design/verilog/fifos.json").read_text())
        self.opt(self.folder / "integers.mlir", "-o", self.folder / "design",
                 f"{self.target} fifos={depths}")

    def compiled(self, numbers):
        """Scores of the CPU's code."""
        self.opt(self.folder / "integers.mlir", "--target=cpu", "-o", self.folder / "cpu.so")
        np.savez(self.folder / "test.npz", label=np.zeros(len(numbers), np.int64),
                 **{self.data.input: numbers})
        run_json(self.folder / "cpu.so", "--eval", f"top1={self.folder}/test.npz", "--output",
                 self.folder / "scores.npy")
        return np.load(self.folder / "scores.npy")

    def interpreted(self, numbers):
        scores = []
        for frame in numbers:
            np.savez(self.folder / "one.npz", **{self.data.input: frame[None]})
            call(BUILD / "test/bin/interpret", self.folder / "stored.mlir", "main",
                 self.folder / "one.npz", self.folder / "out")
            scores.append(np.load(self.folder / "out.0.npy")[0])
        return np.array(scores)

    def make(self, part, target, numbers, *options):
        """What `make` in a part of the project writes of frames, and prints."""
        here = self.folder / "design" / part
        (here / "out0.expected.hex").unlink(missing_ok=True)
        (here / "in0.hex").write_text(
            "".join(f"{word:x}\n" for word in self.source.encode(numbers)))
        done = call("make", target, *options, cwd=here, capture_output=True, text=True)
        words = [int(word, 16) for word in (here / "out0.hex").read_text().split()]
        return self.result.decode(words), done.stdout

    def simulated(self, numbers):
        """Scores of the C++."""
        return self.make("cpp", "csim", numbers)[0]

    def sanitized(self, numbers):
        """The same with what C++ does not define ending the run, and rubbish in what was
        never written."""
        return self.make("cpp", "csim", numbers, "SANITIZE=1")[0]

    def of_vitis_types(self, numbers):
        """With Vitis' integers, by g++."""
        return self.make("cpp", "csim", numbers, f"CSIM_INCLUDE={find_ap_types()}", "CXX=g++",
                         "OUT=vitis-types.out")[0]

    def check_itself(self):
        """Runs the frames that the project comes with, with sanitisers and with stalls."""
        for part, target, options in (("cpp", "csim", ("SANITIZE=1",)),
                                      ("verilog", "rtlsim", ("STALLS=8",))):
            done = call("make", target, *options, cwd=self.folder / "design" / part,
                        capture_output=True, text=True)
            words = 2 * self.result.words
            assert f"out0: 0 of {words} words differ" in done.stdout, done.stdout

    def run_rtl(self, numbers):
        """Scores of the Verilog, and the cycles in which the first one and the last one are
        there."""
        scores, text = self.make("verilog", "rtlsim", numbers)
        found = re.search(r"frames in (\d+) cycles, the first one in (\d+)", text)
        return scores, int(found[2]), int(found[1])

    def run_stalled(self, numbers):
        """Scores of the Verilog where every stream waits at random."""
        return self.make("verilog", "rtlsim", numbers, "STALLS=6")[0]

    def describe(self, with_yosys):
        """DSPs, LUTs, block RAMs."""
        said = json.loads((self.folder / "design/report.json").read_text())["total"]
        text = f"{said['dsp']} DSPs, {said['lut']} LUTs, {said['bram36']} BRAM36"
        if with_yosys:
            made = synthesize(self.folder / "design/verilog", "model")[""]
            text += f"; by Yosys {made['dsp']}, {made['lut']}, {made['half'] / 2}"
        return text


def equal(scores, want):
    """Frames of which every score is the same."""
    return f"{(scores == want[:len(scores)]).all(1).sum()} of {len(scores)}"


def measure(name, folder, args):
    project = Project(name, folder, args)
    project.check_itself()
    numbers, labels = project.data.test(args.images)
    want = project.compiled(numbers)
    print(f"{name}: {project.products} multiply-accumulates a frame", flush=True)
    if labels is not None:
        print(f"  top-1 {100 * (want.argmax(1) == labels).mean():.2f}%")
    print(f"  {project.describe(args.yosys)}", flush=True)
    print(f"  interpreter and CPU: {equal(project.interpreted(numbers[:args.exact]), want)}",
          flush=True)
    print(f"  C++: {equal(project.simulated(numbers), want)}", flush=True)
    print(f"  C++, sanitised: {equal(project.sanitized(numbers[:args.sanitized]), want)}",
          flush=True)
    if args.types:
        print(f"  C++, with Vitis' integers: "
              f"{equal(project.of_vitis_types(numbers[:args.types]), want)}", flush=True)
    said = json.loads((folder / "design/report.json").read_text())["cycles"]

    def run_verilog():
        scores, first, last = project.run_rtl(numbers[:args.rtl])
        interval = (last - first) / (args.rtl - 1)
        print(f"  Verilog: {equal(scores, want)}, with stalls "
              f"{equal(project.run_stalled(numbers[:args.stalled]), want)}; first frame "
              f"{first} cycles, then one in {interval:.0f}, the report's {said} and "
              f"{interval - said:.0f}: {project.products / interval:.1f} multiply-accumulates a "
              "cycle", flush=True)

    run_verilog()
    if args.fifos:
        project.use_measured_fifos()
        print(f"  FIFOs as measured: {project.describe(args.yosys)}")
        run_verilog()


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", default=",".join(MODELS))
    parser.add_argument("--images", type=int, default=2000)
    parser.add_argument("--exact", type=int, default=20)
    parser.add_argument("--rtl", type=int, default=100)
    parser.add_argument("--stalled", type=int, default=4)
    parser.add_argument("--sanitized", type=int, default=20)
    parser.add_argument("--types", type=int, default=20,
                        help="frames with Vitis' integers, for which g++ takes minutes")
    parser.add_argument("--yosys", action="store_true")
    parser.add_argument("--fifos", action="store_true",
                        help="once more with FIFOs of measured depths")
    parser.add_argument("--part", help="another than each model's own")
    parser.add_argument("--clock", default="100MHz")
    parser.add_argument("--luts", default="80%", help="share of the LUTs that may be used")
    args = parser.parse_args()
    print(machine())
    for name in args.models.split(","):
        with tempfile.TemporaryDirectory() as scratch:
            measure(name, pathlib.Path(scratch), args)


if __name__ == "__main__":
    main()
