# REQUIRES: python
# RUN: %python %s quant-opt %t
"""qnt-allocate: losses by each metric beside numpy's, formats beside exhaustive search,
that qnt-quantize follows them, and what is refused."""
import itertools
import json
import os
import re
import subprocess
import sys

import numpy as np
from safetensors.numpy import save_file

from seeding import draw_seed

opt, folder = sys.argv[1:]
os.makedirs(folder, exist_ok=True)
seed = draw_seed()
rng = np.random.default_rng(seed)
F = np.float32
LAYERS = {"a": (64, 48), "b": (80, 64), "c": (32, 80), "d": (24, 32)}
FORMATS = ["int2", "int3", "int4", "int8"]
ROWS = 40

params = {name: (rng.standard_normal(shape) * rng.uniform(0.3, 3)).astype(F)
          for name, shape in LAYERS.items()}
save_file(params, f"{folder}/w.safetensors")
x = (rng.standard_normal((ROWS, 48)) * np.exp(rng.standard_normal(48))).astype(F)
np.savez(f"{folder}/x.npz", x=x)


def run_model(weights):
    values, inputs = x.astype(float), {}
    for name in LAYERS:
        inputs[name] = values
        values = values @ weights[name].T.astype(float)
        if name != "d":
            values = np.maximum(values, 0)
    return values, inputs


own, inputs = run_model(params)
moments = {name: (v.T @ v / ROWS).astype(F) for name, v in inputs.items()}
save_file({f"statistics/layer.{name}/second_moment": m for name, m in moments.items()},
          f"{folder}/s.safetensors", {"format": "qnt-statistics-tensors", "version": "1"})


def module():
    lines = [f'module attributes {{qnt.params = "{folder}/w.safetensors", '
             f'qnt.statistics = "{folder}/s.safetensors"}} {{']
    for name, (n, k) in LAYERS.items():
        lines.append(f"ml_program.global private @{name}(#ml_program.extern : "
                     f"tensor<{n}x{k}xf32>) : tensor<{n}x{k}xf32>")
    lines.append('func.func @main(%x: tensor<?x48xf32> {qnt.name = "x", qnt.dims = '
                 '["rows", ""]}) -> (tensor<?x24xf32> {qnt.name = "y"}) {')
    value, last = "%x", 48
    for name, (n, k) in LAYERS.items():
        lines += [f"%w{name} = ml_program.global_load_const @{name} : tensor<{n}x{k}xf32>",
                  f"%{name} = nn.linear {value}, %w{name} : tensor<?x{k}xf32>, "
                  f'tensor<{n}x{k}xf32> loc("layer.{name}")']
        value, last = f"%{name}", n
        if name != "d":
            lines.append(f"%r{name} = nn.activation relu {value} : tensor<?x{n}xf32>")
            value = f"%r{name}"
    lines.append(f"return {value} : tensor<?x{last}xf32>\n}}\n}}")
    return "\n".join(lines)


with open(f"{folder}/in.mlir", "w") as file:
    file.write(module())


def allocate(options, *more, quantize="head=same"):
    return subprocess.run(
        [opt, f"{folder}/in.mlir", f"--qnt-allocate=quantize={{{quantize}}} {options}",
         *more], capture_output=True, text=True)


def report(options, **more):
    path = f"{folder}/report.json"
    done = allocate(f"{options} report={path}", **more)
    assert done.returncode == 0, done.stderr[:2000]
    return json.load(open(path)), done.stdout


def decoded(weight, format_):
    """To nearest, one f32 scale for each row."""
    low = -2 ** (int(format_[3:]) - 1)
    scale = (np.abs(weight).max(1, keepdims=True) / F(-low - 1)).astype(F)
    return np.clip(np.rint(weight / scale), low, -low - 1).astype(F) * scale


