# REQUIRES: python, x86
# RUN: %python %s quant-opt %test_bin/costs-test %source %t
"""latency=: with a table of made-up latencies in the cache of the machine, each choice
has the table's seconds, and their sum keeps to the budget; beyond it is refused with the
range of what is possible."""
import json
import os
import pathlib
import shutil
import subprocess
import sys

import numpy as np

from seeding import draw_seed

opt, tool, source, folder = sys.argv[1:]
folder = pathlib.Path(folder)
shutil.rmtree(folder, ignore_errors=True)
(folder / "qnt").mkdir(parents=True)
seed = draw_seed()
rng = np.random.default_rng(seed)
FORMATS = ["int2", "int4", "int8"]
FEATURES, INPUTS = [128, 256, 768, 4096], [256, 768]

cpu, isa, version = subprocess.run([tool, "machine"], check=True, capture_output=True,
                                   text=True).stdout.strip().split("\n")
tables, seconds = [], {}
for number, format_ in enumerate(FORMATS):
    grid = (number + 1) * np.cumsum(np.cumsum(rng.uniform(1e-7, 1e-5, (4, 2)), 0), 1)
    tables.append({"weight": format_, "group": 64, "scale": "f16", "zero": "none",
                   "activation": "none", "activation_zero": False, "per_tensor": False,
                   "rows": 1, "features": FEATURES, "inputs": INPUTS,
                   "seconds": grid.tolist()})
    seconds |= {(format_, f, i): grid[a, b] for a, f in enumerate(FEATURES)
                for b, i in enumerate(INPUTS)}
(folder / f"qnt/latency-{isa}-1.json").write_text(json.dumps(
    {"format": "qnt-latency", "format_version": 1, "tables": tables,
     "machine": {"cpu": cpu, "isa": isa, "threads": 1, "version": version}}))
text = folder / "text.txt"
text.write_text("What a layer takes, the table says. " * 200)


def compile_within(milliseconds):
    return subprocess.run(
        [opt, f"{source}/test/Inputs/tinylm", "-o", folder / "m.mlir",
         f"--quantize=latency={milliseconds}ms formats={','.join(FORMATS)} group=64 "
         f"sensitivity=weight calib={text} samples=2", f"--report={folder}/r.json"],
        capture_output=True, text=True,
        env=os.environ | {"XDG_CACHE_HOME": str(folder), "OMP_NUM_THREADS": "1"})


def total(report, choose):
    return sum(choose(seconds[format_, *tensor["shape"]] for format_ in FORMATS)
               for tensor in report["tensors"])


refused = compile_within(1e-6)
assert refused.returncode == 1 and "1e-06 ms cannot be kept: expected" in refused.stderr, \
    refused.stderr
least, most = (float(word) for word in
               refused.stderr.split("expected ")[1].split()[::2])
budget = (least + most) / 2
done = compile_within(budget)
assert done.returncode == 0, done.stderr
report = json.loads((folder / "r.json").read_text())
for tensor in report["tensors"]:
    for choice in tensor["choices"]:
        want = seconds[choice["format"], *tensor["shape"]]
        assert abs(choice["seconds"] - want) <= 1e-12 * want, (tensor["name"], choice)
assert abs(least - 1e3 * total(report, min)) <= 1e-6 * least
assert abs(most - 1e3 * total(report, max)) <= 1e-6 * most
taken = 1e3 * sum(seconds[t["format"], *t["shape"]] for t in report["tensors"])
assert report["budgets"][0]["name"] == "ms"
assert abs(report["budgets"][0]["taken"] - taken) <= 1e-9 * taken
assert taken <= budget
