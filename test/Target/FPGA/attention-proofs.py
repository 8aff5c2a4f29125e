# REQUIRES: python, yosys, z3
# RUN: %python %s %build %t
"""The scaling of qflow.normalize and qflow.divide, by Z3: one iteration of their processes
beside their definitions in 64 bits. For every sum (divisor) and the least code, the low bits
of what is given are the definition's, so that the leading one, the entry of the table and the
number of places are right. For sums (divisors) that are drawn, and the ends of their ranges,
every code that can be with them gives the definition's number, with all its bits. Definitions
with a place too few, or without the half, have counterexamples."""
import math
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "Inputs"))
from attention import RECIPROCALS, ROOTS  # noqa: E402
from designs import make_random  # noqa: E402
from proofs import Proofs  # noqa: E402

build, folder = map(pathlib.Path, sys.argv[1:])
seed, rng = make_random()
shutil.rmtree(folder, ignore_errors=True)


def emit(name, text):
    """The iterations of the processes of a design."""
    here = folder / name
    here.mkdir(parents=True)
    (here / "design.mlir").write_text(text)
    subprocess.run([build / "test/bin/emit-design", here / "design.mlir", here, "iterations"],
                   check=True)
    return re.sub(r'readmemh\("', f'readmemh("{here}/',
                  (here / f"{name}_iterations.v").read_text())


def table(entries):
    rows = "\n".join(f"      10'd{i}: entry = {n};" for i, n in enumerate(entries))
    return (f"  function [63:0] entry(input [9:0] i);\n    case (i)\n{rows}\n"
            "      default: entry = 0;\n    endcase\n  endfunction\n")


def wide(name, bits, is_signed):
    sign = f"{name}[{bits - 1}]" if is_signed else "1'b0"
    return f"  wire signed [63:0] wide_{name} = {{{{{64 - bits}{{{sign}}}}}, {name}}};\n"


def number(bits, value):
    return f"{bits}'d{value & (1 << bits) - 1}"


def shift(name, places):
    return f"{name} >> {places}" if places >= 0 else f"{name} << {-places}"


class Scaling:
    """x times the table's entry for m, by `places`: x has `bits`, what it is scaled by, s,
    `scale_bits`; `ranges` are those of s that have one number of places, as (first, behind the
    last, h)."""

    def __init__(self, bits, scale_bits, result, ranges, instance):
        self.bits, self.scale_bits, self.result = bits, scale_bits, result
        self.ranges, self.instance = ranges, instance

    def define(self, h, half=None):
        """`want`, of x and s; `half` is another than the definition's."""
        places = self.count_places(h)
        if half is None:
            half = 1 << places - 1 if places else 0
        return (table(self.entries) + wide("x", self.bits, True)
                + wide("s", self.scale_bits, False) + f"""
  wire [63:0] m = {shift("(wide_s < 4 ? 64'd4 : wide_s)" if self.step == 2 else "wide_s",
                         self.step * h)};
  wire signed [63:0] r = entry(m - {self.first});
  wire signed [63:0] want = (wide_x * r + {half}) >>> {places};
  wire [{self.result - 1}:0] y;
  wire valid;
{self.instance}
""")

    def state_sums(self, proofs, name):
        """Of all s, for the least x."""
        for at, (first, end, h) in enumerate(self.ranges):
            proofs.state(f"{name}_s{at}", {"s": self.scale_bits},
                         f"  wire [{self.bits - 1}:0] x = {number(self.bits, -1 << self.bits - 1)};\n"
                         + self.define(h) + f"""
  assign bad = wide_s >= {first} & wide_s < {end} & (!valid | y != want[{self.result - 1}:0]);""")

    def state_numbers(self, proofs, name, s, **other):
        """Of all x that may be with this s."""
        h = next(h for first, end, h in self.ranges if first <= s < end)
        proofs.state(name, {"x": self.bits},
                     f"  wire [{self.scale_bits - 1}:0] s = {number(self.scale_bits, s)};\n"
                     + self.define(h, **other) + f"""
  wire signed [63:0] given = {{{{{64 - self.result}{{y[{self.result - 1}]}}}}, y}};
  assign bad = wide_x <= {self.get_most(s)} & wide_x >= {-self.get_most(s)} & (!valid | given != want);""")


class Normalize(Scaling):
    """Of rows of 64 codes of 16 bits."""
    step, first, entries = 2, 256, ROOTS

    def __init__(self):
        most = 64 << 30
        bits = most.bit_length()
        ranges = [(max(4, 4 ** p) if p > 1 else 0, 4 ** (p + 1), p - 4)
                  for p in range(1, (bits + 1) // 2)]
        super().__init__(16, bits, 18, ranges, f"""
  normalize_normalize_iteration unit(.index0(1'b1), .index1(6'd0), .state0({bits}'d0),
    .state1(s), .in0_data(16'd0), .load0(x), .out0_data(y), .out0_valid(valid));""")
        self.text = """
qflow.design @normalize(%x: !qflow.stream<1x64xsi16, 1>) -> !qflow.stream<1x64xsi18, 1> {
  %y = qflow.normalize %x zero 0 stabilizer 0 : !qflow.stream<1x64xsi16, 1> -> !qflow.stream<1x64xsi18, 1>
  qflow.output %y : !qflow.stream<1x64xsi18, 1>
}
"""

    def count_places(self, h):
        return 3 + h

    def get_most(self, s):
        return math.isqrt(s)


class Divide(Scaling):
    """Of sums over 7 tokens."""
    step, first, entries = 1, 512, RECIPROCALS

    def __init__(self):
        super().__init__(19, 11, 17, [(1 << e, 2 << e, e - 9) for e in range(11)], """
  divide_divide_iteration unit(.index0(1'b0), .index1(1'b0), .index2(1'b0), .state0(11'd0),
    .in0_data(x), .in1_data(s), .out0_data(y), .out0_valid(valid));""")
        self.text = """
qflow.design @divide(%o: !qflow.stream<1x2xsi19, 1>, %l: !qflow.stream<1x1xui11, 1>) -> !qflow.stream<1x2xsi17, 1> {
  %t = qflow.divide %o, %l heads 1 : !qflow.stream<1x2xsi19, 1>, !qflow.stream<1x1xui11, 1> -> !qflow.stream<1x2xsi17, 1>
  qflow.output %t : !qflow.stream<1x2xsi17, 1>
}
"""

    def count_places(self, h):
        return 16 + h

    def get_most(self, s):
        return 128 * s


def prove(name, unit, ends):
    proofs = Proofs(folder / f"{name}-proofs")
    proofs.read(emit(name, unit.text))
    unit.state_sums(proofs, name)
    # Drawn from all sizes alike.
    drawn = [int(2 ** rng.uniform(0, unit.scale_bits - 0.01)) for _ in range(4)]
    for at, s in enumerate(ends + drawn):
        unit.state_numbers(proofs, f"{name}_x{at}", s)
    unit.state_numbers(proofs, f"{name}_wrong_half", 1003, half=0)
    unit.count_places, right = lambda h: right(h) - 1, unit.count_places
    unit.state_numbers(proofs, f"{name}_wrong_places", 1003)
    unit.count_places = right
    proofs.check({f"{name}_wrong_half", f"{name}_wrong_places"})


for name, unit, ends in (("normalize", Normalize(), [0, 4, 16, 1023, 1 << 30, 64 << 30]),
                         ("divide", Divide(), [1, 255, 256, 2047])):
    begun = time.time()
    prove(name, unit, ends)
    print(name, f"{time.time() - begun:.1f} s")
