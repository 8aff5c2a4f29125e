# REQUIRES: python, x86
# RUN: rm -rf %t && mkdir %t
# RUN: env QNT_BUILD=%build %python %s %t
"""Networks that ONNX Runtime's quantiser quantised, compiled: the codes of every layer
are ONNX Runtime's, at least 999 of 1000 (means of windows are summed in another order
there, and what follows a code that differs may differ too), and so are the classes.

Networks have random weights, sizes and inputs: convolutions with pads, strides,
groups and of single channels, pools, sums, concatenation, clipping, a linear layer;
activations of u8 and s8, weights of s8 and u8, per tensor and per channel. Between the
first codes and the last no op makes floats of images. Linear layers with ranges found
at run time (DynamicQuantizeLinear, MatMulInteger) come beside them."""
import logging
import os
import pathlib
import re
import subprocess
import sys

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper, numpy_helper
from onnxruntime.quantization import QuantFormat, quantize_dynamic

sys.path.append(os.path.join(os.path.dirname(__file__), "..", "Bench"))
from qdq import S8, U8, compare, compile_quantized, quantize, run_compiled, session
from tools import BUILD
from seeding import draw_seed

logging.disable(logging.WARNING)
folder = pathlib.Path(sys.argv[1])
seed = draw_seed()
rng = np.random.default_rng(seed)


class Graph:
    def __init__(self, shape):
        self.nodes, self.constants, self.shape = [], [], shape

    def constant(self, values):
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(
            np.asarray(values, np.float32), name))
        return name

    def op(self, kind, *inputs, **attributes):
        name = f"{kind.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], name=name,
                                           **attributes))
        return name

    def conv(self, x, channels, features, kernel=1, groups=1, **attributes):
        fan = channels // groups * kernel * kernel
        weight = rng.normal(0, np.sqrt(2 / fan), (features, channels // groups,
                                                  kernel, kernel))
        # Ranges that differ by channel, and one that is not about zero.
        weight *= rng.uniform(0.3, 1, (features, 1, 1, 1))
        weight += rng.uniform(-0.2, 0.4) / fan
        return self.op("Conv", x, self.constant(weight),
                       self.constant(rng.normal(0, 0.2, features)), group=groups,
                       kernel_shape=[kernel] * 2, **attributes)

    def linear(self, x, inputs, outputs):
        weight = rng.normal(0, 1 / np.sqrt(inputs), (inputs, outputs))
        return self.op("Gemm", x, self.constant(weight),
                       self.constant(rng.normal(0, 0.2, outputs)))

    def save(self, output, path):
        info = helper.make_tensor_value_info
        graph = helper.make_graph(
            self.nodes, "g", [info("x", T.FLOAT, ["n", *self.shape])],
            [info(output, T.FLOAT, None)], self.constants)
        model = helper.make_model(graph, ir_version=8,
                                  opset_imports=[helper.make_opsetid("", 17)])
        onnx.save(onnx.shape_inference.infer_shapes(model), path)


