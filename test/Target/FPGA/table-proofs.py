# REQUIRES: python, yosys, z3
# RUN: %python %s %build %t
"""Products of ternary weights by tables of sums, by Z3. By induction, entry j of a table is the
sum of word j of a reflected ternary Gray code, counted from 0, whatever the inputs are: what
iteration j stores follows from what the one before did. With such tables, each part of the rows
gets the products of this word more than it had: so each code of three weights stands for them, of
all 27, and so does each sign between tables. With weights of another row, or an entry of another
word, there are counterexamples."""
import os
import pathlib
import re
import shutil
import subprocess
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "Inputs"))
from designs import make_random  # noqa: E402
from proofs import Proofs, literal  # noqa: E402
from units import Stream, bits_for, dense  # noqa: E402

build, folder = map(pathlib.Path, sys.argv[1:])
seed, rng = make_random()
shutil.rmtree(folder, ignore_errors=True)
HALF = 16
TRIPLES = np.stack(np.meshgrid(*[[-1, 0, 1]] * 3, indexing="ij"), -1).reshape(27, 3)


def make_gray_words(digits):
    """Each differs from the one before by 1 in one digit, -1 to 1."""
    words = make_gray_words(digits - 1) if digits else [()]
    return [(digit,) + word for digit, some in ((-1, words), (0, words[::-1]), (1, words))
            for word in some] if digits else words


ENTRIES = make_gray_words(3)[13:]
assert len(ENTRIES) == 14 and not any(ENTRIES[0])


def wide(name, bits, is_signed):
    sign = f"{name}[{bits - 1}]" if is_signed else "1'b0"
    return f"  wire signed [63:0] wide_{name} = {{{{{64 - bits}{{{sign}}}}}, {name}}};\n"


