#!/usr/bin/env python3
"""One layer by weights of several formats, multiplied in LUTs, in DSPs, and in DSPs that rows and
vectors share: what the estimate says and what Yosys makes of it for 7 series parts.

usage: fpga_weights.py [--vectors N] [--inputs N] [--rows N]
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

from tools import BUILD, ROOT, machine

sys.path[:0] = [str(ROOT / "test/Inputs"), str(ROOT / "test/Target/FPGA/Inputs")]
from units import Stream, bits_for, dense, minifloats  # noqa: E402
from yosys import synthesize  # noqa: E402

# Inputs and rows that are multiplied at once.
SIMD, PE = 4, 2
INT4, INT8 = range(-8, 8), range(-128, 128)
E2M1, E4M3 = minifloats(2, 1), minifloats(4, 3)
# Name, numbers that a weight may be, bits of an input, how they are stored and multiplied.
WAYS = [("int4, uint8, in LUTs", INT4, 8, "in_luts"),
        ("E2M1, uint8, in LUTs", E2M1, 8, "minifloat [2, 1] in_luts"),
        ("int8, uint8, in LUTs", INT8, 8, "in_luts"),
        ("E4M3, uint8, in LUTs", E4M3, 8, "minifloat [4, 3] in_luts"),
        ("E4M3 as integers, uint8, in LUTs", E4M3, 8, "in_luts"),
        ("int4, uint8, in DSPs", INT4, 8, ""),
        ("E2M1, uint8, in DSPs", E2M1, 8, "minifloat [2, 1]"),
        ("int8, uint8, in DSPs", INT8, 8, ""),
        ("E4M3, uint8, in DSPs", E4M3, 8, "minifloat [4, 3]"),
        ("int4, uint4, in LUTs", INT4, 4, "in_luts"),
        ("int4, uint4, two rows a DSP", INT4, 4, "shared 2"),
        ("int4, uint4, two rows and two vectors a DSP", INT4, 4, "shared 2 vectors 2")]


def write(numbers, bits, way, shape):
    """The text of a design of one dot product of vectors [vectors, inputs]."""
    vectors, inputs, rows = shape
    weights = np.random.default_rng(1).choice(numbers, (rows, inputs))
    high = (1 << bits) - 1
    sums = bits_for(high * np.minimum(weights, 0).sum(1).min(),
                    high * np.maximum(weights, 0).sum(1).max())
    x = Stream([vectors, inputs], bits, False, SIMD)
    y = Stream([vectors, rows], sums, True, PE)
    stored = dense(weights, bits_for(min(numbers), max(numbers)))
    return (f"qflow.design @layer(%x: {x}) -> {y} {{\n  %y = qflow.dot %x weights {stored} {way} : "
            f"{x} -> {y}\n  qflow.output %y : {y}\n}}\n")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vectors", type=int, default=36)
    parser.add_argument("--inputs", type=int, default=144)
    parser.add_argument("--rows", type=int, default=32)
    args = parser.parse_args()
    print(machine())
    print(f"{args.vectors} vectors of {args.inputs} inputs by {args.rows} rows, {SIMD * PE} products "
          "at once; DSP, LUT, BRAM36 by the estimate, by Yosys")
    for name, numbers, bits, way in WAYS:
        with tempfile.TemporaryDirectory() as scratch:
            folder = pathlib.Path(scratch)
            (folder / "layer.mlir").write_text(
                write(list(numbers), bits, way, (args.vectors, args.inputs, args.rows)))
            subprocess.run([BUILD / "test/bin/emit-design", folder / "layer.mlir", folder],
                           check=True)
            report = json.loads((folder / "report.json").read_text())
            said, found = report["total"], synthesize(folder, "layer")[""]
            print(f"{name}: {report['cycles']} cycles; {said['dsp']}, {found['dsp']} DSP, "
                  f"{said['lut']}, {found['lut']} LUT, {said['bram36']}, {found['half'] / 2} BRAM36",
                  flush=True)


if __name__ == "__main__":
    main()
