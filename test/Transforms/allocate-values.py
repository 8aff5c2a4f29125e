# REQUIRES: python
# RUN: %python %s quant-opt %t
"""Formats of inputs and of the KV cache under budgets of bit operations and of bytes:
losses beside numpy's, choices beside exhaustive search."""
import itertools
import json
import os
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


def allocate(name, options, *more):
    report = f"{folder}/{name}.json"
    done = subprocess.run(
        [opt, f"{folder}/{name}.mlir", f"--qnt-allocate=quantize=head=same rounds=0 "
         f"samples={folder}/{name}.npz {options} report={report}", *more],
        capture_output=True, text=True)
    return done, json.load(open(report)) if done.returncode == 0 else None


def encoded(x, bits):
    """To nearest, symmetric, one f32 scale for each row."""
    high = 2 ** (bits - 1) - 1
    scale = (np.abs(x).max(-1, keepdims=True) / F(high)).astype(F)
    codes = np.rint(np.clip(x / np.where(scale == 0, 1, scale), -high - 1, high))
    return (codes * scale).astype(F)


# A layer that feeds two, and one after both.
LAYERS = {"a": (48, 32), "b": (40, 48), "c": (40, 48), "d": (24, 40)}
SITES = {"a": ["a"], "b": ["b", "c"], "d": ["d"]}
ROWS, FORMATS, INPUTS = 40, ["int3", "int4", "int8"], ["int4", "int8", "none"]
params = {name: (rng.standard_normal(shape) * rng.uniform(0.3, 3)).astype(F)
          for name, shape in LAYERS.items()}
save_file(params, f"{folder}/mlp.safetensors")
x = (rng.standard_normal((ROWS, 32)) * np.exp(rng.standard_normal(32))).astype(F)
np.savez(f"{folder}/mlp.npz", x=x)
with open(f"{folder}/mlp.mlir", "w") as file:
    file.write(f'module attributes {{qnt.params = "{folder}/mlp.safetensors"}} {{\n')
    for name, (n, k) in LAYERS.items():
        file.write(f"ml_program.global private @{name}(#ml_program.extern : "
                   f"tensor<{n}x{k}xf32>) : tensor<{n}x{k}xf32>\n")
    file.write('func.func @main(%x: tensor<?x32xf32> {qnt.name = "x", qnt.dims = '
               '["rows", ""]}) -> (tensor<?x24xf32> {qnt.name = "y"}) {\n')
    for name, (n, k) in LAYERS.items():
        file.write(f"%w{name} = ml_program.global_load_const @{name} : "
                   f"tensor<{n}x{k}xf32>\n")

    def linear(name, value):
        n, k = LAYERS[name]
        file.write(f"%{name} = nn.linear {value}, %w{name} : tensor<?x{k}xf32>, "
                   f'tensor<{n}x{k}xf32> loc("layer.{name}")\n')
    linear("a", "%x")
    file.write("%r = nn.activation relu %a : tensor<?x48xf32>\n")
    linear("b", "%r")
    linear("c", "%r")
    file.write("%s = nn.mul %b, %c : tensor<?x40xf32>, tensor<?x40xf32>\n")
    linear("d", "%s")
    file.write("return %d : tensor<?x24xf32>\n}\n}\n")


def run_model(weights, bits):
    def take(site, value):
        value = value.astype(F)
        return (encoded(value, bits[site]) if site in bits else value).astype(float)
    w = {name: weight.T.astype(float) for name, weight in weights.items()}
    h = take("b", np.maximum(take("a", x) @ w["a"], 0))
    return take("d", (h @ w["b"]) * (h @ w["c"])) @ w["d"]


own = run_model(params, {})


def loss(weights, bits):
    got = run_model(weights, bits)
    return np.mean(((got - own) ** 2).sum(1) / (own ** 2).sum(1))


losses = {}
for name, format_ in itertools.product(LAYERS, FORMATS):
    decoded = encoded(params[name], int(format_[3:]))
    losses[name, format_] = loss(params | {name: decoded}, {})
for site, format_ in itertools.product(SITES, INPUTS):
    losses[f"layer.{site}.input", format_] = \
        0 if format_ == "none" else loss(params, {site: int(format_[3:])})


def count(choice):
    """1e9 bit operations."""
    total = 0
    for site, layers in SITES.items():
        taken = choice[f"layer.{site}.input"]
        for name in layers:
            bits = (32 * 32 if taken == "none" else
                    int(choice[name][3:]) * int(taken[3:]))
            total += LAYERS[name][0] * LAYERS[name][1] * bits
    return total / 1e9


names = [*LAYERS, *(f"layer.{site}.input" for site in SITES)]
all_ = [dict(zip(names, formats)) for formats in itertools.product(
    *([FORMATS] * len(LAYERS)), *([INPUTS] * len(SITES)))]