def convolutions(path):
    size = int(rng.integers(18, 26))
    g = Graph((3, size, size))
    width, middle = (int(rng.integers(4, 40)) for _ in range(2))
    x = g.op("Relu", g.conv("x", 3, width, 3, pads=[1, 1, 1, 1],
                            strides=[1, int(rng.integers(1, 3))]))
    x = g.op("MaxPool", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    y = g.conv(x, width, middle)
    y = g.op("Clip", y, g.constant(0), g.constant(6)) if rng.random() < 0.5 \
        else y
    y = g.conv(y, middle, middle, 3, groups=middle, pads=[1, 0, 1, 2])
    y = g.conv(y, middle, width)
    x = g.op("Add", x, y) if rng.random() < 0.5 else g.op("Add", y, x)
    groups = int(rng.integers(1, 4))
    z = g.conv(g.conv(x, width, 4 * groups), 4 * groups, 8 * groups, 2,
               groups=groups, dilations=[2, 1], pads=[1, 0, 1, 1])
    x = g.op("Concat", x, z, axis=1)
    x = g.conv(x, width + 8 * groups, 24, 3)
    if rng.random() < 0.5:
        # Means of an odd number of codes have no ties, which ONNX Runtime rounds
        # to even codes, and QuantizeLinear to even distances from the zero point.
        x = g.op("AveragePool", x, kernel_shape=[3, 3])
    x = g.op("Flatten", g.op("GlobalAveragePool", x), axis=1)
    g.save(g.linear(x, 24, 10), path)
    return g.shape


def check_codes_alone(path):
    """No op on images gives floats after the first codes, before the last."""
    text = subprocess.run(
        [BUILD / "bin/quant-opt", path, "--nn-channels-last", "--nn-fold",
         "--qnt-propagate-codes", "--qnt-round-once", "--cse", "-o", "-"],
        check=True, capture_output=True, text=True).stdout.splitlines()
    first = next(i for i, line in enumerate(text) if "qnt.quantize" in line)
    last = max(i for i, line in enumerate(text) if "qnt.dequantize" in line)
    between = [line for line in text[first + 1:last]
               if re.search(r"tensor<\?x[^>]*xf32>$", line)]
    assert not between, "\n".join(between)


def dynamic(index, weights, per_channel):
    """Layers whose ranges are found at run time: f32 numbers to the bit."""
    widths = [int(n) for n in rng.integers(3, 80, 4)]
    g = Graph(widths[:1])
    x = "x"
    for inputs, outputs in zip(widths, widths[1:]):
        x = g.linear("x" if x == "x" else g.op("Relu", x), inputs, outputs)
    g.save(x, folder / "float.onnx")
    path = folder / f"dynamic{index}.onnx"
    quantize_dynamic(folder / "float.onnx", path, per_channel=per_channel,
                     weight_type=weights)
    compile_quantized(path, folder / "dynamic.so")
    x = rng.normal(rng.uniform(-1, 1), 2, (int(rng.integers(1, 40)), widths[0]))
    x = x.astype(np.float32)
    reference = session(path)
    output = reference.get_outputs()[0].name
    want = reference.run(None, {"x": x})[0]
    got = run_compiled(folder / "dynamic.so", {"x": x}, [output], folder)[output]
    error = np.linalg.norm(got - want) / np.linalg.norm(want)
    print(f"dynamic {widths}: {np.mean(got == want):.5f} equal, error {error:.1e}")
    assert error < 1e-5, error
    text = subprocess.run(
        [BUILD / "bin/quant-opt", path, "--nn-channels-last", "--nn-fold",
         "--qnt-propagate-codes", "-o", "-"], check=True, capture_output=True,
        text=True).stdout
    assert text.count("qnt.linear") == 3 and "qnt.dequantize %" not in text, text


for form, activations, weights, per_channel in (
        (QuantFormat.QDQ, U8, U8, False), (QuantFormat.QDQ, U8, S8, True),
        (QuantFormat.QDQ, S8, S8, True), (QuantFormat.QOperator, U8, U8, False),
        (QuantFormat.QOperator, S8, S8, True)):
    shape = convolutions(folder / "float.onnx")
    samples = rng.normal(0.3, 1, (8, *shape)).astype(np.float32)
    quantize(folder / "float.onnx", folder / "quantized.onnx", samples, form,
             activations, weights, per_channel)
    images = rng.normal(0.3, 1, (int(rng.integers(2, 24)), *shape))
    totals, ours, theirs = compare(folder / "quantized.onnx",
                                   images.astype(np.float32), folder)
    print(f"{form.name} {activations.name} {weights.name} {per_channel}: "
          f"{totals.differ} of {totals.codes} codes differ by at most "
          f"{totals.most}")
    assert totals.percent() >= 99.9, totals.percent()
    assert (ours.argmax(-1) == theirs.argmax(-1)).all()
    check_codes_alone(folder / "quantized.onnx")
for index, (weights, per_channel) in enumerate(((S8, False), (S8, True),
                                                (U8, False))):
    dynamic(index, weights, per_channel)
