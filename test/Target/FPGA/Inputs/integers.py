"""Models of integers: made as ONNX, quantised, interpreted."""
import re
import subprocess

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from designs import unpack


class Graph:
    """An ONNX model, node by node."""

    def __init__(self, rng, shape):
        self.rng, self.shape, self.nodes, self.weights, self.count = rng, shape, [], [], 0

    def weight(self, *shape):
        name = f"w{len(self.weights)}"
        fan_in = np.prod(shape[1:]) if len(shape) > 1 else 4
        numbers = self.rng.normal(0, 1 / np.sqrt(fan_in), shape).astype(np.float32)
        self.weights.append(numpy_helper.from_array(numbers, name))
        return name

    def constant(self, *numbers):
        """Integers, as operators take them."""
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.array(numbers), name))
        return name

    def number(self, value):
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.asarray(np.float32(value)), name))
        return name

    def node(self, kind, *inputs, **attributes):
        name = f"y{self.count}"
        self.count += 1
        self.nodes.append(helper.make_node(kind, inputs, [name], f"{kind}{self.count}",
                                           **attributes))
        return name

    def linear(self, x, inputs, rows):
        return self.node("Gemm", x, self.weight(rows, inputs), self.weight(rows), transB=1)

    def norm(self, x, channels):
        variance = self.weight(channels)
        numbers = np.abs(numpy_helper.to_array(self.weights[-1])) + np.float32(0.1)
        self.weights[-1] = numpy_helper.from_array(numbers, variance)
        return self.node("BatchNormalization", x, *(self.weight(channels) for _ in range(3)),
                         variance)

    def conv(self, x, inputs, channels, kernel, **attributes):
        return self.node("Conv", x, self.weight(channels, inputs, *kernel),
                         self.weight(channels), **attributes)

    def save(self, path, output, shape):
        floats = [helper.make_tensor_value_info(name, TensorProto.FLOAT, dims)
                  for name, dims in (("x", self.shape), (output, shape))]
        graph = helper.make_graph(self.nodes, "g", floats[:1], floats[1:], self.weights)
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)],
                                    ir_version=8), path)


class Stream:
    """A stream that comes in or goes out, and what its numbers mean, by the text of a
    design's argument or result."""

    def __init__(self, text):
        shape, sign, bits, lanes = re.search(r"stream<([\dx]+)x([su])i(\d+), (\d+)>", text).groups()
        self.shape = [int(n) for n in shape.split("x")]
        self.signed, self.bits, self.lanes = sign == "s", int(bits), int(lanes)
        self.word_bits = self.bits * self.lanes
        self.words = int(np.prod(self.shape)) // self.lanes
        scales = re.search(r"qflow.scales = array<f32: ([^>]*)>", text)[1]
        self.scales = np.array(scales.split(","), np.float32)
        self.zero = int(re.search(r"qflow.zero = (-?\d+)", text)[1])

    def draw(self, rng, frames):
        """Codes, and the numbers that have them."""
        low = -(1 << self.bits - 1) if self.signed else 0
        codes = rng.integers(low, low + (1 << self.bits), [frames] + self.shape)
        return codes, ((codes - self.zero) * self.scales).astype(np.float32)

    def decode(self, words):
        """The numbers of frames, [frames, elements]."""
        integers = np.array(unpack(words, self.bits, self.lanes, self.signed)) - self.zero
        numbers = integers.reshape(-1, self.scales.size).astype(np.float32) * self.scales
        return numbers.reshape(-1, int(np.prod(self.shape)))


def run(*command):
    subprocess.run([str(c) for c in command], check=True)


def quantize(rng, build, folder, recipe):
    """Makes of model.onnx in `folder` integers.mlir, and of that stored.mlir, whose
    parameters are written."""
    image = onnx.load(folder / "model.onnx").graph.input[0].type.tensor_type.shape
    shape = [d.dim_value for d in image.dim]
    np.savez(folder / "samples.npz", x=rng.normal(0, 1, [16] + shape[1:]).astype(np.float32))
    run(build / "bin/quant-opt", folder / "model.onnx", "-o", folder / "integers.mlir",
        f"--quantize={recipe} per=tensor arithmetic=integer calib={folder}/samples.npz")
    run(build / "bin/quant-opt", folder / "integers.mlir", "-o", folder / "stored.mlir",
        f"--qnt-materialize-params=output={folder}/stored.safetensors")


def fold(build, folder, cycles, *options, weights="chip", part=None):
    """Makes of stored.mlir design.mlir, of units and FIFOs, with `weights` on the chip
    or in memory (dram, and how), of least resources where it has a `part`."""
    run(build / "bin/quant-opt", folder / "stored.mlir", "-o", folder / "design.mlir",
        "--pass-pipeline=builtin.module(qnt-lower-to-qflow,qflow.design("
        f"qnt-fpga-fold{{cycles={cycles} weights={weights}{f' part={part}' if part else ''}}},"
        "qnt-fpga-size-fifos))", *options)


def interpret(build, folder, numbers, function="main"):
    """What stored.mlir gives of each frame, [frames, elements]."""
    results = []
    for frame in numbers:
        np.savez(folder / "frame.npz", x=np.ascontiguousarray(frame[None]))
        run(build / "test/bin/interpret", folder / "stored.mlir", function, folder / "frame.npz",
            folder / "want")
        results.append(np.load(folder / "want.0.npy").ravel())
    return np.array(results)


def read_streams(path):
    """Of a design of one stream in and one out."""
    line = next(l for l in open(path) if "qflow.design" in l)
    return [Stream(part) for part in line.split(") -> (")]
