# REQUIRES: python, x86
# RUN: %python %s %test_bin/interpret
"""Layers on rows of unknown length and on scalars, diagonals, paddings known at
run time: the interpreter and compiled code of every instruction set that this
machine runs, against numpy. Tolerances: of Inputs/programs.py."""
import os
import sys

import numpy as np

sys.path.append(os.path.join(os.path.dirname(__file__), "Inputs"))
from compiled import Graph, seeded, tensor
from programs import Program, check

rng = seeded()
graph = Graph(sys.argv[1])
programs = []


def program(name, **sizes):
    programs.append(Program(graph, name, rng, **sizes))
    return programs[-1]


def normal(shape):
    return rng.standard_normal(shape).astype(np.float32)


def layers(case):
    p = program(f"layers{case}", n=int(rng.integers(1, 9)),
                m=int(rng.integers(1, 200)))
    for dims in (["n", 3, "m"], ["m", "n"], ["m"], ["n", 0], []):
        x = p.input(dims, normal)
        wide = x.array.astype(float)
        for text, want in (
                ("activation relu", np.maximum(wide, 0)),
                ("activation sigmoid", 1 / (1 + np.exp(-wide))),
                ("clamp {} low -0.5 high 1.0", np.clip(wide, -0.5, 1))):
            text = text if "{}" in text else text + " {}"
            y = p.op(f"nn.{text.format(x.name)} : {x.of}")
            p.expect(y, x.of, want.astype(np.float32), 1e-6, text)
        # Operands of every suffix of the shape.
        for start in range(len(dims) + 1):
            if start == len(dims) and start > 0:
                continue
            z = p.input(dims[start:], normal)
            for op, want in (("add", wide + z.array), ("mul", wide * z.array)):
                y = p.op(f"nn.{op} {x.name}, {z.name} : {x.of}, {z.of}")
                p.expect(y, x.of, np.asarray(want, np.float32), 1e-6,
                         f"{op} of {dims} and {dims[start:]}")


def diagonals():
    n = int(rng.integers(1, 40))
    p = program("diagonals", n=n, m=int(rng.integers(1, 5)))
    x = p.input(["m", "n", "n"], normal)
    init = p.empty(["m", "n"], np.float32, {"m": (x, 0), "n": (x, 1)})
    y = p.generic([x], ["i, j, j", "i, j"], "ij", init,
                  ["linalg.yield %a : f32"])
    diagonal = np.diagonal(x.array, axis1=1, axis2=2)
    p.expect(y, init[1], diagonal, 0, "diagonal")
    init = p.fill("0.0", ["m"], np.float32, {"m": (x, 0)})
    y = p.generic([x], ["i, j, j", "i"], "ij", init,
                  ["%r = arith.addf %o, %a : f32", "linalg.yield %r : f32"],
                  "j")
    p.expect(y, init[1], diagonal.sum(1, dtype=np.float32),
             np.abs(diagonal).sum(1), "trace")


def paddings():
    for dtype, element in ((np.float32, "f32"), (np.float64, "f64"),
                           (np.int8, "i8"), (np.float16, "f16")):
        p = program(f"pad_{element}", n=int(rng.integers(1, 30)))
        x = p.input(["n", 5], lambda s: normal(s).astype(dtype))
        # A scalar, and a tensor of one element that is computed.
        for shape in ([], [1]):
            v = p.input(shape, lambda s: (normal(s) * 9).astype(dtype))
            at = [p.index(0) for _ in shape]
            if shape:
                v.name = p.op(f"tensor.concat dim(0) {v.name} : ({v.of}) -> "
                              f"{v.of}")
            value = p.op(f"tensor.extract {v.name}[{', '.join(at)}] : {v.of}")
            of = tensor(["?", 8], element)
            y = p.op(f"tensor.pad {x.name} low[2, 1] high[0, 2] {{\n"
                     "  ^bb0(%i: index, %j: index):\n"
                     f"    tensor.yield {value} : {element}\n  }} : {x.of} to "
                     f"{of}")
            want = np.pad(x.array, ((2, 0), (1, 2)),
                          constant_values=v.array.reshape(()))
            p.expect(y, of, want, 0, f"pad by {shape}")


for i in range(2):
    layers(i)
diagonals()
paddings()
check(graph, programs, rng)
