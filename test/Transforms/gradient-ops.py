# REQUIRES: python
# RUN: rm -rf %t && mkdir %t
# RUN: %python %s %t %test_bin/interpret
"""The rule of every op that nn-gradient differentiates, on the CPU target and in
the interpreter, against central differences of the op in numpy, in f64."""
import math
import os
import pathlib
import random
import sys

import numpy as np

sys.path.append(os.path.join(os.path.dirname(__file__), "Inputs"))
from gradients import Case, call, tensor, write

folder, interpret = pathlib.Path(sys.argv[1]), sys.argv[2]
seed = int(os.environ.get("QNT_SEED", random.randrange(1 << 32)))
print("seed", seed)
rng = np.random.default_rng(seed)
cases = []
erf = np.vectorize(math.erf)


def case(function):
    c = Case(function.__name__, rng)
    cases.append(function(c) or c)


def normal(*shape):
    return rng.standard_normal(shape).astype(np.float32)


def away(x, *kinks):
    """No number near one where a slope jumps."""
    for kink in kinks:
        x = np.where(np.abs(x - kink) < 0.02, np.float32(kink + 0.05), x)
    return x.astype(np.float32)


def distinct(*shape):
    """Numbers whose order no step changes."""
    size = math.prod(shape)
    return (rng.permutation(size).reshape(shape) / 8 - size / 16).astype(
        np.float32)


@case
def linear(c):
    x = c.activation(normal(2, 3, 8), ["batch", "tokens"])
    w, b = c.parameter(normal(5, 8)), c.parameter(normal(5))
    y = c.emit(f"nn.linear {x.name}, {w.name} bias {b.name} : {x.type}, "
               f"{w.type}, {b.type}", (*x.shape[:2], 5))
    c.finish(y, lambda x, w, b: x @ w.T + b)


@case
def linear_rows(c):
    x, w = c.activation(normal(4, 8)), c.parameter(normal(3, 8))
    y = c.emit(f"nn.linear {x.name}, {w.name} : {x.type}, {w.type}", (4, 3))
    c.finish(y, lambda x, w: x @ w.T)


def add_matmul(name, left, right, dims, transposed):
    def build(c):
        x = c.activation(normal(*left), dims[0])
        y = c.activation(normal(*right), dims[1])
        rank = max(len(left), len(right))
        shape = np.broadcast_shapes(left[:-2], right[:-2])
        z = [*shape, left[-2], right[-2 if transposed else -1]]
        dynamic = [d for d in (dims[0] or [])]
        z = ["?" if i < len(dynamic) else n for i, n in enumerate(z)]
        assert len(z) == rank
        word = " transposed" if transposed else ""
        out = c.emit(f"nn.matmul {x.name}, {y.name}{word} : {x.type}, {y.type}",
                     z)
        c.finish(out, lambda x, y: x @ (y.swapaxes(-1, -2) if transposed else y))
    build.__name__ = name
    case(build)


add_matmul("matmul", (2, 3, 4), (2, 4, 5), (["b"], ["b"]), False)
add_matmul("matmul_transposed", (2, 3, 4), (2, 5, 4), (["b"], ["b"]), True)
add_matmul("matmul_right_repeats", (2, 3, 4), (4, 5), (["b"], None), False)
add_matmul("matmul_left_repeats", (1, 3, 4), (2, 5, 4), (None, None), True)
add_matmul("matmul_middle", (2, 1, 3, 4), (2, 3, 4, 5), (["b"], ["b"]), False)


def add_binary(name, op, apply):
    def build(c):
        x = c.activation(normal(2, 3, 4), ["b", "t"])
        y = c.activation(normal(4) if "row" in name else normal(2, 3, 4),
                         None if "row" in name else ["b", "t"])
        z = c.emit(f"nn.{op} {x.name}, {y.name} : {x.type}, {y.type}", x.shape)
        c.finish(z, apply)
    build.__name__ = name
    case(build)


