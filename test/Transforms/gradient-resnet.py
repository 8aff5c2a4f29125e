# REQUIRES: python, shared
# RUN: rm -rf %t && mkdir %t
# RUN: %python %s %source %shared %t
"""Gradients of a whole convolution network: cross entropy of its labels. The
reference is the reference evaluator of the onnx package, in f64."""
import os
import pathlib
import sys

import numpy as np
import onnx
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator

source, shared, folder = sys.argv[1:]
sys.path.append(os.path.join(source, "test/Transforms/Inputs"))
from model_gradients import Gradients, check, cross_entropy  # noqa: E402
from seeding import draw_seed

seed = draw_seed()
rng = np.random.default_rng(seed)
path = pathlib.Path(shared) / "models/resnet20_cifar10.onnx"
model = onnx.load(path)
name = model.graph.input[0].name
target = rng.integers(0, 10, 1).astype(np.int32)


def to_first(w):
    return w.transpose(0, 3, 1, 2) if w.ndim == 4 else w


def to_last(w):
    return w.transpose(0, 2, 3, 1) if w.ndim == 4 else w


def change(weights):
    """The model in f64, with other weights."""
    wide = onnx.ModelProto()
    wide.CopyFrom(model)
    for tensor in wide.graph.initializer:
        array = numpy_helper.to_array(tensor)
        if array.dtype != np.float32:
            continue
        own = weights.get(tensor.name, weights.get(tensor.name + ".transposed"))
        array = array.astype(np.float64) if own is None else to_first(own)
        tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(array),
                                                tensor.name))
    return wide


def margin(images):
    """How far from its jump the nearest input of a ReLU is."""
    wide = change({})
    inputs = [node.input[0] for node in wide.graph.node if node.op_type == "Relu"]
    del wide.graph.output[:]
    wide.graph.output.extend(onnx.helper.make_tensor_value_info(
        name, onnx.TensorProto.DOUBLE, None) for name in inputs)
    values = ReferenceEvaluator(wide).run(None, {name: images.astype(np.float64)})
    assert len(values) == 19
    return min(np.abs(value).min() for value in values)


# Where f32 puts a number on the other side of zero than f64, gradients differ by what
# it adds to them: images on which that can be are drawn again.
for _ in range(100):
    images = rng.standard_normal((1, 3, 32, 32)).astype(np.float32)
    if margin(images) > 4e-6:
        break
else:
    raise AssertionError("no image without numbers near zero")


def reference(weights):
    logits = ReferenceEvaluator(change(weights)).run(
        None, {name: images.astype(np.float64)})[0]
    assert logits.dtype == np.float64
    return cross_entropy(logits, target)


weights = {}
for tensor in model.graph.initializer:
    array = numpy_helper.to_array(tensor)
    if array.ndim == 4:
        weights[tensor.name + ".transposed"] = to_last(array)
    elif array.ndim == 2:
        weights[tensor.name] = array
gradients = Gradients(folder, path, "loss=cross_entropy")
check(gradients, rng, {name: images, "target": target}, weights, reference,
      tolerance=2e-4, scale=1e-7)
