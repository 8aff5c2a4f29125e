# REQUIRES: python, x86
# RUN: rm -rf %t && mkdir %t && %python %s quant-opt %test_bin/qnt-onnx-cases %t
# Networks of images, and movement with dynamic dimensions, beside ONNX Runtime.
import os
import sys

import numpy as np
from onnx import TensorProto as T
from onnx import helper as h

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + "/Inputs")
from models import MS, Models

m = Models()
f32, i64 = np.float32, np.int64


def convolutions():
    for name, attributes, shape, images in (
            ("strided", {"strides": [2, 2], "pads": [1, 0, 2, 1]}, (8, 4, 3, 3),
             (2, 4, 9, 8)),
            ("grouped", {"group": 2, "dilations": [2, 1]}, (6, 2, 3, 2),
             (1, 4, 9, 9)),
            ("depthwise", {"group": 4, "auto_pad": "SAME_LOWER"}, (4, 1, 2, 2),
             (3, 4, 7, 7)),
            ("1-D", {"strides": [2], "pads": [2, 1]}, (8, 4, 3), (2, 4, 11)),
            ("3-D", {"pads": [1] * 6}, (3, 2, 2, 3, 2), (1, 2, 4, 4, 4))):
        m.save([h.make_node("Conv", ["x", "w", "b"], ["c"], **attributes),
                h.make_node("BatchNormalization", ["c", "g", "h", "i", "j"],
                            ["n"]), h.make_node("Relu", ["n"], ["y"])],
               {"x": ["batch", *images[1:]]}, ["y"],
               {"w": m.floats(*shape), "b": m.floats(shape[0]),
                "g": m.floats(shape[0]), "h": m.floats(shape[0]),
                "i": m.floats(shape[0]), "j": np.abs(m.floats(shape[0])) + 1})
        m.check(f"{name} convolution", {"x": m.floats(*images)},
                contains=["nn.conv", "nn.mul", "nn.add"] if name != "3-D" else
                ["linalg.generic"])
    # Sizes known at run time.
    m.save([h.make_node("Conv", ["x", "w"], ["c"], strides=[2, 2]),
            h.make_node("MaxPool", ["c"], ["p"], kernel_shape=[3, 3],
                        strides=[2, 2], pads=[1, 1, 1, 1]),
            h.make_node("Resize", ["p", "", "s"], ["r"], mode="nearest",
                        coordinate_transformation_mode="asymmetric",
                        nearest_mode="floor"),
            h.make_node("GlobalAveragePool", ["r"], ["y"])],
           {"x": ["n", 3, "h", "w"]}, ["y"],
           {"w": m.floats(4, 3, 3, 3), "s": np.array([1, 1, 2, 2], f32)})
    m.check("dynamic images", {"x": m.floats(2, 3, 21, 18)},
            contains=["nn.conv", "nn.pool max"],
            refused="images of dynamic height or width")


def pools():
    for op in ("MaxPool", "AveragePool"):
        for attributes in ({"ceil_mode": 1, "strides": [2, 2]},
                           {"auto_pad": "SAME_UPPER"},
                           {"pads": [1, 1, 0, 1], "strides": [1, 2]}):
            m.save([h.make_node(op, ["x"], ["y"], kernel_shape=[3, 3],
                                **attributes)],
                   {"x": ["n", 3, 8, 9]}, ["y"])
            m.check(f"{op} {attributes}", {"x": m.floats(2, 3, 8, 9)},
                    contains=["nn.pool"])


