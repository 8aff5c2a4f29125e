# REQUIRES: python, x86
# RUN: %python %s %test_bin/interpret
"""Dimensions that the code computes: quant-run makes outputs of their size,
empty ones too, and dimensions which no call is possible with are refused before
anything runs. Unsigned types."""
import os
import subprocess
import sys

import numpy as np

sys.path.append(os.path.join(os.path.dirname(__file__), "Inputs"))
from compiled import Graph, checked, runnable, seeded

rng = seeded()
graph = Graph(sys.argv[1])
entry = graph.entry("main")
x, of = entry.input("x", ["n", 4], "i8", ', qnt.dtype = "u8"')
other, other_of = entry.input("other", ["m", 4], "i8", ', qnt.dtype = "u8"')


def index(number):
    return entry.op(f"arith.constant {number} : index")


zero = index(0)
n = entry.op(f"tensor.dim {x}, {zero} : {of}")
left = entry.op(f"arith.subi {n}, {index(3)} : index")
part = entry.op(f"tensor.extract_slice {x}[3, 0] [{left}, 4] [1, 1] : {of} to "
                f"{of}")
entry.result(part, of, ', qnt.dtype = "u8"')
both = entry.op(f"tensor.concat dim(0) {x}, {other} : ({of}, {other_of}) -> "
                f"{of}")
total = entry.op(f"arith.muli {entry.op(f'tensor.dim {both}, {zero} : {of}')}, "
                 f"{index(4)} : index")
shape = entry.op(f"tensor.from_elements {total} : tensor<1xindex>")
flat = entry.op(f"tensor.reshape {both}({shape}) : ({of}, tensor<1xindex>) -> "
                "tensor<?xi8>")
entry.result(flat, "tensor<?xi8>", ', qnt.dtype = "u8"')
identity = "affine_map<(i, j) -> (i, j)>"
sums = entry.op(
    f"linalg.generic {{indexing_maps = [{identity}, {identity}, {identity}], "
    f'iterator_types = ["parallel", "parallel"]}} ins({part}, {part} : {of}, '
    f"{of}) outs({part} : {of}) {{\n  ^bb0(%a: i8, %b: i8, %o: i8):\n    %s = "
    f"arith.addi %a, %b : i8\n    linalg.yield %s : i8\n  }} -> {of}")
entry.result(sums, of, ', qnt.dtype = "u8"')
graph.finish()
graph.wait()

for isa in runnable():
    for rows, more in ((3, 1), (4, 2), (int(rng.integers(5, 50)), 7)):
        inputs = {"x": rng.integers(0, 256, (rows, 4)).astype(np.uint8),
                  "other": rng.integers(0, 256, (more, 4)).astype(np.uint8)}
        np.savez(graph.path("in.npz"), **inputs)
        command = ["quant-run", graph.path("model.so"), "--isa", isa,
                   "--input", graph.path("in.npz")]
        for i in range(3):
            command += ["--output", f"y{i}={graph.path(f'y{i}.npy')}"]
        checked(command)
        got = [np.load(graph.path(f"y{i}.npy")) for i in range(3)]
        want = [inputs["x"][3:], np.concatenate(
            [inputs["x"], inputs["other"]]).reshape(-1),
            inputs["x"][3:] + inputs["x"][3:]]
        for a, b in zip(got, want):
            assert a.dtype == b.dtype and a.shape == b.shape and \
                np.array_equal(a, b), (isa, rows, a, b)
    np.savez(graph.path("in.npz"), x=np.zeros((2, 4), np.uint8),
             other=np.zeros((1, 4), np.uint8))
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1 and "entry 'main': the model cannot run with " \
        "the dimensions n = 2, m = 1" in done.stderr, done.stderr
