#!/usr/bin/env python3
"""How well LUTs of designs are estimated: random stages and, given their folders, designs that
--target=fpga wrote, as Yosys maps them to 7 series parts; the coefficients that fit them
best, and the distribution of the errors of both.

usage: fpga_resources.py [--designs N] [--seed N] [--keep FOLDER] [FOLDER...]
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from scipy.optimize import nnls

from tools import BUILD, ROOT, machine

sys.path[:0] = [str(ROOT / "test/Inputs"), str(ROOT / "test/Target/FPGA/Inputs")]
from stages import ATTENTION, CHANNELS, CONSTANTS, MAKERS, TABLES, write_stages  # noqa: E402
from yosys import synthesize  # noqa: E402

# Of a design; those of constants have a design of their own.
STAGES = MAKERS + ATTENTION + TABLES[:2] + CHANNELS[:5]
CONSTANT = "constant "


def read(report, found, prefix=""):
    """(prefix and kind, logic, LUTs that there are, LUTs estimated) of each process; prints what is not
    as it was counted."""
    stages = {stage["name"]: stage for stage in report["stages"]
              if stage["kind"] not in ("fifo", "fetch")}
    rows = []
    for name, stage in stages.items():
        counts = found[name]
        for key, scale in (("dsp", 1), ("bram36", 2)):
            have = counts["half" if key == "bram36" else key]
            if stage[key] * scale != have:
                print(f"{name}: {stage[key] * scale} of {key} estimated, {have} there")
        rows.append((prefix + stage["kind"], stage["logic"], counts["lut"], stage["lut"]))
    fifos = found[""]["lut"] - sum(found[name]["lut"] for name in stages)
    said = sum(s["lut"] for s in report["stages"] if s["kind"] == "fifo")
    return rows, (fifos, said, found[""]["lut"], report["total"]["lut"])


def show(title, have, estimated):
    errors = 100 * (np.array(estimated) / np.maximum(1, np.array(have)) - 1)
    size = np.abs(errors)
    print(f"{title:12} {len(errors):5} {np.median(size):8.1f}% {np.percentile(size, 75):8.1f}% "
          f"{np.percentile(size, 90):8.1f}% {size.max():8.1f}% {np.median(errors):+8.1f}%")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--designs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=pathlib.Path)
    parser.add_argument("folders", nargs="*", type=pathlib.Path)
    args = parser.parse_args()
    print(machine())
    rows, wholes = [], []
    with tempfile.TemporaryDirectory() as scratch:
        scratch = args.keep or pathlib.Path(scratch)
        for number in range(args.designs):
            rng = np.random.default_rng([args.seed, number])
            for prefix, makers in (("", STAGES), (CONSTANT, CONSTANTS[:2])):
                folder = scratch / f"{prefix}{number}".replace(" ", "")
                folder.mkdir(parents=True, exist_ok=True)
                (folder / "stages.mlir").write_text(write_stages(rng, makers))
                subprocess.run([BUILD / "test/bin/emit-design", folder / "stages.mlir", folder],
                               check=True)
                report = json.loads((folder / "report.json").read_text())
                found, whole = read(report, synthesize(folder, "stages"), prefix)
                rows, wholes = rows + found, wholes + [whole]
        for folder in args.folders:
            report = json.loads((folder / "report.json").read_text())
            found, whole = read(report, synthesize(folder / "verilog", report["design"]))
            rows, wholes = rows + found, wholes + [whole]
    names = list(dict.fromkeys(name for _, logic, _, _ in rows for name in logic))
    counts = np.array([[logic.get(name, 0) for name in names] for _, logic, _, _ in rows])
    luts = np.array([lut for _, _, lut, _ in rows], float)
    # Relative errors, of small stages less, and none of constants, whose sums are compressed.
    weight = np.array([not row[0].startswith(CONSTANT) for row in rows]) / (luts + 30)
    fitted, _ = nnls(counts * weight[:, None], luts * weight)
    print("coefficients that fit best:")
    for name, value in zip(names, fitted):
        print(f"  {name:12} {value:.3f}")
    header = "median      75th      90th   largest    median"
    print(f"LUTs: {'stages':>12} {header}\n{'':42} of sizes {'':17} signed")
    for kind in dict.fromkeys(kind for kind, _, _, _ in rows):
        which = [i for i, row in enumerate(rows) if row[0] == kind]
        show(kind, luts[which], [rows[i][3] for i in which])
    show("all", luts, [row[3] for row in rows])
    show("refitted", luts, counts @ fitted)
    show("FIFOs", *zip(*[whole[:2] for whole in wholes]))
    show("designs", *zip(*[whole[2:] for whole in wholes]))


if __name__ == "__main__":
    main()