class Tables:
    """A dot product of one vector, `simd` inputs of which are a word, with `pe` rows at once."""

    def __init__(self, weights, bias, bits, signed, pe, simd):
        self.weights, self.bias, self.pe, self.simd = weights, bias, pe, simd
        self.rows, self.inputs = weights.shape
        self.folds, self.steps, self.tables = self.rows // pe, self.inputs // simd, -(-simd // 3)
        self.x = Stream([self.inputs], bits, signed, simd)
        ends = np.stack([weights * self.x.low, weights * self.x.high])
        self.sum_bits = max(2, bits_for(min(ends.min(0).sum(1) + bias),
                                        max(ends.max(0).sum(1) + bias)))

    def emit(self, name):
        """Text of the module of an iteration."""
        here = folder / name
        here.mkdir(parents=True)
        y = Stream([self.rows], self.sum_bits, True, self.pe)
        bias = f"bias {dense(self.bias, self.sum_bits)} " if self.bias.any() else ""
        (here / "design.mlir").write_text(
            f"qflow.design @{name}(%x: {self.x}) -> {y} {{\n  %y = qflow.dot %x weights "
            f"{dense(self.weights, 2)} {bias}in_tables : {self.x} -> {y}\n"
            f"  qflow.output %y : {y}\n}}\n")
        subprocess.run([build / "test/bin/emit-design", here / "design.mlir", here, "iterations"],
                       check=True)
        return re.sub(r'readmemh\("', f'readmemh("{here}/',
                      (here / f"{name}_iterations.v").read_text())

    def state(self, proofs, name, text, module, step, entries=ENTRIES):
        """Of a word of the vector, for all rows; of tables, of such entries."""
        ports = re.search(rf"module {module} \((.*?)\);", text, re.S)[1]
        self.widths = {port: int(high or 0) + 1
                       for high, port in re.findall(r"put (?:\[(\d+):0\] )?(\w+)", ports)}
        self.module, self.step, self.low = module, step, HALF * (step % 2)
        self.inputs = {f"x{i}": self.x.bits for i in range(self.simd)}
        self.begin(entries)
        self.fill_tables(len(entries))
        proofs.state(f"{name}_fill", self.inputs, self.finish())
        kept = {"kept": self.pe * self.sum_bits} if self.steps > 1 else {}
        for fold in range(self.folds):
            self.begin(entries)
            self.read_tables(fold, len(entries))
            proofs.state(f"{name}_read{fold}", self.inputs | kept, self.finish())

    def begin(self, entries):
        """A statement: the word, the tables' entries as they should be."""
        self.bad = []
        self.body = "".join(wide(i, self.x.bits, self.x.signed) for i in self.inputs)
        self.body += (f"  wire [{self.widths['in0_data'] - 1}:0] word = {{"
                      + ", ".join(reversed(self.inputs)) + "};\n")
        for j, entry in enumerate(entries):
            for t in range(self.tables):
                total = self.sum_up(entry, range(3 * t, min(3 * t + 3, self.simd)))
                self.body += f"  wire [{self.widths['store0_data'] - 1}:0] t{t}_{j} = 0{total};\n"

    def finish(self):
        return self.body + f"  assign bad = {' | '.join(self.bad)};"

    @staticmethod
    def sum_up(weights, inputs):
        return "".join(f" + wide_x{i}" * int(weight > 0) + f" - wide_x{i}" * int(weight < 0)
                       for weight, i in zip(weights, inputs))

    def get_states(self, entry, counter=0):
        """Before `entry` of this word is filled, and part `counter` of all codes is read."""
        tables = "{" + ", ".join(f"t{t}_{entry - 1}" for t in reversed(range(self.tables))) + "}"
        # Behind the last word, or before the first entry, they are not looked at.
        values = [f"{self.widths['in0_data']}'bx" if entry == 0 else "word",
                  f"{self.tables * self.widths['store0_data']}'bx" if entry == 0 else tables]
        states = [port for port in self.widths if port.startswith("state")]
        if self.steps > 1:
            values.insert(0, self.number("state0", self.step))
        if self.folds * self.steps > 1:
            values.append(self.number(states[-1], counter))
        assert len(states) == len(values), states
        return dict(zip(states, values))

    def fill_tables(self, count):
        for entry in range(count):
            stores = [f"store{t}_{what}" for t in range(self.tables)
                      for what in ("address", "valid", "data")]
            first = int(self.steps > 1)
            nexts = [f"next{first}", f"next{first + 1}"]
            read = {"in0_data": "word"} if entry == 0 else {}
            made = self.instantiate(f"fill{entry}", self.step, entry,
                                    read | self.get_states(entry), stores + nexts)
            for t in range(self.tables):
                self.bad += [f"{made}_store{t}_address != {self.low + entry}",
                             f"!{made}_store{t}_valid", f"{made}_store{t}_data != t{t}_{entry}"]
            tables = ", ".join(f"t{t}_{entry}" for t in reversed(range(self.tables)))
            self.bad += [f"{made}_{nexts[0]} != word", f"{made}_{nexts[1]} != {{{tables}}}"]

    def number(self, port, value):
        return f"{self.widths[port]}'d{value}"

    def instantiate(self, name, block, part, connections, outputs):
        """An iteration, and wires for what it gives, called after it."""
        self.body += "".join(f"  wire [{self.widths[out] - 1}:0] {name}_{out};\n"
                             for out in outputs)
        connections = {"index0": self.number("index0", block),
                       "index1": self.number("index1", part), **connections,
                       **{out: f"{name}_{out}" for out in outputs}}
        self.body += (f"  {self.module} {name} ("
                      + ", ".join(f".{port}({value})" for port, value in connections.items())
                      + ");\n")
        return name

    def read_tables(self, fold, count):
        loads = self.tables * self.pe
        connections = self.get_states(0, self.step * self.folds + fold)
        for n in range(loads):
            address, table = f"read_load{n}_address", n // self.pe
            entries = "".join(f"{address} == {self.low + entry} ? t{table}_{entry} : "
                              for entry in range(count - 1))
            self.body += (f"  wire [{self.widths[f'load{n}'] - 1}:0] word{n} = {entries}"
                          f"t{table}_{count - 1};\n")
            self.bad.append(f"{address} < {self.low} | {address} >= {self.low + count}")
            connections[f"load{n}"] = f"word{n}"
        outputs = [f"load{n}_address" for n in range(loads)] + ["out0_data", "out0_valid"]
        if self.steps > 1:
            connections[f"load{loads}"] = "kept"
            outputs += [f"load{loads}_address", *(f"store{self.tables}_{what}" for what in (
                "address", "valid", "data"))]
        self.instantiate("read", self.step + 1, fold, connections, outputs)
        self.bad.append(f"read_out0_valid != {int(self.step == self.steps - 1)}")
        if self.steps > 1:
            store = f"read_store{self.tables}"
            self.bad += [f"read_load{loads}_address != {fold}", f"{store}_address != {fold}",
                         f"!{store}_valid", f"{store}_data != read_out0_data"]
        for lane in range(self.pe):
            self.compare(lane, fold * self.pe + lane)

    def compare(self, lane, row):
        """That what the row had and the products of its weights are the lane's sum."""
        part = f"[{lane * self.sum_bits} +: {self.sum_bits}]"
        total = f"kept{part}" if self.step else literal(self.bias[row])
        weights = self.weights[row, self.step * self.simd:(self.step + 1) * self.simd]
        for i in range(0, self.simd, 3):
            total += f" + (0{self.sum_up(weights[i:i + 3], range(i, self.simd))})"
        self.body += f"  wire [{self.sum_bits - 1}:0] want{row} = {total};\n"
        self.bad.append(f"read_out0_data{part} != want{row}")


