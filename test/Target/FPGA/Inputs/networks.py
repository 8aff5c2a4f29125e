"""Small networks as ONNX, of random weights: layers of vectors; convolutions with strides, pads
around codes whose zero point is not 0, codes added, pools."""
from integers import Graph


def layers(rng, path):
    graph = Graph(rng, [1, 20])
    hidden = graph.node("Relu", graph.norm(graph.linear("x", 20, 12), 12))
    graph.save(path, graph.linear(graph.linear(hidden, 12, 8), 8, 6), [1, 6])


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
