#!/usr/bin/env python3
"""A small design placed and routed for real: a multilayer perceptron of integers for an
iCE40 UP5K, synthesised by Yosys and placed by nextpnr. The folding is that of a part of the
xc7 family, as there is no estimate for this one.

usage: fpga_place.py [--bits 4] [--widths 16,16,16,5] [--cycles 64] [--seeds 3] [--freq 24]
Needs yosys and nextpnr-ice40 (.ci/setup hardware).
"""
import argparse
import json
import pathlib
import subprocess
import tempfile

import numpy as np

from fpga_peers import make_integers
from tools import BUILD, call, machine


def place(folder, design, seed, freq):
    """Cells used, and the clock that nextpnr says it may have."""
    report = folder / f"placed{seed}.json"
    subprocess.run(["nextpnr-ice40", "-q", "--up5k", "--package", "sg48", "--json",
                    folder / f"{design}.json", "--freq", str(freq), "--seed", str(seed),
                    "--pcf-allow-unconstrained", "--report", report], check=True)
    found = json.loads(report.read_text())
    used = {name: f"{cell['used']} of {cell['available']}"
            for name, cell in found["utilization"].items()}
    [clock] = found["fmax"].values()
    return used, clock["achieved"]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bits", type=int, default=4)
    parser.add_argument("--widths", default=[16, 16, 16, 5],
                        type=lambda text: [int(n) for n in text.split(",")])
    parser.add_argument("--cycles", type=int, default=64)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--freq", type=float, default=24, help="MHz")
    args = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        make_integers(np.random.default_rng(1), args.bits, folder, args.widths)
        call(BUILD / "bin/quant-opt", folder / "integers.mlir", "-o", folder / "design",
             f"--target=fpga part=xc7z020 clock={args.freq}MHz cycles={args.cycles}")
        report = json.loads((folder / "design/report.json").read_text())
        here, design = folder / "design/verilog", report["design"]
        # This family has no LUTs that are memory.
        call("yosys", "-q", "-p",
             f"read_verilog {design}.v; hierarchy -top {design}; proc; setattr -unset ram_style "
             f"m:*; memory_collect; setattr -unset ram_style t:$mem_v2; "
             f"synth_ice40 -dsp -top {design} -json {design}.json", cwd=here)
        for seed in range(1, args.seeds + 1):
            used, clock = place(here, design, seed, args.freq)
            cells = ", ".join(f"{name} {used[name]}" for name in
                              ("ICESTORM_LC", "ICESTORM_DSP", "ICESTORM_RAM"))
            print(f"seed {seed}: {cells}; {clock:.1f} MHz, {report['cycles']} cycles a frame: "
                  f"{clock * 1e6 / report['cycles']:,.0f} frames a second")


if __name__ == "__main__":
    main()
