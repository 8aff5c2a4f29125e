# REQUIRES: python, yosys, z3
# RUN: %python %s %build %t
"""Accumulators hold all sums, and no bit too many: of dot products, channels by themselves and
sums of pools, unrolled from the iterations that their Verilog is written from, no input of the input's
type makes any number on the way leave its bits, what comes out is the sum that it should be,
and some input needs the last bit. Of what is too narrow, an input is found that shows it."""
import os
import pathlib
import re
import shutil
import subprocess
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "Inputs"))
from designs import make_random  # noqa: E402
from linear import Form, Leaves, Netlist  # noqa: E402
from units import bits_for, dense, divisor  # noqa: E402

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
    return (here / f"{name}_iterations.v").read_text()


def unroll(text, module, iterations, inputs, outputs):
    """One iteration after the other, states from zero on. Each is its ports' connections, an
    output named in some of them, as Verilog."""
    ports = re.search(rf"module {module} \((.*?)\);", text, re.S)[1]
    widths = {name: int(high or 0) + 1 for high, name in re.findall(
        r"(?:in|out)put (?:\[(\d+):0\] )?(\w+)", ports)}
    states = [name for name in widths if name.startswith("state")]
    declared = [f"{kind} [{bits - 1}:0] {name}" for kind, names in
                (("input", inputs), ("output", outputs)) for name, bits in names.items()]
    lines = [f"module unrolled ({', '.join(declared)});"]
    for state in states:
        lines.append(f"  wire [{widths[state] - 1}:0] {state}_0 = 0;")
    for number, connections in enumerate(iterations):
        bound = {name: value for name, value in connections.items() if name in widths}
        for state in states:
            after = f"{state}_{number + 1}"
            lines.append(f"  wire [{widths[state] - 1}:0] {after};")
            bound |= {state: f"{state}_{number}", state.replace("state", "next"): after}
        lines.append(f"  {module} i{number} (" + ", ".join(
            f".{name}({value})" for name, value in bound.items()) + ");")
    return text + "\n".join(lines) + "\nendmodule\n"


def index(number, count):
    return f"{max(1, (count - 1).bit_length())}'d{number}"


def write_dot(name, weights, bias, bits, signed, sum_bits, pe, simd, extra=""):
    rows, inputs = weights.shape
    x, y = (f"!qflow.stream<{inputs}x{'s' if signed else 'u'}i{bits}, {simd}>",
            f"!qflow.stream<{rows}xsi{sum_bits}, {pe}>")
    with_bias = f"bias {dense(bias, sum_bits)}" if bias.any() else ""
    return (f"qflow.design @{name}(%x: {x}) -> {y} {{\n  %y = qflow.dot %x weights "
            f"{dense(weights, 8)} {with_bias} {extra} : {x} -> {y}\n  qflow.output %y : {y}\n}}\n")


def read_dot(name, text, rows, inputs, bits, signed, sum_bits, pe, simd):
    """The form of each row's sum."""
    folds, steps, iterations = rows // pe, inputs // simd, []
    for fold in range(folds):
        for step in range(steps):
            word = f"x[{step * simd * bits} +: {simd * bits}]"
            # Later rows have a vector from where it is kept.
            read = word if fold == 0 else f"{simd * bits}'d0"
            iterations.append({"index0": "1'b0", "index1": index(fold, folds),
                               "index2": index(step, steps), "in0_data": read, "load0": word})
        iterations[-1]["out0_data"] = f"y[{fold * pe * sum_bits} +: {pe * sum_bits}]"
    text = unroll(text, f"{name}_dot_iteration", iterations, {"x": inputs * bits},
                  {"y": rows * sum_bits})
    netlist = Netlist(folder / name, text, "unrolled",
                      {"x": [(f"x{i}", bits, signed) for i in range(inputs)]})
    return netlist, [netlist.get("y", sum_bits, row, True) for row in range(rows)]


def make_form(weights, bias):
    return Form(int(bias), {f"x{i}": int(w) for i, w in enumerate(weights)})


