# REQUIRES: python, x86
# RUN: %python %s %test_bin/costs-test %t
"""What is measured, of a few small layers: a grid for each kind and rows, positive
and never less for larger layers. How large the numbers are, no test says."""
import json
import os
import subprocess
import sys

tool, folder = sys.argv[1:]
os.makedirs(folder, exist_ok=True)
path = f"{folder}/table.json"
subprocess.run([tool, "measure", path], check=True)
with open(path) as file:
    table = json.load(file)
cpu, isa, version = subprocess.run([tool, "machine"], check=True, capture_output=True,
                                   text=True).stdout.strip().split("\n")
assert table["machine"] == {"cpu": cpu, "isa": isa, "threads": 1, "version": version}
assert table["format"] == "qnt-latency" and table["format_version"] == 1

got = set()
for grid in table["tables"]:
    got.add((grid["weight"], grid["group"], grid["scale"], grid["activation"],
             grid["activation_zero"], grid["per_tensor"], grid["rows"]))
    assert grid["features"] == [64, 128] and grid["inputs"] == [64, 256], grid
    (a, b), (c, d) = grid["seconds"]
    assert 0 < a <= b <= d and a <= c <= d < 10, grid
assert got == {("int4", 64, "f16", "int8", False, False, 1),
               ("int4", 64, "f16", "int8", False, False, 128),
               ("int8", 0, "f32", "uint8", True, True, 1),
               ("bf16", 0, "none", "none", False, False, 1)}, got
# It is read as it is.
subprocess.run([tool, "copy", path, f"{folder}/copy.json"], check=True)
with open(f"{folder}/copy.json") as file:
    assert json.load(file) == table