def loss(metric, name, format_):
    error = decoded(params[name], format_).astype(float) - params[name]
    if metric == "weight":
        return (error ** 2).sum() / (params[name].astype(float) ** 2).sum()
    if metric == "output":
        def weigh(e):
            return np.einsum("ni,ij,nj->", e, moments[name].astype(float), e)
        return weigh(error) / weigh(params[name].astype(float))
    got, _ = run_model(params | {name: decoded(params[name], format_)})
    return np.mean(((got - own) ** 2).sum(1) / (own ** 2).sum(1))


def bits(name, format_):
    n, k = LAYERS[name]
    return n * k * int(format_[3:]) + n * 32


ELEMENTS = sum(n * k for n, k in LAYERS.values())
listed = ",".join(FORMATS)
for metric in ("weight", "output", "loss"):
    for budget in (3.6, 5.0):
        samples = f"samples={folder}/x.npz count={ROWS} rounds=0"
        got, text = report(f"formats={listed} metric={metric} bits={budget} {samples}")
        scores = {}
        for tensor in got["tensors"]:
            assert tensor["shape"] == list(LAYERS[tensor["name"]])
            assert tensor["layer"] == "layer." + tensor["name"]
            for rank, choice in enumerate(tensor["choices"]):
                name, format_ = tensor["name"], choice["format"]
                assert choice["bits"] == bits(name, format_), choice
                sqnr = -10 * np.log10(loss("weight", name, format_))
                assert abs(choice["sqnr_db"] - sqnr) < 1e-3, (choice, sqnr)
                want = loss(metric, name, format_)
                if metric == "loss" and rank >= 2:
                    want = (loss(metric, name, "int3") * loss("output", name, format_)
                            / loss("output", name, "int3"))
                assert abs(choice["loss"] - want) <= 2e-4 * want + 1e-12, \
                    (metric, name, choice, want)
                scores[name, format_] = choice["loss"]
        best = min((sum(scores[p] for p in pairs), pairs) for pairs in
                   ([*zip(LAYERS, choice)] for choice in
                    itertools.product(FORMATS, repeat=len(LAYERS)))
                   if sum(bits(*p) for p in pairs) <= budget * ELEMENTS)
        assert abs(got["loss"] - best[0]) <= 1e-9 * best[0], (got["loss"], best)
        assert list(got["allocation"].items()) == best[1], (got["allocation"], best)
        taken = sum(bits(*p) for p in best[1]) / ELEMENTS
        assert abs(got["budgets"][0]["taken"] - taken) < 1e-9
        front = got["budgets"][0]["front"]
        assert all(a["loss"] > b["loss"] and a["costs"][0] < b["costs"][0]
                   for a, b in itertools.pairwise(front))
        want = ", ".join(f'{name} = "{format_}"' for name, format_ in best[1])
        assert f"qnt.allocation = {{{want}}}" in text, text[:500]

# qnt-quantize follows, and leaves to its options what is not named.
with open(f"{folder}/by-hand.mlir", "w") as file:
    file.write(module().replace("qnt.params", 'qnt.allocation = {a = "int2", '
                                'b = "none"}, qnt.params'))
done = subprocess.run([opt, f"{folder}/by-hand.mlir",
                       "--qnt-quantize=weights=int4 group=16 head=same"],
                      capture_output=True, text=True)
assert done.returncode == 0, done.stderr
assert re.search(r"64x48, int2, group<16>", done.stdout), done.stdout
assert re.search(r"nn.linear.*tensor<80x64xf32>", done.stdout), done.stdout
assert re.search(r"32x80, int4, group<16>", done.stdout), done.stdout

# What was measured is taken again, until something changes that it depends on.
cache = f"{folder}/losses.json"
if os.path.exists(cache):
    os.remove(cache)
options = (f"formats=int2,int3 bits=2.9 samples={folder}/x.npz count=8 rounds=0 "
           f"cache={cache}")
first, _ = report(options)
kept = json.load(open(cache))
losses = kept["metrics"]["loss"]["losses"]
assert sum(map(len, losses.values())) == 2 * len(LAYERS) + 1
losses["a"]["int2"] = 123.0
json.dump(kept, open(cache, "w"))
again, _ = report(options)
assert again["tensors"][0]["choices"][0]["loss"] == 123.0
other, _ = report(options + " key=other")
assert other["tensors"][0]["choices"] == first["tensors"][0]["choices"]
save_file({name: 2 * weight for name, weight in params.items()},
          f"{folder}/w.safetensors")