def prove_dot(name, whole=False):
    """`whole`: all of the matrix in an iteration, whose rows share sums."""
    rows, inputs = int(rng.integers(1, 7)), int(rng.integers(1, 41))
    pe, simd = (rows, inputs) if whole else (divisor(rng, rows), divisor(rng, inputs))
    bits, signed = int(rng.integers(1, 9)), bool(rng.integers(2))
    high = int(rng.choice([1, 7, 127]))
    weights = rng.integers(-high - 1, high + 1, (rows, inputs))
    bias = rng.integers(-300, 300, rows) * rng.integers(2)
    low = -(1 << bits - 1) if signed else 0
    ends = np.stack([weights * low, weights * (low + (1 << bits) - 1)])
    sum_bits = bits_for(min(ends.min(0).sum(1) + bias), max(ends.max(0).sum(1) + bias))
    text = emit(name, write_dot(name, weights, bias, bits, signed, sum_bits, pe, simd))
    netlist, forms = read_dot(name, text, rows, inputs, bits, signed, sum_bits, pe, simd)
    assert forms == [make_form(w, b) for w, b in zip(weights, bias)], (name, forms)
    # Of other weights it is not the sum.
    assert forms[0] != make_form(weights[0] + np.eye(1, inputs, dtype=int)[0], bias[0])
    # One bit less does not hold what some input makes.
    if sum_bits == 1:
        return
    found = [(w, b, netlist.box.find_beyond(form, sum_bits - 1, True))
             for w, b, form in zip(weights, bias, forms)]
    found = [each for each in found if each[2] is not None]
    assert found, name
    for w, b, inputs_found in found:
        x = [inputs_found.get(f"x{i}", low) for i in range(inputs)]
        assert all(low <= n < low + (1 << bits) for n in x), x
        assert not -(1 << sum_bits - 2) <= w @ x + b < 1 << sum_bits - 2, (w, x)


def prove_depthwise(name):
    groups, lanes, taps, multiplier = (int(rng.integers(1, high)) for high in (4, 3, 10, 3))
    pe, rows = lanes * multiplier, groups * lanes * multiplier
    bits, signed = int(rng.integers(1, 9)), bool(rng.integers(2))
    high = int(rng.choice([1, 7, 127]))
    weights = rng.integers(-high - 1, high + 1, (rows, taps))
    bias = rng.integers(-300, 300, rows) * rng.integers(2)
    low = -(1 << bits - 1) if signed else 0
    ends = np.stack([weights * low, weights * (low + (1 << bits) - 1)])
    sum_bits = bits_for(min(ends.min(0).sum(1) + bias), max(ends.max(0).sum(1) + bias))
    x = f"!qflow.stream<1x1x{groups}x{taps * lanes}x{'s' if signed else 'u'}i{bits}, {lanes}>"
    y = f"!qflow.stream<1x1x{rows}xsi{sum_bits}, {pe}>"
    with_bias = f"bias {dense(bias, sum_bits)}" if bias.any() else ""
    text = emit(name, f"qflow.design @{name}(%x: {x}) -> {y} {{\n  %y = qflow.depthwise %x weights "
                f"{dense(weights, 8)} {with_bias} : {x} -> {y}\n  qflow.output %y : {y}\n}}\n")
    iterations = []
    for group in range(groups):
        for tap in range(taps):
            word = f"x[{(group * taps + tap) * lanes * bits} +: {lanes * bits}]"
            iterations.append({"index0": "1'b0", "index1": index(group, groups),
                               "index2": index(tap, taps), "in0_data": word})
        iterations[-1]["out0_data"] = f"y[{group * pe * sum_bits} +: {pe * sum_bits}]"
    text = unroll(text, f"{name}_depthwise_iteration", iterations,
                  {"x": groups * taps * lanes * bits}, {"y": rows * sum_bits})
    netlist = Netlist(folder / name, text, "unrolled", {
        "x": [(f"x{i}", bits, signed) for i in range(groups * taps * lanes)]})
    beyond = sum_bits == 1
    for row in range(rows):
        form = netlist.get("y", sum_bits, row, True)
        group, lane = row // pe, row % pe // multiplier
        assert form == Form(int(bias[row]), {
            f"x{(group * taps + tap) * lanes + lane}": int(w)
            for tap, w in enumerate(weights[row])}), (name, row, form)
        beyond = beyond or netlist.box.find_beyond(form, sum_bits - 1, True) is not None
    assert beyond, name


