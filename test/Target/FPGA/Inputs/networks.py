"""Small networks as ONNX, of random weights: layers of vectors; convolutions with strides, pads
around codes whose zero point is not 0, codes added, pools; blocks whose channels are
by themselves, in groups, side by side."""
from integers import Graph


def layers(rng, path):
    graph = Graph(rng, [1, 20])
    hidden = graph.node("Relu", graph.norm(graph.linear("x", 20, 12), 12))
    graph.save(path, graph.linear(graph.linear(hidden, 12, 8), 8, 6), [1, 6])


def wide(rng, path):
    """Layers of many features."""
    graph = Graph(rng, [1, 24])
    hidden = graph.node("Relu", graph.linear("x", 24, 96))
    hidden = graph.node("Relu", graph.linear(hidden, 96, 128))
    graph.save(path, graph.linear(hidden, 128, 6), [1, 6])


def network(rng, path):
    graph = Graph(rng, [1, 3, 9, 8])
    x = graph.node("Relu", graph.conv("x", 3, 4, (3, 3), pads=[1, 1, 1, 1]))
    # Codes of what is below zero have a zero point, which is around the next image.
    y = graph.conv(x, 4, 4, (3, 3), pads=[1, 1, 1, 1])
    y = graph.conv(y, 4, 4, (3, 2), pads=[1, 0, 1, 1])
    x = graph.node("Relu", graph.node("Add", y, x))
    x = graph.node("MaxPool", x, kernel_shape=[3, 2], strides=[2, 2], pads=[1, 0, 0, 0])
    y = graph.node("Relu", graph.conv(x, 4, 6, (2, 3), pads=[0, 1, 1, 1], strides=[2, 1]))
    x = graph.conv(x, 4, 6, (1, 1), strides=[2, 1])
    x = graph.node("Add", x, y)
    # A shortcut without weights: every second pixel, channels of zeros around.
    short = graph.node("Slice", x, *(graph.constant(*numbers) for numbers in
                                     ([0, 0], [8, 8], [2, 3], [1, 2])))
    short = graph.node("Pad", short, graph.constant(0, 1, 0, 0, 0, 1, 0, 0))
    x = graph.node("Relu", graph.node("Add", graph.conv(
        x, 6, 8, (3, 3), pads=[1, 1, 1, 1], strides=[1, 2]), short))
    x = graph.node("Flatten", graph.node("GlobalAveragePool", x))
    graph.save(path, graph.linear(x, 8, 5), [1, 5])


def strided(rng, path):
    """Every other pixel, as ResNet's shortcuts have them (He et al. 2016): windows read four
    times as often as they write, of channels of which no dot product takes two at once."""
    graph = Graph(rng, [1, 7, 12, 12])
    x = graph.node("Relu", graph.conv("x", 7, 16, (1, 1), strides=[2, 2]))
    x = graph.conv(x, 16, 4, (1, 1))
    x = graph.node("Flatten", graph.node("GlobalAveragePool", x))
    graph.save(path, graph.linear(x, 4, 3), [1, 3])


def mobile(rng, path):
    """Blocks as MobileNetV2 has them (Sandler et al. 2018)."""
    graph = Graph(rng, [1, 3, 10, 9])
    limits = graph.number(0), graph.number(6)

    def layer(x, inputs, channels, kernel=1, **attributes):
        made = graph.conv(x, inputs, channels, (kernel, kernel), pads=[kernel // 2] * 4,
                          **attributes)
        return graph.node("Clip", made, *limits)

    def block(x, inputs, wide, channels, stride):
        y = layer(x, inputs, wide) if wide != inputs else x
        y = layer(y, 1, wide, 3, group=wide, strides=[stride, stride])
        y = graph.conv(y, wide, channels, (1, 1))
        return graph.node("Add", x, y) if stride == 1 and inputs == channels else y

    x = layer("x", 3, 4, 3, strides=[1, 2])
    x = block(x, 4, 4, 4, 1)
    x = block(x, 4, 12, 4, 1)
    x = block(x, 4, 8, 6, 2)
    # Two sums of each channel.
    x = layer(x, 1, 12, 3, group=6)
    x = graph.node("Flatten", graph.node("GlobalAveragePool", x))
    graph.save(path, graph.linear(x, 12, 5), [1, 5])


def small(rng, path):
    """A block of MobileNetV2 at the end of it, where an image is little higher than a window."""
    graph = Graph(rng, [1, 4, 4, 4])
    x = graph.node("Relu", graph.conv("x", 4, 8, (1, 1)))
    y = graph.node("Relu", graph.conv(x, 8, 16, (1, 1)))
    y = graph.node("Relu", graph.conv(y, 1, 16, (3, 3), pads=[1] * 4, group=16))
    x = graph.node("Add", x, graph.conv(y, 16, 8, (1, 1)))
    x = graph.node("Flatten", graph.node("GlobalAveragePool", x))
    graph.save(path, graph.linear(x, 8, 3), [1, 3])


def grouped(rng, path):
    """A block as ResNeXt has them (Xie et al. 2017)."""
    graph = Graph(rng, [1, 4, 8, 7])
    groups, size = int(rng.integers(2, 4)), int(rng.integers(2, 4))
    wide = groups * size
    x = graph.node("Relu", graph.conv("x", 4, 4, (3, 3), pads=[1] * 4))
    y = graph.node("Relu", graph.conv(x, 4, wide, (1, 1)))
    y = graph.node("Relu", graph.conv(y, size, wide, (3, 3), pads=[1] * 4, group=groups))
    y = graph.conv(y, size, 2 * wide, (1, 1), group=groups)
    x = graph.node("Relu", graph.node("Add", graph.conv(y, 2 * wide, 4, (1, 1)), x))
    x = graph.conv(x, 2, 4, (3, 2), strides=[2, 1], group=2)
    x = graph.node("Flatten", graph.node("GlobalAveragePool", x))
    graph.save(path, graph.linear(x, 4, 3), [1, 3])


def inception(rng, path):
    """A block as Inception has them (Szegedy et al. 2015)."""
    graph = Graph(rng, [1, 3, 9, 8])
    x = graph.node("Relu", graph.conv("x", 3, 4, (3, 3), pads=[1] * 4))
    a = graph.node("Relu", graph.conv(x, 4, 4, (1, 1)))
    b = graph.node("Relu", graph.conv(x, 4, 2, (1, 1)))
    b = graph.node("Relu", graph.conv(b, 2, 6, (3, 3), pads=[1] * 4))
    c = graph.node("Relu", graph.conv(x, 4, 2, (5, 5), pads=[2] * 4))
    d = graph.node("MaxPool", x, kernel_shape=[3, 3], strides=[1, 1], pads=[1] * 4)
    x = graph.node("Concat", a, b, c, d, axis=1)
    x = graph.node("Relu", graph.conv(x, 16, 4, (3, 3), strides=[2, 2]))
    x = graph.node("Flatten", graph.node("GlobalAveragePool", x))
    graph.save(path, graph.linear(x, 4, 3), [1, 3])
