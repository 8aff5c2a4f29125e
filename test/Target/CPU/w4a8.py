# REQUIRES: python, x86
# RUN: %python %s %t.dir
"""The machine code of a W4A8 linear layer: dot products of bytes, and never a
float copy of the weights."""
import collections
import os
import re
import subprocess
import sys

import numpy as np
from safetensors.numpy import save_file

N, K, GROUP = 96, 256, 32
folder = sys.argv[1]
os.makedirs(folder, exist_ok=True)
store = os.path.join(folder, "in.st")
save_file({"w": np.random.default_rng(1).standard_normal((N, K)).astype(
    np.float32)}, store)
TEXT = f"""
!x = !qnt.tensor<?x{K}, int8, per_row, scale f32>
!w = !qnt.tensor<{N}x{K}, int4, group<{GROUP}>, scale f16>
module attributes {{qnt.params = "{store}"}} {{
ml_program.global private @w(#ml_program.extern : tensor<{N}x{K}xf32>) : tensor<{N}x{K}xf32>
func.func @main(%x: tensor<?x{K}xf32> {{qnt.dims = ["rows", ""]}}) -> tensor<?x{N}xf32> {{
  %w = ml_program.global_load_const @w : tensor<{N}x{K}xf32>
  %wq = qnt.quantize %w : tensor<{N}x{K}xf32> -> !w
  %xq = qnt.quantize %x : tensor<?x{K}xf32> -> !x
  %y = qnt.linear %xq, %wq : !x, !w
  return %y : tensor<?x{N}xf32>
}}
}}
"""


def tiles(isa):
    """The instructions of every tile function: (rows, panels, whether these lie apart)
    to lines."""
    model, out = (os.path.join(folder, name) for name in ("m.mlir", "m.s"))
    with open(model, "w") as file:
        file.write(TEXT)
    subprocess.run(["quant-opt", model, f"--target=cpu isa={isa}", "-o", out],
                   check=True)
    with open(out) as file:
        text = file.read()
    found = {}
    for rows, panels, apart, body in re.findall(
            r'^"linear[^\n]*\.tile(\d+)x(\d+)(\.apart)?":(.*?)\.Lfunc_end', text,
            re.M | re.S):
        lines = [line.split("#")[0].strip() for line in body.splitlines()]
        found[int(rows), int(panels), bool(apart)] = [
            l for l in lines if l and l[0] not in ".#\""]
    assert len(found) > 2, out
    return found


for isa, dot, convert, register in [
        ("avx512vnni", "vpdpbusd", "vcvtdq2ps", "zmm"),
        ("avx2", "vpmaddubsw", "vcvtdq2ps", "ymm")]:
    for (rows, panels, apart), lines in tiles(isa).items():
        names = collections.Counter(line.split()[0] for line in lines)
        vectors = rows * panels * (1 if register == "zmm" else 2)
        # A group of 32 is 8 quads of inputs for each accumulator.
        assert names[dot] == GROUP // 4 * vectors, (isa, rows, panels, names)
        # Floats are made of each accumulator's sums, once, not of weights.
        assert names[convert] == vectors, (isa, rows, panels, names)
        assert not any(name.startswith(("vpmovsx", "vcvtsi"))
                       for name in names), names
        # Vectors go to memory as the output alone; spills are on the stack.
        stores = [line for line in lines
                  if re.match(rf"v\w+\s+%{register}\d+,.*\(.*\)$", line) and
                  "%rsp" not in line]
        assert len(stores) == vectors, (isa, rows, panels, stores)
    print(isa, len(lines), "instructions in the largest tile")