for suffix in ("", "_row"):
    add_binary("add" + suffix, "add", lambda x, y: x + y)
    add_binary("mul" + suffix, "mul", lambda x, y: x * y)


@case
def same_value_twice(c):
    x = c.activation(normal(2, 4))
    y = c.emit(f"nn.mul {x.name}, {x.name} : {x.type}, {x.type}", x.shape)
    c.finish(y, lambda x: x * x)


ACTIVATIONS = {
    "relu": lambda x: np.maximum(x, 0),
    "gelu": lambda x: x * (1 + erf(x / math.sqrt(2))) / 2,
    "gelu_tanh": lambda x: x / 2 * (1 + np.tanh(
        math.sqrt(2 / math.pi) * (x + 0.044715 * x ** 3))),
    "silu": lambda x: x / (1 + np.exp(-x)),
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
}
for kind, function in ACTIVATIONS.items():
    def build(c):
        x = c.activation(away(2 * normal(3, 8), 0), ["b"])
        y = c.emit(f"nn.activation {kind} {x.name} : {x.type}", x.shape)
        c.finish(y, function)
    build.__name__ = "activation_" + kind
    case(build)


@case
def clamp(c):
    x = c.activation(away(2 * normal(3, 8), -1, 1.5), ["b"])
    y = c.emit(f"nn.clamp {x.name} low -1.0 high 1.5 : {x.type}", x.shape)
    c.finish(y, lambda x: np.clip(x, -1, 1.5))