for share in (0.02, 0.1, 0.4):
    counts = np.array([count(choice) for choice in all_])
    limit = counts.min() + share * (counts.max() - counts.min())
    done, got = allocate("mlp", f"formats={','.join(FORMATS)} activation-formats="
                         f"{','.join(INPUTS)} bit-operations={limit:.12f} count={ROWS}")
    assert done.returncode == 0, done.stderr
    for part in (*got["tensors"], *got["values"]):
        errors = [c["loss"] for c in part["choices"]]
        for choice in part["choices"]:
            want = losses[part["name"], choice["format"]]
            # Of weights, the third format's loss follows from the second's.
            if part in got["values"] or choice["format"] != "int8":
                assert abs(choice["loss"] - want) <= 3e-3 * want + 1e-9, (part, want)
            losses[part["name"], choice["format"]] = choice["loss"]
    best = min(sum(losses[pair] for pair in choice.items())
               for choice, taken in zip(all_, counts) if taken <= limit)
    chosen = got["allocation"]
    assert set(chosen) == set(names)
    assert abs(sum(losses[pair] for pair in chosen.items()) - best) <= 1e-9 * best
    assert abs(got["loss"] - best) <= 1e-9 * best
    assert abs(got["budgets"][0]["taken"] - count(chosen)) <= 1e-12
    assert count(chosen) <= limit
    weights = {name: encoded(params[name], int(chosen[name][3:])) for name in LAYERS}
    together = loss(weights, {site: int(chosen[f"layer.{site}.input"][3:])
                              for site in SITES
                              if chosen[f"layer.{site}.input"] != "none"})
    assert abs(got["measured_loss"] - together) <= 5e-3 * together

# Pins of values, which weights' patterns do not reach.
options = (f"formats={','.join(FORMATS)} activation-formats={','.join(INPUTS)} "
           f"bit-operations={max(map(count, all_))} count=4")
done, got = allocate("mlp", f"{options} pins=layer.d.input=int4,layer.a=int3")
assert done.returncode == 0, done.stderr
assert got["allocation"]["layer.d.input"] == "int4"
assert got["allocation"]["a"] == "int3"
assert got["allocation"]["layer.a.input"] == "none"
for pins, word in (("layer.d.input=int5", "a format that 'layer.d.input' can have"),
                   ("layer.e=int4", "is found in the name of no open tensor")):
    done, _ = allocate("mlp", f"{options} pins={pins}")
    assert done.returncode == 1 and word in done.stderr, done.stderr

# A cache of so many positions counts as the target stores it.
WIDTH, HEADS, TOKENS, CONTEXT = 64, 2, 20, 4096
params = {name: (rng.standard_normal((WIDTH, WIDTH)) / 4).astype(F) for name in "qkvo"}
save_file(params, f"{folder}/attention.safetensors")
tokens = rng.standard_normal((1, TOKENS, WIDTH)).astype(F)
np.savez(f"{folder}/attention.npz", x=tokens, start=np.zeros(1, np.int32))
cache = f"!nn.kv_cache<1 layers, {HEADS} heads, {WIDTH // HEADS}, f16>"
of, square = f"tensor<?x?x{WIDTH}xf32>", f"tensor<{WIDTH}x{WIDTH}xf32>"
with open(f"{folder}/attention.mlir", "w") as file:
    file.write(f'module attributes {{qnt.params = "{folder}/attention.safetensors"}} {{\n')
    for name in "qkvo":
        file.write(f"ml_program.global private @{name}(#ml_program.extern : {square}) : "
                   f"{square}\n")
    file.write(f'func.func @main(%x: {of} {{qnt.name = "x", qnt.dims = ["batch", '
               '"tokens", ""]}, %start: tensor<?xi32> {qnt.name = "start", qnt.dims = '
               f'["batch"]}}, %kv: {cache} {{qnt.name = "kv"}}) -> ({of} '
               '{qnt.name = "y"}) {\n')
    for name, value in zip("qkv", ["%x"] * 3):
        file.write(f"%w{name} = ml_program.global_load_const @{name} : {square}\n"
                   f"%{name} = nn.linear {value}, %w{name} : {of}, {square} "
                   f'loc("layer.{name}")\n')
    file.write(f"%a = nn.attention %q, %k, %v cache(%kv : {cache}) layer 0 at(%start : "
               f"tensor<?xi32>) heads {HEADS} kv_heads {HEADS} scale 0.2 causal : "
               f"{of}, {of}, {of}\n"
               f"%wo = ml_program.global_load_const @o : {square}\n"
               f'%o = nn.linear %a, %wo : {of}, {square} loc("layer.o")\n'
               f"return %o : {of}\n}}\n}}\n")
options = f"formats=int4,int8 cache-formats=f16,int8,int4 context={CONTEXT} count=1"
taken, lost = {}, {}
for pin in ("f16", "int8", "int4"):
    done, got = allocate("attention", f"{options} bytes=100000000 pins=kv_cache={pin}")
    assert done.returncode == 0, done.stderr
    taken[pin] = got["budgets"][0]["taken"]
    lost = {c["format"]: c["loss"] for c in got["values"][0]["choices"]}
elements = 2 * CONTEXT * WIDTH
assert taken["f16"] - taken["int8"] == elements - 2 * CONTEXT * HEADS * 8, taken
assert taken["int8"] - taken["int4"] == elements // 2, taken
assert lost["f16"] < 1e-6 < lost["int8"] < lost["int4"] < 0.3, lost
for pin in ("int8", "int4"):
    done, got = allocate("attention", f"{options} bytes={int(taken[pin])} "
                         "pins=layer=int8", "--qnt-quantize=weights=int4")
    assert got["allocation"]["kv_cache"] == pin, got["allocation"]
    assert {"int8": "i8>", "int4": "i4>"}[pin] in done.stdout
done, _ = allocate("mlp", f"{options} bytes=1000000")
assert done.returncode == 1 and "no KV cache" in done.stderr, done.stderr
