"""Networks as Brevitas exports them: QONNX's quantisers around floats."""
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

DOMAIN = "qonnx.custom_op.general"


class MLP:
    """Layers between quantisers; `x` goes through numpy at the same time. `round_scale`
    makes scales of scales, such as powers of two."""

    def __init__(self, rng, x, round_scale=lambda scale: scale):
        self.rng, self.x, self.round_scale = rng, x, round_scale
        self.value, self.nodes, self.weights = "x", [], []

    def add(self, kind, *inputs, domain="", **attributes):
        name = f"y{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], f"{kind}{len(self.nodes)}",
                                           domain=domain, **attributes))
        return name

    def constant(self, values):
        name = f"w{len(self.weights)}"
        self.weights.append(numpy_helper.from_array(np.float32(values), name))
        return name

    def quantizer(self, name, scale, bits, **attributes):
        return self.add("Quant", name, *map(self.constant, (scale, 0, bits)), domain=DOMAIN,
                        rounding_mode="ROUND", **attributes)

    def quantize(self, scale, bits, signed):
        scale = self.round_scale(scale)
        self.value = self.quantizer(self.value, scale, bits, signed=signed, narrow=0)
        low = -(1 << bits - 1) if signed else 0
        self.x = np.clip(np.rint(self.x / np.float32(scale)), low,
                         low + (1 << bits) - 1) * np.float32(scale)

    def linear(self, outputs, bits):
        """Weights [inputs, outputs]; of one bit, signs."""
        inputs = self.x.shape[1]
        weight = self.rng.normal(0, 1, (inputs, outputs)).astype(np.float32)
        if bits == 1:
            scale = np.float32(0.5)
            made = self.add("BipolarQuant", self.constant(weight), self.constant(scale),
                            domain=DOMAIN)
            grid = np.where(weight >= 0, scale, -scale)
        else:
            high = (1 << bits - 1) - 1
            scale = self.round_scale(
                (np.abs(weight).max(0, keepdims=True) / high).astype(np.float32))
            made = self.quantizer(self.constant(weight), scale, bits, signed=1, narrow=1)
            grid = np.clip(np.rint(weight / scale), -high, high) * scale
        self.value = self.add("MatMul", self.value, made)
        self.x = self.x @ grid

    def bias(self):
        bias = self.rng.normal(0, 1, self.x.shape[1]).astype(np.float32)
        self.value = self.add("Add", self.value, self.constant(bias))
        self.x = self.x + bias

    def relu(self):
        self.value, self.x = self.add("Relu", self.value), np.maximum(self.x, 0)

    def save(self, path, inputs):
        ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, size])
                for name, size in (("x", inputs), (self.value, self.x.shape[1]))]
        graph = helper.make_graph(self.nodes, "mlp", ends[:1], ends[1:], self.weights)
        onnx.save(helper.make_model(graph, ir_version=8, opset_imports=[
            helper.make_opsetid("", 13), helper.make_opsetid(DOMAIN, 1)]), path)
