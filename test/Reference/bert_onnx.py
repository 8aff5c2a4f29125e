"""An f32 ONNX graph of a checkpoint of the BERT family, for ONNX Runtime.

Inputs input_ids, token_type_ids and attention_mask [batch, tokens] i64, output
last_hidden_state. The ops are in the order in which exporters leave them, so
that ONNX Runtime fuses attention, layer norms and GELU as in their models."""
import argparse

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from bert import Bert

# The last for which ONNX Runtime fuses attention on the CPU.
OPSET = 12


class Graph:
    def __init__(self):
        self.nodes, self.constants = [], {}

    def constant(self, name, array):
        if name not in self.constants:
            self.constants[name] = numpy_helper.from_array(
                np.asarray(array, order="C"), name)
        return name

    def op(self, kind, *inputs, **attributes):
        name = f"{kind}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [name], name,
                                           **attributes))
        return name

    def integers(self, *values):
        return self.constant("i64_" + "_".join(map(str, values)),
                             np.array(values, np.int64))

    def scalar(self, value):
        return self.constant(f"f32_{value}", np.array(value, np.float32))


def build(folder):
    """The ModelProto of a checkpoint folder."""
    model, graph = Bert(folder), Graph()
    config = model.config
    width, heads = config["hidden_size"], model.heads
    if model.act != "gelu":
        raise ValueError(f"expected hidden_act gelu, got {model.act}")

    def linear(x, module):
        weight = graph.constant(module + ".weight",
                                model.get(module + ".weight").T)
        bias = graph.constant(module + ".bias", model.get(module + ".bias"))
        return graph.op("Add", graph.op("MatMul", x, weight), bias)

    def norm(x, module):
        scale = graph.constant(module + ".weight", model.get(
            module + ".weight", module + ".gamma"))
        shift = graph.constant(module + ".bias", model.get(
            module + ".bias", module + ".beta"))
        x = graph.op("Sub", x, graph.op("ReduceMean", x, axes=[-1]))
        variance = graph.op("ReduceMean", graph.op("Pow", x, graph.scalar(2)),
                            axes=[-1])
        root = graph.op("Sqrt", graph.op("Add", variance,
                                         graph.scalar(model.eps)))
        x = graph.op("Mul", graph.op("Div", x, root), scale)
        return graph.op("Add", x, shift)

    def table(name):
        name = f"embeddings.{name}_embeddings.weight"
        return graph.constant(name, model.get(name))

    def gelu(x):
        inner = graph.op("Erf", graph.op("Div", x, graph.scalar(np.sqrt(2))))
        inner = graph.op("Mul", x, graph.op("Add", inner, graph.scalar(1)))
        return graph.op("Mul", inner, graph.scalar(0.5))

    mask = graph.op("Unsqueeze", "attention_mask", axes=[1])
    mask = graph.op("Unsqueeze", mask, axes=[2])
    mask = graph.op("Cast", mask, to=TensorProto.FLOAT)
    mask = graph.op("Mul", graph.op("Sub", graph.scalar(1), mask),
                    graph.scalar(-10000))

    length = graph.op("Gather", graph.op("Shape", "input_ids"),
                      graph.constant("one", np.array(1, np.int64)), axis=0)
    positions = graph.constant("embeddings.position_ids", np.arange(
        config["max_position_embeddings"], dtype=np.int64)[None])
    positions = graph.op("Slice", positions, graph.integers(0),
                         graph.op("Unsqueeze", length, axes=[0]),
                         graph.integers(1), graph.integers(1))
    x = graph.op("Gather", table("word"), "input_ids", axis=0)
    x = graph.op("Add", x, graph.op("Gather", table("token_type"),
                                    "token_type_ids", axis=0))
    x = graph.op("Add", x, graph.op("Gather", table("position"), positions,
                                    axis=0))
    x = norm(x, "embeddings.LayerNorm")
    # Shape inference loses these dimensions at the sliced positions; without
    # them, layer norms are not fused with the additions before them.
    shape = ["batch", "tokens"]
    known = helper.make_tensor_value_info(x, TensorProto.FLOAT, shape + [width])

    for i in range(model.layers):
        path = f"encoder.layer.{i}."

        def project(name, order):
            y = linear(x, f"{path}attention.self.{name}")
            y = graph.op("Reshape", y,
                         graph.integers(0, 0, heads, width // heads))
            return graph.op("Transpose", y, perm=order)

        q = project("query", [0, 2, 1, 3])
        k, v = project("key", [0, 2, 3, 1]), project("value", [0, 2, 1, 3])
        y = graph.op("Div", graph.op("MatMul", q, k),
                     graph.scalar(np.sqrt(width // heads)))
        y = graph.op("Softmax", graph.op("Add", y, mask), axis=3)
        y = graph.op("Transpose", graph.op("MatMul", y, v), perm=[0, 2, 1, 3])
        y = graph.op("Reshape", y, graph.integers(0, 0, width))
        y = linear(y, path + "attention.output.dense")
        x = norm(graph.op("Add", y, x), path + "attention.output.LayerNorm")
        y = linear(gelu(linear(x, path + "intermediate.dense")),
                   path + "output.dense")
        x = norm(graph.op("Add", y, x), path + "output.LayerNorm")
    graph.nodes[-1].output[0] = "last_hidden_state"

    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, shape)
              for name in ("input_ids", "token_type_ids", "attention_mask")]
    output = helper.make_tensor_value_info("last_hidden_state",
                                           TensorProto.FLOAT, shape + [width])
    proto = helper.make_model(
        helper.make_graph(graph.nodes, "bert", inputs, [output],
                          list(graph.constants.values()), value_info=[known]),
        opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
    onnx.checker.check_model(proto)
    return proto


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("output")
    arguments = parser.parse_args()
    onnx.save(build(arguments.folder), arguments.output)


if __name__ == "__main__":
    main()