for groups in (1, 3):
    def build(c):
        x = c.activation(normal(2, 2, 12), ["b", "t"])
        s = c.activation(normal(12 // groups))
        y = c.emit(f"nn.rms_norm {x.name}, {s.name} groups {groups} eps 1.0e-3 : "
                   f"{x.type}, {s.type}", x.shape)

        def compute(x, s, groups=groups):
            x = x.reshape(2, 2, groups, -1)
            x = x / np.sqrt((x ** 2).mean(-1, keepdims=True) + 1e-3) * s
            return x.reshape(2, 2, 12)
        c.finish(y, compute)
    build.__name__ = f"rms_norm_{groups}"
    case(build)


@case
def layer_norm(c):
    x = c.activation(normal(2, 3, 8) + 1, ["b", "t"])
    s, h = c.activation(normal(8)), c.activation(normal(8))
    y = c.emit(f"nn.layer_norm {x.name}, {s.name}, {h.name} eps 1.0e-3 : "
               f"{x.type}, {s.type}", x.shape)

    def compute(x, s, h):
        x = x - x.mean(-1, keepdims=True)
        return x / np.sqrt((x ** 2).mean(-1, keepdims=True) + 1e-3) * s + h
    c.finish(y, compute)


def np_softmax(x):
    x = np.exp(x - x.max(-1, keepdims=True))
    return x / x.sum(-1, keepdims=True)


@case
def softmax(c):
    x = c.activation(normal(2, 3, 5), ["b", "t"])
    y = c.emit(f"nn.softmax {x.name} : {x.type}", x.shape)
    c.finish(y, np_softmax)


@case
def l2_normalize(c):
    x = c.activation(normal(3, 6), ["b"])
    y = c.emit(f"nn.l2_normalize {x.name} : {x.type}", x.shape)
    c.finish(y, lambda x: x / np.sqrt((x ** 2).sum(-1, keepdims=True)))


for interleaved in (False, True):
    def build(c):
        heads, size, rotated = 2, 6, 4
        x = c.activation(normal(2, 3, heads * size), ["b", "t"])
        ids = rng.integers(0, 50, (2, 3)).astype(np.int32)
        p = c.argument("positions", ids, ["b", "t"], "i32")
        table = c.emit(f"nn.rope_table {p.name} dim {rotated} theta 100.0 : "
                       f"{p.type}", (*p.shape, rotated))
        word = " interleaved" if interleaved else ""
        y = c.emit(f"nn.rope {x.name}, {table.name} heads {heads}{word} : "
                   f"{x.type}, {table.type}", x.shape)

        def compute(x, interleaved=interleaved):
            angles = ids[..., None] * 100.0 ** (-np.arange(0, rotated, 2) / rotated)
            x = x.reshape(2, 3, heads, size).copy()
            cos, sin = np.cos(angles)[:, :, None], np.sin(angles)[:, :, None]
            first = slice(0, rotated, 2) if interleaved else slice(0, rotated // 2)
            second = (slice(1, rotated, 2) if interleaved
                      else slice(rotated // 2, rotated))
            a, b = x[..., first].copy(), x[..., second].copy()
            x[..., first], x[..., second] = a * cos - b * sin, b * cos + a * sin
            return x.reshape(2, 3, -1)
        c.finish(y, compute)
    build.__name__ = "rope_interleaved" if interleaved else "rope"
    case(build)


def add_attention(name, heads, kv_heads, words="", lengths=None):
    def build(c):
        batch, tokens, size = 2, 5, 4
        q = c.activation(normal(batch, tokens, heads * size), ["b", "t"])
        k = c.activation(normal(batch, tokens, kv_heads * size), ["b", "t"])
        v = c.activation(normal(batch, tokens, kv_heads * size), ["b", "t"])
        given = ""
        if lengths:
            n = c.argument("lengths", np.array(lengths, np.int32), ["b"], "i32")
            given = f" lengths({n.name} : {n.type})"
        y = c.emit(f"nn.attention {q.name}, {k.name}, {v.name}{given} heads "
                   f"{heads} kv_heads {kv_heads} scale 0.4 {words} : {q.type}, "
                   f"{k.type}, {v.type}", q.shape)
        t, s = np.indices((tokens, tokens))
        allowed = np.ones((batch, 1, tokens, tokens), bool)
        if "causal" in words:
            allowed &= s <= t
        if "window" in words:
            allowed &= s > t - int(words.split()[-1])
        if lengths:
            allowed &= s < np.array(lengths)[:, None, None, None]

        def compute(q, k, v):
            q = q.reshape(batch, tokens, heads, size).transpose(0, 2, 1, 3)
            k, v = (np.repeat(a.reshape(batch, tokens, kv_heads, size), heads
                              // kv_heads, 2).transpose(0, 2, 1, 3) for a in (k, v))
            scores = np.where(allowed, 0.4 * q @ k.swapaxes(-1, -2), -1e300)
            y = np.where(allowed, np_softmax(scores), 0) @ v
            return y.transpose(0, 2, 1, 3).reshape(batch, tokens, -1)
        c.finish(y, compute)
    build.__name__ = name
    case(build)


add_attention("attention", 2, 2)
add_attention("attention_causal_grouped", 4, 2, "causal")
add_attention("attention_window", 2, 1, "causal window 2")
add_attention("attention_lengths", 2, 2, "", [0, 3])


@case
def embedding(c):
    ids = rng.integers(0, 5, (2, 4)).astype(np.int32)
    i = c.argument("ids", ids, ["b", "t"], "i32")
    table = c.parameter(normal(6, 3))
    y = c.emit(f"nn.embedding {i.name}, {table.name} : {i.type}, {table.type}",
               (*i.shape, 3))
    c.finish(y, lambda table: table[ids])


for rows in (None, [3, 1]):
    def build(c):
        x = c.activation(normal(2, 4, 3), ["b", "t"])
        at, type = "", ""
        if rows:
            r = c.argument("rows", np.array(rows, np.int32), ["b"], "i32")
            at, type = f" at {r.name}", f", {r.type}"
        y = c.emit(f"nn.select_rows {x.name}{at} : {x.type}{type}",
                   (x.shape[0], 3))
        c.finish(y, lambda x, rows=rows: x[[0, 1], rows or [3, 3]])
    build.__name__ = "select_rows" if rows else "select_last_row"
    case(build)


@case
def mean_pool(c):
    x = c.activation(normal(2, 4, 3), ["b", "t"])
    n = c.argument("lengths", np.array([4, 2], np.int32), ["b"], "i32")
    y = c.emit(f"nn.mean_pool {x.name}, {n.name} : {x.type}, {n.type}",
               (x.shape[0], 3))
    c.finish(y, lambda x: np.stack([x[0].mean(0), x[1, :2].mean(0)]))


@case
def select_features(c):
    x = c.activation(normal(2, 3, 6), ["b", "t"])
    i = c.emit("arith.constant dense<[4, 0, 4, 5]> : tensor<4xi32>", (4,), "i32")
    y = c.emit(f"nn.select_features {x.name}, {i.name} : {x.type}, {i.type}",
               (*x.shape[:2], 4))
    c.finish(y, lambda x: x[..., [4, 0, 4, 5]])


def windows(x, kernel, strides, pads, dilations, number):
    """What windows see: [B, OH, OW, KH, KW, C]."""
    x = np.pad(x, ((0, 0), (pads[0], pads[2]), (pads[1], pads[3]), (0, 0)),
               constant_values=number)
    counts = [(x.shape[i + 1] - dilations[i] * (kernel[i] - 1) - 1) // strides[i]
              + 1 for i in (0, 1)]
    rows, columns = ((np.arange(counts[i])[:, None] * strides[i]
                      + np.arange(kernel[i]) * dilations[i]) for i in (0, 1))
    return x[:, rows[:, None, :, None], columns[None, :, None, :]]


def attributes(**numbers):
    return " ".join(f"{k} {list(v)}" for k, v in numbers.items())


def add_conv(name, channels, features, kernel, groups=1, strides=(1, 1),
             pads=(0, 0, 0, 0), dilations=(1, 1), bias=True):
    def build(c):
        x = c.activation(normal(2, 6, 5, channels), ["b"])
        w = c.parameter(normal(features, *kernel, channels // groups))
        more, type = "", ""
        if bias:
            b = c.parameter(normal(features))
            more, type = f" bias {b.name}", f", {b.type}"

        def compute(x, w, b=0):
            seen = windows(x, kernel, strides, pads, dilations, 0)
            seen = seen.reshape(*seen.shape[:5], groups, -1)
            split = w.reshape(groups, features // groups, *w.shape[1:])
            y = np.einsum("byxijgc,gnijc->byxgn", seen, split)
            return y.reshape(*y.shape[:3], -1) + b
        shape = compute(*c.wide()).shape
        y = c.emit(
            f"nn.conv {x.name}, {w.name}{more} "
            + attributes(strides=strides, pads=pads, dilations=dilations)
            + f" groups {groups} : {x.type}, {w.type}{type}", ("?", *shape[1:]))
        c.finish(y, compute)
    build.__name__ = name
    case(build)


add_conv("conv", 3, 4, (3, 3), pads=(1, 1, 1, 1))
add_conv("conv_strided", 2, 3, (3, 2), strides=(2, 1), pads=(0, 1, 2, 0))
add_conv("conv_dilated", 2, 2, (2, 2), dilations=(2, 3), pads=(1, 2, 0, 1),
         strides=(1, 2), bias=False)
add_conv("conv_groups", 4, 6, (3, 3), groups=2, pads=(1, 1, 1, 1))
add_conv("conv_depthwise", 4, 4, (3, 3), groups=4, strides=(2, 2),
         pads=(1, 1, 1, 1))
add_conv("conv_point", 3, 4, (1, 1))
# Windows that skip rows and columns.
add_conv("conv_sparse", 2, 2, (1, 1), strides=(3, 2))


def add_pool(name, kind, kernel, count_pads=False, strides=(1, 1),
             pads=(0, 0, 0, 0), dilations=(1, 1)):
    def build(c):
        x = c.activation(distinct(2, 5, 6, 2), ["b"])

        def compute(x):
            fill = -np.inf if kind == "max" else np.nan
            if count_pads:
                fill = 0
            seen = windows(x, kernel, strides, pads, dilations, fill)
            reduce = np.max if kind == "max" else np.nanmean
            return reduce(seen, axis=(3, 4))
        shape = compute(*c.wide()).shape
        word = " count_pads" if count_pads else ""
        y = c.emit(f"nn.pool {kind} {x.name} kernel {list(kernel)} "
                   + attributes(strides=strides, pads=pads, dilations=dilations)
                   + f"{word} : {x.type}", ("?", *shape[1:]))
        c.finish(y, compute)
    build.__name__ = name
    case(build)


for kind in ("max", "average"):
    add_pool(f"pool_{kind}", kind, (2, 3), strides=(2, 2))
    add_pool(f"pool_{kind}_padded", kind, (3, 3), pads=(1, 1, 1, 1))
    add_pool(f"pool_{kind}_dilated", kind, (2, 2), dilations=(2, 3),
             pads=(1, 0, 0, 2))
add_pool("pool_average_pads_count", "average", (3, 2), count_pads=True,
         pads=(1, 1, 1, 0), strides=(2, 1))
add_pool("pool_whole", "average", (5, 6))


@case
def pool_ties(c):
    """Numbers that share a maximum share its cotangent: what a step in all of
    them together gives."""
    x = c.activation(np.zeros((1, 2, 2, 1), np.float32))
    y = c.emit(f"nn.pool max {x.name} kernel [2, 2] : {x.type}", (1, 1, 1, 1))
    c.finish(y, lambda x: x.mean(axis=(1, 2), keepdims=True))


@case
def shapes(c):
    x = c.activation(normal(2, 3, 4), ["b"])
    zero = c.emit("arith.constant 0 : index", ())
    b = c.emit(f"tensor.dim {x.name}, {zero.name} : {x.type}", ())
    two, six = (c.emit(f"arith.constant {n} : index", ()) for n in (2, 6))
    flat = c.emit(f"tensor.collapse_shape {x.name} [[0], [1, 2]] : {x.type} into "
                  "tensor<?x12xf32>", ("?", 12))
    z = c.emit(f"tensor.expand_shape {flat.name} [[0], [1, 2]] output_shape "
               f"[{b.name}, 2, 6] : {flat.type} into tensor<?x2x6xf32>",
               ("?", 2, 6))
    shape = c.emit(f"tensor.from_elements {six.name}, {b.name}, {two.name} : "
                   "tensor<3xindex>", (3,), "index")
    y = c.emit(f"tensor.reshape {z.name}({shape.name}) : ({z.type}, {shape.type})"
               " -> tensor<6x?x2xf32>", (6, "?", 2))
    c.finish(y, lambda x: x.reshape(6, 2, 2))


@case
def transpose(c):
    x = c.activation(normal(2, 3, 4), ["b"])
    zero = c.emit("arith.constant 0 : index", ())
    b = c.emit(f"tensor.dim {x.name}, {zero.name} : {x.type}", ())
    e = c.emit(f"tensor.empty({b.name}) : tensor<4x?x3xf32>", (4, "?", 3))
    y = c.emit(f"linalg.transpose ins({x.name} : {x.type}) outs({e.name} : "
               f"{e.type}) permutation = [2, 0, 1]", e.shape)
    c.finish(y, lambda x: x.transpose(2, 0, 1))


def add_slice(name, offsets, sizes, strides, result=None):
    def build(c):
        x = c.activation(normal(2, 5, 6), ["b"])
        zero = c.emit("arith.constant 0 : index", ())
        b = c.emit(f"tensor.dim {x.name}, {zero.name} : {x.type}", ())
        text = ", ".join([b.name, *map(str, sizes[1:])])
        shape = result or ("?", *sizes[1:])
        y = c.emit(f"tensor.extract_slice {x.name}{list(offsets)}[{text}]"
                   f"{list(strides)} : {x.type} to {tensor(shape)}", shape)

        def compute(x):
            y = x[tuple(slice(o, o + (n - 1) * s + 1, s)
                        for o, n, s in zip(offsets, sizes, strides))]
            return y.reshape([2 if n == "?" else n for n in shape])
        c.finish(y, compute)
    build.__name__ = name
    case(build)


add_slice("slice", (0, 1, 2), (2, 3, 4), (1, 1, 1))
add_slice("slice_strided", (0, 1, 0), (2, 2, 2), (1, 3, 4))
add_slice("slice_reduced", (0, 2, 1), (2, 1, 3), (1, 1, 1), ("?", 3))


@case
def concat(c):
    x, y = (c.activation(normal(2, n, 3), ["b"]) for n in (2, 4))
    z = c.emit(f"tensor.concat dim(1) {x.name}, {y.name}, {x.name} : ({x.type}, "
               f"{y.type}, {x.type}) -> tensor<?x8x3xf32>", ("?", 8, 3))
    c.finish(z, lambda x, y: np.concatenate([x, y, x], 1))


@case
def pad(c):
    x = c.activation(normal(2, 3), ["b"])
    n = c.emit("arith.constant 7.0 : f32", ())
    y = c.emit(f"tensor.pad {x.name} low[0, 1] high[0, 2] {{ ^bb0(%a: index, %b: "
               f"index): tensor.yield {n.name} : f32 }} : {x.type} to "
               "tensor<?x6xf32>", ("?", 6))
    c.finish(y, lambda x: np.pad(x, ((0, 0), (1, 2)), constant_values=7))


def add_generic(name, values, shape, maps, kinds, body, compute, init=None):
    """A linalg.generic: maps and kinds as in IR, `body` a list of ops on %a, %b,
    ..., of which the last is yielded; %o is the result so far."""
    def build(c):
        inputs = [c.activation(v) for v in values]
        if init is None:
            out = c.emit(f"tensor.empty() : {tensor(shape)}", shape)
        else:
            n = c.emit(f"arith.constant {init:e} : f32", ())
            e = c.emit(f"tensor.empty() : {tensor(shape)}", shape)
            out = c.emit(f"linalg.fill ins({n.name} : f32) outs({e.name} : "
                         f"{e.type}) -> {e.type}", shape)
        loops = "abcd"[:len(kinds)]
        text = ", ".join(f"affine_map<({', '.join(loops)}) -> ({m})>" for m in maps)
        kind = ", ".join(f'"{"parallel" if k == "p" else "reduction"}"'
                         for k in kinds)
        names = ", ".join(f"%{n}: f32" for n in
                          [*"abcd"[:len(inputs)], "o"])
        ins = ", ".join(v.name for v in inputs)
        types = ", ".join(v.type for v in inputs)
        steps = " ".join(body)
        last = body[-1].split(" = ")[0]
        y = c.emit(f"linalg.generic {{indexing_maps = [{text}], iterator_types = "
                   f"[{kind}]}} ins({ins} : {types}) outs({out.name} : {out.type}) "
                   f"{{ ^bb0({names}): {steps} linalg.yield {last} : f32 }} -> "
                   f"{out.type}", shape)
        c.finish(y, compute)
    build.__name__ = name
    case(build)


add_generic(
    "generic_broadcast", [normal(3, 4), normal(4), normal(3, 1)], (3, 4),
    ["a, b", "b", "a, 0", "a, b"], "pp",
    ["%1 = arith.mulf %a, %b : f32", "%2 = arith.subf %1, %c : f32",
     "%3 = arith.addf %2, %a : f32"],
    lambda a, b, c: a * b - c + a)
add_generic(
    "generic_sum", [normal(3, 4), normal(3, 4)], (3,), ["a, b", "a, b", "a"], "pr",
    ["%1 = arith.mulf %a, %b : f32", "%2 = arith.addf %o, %1 : f32"],
    lambda a, b: (a * b).sum(1) + 2, init=2.0)


def add_scalar(name, line, compute, values):
    add_generic(name, values, values[0].shape, ["a"] * (len(values) + 1), "p",
                [f"%1 = {line} : f32"], compute)


positive = np.abs(normal(8)) + np.float32(0.5)
signed = away(normal(8), 0)
other = np.where(rng.random(8) < 0.5, signed + 1, signed - 1).astype(np.float32)
for op, function in {"addf": np.add, "subf": np.subtract, "mulf": np.multiply,
                     "maximumf": np.maximum, "minimumf": np.minimum,
                     "maxnumf": np.maximum, "minnumf": np.minimum}.items():
    add_scalar(f"arith_{op}", f"arith.{op} %a, %b", function, [signed, other])
add_scalar("arith_divf", "arith.divf %a, %b", np.divide, [signed, positive])
add_scalar("arith_negf", "arith.negf %a", np.negative, [signed])
for op, function in {"log": np.log, "sqrt": np.sqrt,
                     "rsqrt": lambda x: 1 / np.sqrt(x)}.items():
    add_scalar(f"math_{op}", f"math.{op} %a", function, [positive])
for op, function in {"exp": np.exp, "tanh": np.tanh, "erf": erf, "absf": np.abs,
                     "sin": np.sin, "cos": np.cos}.items():
    add_scalar(f"math_{op}", f"math.{op} %a", function, [signed])
add_scalar("math_powf", "math.powf %a, %b", np.power, [positive, signed])
add_scalar("math_fma", "math.fma %a, %b, %c", lambda a, b, c: a * b + c,
           [signed, other, positive])
add_generic("arith_select", [signed, other], (8,), ["a", "a", "a"], "p",
            ["%1 = arith.cmpf olt, %a, %b : f32",
             "%2 = arith.select %1, %a, %b : f32"], np.minimum)


def add_loss(name, loss, target):
    def build(c):
        x = c.activation(normal(2, 3, 5), ["b", "t"])
        c.finish(x, lambda x: x, loss, target)
    build.__name__ = name
    case(build)


labels = rng.integers(0, 5, (2, 3)).astype(np.int32)
labels[1, 1:] = -1
add_loss("cross_entropy", "cross_entropy", labels)
add_loss("cross_entropy_of_nothing", "cross_entropy", np.full((2, 3), -1, np.int32))
add_loss("squared_error", "squared_error", normal(2, 3, 5))
add_loss("kl", "kl", 2 * normal(2, 3, 5))

source = write(folder, cases)
module = folder / "gradients.mlir"
call("quant-opt", source, *(c.option for c in cases), "-o", module)
call("quant-opt", module, "--target=cpu", "-o", folder / "gradients.so")
# Sums of f32 against f64: what ten steps of rounding may do to the largest.
TOLERANCE = 2e-5
worst = {"CPU": 0.0, "interpreter": 0.0}
for c in cases:
    entry = f"{c.name}_gradient"
    np.savez(folder / "in.npz", **c.all_inputs())
    names = ["loss", *c.parameters]
    outputs = []
    for i, name in enumerate(names):
        outputs += ["--output", f"{name}={folder}/cpu.{i}.npy"]
    call("quant-run", folder / "gradients.so", "--entry", entry, "--input",
         folder / "in.npz", *outputs)
    call(interpret, module, entry, folder / "in.npz", folder / "interpreter")
    expected = [np.array(c.scalar(c.wide())), *c.differences()]
    for kind, file in ("CPU", "cpu"), ("interpreter", "interpreter"):
        for i, (name, wanted) in enumerate(zip(names, expected)):
            got = np.load(folder / f"{file}.{i}.npy")
            assert got.shape == wanted.shape, (name, got.shape, wanted.shape)
            error = np.abs(got - wanted).max() / max(1, np.abs(wanted).max())
            worst[kind] = max(worst[kind], error)
            assert error <= TOLERANCE, (kind, name, error, got, wanted)
print(len(cases), "cases, largest relative errors", worst)
