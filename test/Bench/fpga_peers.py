#!/usr/bin/env python3
"""A multilayer perceptron of integers as our design and as alkaid's (distributed arithmetic,
PyPI): DSPs, LUTs and flip-flops by Yosys (synth_xilinx -family xc7) at a frame each clock
cycle, where both compute the same integers on random frames, and of ours at fewer frames too,
which alkaid has no way to make. The network has the shape of the tagger of jets (Duarte et
al. 2018), 16-64-32-32-5, weights drawn, scales powers of two, so that no design multiplies
to requantise. hls4ml is not among them: what it writes needs Vitis.

usage: fpga_peers.py [--bits 4] [--cycles 1,4,16,64] [--part xc7z045] [--seed N]
alkaid is expected in the environment that `.ci/setup peers` makes.
"""
import argparse
import json
import pathlib
import re
import sys
import tempfile

import numpy as np

from rounds import PEERS
from tools import BUILD, ROOT, call, machine

sys.path[:0] = [str(ROOT / "test/Inputs"), str(ROOT / "test/Target/FPGA/Inputs")]
from integers import fold, interpret, read_streams  # noqa: E402
from mlp import MLP  # noqa: E402
from yosys import count_cells, synthesize  # noqa: E402

WIDTHS = [16, 64, 32, 32, 5]
FRAMES = 64


def round_up(scale):
    return (2.0 ** np.ceil(np.log2(scale))).astype(np.float32)


def make_integers(rng, bits, folder, widths=WIDTHS):
    """integers.mlir and stored.mlir of the network; frames that it was calibrated with."""
    frames = rng.normal(0, 1, (FRAMES, widths[0])).astype(np.float32)
    mlp = MLP(rng, frames, round_up)
    mlp.quantize(np.float32(np.abs(frames).max() / 127), 8, signed=1)
    for width in widths[1:-1]:
        mlp.linear(width, bits)
        mlp.bias()
        mlp.relu()
        mlp.quantize(np.float32(mlp.x.max() / (2**bits - 1)), bits, signed=0)
    mlp.linear(widths[-1], bits)
    mlp.save(folder / "model.onnx", widths[0])
    call(BUILD / "bin/quant-opt", folder / "model.onnx", "-o", folder / "integers.mlir",
         "--quantize=arithmetic=integer")
    call(BUILD / "bin/quant-opt", folder / "integers.mlir", "-o", folder / "stored.mlir",
         f"--qnt-materialize-params=output={folder}/stored.safetensors")
    return frames


def read_numbers(text, name, count=None):
    """The integers of an attribute `name dense<...>`; a splat `count` times."""
    numbers = np.array(re.findall(r"-?\d+", re.search(name + r" dense<([^>]*)>", text)[1]),
                       np.int64)
    return np.repeat(numbers, count) if count and numbers.size == 1 else numbers


def read_layers(folder):
    """Of each unit of the design: a dot product's weights and bias, or a requantiser's
    multipliers, offsets, shifts and range."""
    fold(BUILD, folder, 64, "--mlir-print-elementsattrs-with-hex-if-larger=-1")
    layers = []
    for line in open(folder / "design.mlir"):
        if "qflow.dot" in line:
            size = re.search(r"weights .*? : tensor<(\d+)x(\d+)xi", line)
            rows, columns = int(size[1]), int(size[2])
            layer = {"weights": read_numbers(line, "weights").reshape(rows, columns).tolist()}
            if " bias " in line:
                layer["bias"] = read_numbers(line, "bias", rows).tolist()
            layers.append(layer)
        elif "qflow.requantize" in line:
            count = int(re.search(r": !qflow.stream<(\d+)x", line)[1])
            layers.append({name: read_numbers(line, name, count).tolist()
                           for name in ("multipliers", "offsets", "shifts")} |
                          {"clamp": read_clamp(line)})
    return layers


def read_clamp(line):
    return [int(n) for n in re.search(r"clamp \[(-?\d+), (-?\d+)\]", line).groups()]


PEER = '''
import json, sys
import numpy as np
from alkaid.codegen import RTLModel
from alkaid.trace import FVArray, HWConfig, trace
layers, inputs, folder = json.load(open(sys.argv[1])), np.load(sys.argv[2]), sys.argv[3]
size = inputs.shape[1]
x = start = FVArray.from_kif(np.ones(size, int), np.full(size, 7), np.zeros(size, int),
                             HWConfig(1, 1, -1))
for layer in layers:
    if "weights" in layer:
        x = x @ np.array(layer["weights"], float).T + np.array(layer.get("bias", 0.0), float)
        continue
    # Numbers of 2^-f are exact in double: multipliers are powers of two.
    scale = np.array(layer["multipliers"], float) / 2.0 ** np.array(layer["shifts"])
    offset = np.array(layer["offsets"], float) / 2.0 ** np.array(layer["shifts"])
    low, high = layer["clamp"]
    bits = int(high + 1).bit_length() - 1
    x = (x * scale + offset).quantize(int(low < 0), bits, 0, "SAT", "TRN")
logic = trace(start, x)
model = RTLModel(logic, folder, "model", latency_cutoff=5, print_latency=False)
model.write()
json.dump({"outputs": np.asarray(logic.predict(inputs.astype(float))).tolist(),
           "stages": len(model.fsm.logic)}, open(sys.argv[4], "w"))
'''


def make_peer(folder, layers, codes):
    (folder / "layers.json").write_text(json.dumps(layers))
    np.save(folder / "codes.npy", codes)
    call(PEERS / "bin/python", "-c", PEER, folder / "layers.json", folder / "codes.npy",
         folder / "alkaid", folder / "alkaid.json")
    return np.array(json.loads((folder / "alkaid.json").read_text())["outputs"])


def show(what, cycles, counts):
    print(f"| {what} | {cycles} | {counts['dsp']} | {counts['lut']:,} | {counts['ff']:,} |",
          flush=True)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bits", type=int, default=4)
    parser.add_argument("--cycles", default="1,4,16,64",
                        type=lambda text: [int(n) for n in text.split(",")])
    parser.add_argument("--part", default="xc7z045")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        frames = make_integers(np.random.default_rng(args.seed), args.bits, folder)
        layers = read_layers(folder)
        source, result = read_streams(folder / "design.mlir")
        codes = np.clip(np.rint(frames / source.scales) + source.zero, -128, 127).astype(int)
        theirs = (make_peer(folder, layers, codes) - result.zero) * result.scales
        same = (theirs.astype(np.float32) == interpret(BUILD, folder, frames))
        print(f"alkaid's numbers: {same.all(axis=1).sum()} of {FRAMES} frames the interpreter's\n"
              f"\n| W{args.bits}A{args.bits} | cycles a frame | DSP | LUT | flip-flops |\n"
              "|---|---|---|---|---|")
        sources = sorted(str(p) for p in (folder / "alkaid/src").rglob("*.v"))
        show("alkaid", 1, count_cells(folder, sources, "model"))
        for cycles in args.cycles:
            design = folder / f"design{cycles}"
            call(BUILD / "bin/quant-opt", folder / "integers.mlir", "-o", design,
                 f"--target=fpga part={args.part} clock=100MHz cycles={cycles}")
            name = json.loads((design / "report.json").read_text())["design"]
            show("ours", cycles, synthesize(design / "verilog", name)[""])


if __name__ == "__main__":
    main()
