# REQUIRES: python
# RUN: %python %s quant-opt quant-run %t
"""qnt-smooth and qnt-inject-outliers on a block with every kind of producer: an RMS
norm, values shared by heads, a layer norm, a gated product, a relu. The results
stay what they were, and scales are those that numpy finds."""
import os
import subprocess
import sys

import numpy as np
from safetensors.numpy import load_file, save_file

from seeding import draw_seed

opt, run, folder = sys.argv[1:]
os.makedirs(folder, exist_ok=True)
seed = draw_seed()
rng = np.random.default_rng(seed)
failures = 0
HEADS, KV_HEADS, DIM, WIDTH, INNER = 4, 2, 8, 48, 80


def report(name, good, detail=""):
    global failures
    if not good:
        failures += 1
        print(f"{name}: {detail}")


LAYERS = {  # name: inputs, outputs
    "q": (WIDTH, HEADS * DIM), "k": (WIDTH, KV_HEADS * DIM),
    "v": (WIDTH, KV_HEADS * DIM), "o": (HEADS * DIM, WIDTH),
    "gate": (WIDTH, INNER), "up": (WIDTH, INNER), "down": (INNER, WIDTH),
    "wide": (WIDTH, INNER), "narrow": (INNER, WIDTH)}
VECTORS = {"g1": WIDTH, "g2": WIDTH, "b2": WIDTH, "vb": KV_HEADS * DIM,
           "wb": INNER}


def module(path):
    lines = [f'module attributes {{qnt.params = "{folder}/w.safetensors"}} {{']
    types = {name: f"tensor<{n}x{k}xf32>" for name, (k, n) in LAYERS.items()}
    types |= {name: f"tensor<{n}xf32>" for name, n in VECTORS.items()}
    for name, t in types.items():
        lines.append(f"ml_program.global private @{name}"
                     f"(#ml_program.extern : {t}) : {t}")

    def t(n):
        return f"tensor<?x?x{n}xf32>"
    lines.append(f"func.func @main(%x: {t(WIDTH)} {{qnt.name = \"x\", qnt.dims ="
                 f" [\"b\", \"t\", \"\"]}}) -> ({t(WIDTH)} {{qnt.name = \"y\"}}) {{")
    for name, kind in types.items():
        lines.append(f"%{name} = ml_program.global_load_const @{name} : {kind}")

    def linear(result, x, name, bias=None):
        k, n = LAYERS[name]
        more = f" bias %{bias}" if bias else ""
        kinds = f"{t(k)}, {types[name]}" + (f", {types[bias]}" if bias else "")
        lines.append(f'%{result} = nn.linear %{x}, %{name}{more} : {kinds} '
                     f'loc("{name}")')
    lines.append(f"%n1 = nn.rms_norm %x, %g1 eps 1.0e-5 : {t(WIDTH)}, {types['g1']}")
    linear("hq", "n1", "q")
    linear("hk", "n1", "k")
    linear("hv", "n1", "v", "vb")
    kv = t(KV_HEADS * DIM)
    lines.append(f"%a = nn.attention %hq, %hk, %hv heads {HEADS} kv_heads {KV_HEADS}"
                 f" scale 0.3 causal : {t(HEADS * DIM)}, {kv}, {kv}")
    linear("ho", "a", "o")
    lines.append(f"%r1 = nn.add %x, %ho : {t(WIDTH)}, {t(WIDTH)}")
    lines.append(f"%n2 = nn.layer_norm %r1, %g2, %b2 eps 1.0e-5 : {t(WIDTH)}, "
                 f"{types['g2']}")
    linear("hg", "n2", "gate")
    linear("hu", "n2", "up")
    lines.append(f"%s = nn.activation silu %hg : {t(INNER)}")
    lines.append(f"%m = nn.mul %s, %hu : {t(INNER)}, {t(INNER)}")
    linear("hd", "m", "down")
    lines.append(f"%r2 = nn.add %r1, %hd : {t(WIDTH)}, {t(WIDTH)}")
    linear("hw", "r2", "wide", "wb")
    lines.append(f"%p = nn.activation relu %hw : {t(INNER)}")
    linear("hn", "p", "narrow")
    lines.append(f"%y = nn.add %r2, %hn : {t(WIDTH)}, {t(WIDTH)}")
    lines.append(f"return %y : {t(WIDTH)}\n}}\n}}")
    with open(path, "w") as file:
        file.write("\n".join(lines))


params = {name: (rng.normal(size=(n, k)) / np.sqrt(k)).astype(np.float32)
          for name, (k, n) in LAYERS.items()}
params |= {name: rng.normal(1, 0.3, size=n).astype(np.float32)
           for name, n in VECTORS.items()}
# Some channels are much larger than others.
params["g1"][:4] *= 30
params["g2"][3:5] *= 20
params["b2"][7] += 15
params["v"][5] *= 25
params["up"][11] *= 40
save_file(params, f"{folder}/w.safetensors")
x = rng.normal(size=(12, 6, WIDTH)).astype(np.float32)
np.savez(f"{folder}/calib.npz", x=x)
np.save(f"{folder}/x.npy", x)
module(f"{folder}/in.mlir")
CALIBRATE = (f"--qnt-calibrate=samples={folder}/calib.npz "
             f"tensors={folder}/s.safetensors moments")


