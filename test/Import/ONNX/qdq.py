# REQUIRES: python
# RUN: %python %s %t.onnx
# RUN: quant-opt %t.onnx --nn-channels-last --nn-fold --qnt-propagate-codes \
# RUN:   --qnt-round-once --cse -o - | FileCheck %s
# RUN: quant-opt %t.onnx --quantize="arithmetic=integer" -o - \
# RUN:   | FileCheck %s --check-prefix=INT
# From the first codes to the last layer of a model in QDQ format nothing but codes:
# padding is the zero point, the pool and the concatenation move integers, a sum of
# images is one of codes.
#
# CHECK-LABEL: func.func @main
# CHECK:       qnt.quantize
# CHECK-NOT:   -> tensor<?x{{.*}}f32>
# CHECK:       qnt.conv {{.*}} pads [1, 1, 1, 1] epilogue [int_bias, requantize_f32]
# CHECK-NOT:   -> tensor<?x{{.*}}f32>
# CHECK:       qnt.max_pool
# CHECK-NOT:   -> tensor<?x{{.*}}f32>
# CHECK:       qnt.conv {{.*}} groups 8 epilogue [int_bias, requantize_f32]{{.*}} !qnt.tensor<8x3x3x1, int8, per_channel, scale f32>
# CHECK-NOT:   -> tensor<?x{{.*}}f32>
# CHECK:       qnt.add
# CHECK-NOT:   -> tensor<?x{{.*}}f32>
# CHECK:       tensor.concat {{.*}} -> tensor<?x4x4x16xi8>
# CHECK-NOT:   -> tensor<?x{{.*}}f32>
# CHECK:       qnt.average_pool {{.*}} epilogue [requantize_f32]
# CHECK-NOT:   -> tensor<?x{{.*}}f32>
# CHECK:       qnt.linear {{.*}} epilogue [int_bias, requantize_f32]{{.*}} !qnt.tensor<5x16, uint8, per_tensor, scale f32, zero>
# CHECK:       qnt.dequantize
# CHECK-NEXT:  return
#
# INT-LABEL:   func.func @main
# INT:         qnt.conv {{.*}} epilogue [int_bias, requantize]
# INT:         qnt.conv {{.*}} epilogue [int_bias, requantize]
# INT:         qnt.average_pool {{.*}} epilogue [int_add, requantize]
# INT:         qnt.average_pool {{.*}} epilogue [requantize]
# INT:         qnt.linear {{.*}} epilogue [int_bias, requantize]
import sys

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper

rng = np.random.default_rng(0)
nodes, constants = [], []


def constant(name, array):
    constants.append(numpy_helper.from_array(np.asarray(array), name))
    return name


def decode(name, scale, zero, **attributes):
    nodes.append(h.make_node("DequantizeLinear", [name, scale, zero], [name + "d"],
                             **attributes))
    return name + "d"


def code(x, scale, zero):
    """What `x` is quantised to and decoded again."""
    s, z = constant(x + "s", np.float32(scale)), constant(x + "z", np.uint8(zero))
    nodes.append(h.make_node("QuantizeLinear", [x, s, z], [x + "q"]))
    return decode(x + "q", s, z)


def layer(op, name, x, scale, shape, kind, **attributes):
    """A layer on `x`, whose scale is given, with codes for weight and bias."""
    features = shape[0]
    signed = kind == np.int8
    units = rng.uniform(0.01, 0.02, features if signed else ()).astype(np.float32)
    zeros = np.zeros(features, np.int8) if signed else np.uint8(100)
    info = np.iinfo(kind)
    weight = rng.integers(info.min, info.max + 1, shape).astype(kind)
    bias = rng.integers(-99, 99, features).astype(np.int32)
    w = decode(constant(name + "w", weight), constant(name + "t", units),
               constant(name + "v", zeros), axis=0)
    b = decode(constant(name + "b", bias),
               constant(name + "u", np.float32(scale) * units),
               constant(name + "y", np.zeros_like(zeros, np.int32)), axis=0)
    nodes.append(h.make_node(op, [x, w, b], [name], **attributes))
    return name


x = code("image", 0.02, 120)
x = layer("Conv", "first", x, 0.02, (8, 3, 3, 3), np.int8, pads=[1] * 4)
x = code(x, 0.05, 90)
nodes.append(h.make_node("MaxPool", [x], ["pool"], kernel_shape=[2, 2],
                         strides=[2, 2]))
x = code("pool", 0.05, 90)
y = layer("Conv", "depthwise", x, 0.05, (8, 1, 3, 3), np.int8, pads=[1] * 4,
          group=8)
y = code(y, 0.03, 7)
nodes.append(h.make_node("Add", [x, y], ["sum"]))
x = code("sum", 0.06, 50)
nodes.append(h.make_node("Concat", [x, x], ["both"], axis=1))
x = code("both", 0.06, 50)
nodes.append(h.make_node("GlobalAveragePool", [x], ["mean"]))
x = code("mean", 0.04, 60)
nodes.append(h.make_node("Flatten", [x], ["flat"]))
x = code("flat", 0.04, 60)
x = layer("Gemm", "last", x, 0.04, (5, 16), np.uint8, transB=1)
x = code(x, 0.1, 128)
graph = h.make_graph(
    nodes, "g", [h.make_tensor_value_info("image", T.FLOAT, ["n", 3, 8, 8])],
    [h.make_tensor_value_info(x, T.FLOAT, None)], constants)
onnx.save(h.make_model(graph, opset_imports=[h.make_opsetid("", 17)],
                       ir_version=8), sys.argv[1])
