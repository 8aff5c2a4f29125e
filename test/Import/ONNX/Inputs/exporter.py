"""Writes graphs node for node as the exporter of torch does: shapes are computed
in the graph, layers come in parts, weights are [inputs, outputs]."""
import numpy as np
from onnx import TensorProto as T
from onnx import helper as h

LOWEST = np.finfo(np.float32).min
END = np.array([2 ** 63 - 1])


class Exporter:
    """`m` is a Models. Names of values stand for them."""

    def __init__(self, m):
        self.m, self.nodes, self.constants = m, [], {}

    def save(self, inputs, outputs, opset):
        """`outputs`: name of the graph to name of the value."""
        renamed = {value: name for name, value in outputs.items()}
        for node in self.nodes:
            for names in (node.input, node.output):
                names[:] = [renamed.get(name, name) for name in names]
        return self.m.save(self.nodes, inputs, list(outputs), self.constants,
                           opset)

    def known(self, array):
        name = f"c{len(self.constants)}"
        self.constants[name] = np.asarray(array)
        return name

    def op(self, kind, *inputs, count=1, **attributes):
        """Inputs that are no names become constants."""
        inputs = [x if isinstance(x, str) else self.known(x) for x in inputs]
        outputs = [f"v{len(self.nodes)}.{i}" for i in range(count)]
        self.nodes.append(h.make_node(kind, inputs, outputs, **attributes))
        return outputs[0] if count == 1 else outputs

    def __getattr__(self, kind):
        if not kind[0].isupper():
            raise AttributeError(kind)
        return lambda *inputs, **attributes: self.op(kind, *inputs,
                                                     **attributes)

    # Shapes.

    def dim(self, x, axis):
        """Tensor.shape[axis], a scalar."""
        return self.Gather(self.Shape(x), np.array(axis), axis=0)

    def size(self, x, axis):
        """Tensor.size(axis), counted from the end: a scalar."""
        end = END if axis == -1 else np.array([axis + 1])
        part = self.Slice(self.Shape(x), np.array([axis]), end, np.array([0]))
        return self.Squeeze(part, np.array([0]))

    def wrap(self, size):
        return np.array([size]) if isinstance(size, int) else \
            self.Unsqueeze(size, np.array([0]))

    def shape(self, *sizes):
        """Of scalars, -1 and numbers."""
        return self.Concat(*map(self.wrap, sizes), axis=0)

    def reshape(self, x, *sizes):
        return self.Reshape(x, self.shape(*sizes))

    def full(self, value, *shape):
        """ConstantOfShape of a shape in the graph."""
        return self.ConstantOfShape(
            *shape, value=self.m.tensor("v", np.array([value])))

    def expand_as(self, x, shape):
        """Tensor.expand to a shape in the graph: -1, for what stays, is taken
        out again."""
        ones = self.full(1, self.Shape(shape))
        stays = self.Equal(shape, self.Mul(ones, np.array(-1)))
        return self.Expand(x, self.Where(stays, ones, shape))

    def expand(self, x, *sizes):
        shape = self.Reshape(self.shape(*sizes), np.array([-1]))
        return self.expand_as(x, shape)

    def slice(self, x, start, end, axis):
        return self.Slice(x, self.wrap(start), self.wrap(end), np.array([axis]),
                          np.array([1]))

    def long(self, x):
        return self.Cast(x, to=T.INT64)

    def float(self, x):
        return self.Cast(x, to=T.FLOAT)

    def bool(self, x):
        return self.Cast(x, to=T.BOOL)

    def range(self, start, end):
        start = self.long(start) if isinstance(start, str) else start
        return self.Range(start, self.long(end), np.array(1))

    # Layers.

    def weight(self, *shape):
        return self.m.floats(*shape) / np.float32(np.sqrt(shape[0]))

    def linear(self, x, inputs, outputs, bias=True):
        y = self.MatMul(x, self.weight(inputs, outputs))
        return self.Add(self.m.floats(outputs) / 4, y) if bias else y

    def layer_norm(self, x, width, opset, eps=1e-5):
        scale, shift = self.m.floats(width), self.m.floats(width)
        if opset >= 17:
            return self.LayerNormalization(x, scale, shift, epsilon=eps,
                                           axis=-1)
        centred = self.Sub(x, self.ReduceMean(x, axes=[-1]))
        square = self.Pow(centred, np.float32(2))
        root = self.Sqrt(self.Add(self.ReduceMean(square, axes=[-1]),
                                  np.float32(eps)))
        return self.Add(self.Mul(self.Div(centred, root), scale), shift)

    def rms_norm(self, x, width, eps=1e-6):
        """In f32, whatever the type of x: casts that change nothing."""
        x = self.float(x)
        mean = self.ReduceMean(self.Pow(x, np.float32(2)), axes=[-1])
        root = self.Sqrt(self.Add(mean, np.float32(eps)))
        normal = self.Mul(x, self.Div(np.float32(1), root))
        return self.Mul(self.m.floats(width), self.float(normal)), x

    def gelu(self, x):
        inner = self.Erf(self.Div(x, np.float32(2 ** 0.5)))
        return self.Mul(self.Mul(x, self.Add(inner, np.float32(1))),
                        np.float32(0.5))

    def gelu_tanh(self, x):
        """As GPT-2 has it."""
        half = self.Mul(x, np.float32(0.5))
        cube = self.Mul(self.Pow(x, np.float32(3)), np.float32(0.044715))
        inner = self.Mul(self.Add(x, cube), np.float32((2 / np.pi) ** 0.5))
        return self.Mul(half, self.Add(self.Tanh(inner), np.float32(1)))

    # Attention.

    def split(self, y, count, width):
        """[batch, tokens, count, width]"""
        return self.reshape(y, self.dim(y, 0), self.dim(y, 1), count, width)

    def heads(self, y, count, width):
        return self.Transpose(self.split(y, count, width), perm=[0, 2, 1, 3])

    def merge(self, y, width):
        y = self.Transpose(y, perm=[0, 2, 1, 3])
        return self.reshape(y, self.dim(y, 0), self.dim(y, 1), width)

    def scaled_dot_product(self, q, k, v, perm, mask=None):
        """torch.nn.functional.scaled_dot_product_attention: both factors of
        the scores are scaled by a root that is computed in the graph. `perm`
        makes [batch, heads, width, tokens] of `k`; `mask` gives the mask."""
        mask = mask() if mask else None
        width = self.float(self.Slice(self.Shape(q), np.array([-1]), END))
        scale = self.Div(np.float32([1]), self.Sqrt(width))
        k = self.Transpose(k, perm=perm)
        q = self.Mul(q, self.Sqrt(scale))
        scores = self.MatMul(q, self.Mul(k, self.Sqrt(scale)))
        if mask:
            scores = self.Add(scores, mask)
        return self.MatMul(self.Softmax(scores, axis=-1), v)