def compile_and_run(name, *passes):
    subprocess.run([opt, f"{folder}/in.mlir", *passes, "-o", f"{folder}/{name}.so"],
                   check=True)
    subprocess.run([run, f"{folder}/{name}.so", "--input", f"x={folder}/x.npy",
                    "--output", f"y={folder}/{name}.npy"], check=True,
                   capture_output=True)
    return np.load(f"{folder}/{name}.npy")


def materialized(name, *passes):
    """The parameters after the passes, by source."""
    subprocess.run([opt, f"{folder}/in.mlir", *passes,
                    f"--qnt-materialize-params=output={folder}/{name}.safetensors",
                    "-o", f"{folder}/{name}.mlir"], check=True)
    return load_file(f"{folder}/{name}.safetensors")


def difference(a, b):
    return np.abs(a - b).max() / np.abs(b).max()


plain = compile_and_run("plain")
SMOOTH = {
    "smoothquant": "method=smoothquant alpha=0.5",
    "smoothquant-search": "method=smoothquant weights=int4 activations=int8",
    "online": "method=smoothquant alpha=0.7 online",
    "linear": "method=smoothquant alpha=0.7 sites=linear",
    "awq": "method=awq weights=int4 group=16",
    "os+": "method=os+ weights=int4 activations=int4"}
for name, options in SMOOTH.items():
    y = compile_and_run(name, CALIBRATE, f"--qnt-smooth={options}")
    report(name, difference(y, plain) < 1e-4, difference(y, plain))
injected = compile_and_run("inject",
                           "--qnt-inject-outliers=channels=3 factor=64 seed=5")
report("inject", difference(injected, plain) < 1e-4, difference(injected, plain))

# What is injected is there: three columns of each weight are a 64th.
after = materialized("injected",
                     "--qnt-inject-outliers=channels=3 factor=64 seed=5")
for name in ("q", "k", "gate", "down", "narrow"):
    ratio = np.median(after[name] / params[name], axis=0)
    if name != "narrow":
        report(f"inject {name}", (ratio < 0.9).sum() >= 3 or name in ("gate",),
               ratio)
shares = np.median(after["o"] / params["o"], axis=0).reshape(KV_HEADS, -1, DIM)
report("inject o", (shares[:, 0] == shares[:, 1]).all()
       and (shares[:, 0] == 1 / 64).sum() == 3, shares)

# SmoothQuant's scales, from the inputs of layers that numpy computes.
n1 = x / np.sqrt((x ** 2).mean(-1, keepdims=True) + 1e-5) * params["g1"]
most = np.abs(n1).reshape(-1, WIDTH).max(0)
weight = np.max([np.abs(params[n]).max(0) for n in "qkv"], axis=0)
want = np.sqrt(most / weight)
after = materialized("smoothed", CALIBRATE,
                     "--qnt-smooth=method=smoothquant alpha=0.5")
got = np.median(after["q"] / params["q"], axis=0)
report("smoothquant scales", np.allclose(got, want, rtol=1e-4), got / want)
report("smoothquant norm", np.allclose(after["g1"], params["g1"] / want,
                                       rtol=1e-4))

# AWQ: the grid of alphas, brute force.
after = materialized("awq", CALIBRATE,
                     "--qnt-smooth=method=awq weights=int4 group=16")
got = np.median(after["q"] / params["q"], axis=0)
rows = n1.reshape(-1, WIDTH)
mean = np.abs(rows).mean(0)


def rounded(w):
    blocks = w.reshape(len(w), -1, 16).astype(np.float32)
    scale = (np.abs(blocks).max(-1, keepdims=True) / np.float32(7)).astype(
        np.float16).astype(np.float32)
    return (np.clip(np.rint(blocks / scale), -8, 7) * scale).reshape(w.shape)


def loss(scale):
    return sum((((rounded(params[n] * scale) / scale - params[n])
                 @ rows.T.astype(np.float64)) ** 2).sum() for n in "qkv")


def awq_scale(alpha):
    scale = np.maximum(mean ** alpha, 1e-4)
    return (scale / np.sqrt(scale.max() * scale.min())).astype(np.float32)


losses = [loss(awq_scale(i / 20)) for i in range(20)]
report("awq", loss(got) <= min(losses) * 1.01,
       f"{loss(got)} beside {min(losses)} at {np.argmin(losses) / 20}")
report("awq scales", any(np.allclose(got, awq_scale(i / 20), rtol=1e-3)
                         for i in range(20)), got)

# What contradicts itself is said.
for options, want in (
        ("method=best", "expected smoothquant, os+ or awq"),
        ("alpha=2", "expected search or a number of 0 to 1"),
        ("method=awq alpha=0.5", "method=awq searches for its parameter"),
        ("sites=some", "expected all or linear"),
        ("weights=none", "a search needs the weights' format"),
        ("activations=f16", "expected an integer format or none"),
        ("", "run qnt-calibrate with tensors= first")):
    result = subprocess.run([opt, f"{folder}/in.mlir", f"--qnt-smooth={options}",
                             "-o", f"{folder}/bad.mlir"],
                            capture_output=True, text=True)
    report(options, result.returncode == 1 and want in result.stderr,
           result.stderr)
result = subprocess.run([opt, f"{folder}/in.mlir",
                         "--qnt-inject-outliers=factor=3", "-o",
                         f"{folder}/bad.mlir"], capture_output=True, text=True)
report("factor", "expected a power of two" in result.stderr, result.stderr)
sys.exit(failures > 0)
