# RUN: rm -rf %t && mkdir %t
# RUN: %python %s %t %S/Inputs/model.mlir %test_bin/calibrate-opt
# Ranges against numpy, from a run that reports random values.
import json
import pathlib
import re
import subprocess
import sys

import numpy as np

from seeding import draw_seed

folder, model, tool = pathlib.Path(sys.argv[1]), sys.argv[2], [sys.argv[3]]
seed = draw_seed()
rng = np.random.default_rng(seed)
BINS = 4096

SITES = {
    "layers.0.q": (rng.standard_normal(30000) * 3).astype(np.float32),
    # A short negative side and a heavy positive tail.
    "layers.1.k": np.abs(rng.standard_t(3, 20000)).astype(np.float32) - np.float32(0.17),
    "head": (rng.standard_normal(5000) * 1e-4).astype(np.float32),
}


def record(path, sites=SITES):
    """Portions of each site in turn, the small ones first."""
    lines = []
    for name, values in sites.items():
        for part in np.array_split(values[np.argsort(np.abs(values))], 7):
            lines.append(" ".join([name] + [repr(float(v)) for v in part]))
    rng.shuffle(lines)
    (folder / path).write_text("\n".join(lines) + "\n")


def run(program, *options):
    return subprocess.run(
        [*program, model, "--qnt-calibrate=" + " ".join(options)],
        capture_output=True, text=True, cwd=folder)


def ranges(*options, program=tool):
    result = run(program, *options)
    assert result.returncode == 0, result.stderr
    assert "qnt.observe" not in result.stdout
    found = dict(re.findall(r'"?([\w.]+)"? = array<f32: ([^>]*)>', result.stdout))
    assert sorted(found) == sorted(SITES), found
    return {k: tuple(float(x) for x in v.split(",")) for k, v in found.items()}


def close(a, b):
    return np.float32(a) == np.float32(b) or abs(a - b) <= 2e-6 * abs(b)


record("values.txt")
got = ranges("samples=values.txt", "output=stats.json")
for name, values in SITES.items():
    assert close(got[name][0], values.min()) and close(got[name][1], values.max()), name

# The file holds the histogram of all values.
stats = json.loads((folder / "stats.json").read_text())
assert stats["format"] == "qnt-statistics" and stats["version"] == 1
for name, values in SITES.items():
    site = stats["sites"][name]
    limit = 2.0 ** site["limit_exponent"]
    assert limit / 2 <= np.abs(values).max() < limit
    expected = np.bincount(
        np.floor(values.astype(np.float64) * (BINS / 2 / limit)).astype(int) + BINS // 2,
        minlength=BINS)
    actual = np.zeros(BINS, int)
    actual[site["first_bin"]:site["first_bin"] + len(site["bins"])] = site["bins"]
    assert (actual == expected).all(), name
    assert site["count"] == len(values) == sum(site["bins"])

# Percentiles, to a bin; reading statistics needs no runner.
NO_RUNNER = [*tool, "--no-runner"]
for percent in (50, 99, 99.9, 100):
    got = ranges("statistics=stats.json", "range=percentile", f"percentile={percent}",
                 program=NO_RUNNER)
    for name, values in SITES.items():
        width = 2.0 ** stats["sites"][name]["limit_exponent"] / (BINS / 2)
        cut = np.quantile(np.abs(values.astype(np.float64)), percent / 100, method="inverted_cdf")
        low, high = got[name]
        for end, limit in ((-low, -float(values.min())), (high, float(values.max()))):
            wanted = min(cut, limit)
            assert wanted - 1e-6 * abs(wanted) <= end <= min(cut + width, limit) * (1 + 1e-6) + 1e-12, (
                name, percent, end, cut, limit)


def encoding(low, high, fmt):
    """Scale, zero point, least and greatest code. Scales are f32: a symmetric range
    has its zero point half way between two codes."""
    bits = int(fmt.strip("uint"))
    low, high = np.float32(low), np.float32(high)
    if not fmt.startswith("u"):
        top = 2 ** (bits - 1) - 1
        return max(-low, high) / np.float32(top), 0, -top - 1, top
    low, high = min(low, np.float32(0)), max(high, np.float32(0))
    scale = (high - low) / np.float32(2 ** bits - 1)
    return scale, -np.rint(low / scale), 0, 2 ** bits - 1


def error(values, low, high, fmt):
    """Squared error of static quantisation of the values themselves."""
    scale, zero, bottom, top = encoding(low, high, fmt)
    codes = np.clip(np.rint(values / scale) + zero, bottom, top)
    return float((((codes - zero) * scale - values) ** 2).sum())


