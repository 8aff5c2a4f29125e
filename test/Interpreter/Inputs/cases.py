"""Writes functions with expectations in MLIR and runs quant-opt on them."""
import subprocess
import sys

import numpy as np

from seeding import draw_seed

NAMES = {"float64": "f64", "float32": "f32", "float16": "f16",
         "bfloat16": "bf16", "int32": "i32", "int64": "i64", "int8": "i8",
         "uint8": "ui8"}


def tensor_type(array, dynamic=()):
    dims = "".join("?x" if i in dynamic else f"{n}x"
                   for i, n in enumerate(array.shape))
    return f"tensor<{dims}{NAMES[array.dtype.name]}>"


def literal(array):
    """The elements as hexadecimal bytes, so that no digit is lost."""
    array = np.ascontiguousarray(array)
    if array.size == 1:
        bits = array.view(f"u{array.dtype.itemsize}").reshape(-1)[0]
        value = f"0x{bits:0{2 * array.dtype.itemsize}X}" \
            if array.dtype.kind in "fV" else str(array.reshape(-1)[0])
        return f"dense<{value}>"
    return f'dense<"0x{array.tobytes().hex().upper()}">'


class Cases:
    """A module of functions, one for each case."""

    def __init__(self):
        self.seed = draw_seed()
        self.rng = np.random.default_rng(self.seed)
        self.functions = []
        self.begin()

    def begin(self):
        self.lines = []
        self.arguments = ""

    def constant(self, array):
        name = f"%c{len(self.lines)}"
        self.lines.append(f"{name} = arith.constant {literal(array)} : "
                          f"{tensor_type(array)}")
        return name

    def dynamic(self, array, dims=(0,)):
        """The array as a value of a type with unknown dimensions."""
        name = self.constant(array)
        to = tensor_type(array, dims)
        self.lines.append(f"{name}d = tensor.cast {name} : "
                          f"{tensor_type(array)} to {to}")
        return name + "d", to

    def op(self, text, types=""):
        name = f"%v{len(self.lines)}"
        self.lines.append(f"{name} = {text}")
        return name

    def expect(self, actual, array, rtol=0.0, atol=0.0, kind=None):
        """`kind` is the type of `actual` where it is dynamic."""
        expected = self.constant(array)
        of = tensor_type(array)
        if kind and kind != of:
            self.lines.append(f"{actual}s = tensor.cast {actual} : "
                              f"{kind} to {of}")
            actual += "s"
        if rtol == 0 and atol == 0:
            self.lines.append(f"qcheck.expect_eq {actual}, {expected} : {of}")
        else:
            self.lines.append(f"qcheck.expect_close {actual}, {expected} "
                              f"atol {atol:e} rtol {rtol:e} : {of}")

    def end(self, name):
        self.functions.append(f"func.func @{name}({self.arguments}) {{\n  " +
                              "\n  ".join(self.lines) + "\n  return\n}\n")
        self.begin()

    def run(self, *options):
        assert self.functions
        text = "".join(self.functions)
        got = quant_opt(text, *options)
        if got.returncode != 0:
            message = got.stderr.split("dense<")[0][:2000]
            sys.exit(f"seed {self.seed}: {len(text)} bytes: {message}")
        print(len(self.functions), "functions")


def quant_opt(text, *options):
    flag = "--qnt-interpret"
    if options:
        flag = f"--qnt-interpret={' '.join(options)}"
    return subprocess.run(["quant-opt", flag, "-o", "/dev/null"], input=text,
                          capture_output=True, text=True)
