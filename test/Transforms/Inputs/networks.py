"""Convolution networks in IR as importers write it: images [B, C, H, W], and
convolutions and pools between transpositions."""
import pathlib
import subprocess

import numpy as np
from safetensors.numpy import save_file

TO_LAST, TO_FIRST = (0, 2, 3, 1), (0, 3, 1, 2)


def tensor(shape, element="f32"):
    return "tensor<" + "".join(f"{n}x" for n in shape) + element + ">"


class Value:
    def __init__(self, name, shape):
        self.name, self.shape = name, tuple(shape)

    @property
    def type(self):
        return tensor(self.shape)


class Net:
    """One function @main(image [B, C, H, W]); B is dynamic, written '?'."""

    def __init__(self, channels, height, width, batch="?"):
        self.parameters, self.lines, self.count = {}, [], 0
        self.image = Value("%image", (batch, channels, height, width))
        self.batch = batch
        if batch == "?":
            self.lines.append("%zero = arith.constant 0 : index")
            self.lines.append(f"%batch = tensor.dim %image, %zero : "
                              f"{self.image.type}")

    def emit(self, text, shape, loc=None):
        name = f"%{self.count}"
        self.count += 1
        where = f' loc("{loc}")' if loc else ""
        self.lines.append(f"{name} = {text}{where}")
        return Value(name, shape)

    def parameter(self, name, array):
        array = np.ascontiguousarray(array, np.float32)
        self.parameters[name] = array
        value = Value(f"%{self.count}", array.shape)
        self.count += 1
        self.lines.append(f"{value.name} = ml_program.global_load_const "
                          f"@{name} : {value.type}")
        return value

    def transpose(self, x, perm):
        shape = [x.shape[i] for i in perm]
        sizes = "%batch" if "?" in shape else ""
        empty = self.emit(f"tensor.empty({sizes}) : {tensor(shape)}", shape)
        return self.emit(f"linalg.transpose ins({x.name} : {x.type}) "
                         f"outs({empty.name} : {empty.type}) "
                         f"permutation = {list(perm)}", shape)

    @staticmethod
    def windows(shape, kernel, strides, pads, dilations):
        return [(n + pads[i] + pads[i + 2] - dilations[i] * (kernel[i] - 1) - 1)
                // strides[i] + 1 for i, n in enumerate(shape)]

    def conv(self, x, weight, bias=None, name=None, strides=(1, 1),
             pads=(0, 0, 0, 0), dilations=(1, 1), groups=1):
        """`weight` is [N, C / groups, KH, KW]."""
        name = name or f"conv{len(self.parameters)}"
        w = self.parameter(f"{name}.weight", weight.transpose(0, 2, 3, 1))
        operands, types = w.name, w.type
        if bias is not None:
            b = self.parameter(f"{name}.bias", bias)
            operands += f" bias {b.name}"
            types += f", {b.type}"
        x = self.transpose(x, TO_LAST)
        size = self.windows(x.shape[1:3], weight.shape[2:], strides, pads,
                            dilations)
        y = self.emit(f"nn.conv {x.name}, {operands} strides {list(strides)} "
                      f"pads {list(pads)} dilations {list(dilations)} "
                      f"groups {groups} : {x.type}, {types}",
                      (x.shape[0], *size, len(weight)), name)
        return self.transpose(y, TO_FIRST)

    def batch_norm(self, x, scale, shift):
        x = self.transpose(x, TO_LAST)
        for op, numbers in ("mul", scale), ("add", shift):
            p = self.parameter(f"norm{len(self.parameters)}", numbers)
            x = self.emit(f"nn.{op} {x.name}, {p.name} : {x.type}, {p.type}",
                          x.shape)
        return self.transpose(x, TO_FIRST)

    def relu(self, x, name=None):
        return self.emit(f"nn.activation relu {x.name} : {x.type}", x.shape, name)

    def clamp(self, x, low, high):
        return self.emit(f"nn.clamp {x.name} low {low:e} high {high:e} : "
                         f"{x.type}", x.shape)

    def add(self, x, y, name=None):
        return self.emit(f"nn.add {x.name}, {y.name} : {x.type}, {y.type}",
                         x.shape, name)

    def generic_add(self, x, y):
        """As linalg.generic, with y broadcast over rows and columns."""
        sizes = "%batch" if "?" in x.shape else ""
        empty = self.emit(f"tensor.empty({sizes}) : {x.type}", x.shape)
        maps = ", ".join(f"affine_map<(a, b, c, d) -> ({m})>" for m in
                         ("a, b, c, d", "b, 0, 0", "a, b, c, d"))
        return self.emit(
            f"linalg.generic {{indexing_maps = [{maps}], iterator_types = "
            '["parallel", "parallel", "parallel", "parallel"]} '
            f"ins({x.name}, {y.name} : {x.type}, {y.type}) "
            f"outs({empty.name} : {x.type}) {{ ^bb0(%l: f32, %r: f32, %o: f32): "
            "%s = arith.addf %l, %r : f32 linalg.yield %s : f32 } -> "
            f"{x.type}", x.shape)

    def pad(self, x, low, high, number=0.0):
        shape = [n if n == "?" else n + a + b
                 for n, a, b in zip(x.shape, low, high)]
        p = self.emit(f"arith.constant {number:e} : f32", ())
        return self.emit(
            f"tensor.pad {x.name} low{list(low)} high{list(high)} {{ "
            "^bb0(%a: index, %b: index, %c: index, %d: index): "
            f"tensor.yield {p.name} : f32 }} : "
            f"{x.type} to {tensor(shape)}", shape)

    def slice(self, x, strides, offsets=(0, 0, 0, 0)):
        shape = [n if n == "?" else -(-(n - o) // s)
                 for n, s, o in zip(x.shape, strides, offsets)]
        sizes = ["%batch" if n == "?" else n for n in shape]
        text = ", ".join(map(str, sizes))
        return self.emit(f"tensor.extract_slice {x.name}{list(offsets)}"
                         f"[{text}]{list(strides)} : {x.type} to "
                         f"{tensor(shape)}", shape)

    def concat(self, values, dim=1):
        shape = list(values[0].shape)
        shape[dim] = sum(v.shape[dim] for v in values)
        return self.emit(
            f"tensor.concat dim({dim}) {', '.join(v.name for v in values)} : "
            f"({', '.join(v.type for v in values)}) -> {tensor(shape)}", shape)

    def pool(self, x, kind, kernel, strides=(1, 1), pads=(0, 0, 0, 0),
             count_pads=False):
        x = self.transpose(x, TO_LAST)
        size = self.windows(x.shape[1:3], kernel, strides, pads, (1, 1))
        y = self.emit(f"nn.pool {kind} {x.name} kernel {list(kernel)} strides "
                      f"{list(strides)} pads {list(pads)} "
                      f"{'count_pads ' if count_pads else ''}: {x.type}",
                      (x.shape[0], *size, x.shape[3]), f"pool{self.count}")
        return self.transpose(y, TO_FIRST)

    def flatten(self, x):
        features = int(np.prod(x.shape[1:]))
        shape = (x.shape[0], features)
        if self.batch == "?":
            n = self.emit(f"arith.constant {features} : index", ())
            sizes = self.emit(f"tensor.from_elements %batch, {n.name} : "
                              "tensor<2xindex>", ())
        else:
            sizes = self.emit(f"arith.constant dense<{list(shape)}> : "
                              "tensor<2xindex>", ())
        return self.emit(f"tensor.reshape {x.name}({sizes.name}) : "
                         f"({x.type}, tensor<2xindex>) -> {tensor(shape)}", shape)

    def linear(self, x, weight, bias, name="head"):
        w = self.parameter(f"{name}.weight", weight)
        b = self.parameter(f"{name}.bias", bias)
        return self.emit(f"nn.linear {x.name}, {w.name} bias {b.name} : "
                         f"{x.type}, {w.type}, {b.type}",
                         (x.shape[0], len(weight)), name)

    def write(self, path, result):
        """PATH.mlir and PATH.safetensors."""
        path = pathlib.Path(path)
        store = path.with_suffix(".safetensors")
        save_file(self.parameters, store)
        globals_ = "".join(
            f"ml_program.global private @{name}(#ml_program.extern : "
            f"{tensor(a.shape)}) : {tensor(a.shape)}\n"
            for name, a in self.parameters.items())

        def dims(value):
            return ", ".join('"N"' if n == "?" else '""' for n in value.shape)

        path.with_suffix(".mlir").write_text(
            f'module attributes {{qnt.params = "{store}"}} {{\n{globals_}'
            f"func.func @main(%image: {self.image.type} "
            f'{{qnt.name = "image", qnt.dims = [{dims(self.image)}]}}) -> '
            f'({result.type} {{qnt.name = "logits"}}) {{\n  ' +
            "\n  ".join(self.lines) +
            f"\n  return {result.name} : {result.type}\n}}\n}}\n")


def random_net(rng, batch="?", integer=False):
    """A small network with a bit of everything; with `integer`, of what
    integer arithmetic knows."""
    def floats(*shape):
        return rng.standard_normal(shape).astype(np.float32)

    def weight(n, c, k):
        return floats(n, c, k, k) * np.float32((2 / (c * k * k)) ** 0.5)

    c = int(rng.integers(2, 6))
    net = Net(3, 12, 12, batch)
    x = net.conv(net.image, weight(c, 3, 3), floats(c), "stem", pads=(1, 1, 1, 1))
    x = net.relu(net.batch_norm(x, floats(c) / 4 + 1, floats(c)))
    # An identity shortcut.
    y = net.conv(net.pad(x, (0, 0, 1, 1), (0, 0, 1, 1)), weight(c, c, 3), floats(c),
                 "a")
    x = net.relu(net.add(y, x, "sum"))
    # Strided slices and padded channels.
    y = net.relu(net.conv(x, weight(2 * c, c, 3), floats(2 * c), "b", (2, 2),
                          (1, 1, 1, 1)))
    y = net.conv(y, weight(2 * c, 2, 3), None, "c", pads=(2, 2, 2, 2),
                 dilations=(2, 2), groups=c)
    s = net.slice(x, (1, 1, 2, 2))
    low = int(rng.integers(0, c + 1))
    s = net.pad(s, (0, low, 0, 0), (0, c - low, 0, 0))
    x = net.relu(net.add(s, y))
    # A convolution on both sides, and branches.
    x = net.add(net.conv(x, weight(4, 2 * c, 1), floats(4), "d"),
                net.conv(x, weight(4, 2 * c, 3), floats(4), "e", pads=(1, 1, 1, 1)))
    x = net.clamp(x, 0, 6) if rng.random() < 0.5 else net.relu(x)
    p = net.pool(x, "max", (3, 3), (2, 2), (1, 1, 1, 1))
    q = net.pool(x, "average", (2, 2), (2, 2))
    x = net.concat([p, q])
    if not integer:
        bias = net.parameter("plane", floats(8, 1, 1))
        x = net.generic_add(x, bias)
    x = net.conv(x, weight(8, 1, 3), floats(8), "depthwise", pads=(0, 1, 2, 1),
                 groups=8)
    x = net.relu(net.pool(x, "average", (3, 3)))
    if rng.random() < 0.5:
        x = net.pool(x, "average", (1, 1))
    x = net.flatten(x)
    return net, net.linear(x, floats(5, 8), floats(5))


def run(tool, *arguments):
    result = subprocess.run([tool, *map(str, arguments)], capture_output=True,
                            text=True)
    assert result.returncode == 0, (tool, arguments, result.stderr[:3000])
    return result.stdout


def interpret(program, module, images):
    """What @main of a module gives in the interpreter."""
    module = pathlib.Path(module)
    np.savez(module.with_suffix(".in.npz"), image=images)
    run(program, module, "main", module.with_suffix(".in.npz"),
        module.with_suffix(".out"))
    return np.load(module.with_suffix(".out.0.npy"))
