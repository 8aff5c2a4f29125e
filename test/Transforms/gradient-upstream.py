# REQUIRES: python
# RUN: rm -rf %t && mkdir %t
# RUN: %python %s %t %test_bin/interpret
"""The rules of tensor, linalg, arith and math ops, and the losses, on the CPU target
and in the interpreter, against central differences in numpy, in f64."""
import math
import os
import pathlib
import sys

import numpy as np

sys.path.append(os.path.join(os.path.dirname(__file__), "Inputs"))
import gradients
from gradients import Case, away, tensor
from seeding import draw_seed

folder, interpret = pathlib.Path(sys.argv[1]), sys.argv[2]
seed = draw_seed()
rng = np.random.default_rng(seed)
cases = []
erf = np.vectorize(math.erf)


def case(function):
    cases.append(Case(function.__name__, rng))
    function(cases[-1])


def normal(*shape):
    return rng.standard_normal(shape).astype(np.float32)


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

gradients.measure(folder, interpret, cases)
