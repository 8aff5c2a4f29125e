# REQUIRES: python
# RUN: rm -rf %t && mkdir %t
# RUN: %python %s %t %test_bin/interpret
"""The rules of nn ops, on the CPU target and in the interpreter, against central
differences of the op in numpy, in f64."""
import math
import os
import pathlib
import sys

import numpy as np

sys.path.append(os.path.join(os.path.dirname(__file__), "Inputs"))
import gradients
from gradients import Case, away
from seeding import draw_seed

folder, interpret = pathlib.Path(sys.argv[1]), sys.argv[2]
seed = draw_seed()
rng = np.random.default_rng(seed)
cases = []
erf = np.vectorize(math.erf)


def case(function):
    c = Case(function.__name__, rng)
    cases.append(c)
    function(c)


def normal(*shape):
    return rng.standard_normal(shape).astype(np.float32)


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


@case
def softmax(c):
    x = c.activation(normal(2, 3, 5), ["b", "t"])
    y = c.emit(f"nn.softmax {x.name} : {x.type}", x.shape)
    c.finish(y, gradients.softmax)


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
            y = np.where(allowed, gradients.softmax(scores), 0) @ v
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


def add_rotate(name, transposed):
    def build(c):
        x = c.activation(normal(2, 3, 8), ["b", "t"])
        turns = np.stack([np.linalg.qr(normal(4, 4))[0] for _ in range(2)])
        text = str(turns.astype(np.float32).tolist())
        m = c.emit(f"arith.constant dense<{text}> : tensor<2x4x4xf32>", turns.shape)
        y = c.emit(f"qnt.rotate {x.name} {transposed} by {m.name} : {x.type}, {m.type}",
                   x.shape)
        known = turns.astype(np.float32).astype(float)
        if transposed:
            known = known.transpose(0, 2, 1)
        c.finish(y, lambda x: np.einsum("btgi,gij->btgj", x.reshape(2, 3, 2, 4),
                                        known).reshape(x.shape))
    build.__name__ = name
    case(build)


add_rotate("rotate", "")
add_rotate("rotate_back", "transposed")


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


gradients.measure(folder, interpret, cases)
