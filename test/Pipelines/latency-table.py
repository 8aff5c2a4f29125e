# REQUIRES: python
# RUN: %python %s %test_bin/costs-test %t
"""Tables of latencies: what is read is what was written, numbers between points
are scipy's, larger layers never take less, and files of other machines and damaged
ones are told apart. Tolerance: rounding of f64, 1e-12 relative."""
import copy
import json
import os
import subprocess
import sys

import numpy as np
from scipy.interpolate import RegularGridInterpolator

from seeding import draw_seed

tool, folder = sys.argv[1:]
os.makedirs(folder, exist_ok=True)
seed = draw_seed()
rng = np.random.default_rng(seed)
path = f"{folder}/table.json"


def run(*args):
    return subprocess.run([tool, *map(str, args)], capture_output=True, text=True)


def predict(points):
    """Seconds of (rows, features, inputs); None where there are none."""
    done = run("predict", path, *[x for point in points for x in point])
    assert done.returncode == 0, done.stderr
    lines = done.stdout.split()
    assert len(lines) == len(points), done.stdout
    return [None if line == "nothing" else float(line) for line in lines]


def write(table):
    with open(path, "w") as file:
        file.write(table if isinstance(table, str) else json.dumps(table))


def sizes():
    count = int(rng.integers(1, 6))
    return sorted(int(n) for n in rng.choice(np.arange(1, 3000), count, False))


def monotone(features, inputs, least):
    """Seconds that grow in both directions."""
    steps = rng.uniform(0, 1e-5, (len(features), len(inputs)))
    return least + np.cumsum(np.cumsum(steps, 0), 1)


cpu, isa, version = run("machine").stdout.strip().split("\n")
machine = {"cpu": cpu, "isa": isa, "threads": 1, "version": version}
kind = {"weight": "int4", "group": 64, "scale": "f16", "zero": "none",
        "activation": "int8", "activation_zero": False, "per_tensor": False}


def reference(grid, features, inputs):
    """Beyond the last point in proportion, below the first as at it."""
    f, i = np.array(grid["features"], float), np.array(grid["inputs"], float)
    values = np.array(grid["seconds"])
    at = [np.clip(features, f[0], f[-1]), np.clip(inputs, i[0], i[-1])]
    # scipy wants two points a side.
    if len(f) == 1:
        f, values = np.array([f[0], f[0] + 1]), np.repeat(values, 2, 0)
    if len(i) == 1:
        i, values = np.array([i[0], i[0] + 1]), np.repeat(values, 2, 1)
    value = RegularGridInterpolator((f, i), values)(at)[0]
    return value * max(1, features / grid["features"][-1]) * \
        max(1, inputs / grid["inputs"][-1])


for _ in range(12):
    grids = []
    for rows, least in ((1, 1e-6), (128, 1e-4)):
        features, inputs = sizes(), sizes()
        grids.append(kind | {"rows": rows, "features": features, "inputs": inputs,
                             "seconds": monotone(features, inputs, least).tolist()})
    table = {"format": "qnt-latency", "format_version": 1, "machine": machine,
             "tables": grids}
    write(table)
    # What is read is written again.
    assert run("copy", path, f"{folder}/copy.json").returncode == 0
    with open(f"{folder}/copy.json") as file:
        assert json.load(file) == table
    # Exact at the points.
    one = grids[0]
    points = [(f, i) for f in one["features"] for i in one["inputs"]]
    got = predict([(1, f, i) for f, i in points])
    assert got == [s for line in one["seconds"] for s in line], (got, one)
    # Between and beyond them.
    asked = [tuple(int(x) for x in rng.integers(1, 8000, 2)) for _ in range(20)]
    rows = [int(x) for x in rng.choice([1, 2, 64, 128, 300], len(asked))]
    for (f, i), r, value in zip(asked, rows,
                                predict([(r, *p) for r, p in zip(rows, asked)])):
        first = reference(one, f, i)
        last = max(first, reference(grids[1], f, i))
        want = first + (last - first) * (r - 1) / 127 if r < 128 else last * r / 128
        assert abs(value - want) <= 1e-12 * want, (f, i, r, value, want)
    # Never less for more.
    small = rng.integers(1, 5000, (30, 3)) // [20, 1, 1] + 1
    large = small + rng.integers(0, 300, small.shape)
    got = np.array(predict([tuple(p) for p in np.concatenate([small, large])]))
    assert (got[:30] <= got[30:] * (1 + 1e-12)).all(), (small, large, got)

# Rows that were not measured, another machine's figures, no file.
write(table | {"tables": grids[:1]})
assert predict([(1, 64, 64), (2, 64, 64)])[1] is None
for key, value in (("cpu", "another"), ("isa", "avx"), ("threads", 2),
                   ("version", "0.0.0")):
    write(table | {"machine": machine | {key: value}})
    assert predict([(1, 64, 64)]) == [None], key
write(table | {"format_version": 2})
assert predict([(1, 64, 64)]) == [None]
os.remove(path)
assert predict([(1, 64, 64)]) == [None]


def refuse(table, what):
    write(table)
    done = run("predict", path, 1, 64, 64)
    assert done.returncode == 1 and what in done.stderr, (what, done)
    assert done.stderr.startswith(path) and done.stderr.count("\n") == 1, done


def broken(change):
    bad = copy.deepcopy(table)
    change(bad["tables"][0])
    return bad


text = json.dumps(table)
refuse(text[:len(text) // 2], "line 1")
refuse("", "line 1")
refuse("[]", "not a table of latencies")
refuse(table | {"format": "other"}, "expected 'format' to be 'qnt-latency'")
refuse(table | {"machine": 3}, "machine")
refuse(table | {"tables": {}}, "'tables' must be an array")
refuse(table | {"tables": [1]}, "tables[0] must be an object")
for what, change in (
        ("'weight' is missing", lambda t: t.pop("weight")),
        ("'group' must be an integer", lambda t: t.update(group="64")),
        ("'rows' must lie between 1 and", lambda t: t.update(rows=0)),
        ("'features' must be ascending", lambda t: t.update(features=[])),
        ("'features' must be ascending", lambda t: t.update(features=[64, 64])),
        ("'inputs' must be ascending", lambda t: t.update(inputs=[0, 4])),
        ("'seconds' must have", lambda t: t["seconds"].append([1.0])),
        ("'seconds' must have", lambda t: t["seconds"][0].append(1.0)),
        ("'seconds' must have", lambda t: t["seconds"][0].__setitem__(0, -1.0)),
        ("'seconds' must have", lambda t: t["seconds"][0].__setitem__(0, "x")),
        ("'seconds' must have", lambda t: t.update(seconds=None))):
    refuse(broken(change), what)
