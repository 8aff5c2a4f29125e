"""Convolution networks of well-known shapes with seeded random weights, as ONNX:
ResNet-50 (He et al. 2016) and MobileNetV2 (Sandler et al. 2018), 224 x 224, and a small
one of the latter's blocks for 32 x 32, batch normalisation already folded. They classify nothing: they are for timing, and for
comparing the numbers of two runtimes.

usage: make_cnn.py resnet50|mobilenetv2|mobilenet32 OUTPUT.onnx [--size PIXELS] [--seed N]
"""
import argparse

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


class Network:
    """Writes layers one after the other; values are names."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)
        self.nodes, self.parameters = [], []

    def add(self, op, inputs, **attributes):
        name = f"{op.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [name], name=name, **attributes))
        return name

    def parameter(self, name, values):
        self.parameters.append(numpy_helper.from_array(values.astype(np.float32), name))
        return name

    def conv(self, x, channels, features, kernel=1, stride=1, groups=1, gain=2.0):
        """He initialisation, so that activations keep their size with depth."""
        fan = channels // groups * kernel * kernel
        name = f"w{len(self.parameters)}"
        weight = self.random.normal(0, np.sqrt(gain / fan),
                                    (features, channels // groups, kernel, kernel))
        bias = self.random.normal(0, 0.05, features)
        return self.add("Conv", [x, self.parameter(name, weight), self.parameter(name + "b", bias)],
                        kernel_shape=[kernel] * 2, strides=[stride] * 2, group=groups,
                        pads=[kernel // 2] * 4)

    def classifier(self, x, features, classes=1000):
        x = self.add("Flatten", [self.add("GlobalAveragePool", [x])], axis=1)
        weight = self.random.normal(0, 1 / np.sqrt(features), (classes, features))
        return self.add("Gemm", [x, self.parameter("fc", weight),
                                 self.parameter("fcb", np.zeros(classes))], transB=1)

    def model(self, output, size):
        graph = helper.make_graph(
            self.nodes, "network",
            [helper.make_tensor_value_info("image", TensorProto.FLOAT, [1, 3, size, size])],
            [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)], self.parameters)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
        model.ir_version = 8
        return onnx.shape_inference.infer_shapes(model)


def resnet50(size, seed):
    net = Network(seed)
    x = net.add("Relu", [net.conv("image", 3, 64, 7, 2)])
    x = net.add("MaxPool", [x], kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    channels = 64
    for width, blocks, stride in ((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)):
        for block in range(blocks):
            step = stride if block == 0 else 1
            y = net.add("Relu", [net.conv(x, channels, width)])
            y = net.add("Relu", [net.conv(y, width, width, 3, step)])
            y = net.conv(y, width, 4 * width, gain=0.5)
            if block == 0:
                x = net.conv(x, channels, 4 * width, 1, step, gain=1.0)
            x = net.add("Relu", [net.add("Add", [y, x])])
            channels = 4 * width
    return net.model(net.classifier(x, channels), size)


def mobilenet(size, seed, stem, stages, last, classes):
    """Of (channels, stride) of the first layer, (expansion, channels, blocks, stride) of each
    stage, channels of the last layer."""
    net = Network(seed)
    limits = [net.parameter("zero", np.array(0.0)), net.parameter("six", np.array(6.0))]

    def relu6(x):
        return net.add("Clip", [x, *limits])

    channels, stride = stem
    x = relu6(net.conv("image", 3, channels, 3, stride))
    for expansion, features, blocks, stride in stages:
        for block in range(blocks):
            step = stride if block == 0 else 1
            y, hidden = x, channels * expansion
            if expansion > 1:
                y = relu6(net.conv(y, channels, hidden))
            y = relu6(net.conv(y, hidden, hidden, 3, step, groups=hidden))
            y = net.conv(y, hidden, features, gain=1.0)
            x = net.add("Add", [x, y]) if step == 1 and channels == features else y
            channels = features
    x = relu6(net.conv(x, channels, last))
    return net.model(net.classifier(x, last, classes), size)


def mobilenetv2(size, seed):
    return mobilenet(size, seed, (32, 2),
                     ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1),
                      (6, 160, 3, 2), (6, 320, 1, 1)), 1280, 1000)


def mobilenet32(size, seed):
    return mobilenet(size, seed, (16, 1),
                     ((1, 16, 1, 1), (4, 24, 2, 2), (4, 32, 2, 2), (4, 64, 2, 2)), 128, 10)


NETWORKS = {"resnet50": resnet50, "mobilenetv2": mobilenetv2, "mobilenet32": mobilenet32}


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("network", choices=sorted(NETWORKS))
    parser.add_argument("output")
    parser.add_argument("--size", type=int, help="32 of mobilenet32, 224 of others")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    size = args.size or (32 if args.network == "mobilenet32" else 224)
    onnx.save(NETWORKS[args.network](size, args.seed), args.output)


if __name__ == "__main__":
    main()
