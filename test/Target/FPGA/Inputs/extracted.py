"""A block of a transformer as a design: quantised, extracted, folded, and its numbers."""
import json

import numpy as np

from csim import CSimulation
from designs import pack
from integers import Stream, fold, interpret, read_streams, run
from rtl import Simulation


def quantize_model(build, checkpoint, folder, recipe):
    """Makes integers.mlir of a checkpoint."""
    folder.mkdir(parents=True, exist_ok=True)
    run(build / "bin/quant-opt", checkpoint, "-o", folder / "integers.mlir",
        f"--quantize={recipe} activations=int8 per=tensor arithmetic=integer")


def extract(build, folder, block, tokens):
    """Makes of integers.mlir stored.mlir, one block whose parameters are written."""
    run(build / "bin/quant-opt", folder / "integers.mlir", "-o", folder / "stored.mlir",
        "--pass-pipeline=builtin.module(qnt-fpga-extract-block"
        f"{{block={block} tokens={tokens}}},"
        f"qnt-materialize-params{{output={folder}/stored.safetensors}})")


class Block:
    """The design of stored.mlir in `folder`, compiled as C++ and Verilog."""

    def __init__(self, build, folder, block, cycles, frames, weights="chip"):
        self.build, self.folder, self.block, self.frames = build, folder, block, frames
        fold(build, folder, cycles, weights=weights)
        run(build / "test/bin/emit-design", folder / "design.mlir", folder)
        self.source, self.result = read_streams(folder / "design.mlir")
        self.compiled = CSimulation(
            folder, "model", [("in0", self.source.word_bits, self.source.words)],
            [("out0", self.result.word_bits, self.result.words)])
        self.simulation = Simulation(
            folder, "model", [("in0", self.source.word_bits, frames * self.source.words)],
            [("out0", self.result.word_bits, frames * self.result.words)])
        self.cycles = json.loads((folder / "report.json").read_text())["cycles"]

    def encode(self, numbers):
        """The codes of frames, and the numbers that have them."""
        low = -(1 << self.source.bits - 1)
        codes = np.clip(np.rint(numbers / self.source.scales), low, -low - 1).astype(int)
        return codes, (codes * self.source.scales).astype(np.float32)

    def check(self, codes, numbers, stalls, seed):
        """That the interpreter, the C++ and the Verilog with each of `stalls` give the same;
        returns the cycles between frames without stalls."""
        want = interpret(self.build, self.folder, numbers, self.block)
        assert np.isfinite(want).all() and (want != want[0]).any()
        given = {"in0": pack(codes.ravel(), self.source.bits, self.source.lanes)}
        got = self.result.decode(self.compiled.run(given)["out0"])
        assert (got == want).all(), ("C++", np.argwhere(got != want)[:5])
        between = None
        for stall in stalls:
            got = self.simulation.run(given, stall, seed + stall, limit=20000000)["out0"]
            if stall == 0:
                ends = [cycle for cycle, _ in got][self.result.words - 1::self.result.words]
                between = np.diff(ends).tolist()
            got = self.result.decode([word for _, word in got])
            assert (got == want).all(), ("Verilog", stall, np.argwhere(got != want)[:5])
        return between
