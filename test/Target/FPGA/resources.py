# REQUIRES: python, yosys
# RUN: %python %s %build %t
"""What designs take by the estimate, as Yosys makes them: DSPs and block RAM exactly, in
stages of random foldings and a network folded for a part; LUTs within 15% in the median, of
stages that are always the same, and that the coefficients were not fitted to: between draws
the median swings by several hundredths."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import numpy as np

from seeding import draw_seed

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "Inputs"))
from integers import Graph, quantize  # noqa: E402
from stages import ATTENTION, CHANNELS, CONSTANTS, NARROW, TABLES, write_stages  # noqa: E402
from yosys import synthesize  # noqa: E402

build, folder = map(pathlib.Path, sys.argv[1:])
rng = np.random.default_rng(draw_seed())
shutil.rmtree(folder, ignore_errors=True)
folder.mkdir(parents=True)


def compare(report, found):
    """Errors of the LUTs of processes, relative."""
    errors = []
    for stage in report["stages"]:
        # Of the design's own module, among all.
        if stage["kind"] in ("fifo", "fetch"):
            continue
        made = found[stage["name"]]
        assert (stage["dsp"], 2 * stage["bram36"]) == (made["dsp"], made["half"]), (stage, made)
        errors.append(abs(stage["lut"] / max(1, made["lut"]) - 1))
    total, made = report["total"], found[""]
    assert (total["dsp"], 2 * total["bram36"]) == (made["dsp"], made["half"]), (total, made)
    return errors


def check_stages(name, numbers, makers=None):
    here = folder / name
    here.mkdir()
    (here / "stages.mlir").write_text(write_stages(numbers, makers))
    subprocess.run([build / "test/bin/emit-design", here / "stages.mlir", here], check=True)
    return compare(json.loads((here / "report.json").read_text()), synthesize(here, "stages"))


check_stages("fresh", rng)
errors = check_stages("held-out", np.random.default_rng(2))
print("errors:", np.round(sorted(errors), 2))
assert np.median(errors) <= 0.15, errors

print("of channels:", np.round(sorted(check_stages("channels", rng, CHANNELS)), 2))
print("of attention:", np.round(sorted(check_stages("attention", rng, ATTENTION)), 2))

check_stages("narrow", rng, NARROW)

print("of constants:", np.round(sorted(check_stages("constants", rng, CONSTANTS)), 2))

print("of tables:", np.round(sorted(check_stages("tables", rng, TABLES)), 2))

graph = Graph(rng, [1, 3, 12, 12])
x = graph.node("Relu", graph.conv("x", 3, 8, (3, 3), pads=[1, 1, 1, 1]))
y = graph.node("Relu", graph.conv(x, 8, 8, (3, 3), pads=[1, 1, 1, 1]))
x = graph.node("MaxPool", graph.node("Add", x, y), kernel_shape=[2, 2], strides=[2, 2])
x = graph.node("Flatten", graph.node("GlobalAveragePool", x))
graph.save(folder / "model.onnx", graph.linear(x, 8, 10), [1, 10])
quantize(rng, build, folder, "weights=int8 activations=uint8")


def compile_for(target):
    return subprocess.run([build / "bin/quant-opt", folder / "integers.mlir",
                           f"--target=fpga part={target}", "-o", folder / "design"],
                          capture_output=True, text=True)


done = compile_for("xc7z010 clock=100MHz cycles=2600 luts=70%")
assert done.returncode == 0, done.stderr
report = json.loads((folder / "design/report.json").read_text())
compare(report, synthesize(folder / "design/verilog", "model"))

# What the report says is what there is.
stages = {stage["name"]: stage for stage in report["stages"] if stage["kind"] != "fifo"}
slowest = max(stages.values(), key=lambda stage: stage["cycles"])
assert report["cycles"] == slowest["cycles"], report
assert all(stage["cycles"] <= 2600 for stage in stages.values() if stage["kind"] == "dot")
assert stages[report["bottleneck"]]["cycles"] == slowest["cycles"]
for key, limit in (("dsp", 80), ("lut", 17600), ("bram36", 60)):
    assert report["total"][key] == sum(stage[key] for stage in report["stages"])
    assert report["total"][key] <= report["available"][key] == limit
frames = 1e8 / report["cycles"]
assert np.isclose(stages["window"]["mbit_per_second_in"], 12 * 12 * 3 * 8 * frames / 1e6)
readme = (folder / "design/README.md").read_text()
assert f"the slowest stage, `{report['bottleneck']}`" in readme, readme
page = (folder / "design/report.html").read_text()
rows = re.findall(r'<tr class="(\w*)">', page)
assert len(rows) == len(report["stages"]) and rows.count("slowest") == 1, rows

# What does not fit is refused with what it takes.
done = compile_for("xc7z010 clock=100MHz cycles=2600 luts=1%")
assert done.returncode == 1 and re.search(
    r"does not fit xc7z010: a frame in 2600 cycles takes about \d+ DSPs, \d+ LUTs and [\d.]+ "
    r"block RAMs at the least, expected at most 80, 176 and 60", done.stderr), done.stderr
