"""Codes of different scales that are joined under a third one, as models in QDQ format have
them: x and what it is under another scale, side by side, by a layer without rounding."""
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def nearest_tie(before, after):
    """How far the codes of one scale, under another, are from a number between two codes."""
    exact = (np.arange(256.) - before.zero) * (float(before.scale) / float(after.scale))
    return np.abs(exact - np.floor(exact) - 0.5).min()


class Scale:
    """Of codes without a sign, which those of others become without a tie. Of numbers up to 5 *
    255 a product, a quotient and a sum in f32 are off by 2^-12.2; a dyadic multiplier has 30
    bits."""

    def __init__(self, rng, *others):
        self.scale = 0
        while not self.scale or any(nearest_tie(other, self) <= 2**-11 for other in others):
            self.scale, self.zero = np.float32(rng.uniform(0.01, 0.05)), int(rng.integers(256))

    def convert(self, codes, before):
        exact = (codes - before.zero) * (float(before.scale) / float(self.scale))
        return np.clip(np.rint(exact).astype(int) + self.zero, 0, 255)


class Joined:
    """Of an image, a pool and a convolution; of a vector, a linear layer. `compute` gives sums of codes, and
    what they are multiplied by."""

    def __init__(self, rng, shape, rows):
        self.first = Scale(rng)
        self.second = Scale(rng, self.first)
        self.both = Scale(rng, self.first, self.second)
        # Over all of the image, which the pool made smaller.
        window = [size - 1 for size in shape[1:]]
        self.weights = rng.integers(-127, 128, (rows, 2 * shape[0], *window))
        self.units = rng.uniform(0.01, 0.02, rows).astype(np.float32)
        self.shape = shape

    def save(self, path):
        nodes, constants = [], []

        def constant(array):
            constants.append(numpy_helper.from_array(np.asarray(array), f"c{len(constants)}"))
            return constants[-1].name

        def node(kind, *inputs, **attributes):
            nodes.append(helper.make_node(kind, inputs, [f"y{len(nodes)}"], **attributes))
            return nodes[-1].output[0]

        def code(x, scale):
            ends = constant(scale.scale), constant(np.uint8(scale.zero))
            return node("DequantizeLinear", node("QuantizeLinear", x, *ends), *ends)

        x = code("x", self.first)
        if len(self.shape) == 3:
            x = code(node("MaxPool", x, kernel_shape=[2, 2]), self.first)
        x = code(node("Concat", x, code(x, self.second), axis=1), self.both)
        weights = self.weights.astype(np.int8)
        w = node("DequantizeLinear", constant(weights), constant(self.units),
                 constant(np.zeros(len(weights), np.int8)), axis=0)
        y = node("Conv", x, w) if len(self.shape) == 3 else node("Gemm", x, w, transB=1)
        graph = helper.make_graph(
            nodes, "joined",
            [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, *self.shape])],
            [helper.make_tensor_value_info(y, TensorProto.FLOAT, None)], constants)
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)],
                                    ir_version=8), path)

    def compute(self, codes):
        """Of codes [frames, ..., channels], numbers [frames, elements]."""
        if len(self.shape) == 3:
            codes = np.lib.stride_tricks.sliding_window_view(codes, (2, 2), (1, 2)).max((4, 5))
        other = self.second.convert(codes, self.first)
        both = np.concatenate([self.both.convert(codes, self.first),
                               self.both.convert(other, self.second)], -1)
        # Channels first.
        weights = self.weights.reshape(*self.weights.shape[:2], -1).transpose(0, 2, 1)
        sums = (both - self.both.zero).reshape(len(codes), -1) @ weights.reshape(
            len(weights), -1).T
        return sums * (self.units.astype(float) * self.both.scale)
