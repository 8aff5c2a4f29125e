# REQUIRES: python
# RUN: rm -rf %t && mkdir %t
# RUN: %python %s %t
"""Convolutions of random pads, strides, dilations and groups: second moments and means
of their patches against numpy, the codes that GPTQ makes of those moments, and the
corrected biases."""
import os
import pathlib
import subprocess
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file

sys.path.append(os.path.join(os.path.dirname(__file__), "Inputs"))
from plain_gptq import Grid, gptq, signed
from seeding import draw_seed

folder = pathlib.Path(sys.argv[1])
seed = draw_seed()
rng = np.random.default_rng(seed)


class Conv:
    def __init__(self, groups, channels, features, kernel, has_bias):
        self.groups = groups
        self.channels = channels
        self.kernel = kernel
        self.pads = [int(p) for p in rng.integers(0, 3, 4)]
        self.strides = [int(s) for s in rng.integers(1, 3, 2)]
        self.dilations = [int(d) for d in rng.integers(1, 3, 2)]
        self.weight = rng.normal(size=(groups * features, channels, *kernel)) \
            .astype(np.float32)
        self.bias = rng.normal(size=groups * features).astype(np.float32) \
            if has_bias else None

    def save(self, path, size):
        tensors = [numpy_helper.from_array(self.weight, "w")]
        if self.bias is not None:
            tensors.append(numpy_helper.from_array(self.bias, "b"))
        node = helper.make_node(
            "Conv", ["x"] + [t.name for t in tensors], ["y"], name="layer",
            group=self.groups, pads=self.pads, strides=self.strides,
            dilations=self.dilations)
        value = helper.make_tensor_value_info
        graph = helper.make_graph(
            [node], "g",
            [value("x", TensorProto.FLOAT,
                   ["n", self.groups * self.channels, *size])],
            [value("y", TensorProto.FLOAT, None)], tensors)
        onnx.save(helper.make_model(
            graph, ir_version=8, opset_imports=[helper.make_opsetid("", 17)]),
            path)

    def patches(self, x):
        """[groups, rows, kernel h * kernel w * channels], of x [n, c, h, w]."""
        top, left, bottom, right = self.pads
        x = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)))
        reach = [(k - 1) * d + 1 for k, d in zip(self.kernel, self.dilations)]
        windows = np.lib.stride_tricks.sliding_window_view(x, reach, (2, 3))
        windows = windows[:, :, ::self.strides[0], ::self.strides[1],
                          ::self.dilations[0], ::self.dilations[1]]
        n, c, h, w, kh, kw = windows.shape
        parts = windows.reshape(n, self.groups, self.channels, h, w, kh, kw)
        return parts.transpose(1, 0, 3, 4, 5, 6, 2).reshape(
            self.groups, n * h * w, -1).astype(float)

    def rows(self):
        """The weight by groups, as products of patches take it."""
        n = len(self.weight)
        return self.weight.transpose(0, 2, 3, 1).reshape(self.groups,
                                                         n // self.groups, -1)


def check(conv, act_order):
    size = [int(s) for s in rng.integers(7, 14, 2)]
    model = folder / "m.onnx"
    conv.save(model, size)
    samples = int(rng.integers(8, 20))
    x = rng.normal(0.3, 1, (samples, conv.groups * conv.channels, *size))
    x = (x * rng.uniform(0.2, 2, (1, x.shape[1], 1, 1))).astype(np.float32)
    np.savez(folder / "x.npz", x=x)
    order = "moment" if act_order else "model"
    subprocess.run(
        ["quant-opt", model, "--quantize=weights=int4 method=gptq clip=absmax "
         f"bias=correct order={order} calib={folder}/x.npz samples={samples}",
         "-o", folder / "q.mlir"], check=True)
    subprocess.run(
        ["quant-opt", folder / "q.mlir", "-o", folder / "p.mlir",
         f"--qnt-materialize-params=output={folder}/p.safetensors"], check=True)
    statistics = load_file(folder / "q.statistics.safetensors")
    name, = {key.split("/")[1] for key in statistics if ".patches" in key}
    patches = conv.patches(x)
    groups, count, inputs = patches.shape

    moment = statistics[f"statistics/{name}/second_moment"]
    if groups > 1:
        assert moment.shape == (groups, inputs, inputs), moment.shape
    moment = moment.reshape(groups, inputs, inputs)
    want = patches.transpose(0, 2, 1) @ patches / count
    assert np.allclose(moment, want, rtol=1e-5, atol=1e-6), "second moments"
    mean = statistics[f"statistics/{name}/mean"]
    # [positions, groups, channels]
    positions = inputs // conv.channels
    arranged = mean.reshape(positions, groups, conv.channels) \
        .transpose(1, 0, 2).reshape(groups, inputs)
    assert np.allclose(arranged, patches.mean(1), rtol=1e-5, atol=1e-6), "means"

    params = load_file(folder / "p.safetensors")
    codes_name, = [key for key in params if key.endswith(".codes")]
    weight = codes_name.removesuffix(".codes")
    codes = signed(params[codes_name], 4).reshape(conv.rows().shape)
    scales = params[weight + ".scales"].reshape(groups, -1, 1)
    for g in range(groups):
        expected, expected_scales = gptq(conv.rows()[g], moment[g],
                                         Grid(4, "f32"), inputs, 0.01, act_order)
        assert (scales[g] == expected_scales).all(), "scales"
        differ = (codes[g] != expected).sum()
        assert differ == 0, f"{differ} of {expected.size} codes of group {g}"

    bias, = [value for key, value in params.items() if key not in
             (codes_name, weight + ".scales") and not key.startswith("__pad__")]
    want = np.einsum("gnk,gk->gn", conv.rows() - codes * scales.astype(float),
                     arranged.astype(float)).reshape(-1)
    want += 0 if conv.bias is None else conv.bias
    assert np.allclose(bias, want, rtol=1e-6, atol=1e-6), "biases"


for act_order in (False, True):
    check(Conv(1, 5, 7, (3, 3), True), act_order)
    check(Conv(1, 16, 8, (1, 1), False), act_order)
    check(Conv(3, 4, 2, (2, 3), True), act_order)
    check(Conv(9, 1, 1, (3, 3), False), act_order)