def movement():
    m.save([h.make_node("Slice", ["x", "a", "b", "c"], ["p"]),
            h.make_node("Slice", ["x", "b", "d", "c"], ["q"]),
            h.make_node("Neg", ["q"], ["r"]),
            h.make_node("Concat", ["r", "p"], ["y"], axis=-1),
            h.make_node("Slice", ["x", "e", "f", "g"], ["z"]),
            h.make_node("Slice", ["x", "f", "i", "g", "k"], ["v"])],
           {"x": ["b", "t", 8]}, ["y", "z", "v"],
           {"a": np.array([0]), "b": np.array([4]), "c": np.array([2]),
            "d": np.array([i64(2 ** 62)]), "e": np.array([1]),
            "f": np.array([-1]), "g": np.array([1]),
            "i": np.array([-(2 ** 62)]), "k": np.array([-2])})
    m.check("slices", {"x": m.floats(2, 5, 8)},
            contains=["tensor.extract_slice", "tensor.concat"])
    m.save([h.make_node("Gather", ["table", "ids"], ["e"]),
            h.make_node("Gather", ["e", "first"], ["y"], axis=1),
            h.make_node("Pad", ["e", "pads", "v"], ["p"], mode="constant"),
            h.make_node("Pad", ["e", "pads"], ["r"], mode="edge"),
            h.make_node("Trilu", ["e"], ["t"], upper=0)],
           {"ids": (["b", "t"], T.INT64)}, ["y", "p", "r", "t"],
           {"table": m.floats(10, 6), "first": i64(0),
            "pads": np.array([0, 1, 0, 0, 2, -1]), "v": f32(2.5)}, opset=18)
    m.check("rows", {"ids": m.rng.integers(-10, 10, (2, 5))},
            contains=["nn.embedding", "tensor.pad"])
    m.save([h.make_node("Shape", ["x"], ["s"]),
            h.make_node("Gather", ["s", "one"], ["t"]),
            h.make_node("Range", ["zero", "t", "one"], ["r"]),
            h.make_node("Unsqueeze", ["r", "zeros"], ["u"]),
            h.make_node("Slice", ["s", "zeros", "two"], ["bt"]),
            h.make_node("Expand", ["u", "bt"], ["y"])],
           {"x": ["b", "t", 8]}, {"y": T.INT64},
           {"one": i64(1), "zero": i64(0), "zeros": np.array([0]),
            "two": np.array([2])})
    m.check("positions", {"x": m.floats(2, 5, 8)})


def encoder():
    """A block as exporters write it, with erf and decomposed norms."""
    heads, size = 2, 8
    features = heads * size
    nodes = [
        h.make_node("ReduceMean", ["x"], ["mean"], axes=[-1]),
        h.make_node("Sub", ["x", "mean"], ["d"]),
        h.make_node("Pow", ["d", "two"], ["dd"]),
        h.make_node("ReduceMean", ["dd"], ["var"], axes=[-1]),
        h.make_node("Add", ["var", "eps"], ["ve"]),
        h.make_node("Sqrt", ["ve"], ["std"]),
        h.make_node("Div", ["d", "std"], ["dn"]),
        h.make_node("Mul", ["dn", "gamma"], ["n"]),
        h.make_node("Shape", ["x"], ["s"]),
        h.make_node("Slice", ["s", "zeros", "twos"], ["bt"]),
        h.make_node("Concat", ["bt", "hd"], ["split"], axis=0),
        h.make_node("Concat", ["bt", "minus"], ["merge"], axis=0)]
    for part in "qkv":
        nodes += [h.make_node("MatMul", ["n", f"w{part}"], [f"{part}0"]),
                  h.make_node("Reshape", [f"{part}0", "split"], [f"{part}1"]),
                  h.make_node("Transpose", [f"{part}1"], [f"{part}2"],
                              perm=[0, 2, 3, 1] if part == "k" else
                              [0, 2, 1, 3])]
    nodes += [h.make_node("MatMul", ["q2", "k2"], ["scores"]),
              h.make_node("Div", ["scores", "root"], ["scaled"]),
              h.make_node("Softmax", ["scaled"], ["probs"]),
              h.make_node("MatMul", ["probs", "v2"], ["ctx"]),
              h.make_node("Transpose", ["ctx"], ["ctx1"], perm=[0, 2, 1, 3]),
              h.make_node("Reshape", ["ctx1", "merge"], ["ctx2"]),
              h.make_node("MatMul", ["ctx2", "wo"], ["o"]),
              h.make_node("SkipLayerNormalization",
                          ["o", "x", "gamma", "beta"], ["h"], domain=MS),
              h.make_node("MatMul", ["h", "w1"], ["f"]),
              h.make_node("FastGelu", ["f", "b1"], ["g"], domain=MS),
              h.make_node("Div", ["g", "sqrt2"], ["g1"]),
              h.make_node("Erf", ["g1"], ["g2"]),
              h.make_node("Add", ["g2", "one"], ["g3"]),
              h.make_node("Mul", ["g", "g3"], ["y"])]
    constants = {f"w{p}": m.floats(features, features) / 4 for p in "qkvo"}
    constants.update(
        w1=m.floats(features, 32) / 4, b1=m.floats(32), gamma=m.floats(features),
        beta=m.floats(features), two=f32(2), eps=f32(1e-5),
        root=f32(np.sqrt(size)), sqrt2=f32(np.sqrt(2)), one=f32(1),
        zeros=np.array([0]), twos=np.array([2]),
        hd=np.array([heads, size]), minus=np.array([-1]))
    m.save(nodes, {"x": ["batch", "tokens", features]}, ["y"], constants,
           domains=[MS], opset=17)
    m.check("encoder", {"x": m.floats(2, 5, features)},
            contains=["nn.linear", "nn.layer_norm", "gelu_tanh"])


convolutions()
pools()
movement()
encoder()
m.exit()