# The least squared error, on the values rather than on the histogram: within
# 1 % of the best of the same candidates, and what bins add to squared errors, their
# width squared / 12 beside the step squared / 12.
for fmt in ("int8", "uint8", "int4", "uint4", "int6", "uint5"):
    got = ranges("statistics=stats.json", "range=mse", f"format={fmt}")
    for name, values in SITES.items():
        v = values.astype(np.float64)
        largest = np.abs(v).max()
        best = min(error(v, max(v.min(), -largest * p / 100), min(v.max(), largest * p / 100), fmt)
                   for p in range(10, 101))
        mine = error(v, *got[name], fmt)
        width = 2.0 ** stats["sites"][name]["limit_exponent"] / (BINS / 2)
        allowed = 1.01 + (width / encoding(*got[name], fmt)[0]) ** 2
        assert mine <= allowed * best, (name, fmt, mine, best)
    low, high = got["layers.1.k"]
    values = SITES["layers.1.k"]
    assert high < values.max() and close(low, values.min())


def least_divergence(name, levels):
    """The threshold of Migacz (2017), on the histogram of the file."""
    site = stats["sites"][name]
    bins = np.zeros(BINS)
    bins[site["first_bin"]:site["first_bin"] + len(site["bins"])] = site["bins"]
    counts = bins[BINS // 2:] + bins[:BINS // 2][::-1]
    best, at = np.inf, np.flatnonzero(counts)[-1] + 1
    for end in range(levels, at + 1):
        q_counts, p = counts[:end], counts[:end].copy()
        p[-1] += counts[end:].sum()
        edges = np.arange(levels + 1) * end // levels
        step = np.searchsorted(edges, np.arange(end), side="right") - 1
        sums = np.bincount(step, q_counts, levels)
        used = np.bincount(step, q_counts > 0, levels)
        q = np.where(q_counts > 0, sums[step] / np.maximum(used[step], 1), 0)
        if not q.sum() or (q[p > 0] == 0).any():
            continue
        p, q = p[p > 0] / p.sum(), q[p > 0] / q.sum()
        divergence = float((p * np.log(p / q)).sum())
        if divergence < best - 1e-12:
            best, at = divergence, end
    return at * 2.0 ** site["limit_exponent"] / (BINS / 2)


for fmt, levels in (("int8", 128), ("uint8", 128), ("int4", 8), ("int6", 32)):
    got = ranges("statistics=stats.json", "range=entropy", f"format={fmt}", program=NO_RUNNER)
    for name, values in SITES.items():
        cut = least_divergence(name, levels)
        assert close(got[name][0], max(float(values.min()), -cut)), (name, fmt, got[name], cut)
        assert close(got[name][1], min(float(values.max()), cut)), (name, fmt, got[name], cut)


def fails(expected, *options, program=tool):
    result = run(program, *options)
    errors = [line for line in result.stderr.splitlines() if "error:" in line]
    assert result.returncode == 1 and len(errors) == 1, (options, result)
    assert expected in errors[0], (expected, errors[0])


fails("nothing here can run the model; give statistics=FILE", "samples=values.txt", program=NO_RUNNER)
fails("expected samples=FILE or statistics=FILE", "")
fails("no.txt: cannot be read", "samples=no.txt")
fails("no.json", "statistics=no.json")
fails("range=best: expected minmax, percentile, mse or entropy", "statistics=stats.json", "range=best")
fails("percentile=0", "statistics=stats.json", "range=percentile", "percentile=0")
fails("format=int3: expected int4 to int8, uint4 to uint8, e4m3 or e5m2", "statistics=stats.json",
      "format=int3")
record("part.txt", {"head": SITES["head"]})
fails("part.txt: nothing was seen at 'layers.0.q'", "samples=part.txt")
(folder / "nan.txt").write_text("layers.0.q 1.0 nan 2.0\nhead 1\n")
fails("nan.txt: a value at 'layers.0.q' is NaN or infinite", "samples=nan.txt")
fails("no/such", "samples=values.txt", "output=no/such/stats.json")


def broken(change, expected):
    text = json.loads((folder / "stats.json").read_text())
    change(text)
    (folder / "broken.json").write_text(json.dumps(text))
    fails(expected, "statistics=broken.json")


broken(lambda t: t.update(version=2), "version 2 of statistics, expected 1")
broken(lambda t: t.update(format="x"), "expected a statistics file")
broken(lambda t: t["sites"]["head"].update(count=1), "'bins' do not add up to 'count'")
broken(lambda t: t["sites"]["head"].update(first_bin=4090), "'bins' do not add up")
broken(lambda t: t["sites"]["head"].update(max=1e9), "lie outside the histogram")
broken(lambda t: t["sites"]["head"].pop("min"), "min")
broken(lambda t: t["sites"].pop("layers.1.k"), "nothing was seen at 'layers.1.k'")
(folder / "broken.json").write_text("{")
fails("broken.json: line 1", "statistics=broken.json")