def prove_pool(name):
    lanes, taps = int(rng.integers(1, 4)), int(rng.integers(1, 10))
    bits, signed = int(rng.integers(1, 9)), bool(rng.integers(2))
    low = -(1 << bits - 1) if signed else 0
    # Without a sign, one bit less than bits_for.
    sum_bits = bits_for(taps * low, taps * (low + (1 << bits) - 1)) - (not signed)
    s = "s" if signed else "u"
    x = f"!qflow.stream<1x1x1x{taps * lanes}x{s}i{bits}, {lanes}>"
    y = f"!qflow.stream<1x1x{lanes}x{s}i{sum_bits}, {lanes}>"
    text = emit(name, f"qflow.design @{name}(%x: {x}) -> {y} {{\n  %y = qflow.pool sum %x : {x} "
                f"-> {y}\n  qflow.output %y : {y}\n}}\n")
    iterations = [{"index0": "1'b0", "index1": index(tap, taps),
                   "in0_data": f"x[{tap * lanes * bits} +: {lanes * bits}]"}
                  for tap in range(taps)]
    iterations[-1]["out0_data"] = "y"
    text = unroll(text, f"{name}_sum_iteration", iterations, {"x": taps * lanes * bits},
                  {"y": lanes * sum_bits})
    netlist = Netlist(folder / name, text, "unrolled", {
        "x": [(f"x{i}", bits, signed) for i in range(taps * lanes)]})
    for lane in range(lanes):
        form = netlist.get("y", sum_bits, lane, signed)
        assert form == Form(0, {f"x{tap * lanes + lane}": 1 for tap in range(taps)}), form
        assert sum_bits == 1 or netlist.box.find_beyond(form, sum_bits - 1, signed)


def refute_narrow():
    """Two products of 12 bits in a sum of as many."""
    x, y = "!qflow.stream<2xui8, 2>", "!qflow.stream<1xsi12, 1>"
    text = emit("narrow", f"""qflow.design @narrow(%x: {x}) -> {y} {{
  %y = qflow.process "narrow"(%x) loops [1] initial [] : ({x}) -> {y} {{
  ^bb0(%in: {x}, %out: {y}, %i: i1):
    %true = arith.constant true
    %a = qflow.read %in if %true : {x}
    %w = arith.constant dense<[7, -3]> : vector<2xi4>
    %b = arith.extui %a : vector<2xi8> to vector<2xi12>
    %c = arith.extsi %w : vector<2xi4> to vector<2xi12>
    %p = arith.muli %b, %c : vector<2xi12>
    %q = vector.shuffle %p, %p [1, 0] : vector<2xi12>, vector<2xi12>
    %s = arith.subi %p, %q : vector<2xi12>
    %r = vector.extract %s[0] : i12 from vector<2xi12>
    qflow.write %r to %out if %true : {y}
    qflow.next
  }}
  qflow.output %y : {y}
}}
""")
    text = unroll(text, "narrow_narrow_iteration", [
        {"index0": "1'b0", "in0_data": "x", "out0_data": "y"}], {"x": 16}, {"y": 12})
    try:
        netlist = Netlist(folder / "narrow", text, "unrolled",
                          {"x": [("x0", 8, False), ("x1", 8, False)]})
        netlist.get("y", 12, 0, True)
    except Leaves as leaves:
        a, b = leaves.inputs["x0"], leaves.inputs["x1"]
        assert not -2048 <= 7 * a + 3 * b < 2048, (a, b)
        return
    raise AssertionError("a sum of too few bits was proved")


for number in range(4):
    prove_dot(f"dot{number}")
for number in range(2):
    prove_dot(f"whole{number}", whole=True)
for number in range(2):
    prove_depthwise(f"depthwise{number}")
for number in range(2):
    prove_pool(f"pool{number}")
refute_narrow()
