# REQUIRES: python, verilator
# RUN: %python %s %build %t
"""Weights from memory: random dot products, and models of several layers through quant-opt, as
C++ and as Verilog behind an AXI4 memory, whatever waits; frames in the cycles of the slowest
stage, or of the memory where it is slower."""
import json
import os
import pathlib
import shutil
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "Inputs"))
from csim import CSimulation  # noqa: E402
from designs import make_random, pack  # noqa: E402
from integers import Graph, fold, interpret, quantize, read_streams, run  # noqa: E402
from memory import make_memory_dot  # noqa: E402
from rtl import Simulation  # noqa: E402

build, folder = map(pathlib.Path, sys.argv[1:])
seed, rng = make_random()
# Wherever streams wait, wherever the memory does.
STALLS = [(4, {}), (0, {"memory_stalls": 12, "latency": 40, "jitter": 60}),
          (9, {"memory_stalls": 5, "jitter": 20})]
FRAMES = 4


def whole(streams, frames):
    return [(name, bits, words * frames) for name, bits, words in streams]


def read_ends(got, words):
    return np.diff([cycle for cycle, _ in got][words - 1::words]).tolist()


def check(here, name, inputs, outputs, given, wanted, frames):
    """Both simulations; the one of Verilog is given back, and what the report says."""
    (out, bits, words), = outputs
    compiled = CSimulation(here, name, inputs, outputs).run(given)
    assert compiled[out] == wanted, (here, "C++")
    simulation = Simulation(here, name, whole(inputs, frames), whole(outputs, frames))
    for stalls, memory in STALLS:
        got = simulation.run(given, stalls, seed=1 + seed % 1000000 + stalls, **memory)[out]
        assert [word for _, word in got] == wanted, (here, stalls, memory)
    return simulation, json.loads((here / "report.json").read_text())


def check_rates(here, simulation, report, given, out, words):
    """A memory that gives a word each cycle keeps nobody waiting; one that gives a word each
    `pace` cycles is the slowest stage, where it is."""
    got = simulation.run(given, seed=1, latency=5)[out]
    intervals = read_ends(got, words)
    assert intervals == [report["cycles"]] * len(intervals), (here, intervals, report["cycles"])
    stages = [s["cycles"] for s in report["stages"] if s["kind"] == "fetch"]
    if not stages:
        return
    # Three times as long, about; the first frames are fed by what is ahead.
    pace = -(-3 * report["cycles"] // max(stages))
    got = simulation.run(given, seed=1, pace=pace)[out]
    assert read_ends(got, words)[-1] <= pace * max(stages)
    total = got[-1][0] + 512 * pace
    assert total >= FRAMES * pace * max(stages), (here, total, pace, stages)


def check_dot(number):
    design = make_memory_dot(rng, number)
    here = folder / f"dot{number}"
    design.emit(build / "test/bin/emit-design", here)
    frames = len(design.given["x"]) // design.inputs[0][2]
    simulation, report = check(here, design.name, design.inputs, design.outputs, design.given,
                               design.wanted["y"], frames)
    kinds = [stage["kind"] for stage in report["stages"]]
    assert kinds.count("fetch") == 1 and ("reorder" in kinds) == (design.vectors > 1), kinds


def write_model(path, vectors, sizes):
    """Layers of `vectors` vectors a frame."""
    graph = Graph(rng, [1, vectors, sizes[0]] if vectors else [1, sizes[0]])
    x = "x"
    for inputs, outputs in zip(sizes, sizes[1:]):
        x = graph.node("Add", graph.node("MatMul", x, graph.weight(inputs, outputs)),
                       graph.weight(outputs))
        if outputs != sizes[-1]:
            x = graph.node("Relu", x)
    graph.save(path, x, graph.shape[:-1] + [sizes[-1]])


def check_model(name, vectors, sizes, recipe, cycles, port, least):
    here = folder / name
    here.mkdir(parents=True)
    write_model(here / "model.onnx", vectors, sizes)
    quantize(rng, build, here, recipe)
    fold(build, here, cycles, weights=f"dram least={least} port={port}")
    run(build / "test/bin/emit-design", here / "design.mlir", here)
    source, result = read_streams(here / "design.mlir")
    codes, numbers = source.draw(rng, FRAMES)
    want = interpret(build, here, numbers)
    given = {"in0": pack(codes.ravel(), source.bits, source.lanes)}
    # The interpreter's numbers are those of the words.
    inputs = [("in0", source.word_bits, source.words)]
    outputs = [("out0", result.word_bits, result.words)]
    words = CSimulation(here, "model", inputs, outputs).run(given)["out0"]
    assert (result.decode(words) == want).all(), name
    simulation, report = check(here, "model", inputs, outputs, given, words, FRAMES)
    check_rates(here, simulation, report, given, "out0", result.words)
    return report


shutil.rmtree(folder, ignore_errors=True)
for number in range(2):
    check_dot(number)
port = int(rng.choice([32, 64, 128]))
bits = rng.integers(2, 9)
report = check_model("vectors", 6, [16, 24, 12], f"weights=int{bits} activations=int8", 400, port, 0)
assert [p["bits"] for p in report["memory"]["ports"]] == [port] * 2, report["memory"]
report = check_model("vector", 0, [32, 48, 8], "weights=int4 activations=int8", 200, 32, 700)
# The second layer's are 192 bytes.
assert [p["bytes"] for p in report["memory"]["ports"]] == [32 * 48 // 2], report["memory"]
