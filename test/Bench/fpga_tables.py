#!/usr/bin/env python3
"""Ternary products by tables of sums beside those in LUTs and DSPs: one layer in at most so many
cycles, by each of the three as the folding would have it on an XC7Z020, with the FIFO behind
it; what the estimate says and what Yosys makes of it.

usage: fpga_tables.py [--vectors N] [--inputs N] [--rows N] [--bits N] [--cycles N,...]
"""
import argparse
import json
import math
import pathlib
import subprocess
import sys
import tempfile

import numpy as np

from tools import BUILD, ROOT, machine

sys.path[:0] = [str(ROOT / "test/Inputs"), str(ROOT / "test/Target/FPGA/Inputs")]
from units import Stream, bits_for, dense  # noqa: E402
from yosys import synthesize  # noqa: E402

# A table has 14 entries of three inputs, and a word at most so many bits.
ENTRIES, TOGETHER, WORD = 14, 3, 4096


class Layer:
    """Vectors [vectors, inputs] of codes without a sign by weights -1, 0 and 1."""

    def __init__(self, args):
        self.shape, self.bits = (args.vectors, args.inputs, args.rows), args.bits
        self.weights = np.random.default_rng(1).integers(-1, 2, (args.rows, args.inputs))
        high = (1 << args.bits) - 1
        self.sum_bits = bits_for(high * np.minimum(self.weights, 0).sum(1).min(),
                                 high * np.maximum(self.weights, 0).sum(1).max())

    def count_cycles(self, way, simd, pe):
        vectors, inputs, rows = self.shape
        words, folds = vectors * inputs // simd, rows // pe
        return (words + 1) * max(ENTRIES, folds) if way == "in_tables" else words * folds

    def fold(self, way, cycles):
        """The foldings of least products at once, or of least that is looked up."""
        _, inputs, rows = self.shape
        fast = [(pe * (-(-simd // TOGETHER) if way == "in_tables" else simd), simd, pe)
                for simd in range(1, inputs + 1) for pe in range(1, rows + 1)
                if inputs % simd == 0 and rows % pe == 0
                and self.count_cycles(way, simd, pe) <= cycles
                and max(2 * simd * pe, simd * self.bits, pe * self.sum_bits) <= WORD]
        return [(simd, pe) for products, simd, pe in fast if products == min(fast)[0]]

    def write(self, way, simd, pe, folder):
        """The design of one unit; its report."""
        vectors, inputs, rows = self.shape
        x = Stream([vectors, inputs], self.bits, False, simd)
        y = Stream([vectors, rows], self.sum_bits, True, pe)
        behind = rows // pe if way == "in_tables" else 2
        folder.mkdir()
        (folder / "layer.mlir").write_text(
            f"qflow.design @layer(%x: {x}) -> {y} {{\n  %y = qflow.dot %x weights "
            f"{dense(self.weights, 2)} {way} : {x} -> {y}\n  %z = qflow.fifo %y depth {behind} : "
            f"{y}\n  qflow.output %z : {y}\n}}\n")
        subprocess.run([BUILD / "test/bin/emit-design", folder / "layer.mlir", folder], check=True)
        return json.loads((folder / "report.json").read_text())


def get_share(total):
    """Of an XC7Z020, as the folding counts it."""
    return total["lut"] / 53200 + (total["dsp"] / 220 + total["bram36"] / 140) / 4


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vectors", type=int, default=64)
    parser.add_argument("--inputs", type=int, default=144)
    parser.add_argument("--rows", type=int, default=128)
    parser.add_argument("--bits", type=int, default=8)
    parser.add_argument("--cycles", default="74000,18500,9300,4700")
    args = parser.parse_args()
    print(machine())
    layer = Layer(args)
    print(f"{math.prod(layer.shape)} products; DSP, LUT, BRAM36 by the estimate, by Yosys")
    for cycles in map(int, args.cycles.split(",")):
        for way in ("in_tables", "in_luts", ""):
            with tempfile.TemporaryDirectory() as scratch:
                scratch, made = pathlib.Path(scratch), []
                for simd, pe in layer.fold(way, cycles):
                    folder = scratch / f"{simd}x{pe}"
                    made.append((layer.write(way, simd, pe, folder)["total"], simd, pe, folder))
                if not made:
                    print(f"{cycles} cycles, {way or 'in DSPs'}: none")
                    continue
                said, simd, pe, folder = min(made, key=lambda one: get_share(one[0]))
                found = synthesize(folder, "layer")[""]
                print(f"{cycles} cycles, {way or 'in DSPs'}: {simd} inputs by {pe} rows, "
                      f"{layer.count_cycles(way, simd, pe)} cycles; {said['dsp']}, "
                      f"{found['dsp']} DSP, {said['lut']}, {found['lut']} LUT, "
                      f"{said['bram36']}, {found['half'] / 2} BRAM36", flush=True)


if __name__ == "__main__":
    main()