def draw():
    pe, simd = int(rng.integers(1, 4)), int(rng.integers(3, 8))
    rows, inputs = pe * int(rng.integers(1, 6)), simd * int(rng.integers(1, 4))
    return Tables(rng.integers(-1, 2, (rows, inputs)),
                  rng.integers(-20, 21, rows) * rng.integers(2),
                  int(rng.integers(1, 6 if simd == 3 else 3)), bool(rng.integers(2)), pe, simd)


none = np.zeros(27, int)
beside = np.hstack([TRIPLES, TRIPLES[rng.permutation(27)]])
edges = [
    # All triples, of inputs of 8 bits; beside others, where Z3 has no time for more bits; in
    # the second word.
    Tables(TRIPLES, none, 8, False, 1, 3),
    Tables(TRIPLES, none, 8, True, 3, 3),
    Tables(beside, none, 2, True, 9, 6),
    Tables(beside, rng.integers(-20, 21, 27), 5, False, 3, 3),
    # A table of one input alone.
    Tables(beside[:, :4], none, 3, False, 1, 4),
]
proofs = Proofs(folder)
for number, unit in enumerate(edges + [draw() for _ in range(4)]):
    name = f"t{number}"
    text = unit.emit(name)
    proofs.read(text)
    for step in range(unit.steps):
        unit.state(proofs, f"{name}_{step}", text, f"{name}_table_dot_iteration", step)
# The weights of two rows, one for the other.
right, swapped = edges[0], TRIPLES.copy()
swapped[[3, 20]] = swapped[[20, 3]]
text = Tables(swapped, none, 8, False, 1, 3).emit("swapped")
proofs.read(text)
right.state(proofs, "swapped", text, "swapped_table_dot_iteration", 0)
# An entry whose first input is not there.
text = right.emit("less")
proofs.read(text)
less = ENTRIES[:7] + [(0,) + ENTRIES[7][1:]] + ENTRIES[8:]
right.state(proofs, "less", text, "less_table_dot_iteration", 0, less)
with_it = {f"less_read{row}" for row, triple in enumerate(TRIPLES)
           if (triple == ENTRIES[7]).all() or (triple == -np.array(ENTRIES[7])).all()}
found = proofs.check({"swapped_read3", "swapped_read20", "less_fill"} | with_it)
x = [found["swapped_read3"][f"x{i}"] for i in range(3)]
assert swapped[3] @ x != TRIPLES[3] @ x, x
assert len(with_it) == 2 and found["less_fill"]["x0"], found