changed, _ = report(options)
assert changed["tensors"][0]["choices"][0]["loss"] < 100
save_file(params, f"{folder}/w.safetensors")

# Rounds end where no weight's next format is better, the others as they are.
def joint(formats):
    got, _ = run_model({name: decoded(params[name], f) for name, f in formats.items()})
    return np.mean(((got - own) ** 2).sum(1) / (own ** 2).sum(1))


limit = 3.3
options = f"formats={listed} bits={limit} samples={folder}/x.npz count={ROWS}"
without, _ = report(f"{options} rounds=0")
rounds, _ = report(f"{options} rounds=20 cache={folder}/rounds.json")
for got in (without, rounds):
    want = joint(got["allocation"])
    assert abs(got["measured_loss"] - want) <= 2e-4 * want, (got["measured_loss"], want)
chosen = rounds["allocation"]
assert rounds["measured_loss"] <= without["measured_loss"]
for name, format_ in chosen.items():
    for step in (-1, 1):
        other = FORMATS.index(format_) + step
        if other not in range(len(FORMATS)):
            continue
        changed = chosen | {name: FORMATS[other]}
        if sum(bits(*pair) for pair in changed.items()) <= limit * ELEMENTS:
            assert joint(changed) >= (1 - 5e-4) * rounds["measured_loss"], changed
again, _ = report(f"{options} rounds=20 cache={folder}/rounds.json")
assert again == rounds

# All parameters: pinned ones too.
pinned, _ = report(f"formats={listed} metric=weight bytes=6000 pins=layer.a=int8")
size = sum(bits(name, format_) for name, format_ in pinned["allocation"].items()) / 8
assert pinned["allocation"]["a"] == "int8"
assert abs(pinned["budgets"][0]["taken"] - size) < 1e-6 and size <= 6000

# What is added in 16 bits counts with the weight.
branches, _ = report(f"formats={listed} metric=weight bits=8", quantize="head=same low-rank=3")
assert [c["bits"] for t in branches["tensors"] for c in t["choices"]] == \
    [bits(name, f) + 16 * 3 * sum(shape) for name, shape in LAYERS.items() for f in FORMATS]


def refuses(options, *words):
    done = allocate(options)
    assert done.returncode == 1, options
    for word in words:
        assert word in done.stderr, (options, done.stderr)


refuses("formats=int4 bits=4 metric=weight", "two formats or more", "got 1")
refuses("formats=int4,int4 bits=4 metric=weight", "'int4' is given twice")
refuses("formats=int4,bf16 bits=4 metric=weight", "'bf16'", "scales")
refuses("formats=int2,int4 metric=weight", "expected a budget")
refuses("formats=int2,int4 bits=4 metric=size", "metric=size",
        "loss, fisher, trace, output, weight")
refuses("formats=int2,int4 bits=4", "samples=FILE")
refuses("formats=int2,int4 bits=1.5 metric=weight", "bits", "2.", "4.")
refuses("formats=int2,int4 bits=3 metric=weight pins=layer.a=int2,^a$=int4",
        "'layer.a=int2' and '^a$=int4' contradict", "'a'")
refuses("formats=int2,int4 bits=4 metric=weight pins=layer.q=int4", "'layer.q'",
        "nearest")
refuses("formats=int2,int4 bits=4 metric=weight pins=a=int3", "a=int3")
with open(f"{folder}/unknown.mlir", "w") as file:
    file.write(module().replace("qnt.params", 'qnt.allocation = {bb = "int2"}, qnt.params'))
done = subprocess.run([opt, f"{folder}/unknown.mlir", "--qnt-quantize=weights=int4"],
                      capture_output=True, text=True)
assert done.returncode == 1 and "no layer has the weight 'bb'" in done.stderr, done.stderr
assert "nearest name is 'b'" in done.stderr, done.stderr
