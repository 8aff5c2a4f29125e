# REQUIRES: python
# RUN: %python %s quant-opt quant-run %test_bin/interpret %t
"""qnt-split-outliers: the channels that numpy finds largest, float results as they
were, and with codes of 4 bits the result that numpy computes from the two halves, by
the interpreter and compiled."""
import os
import re
import subprocess
import sys

import ml_dtypes
import numpy as np
from safetensors.numpy import save_file

from seeding import draw_seed

opt, run, interpret, folder = sys.argv[1:]
os.makedirs(folder, exist_ok=True)
seed = draw_seed()
rng = np.random.default_rng(seed)
F = np.float32
K, N, M, ROWS = 96, 48, 33, 40
LAYERS = {"a": (N, K), "b": (M, K), "c": (M, N)}

params = {name: rng.standard_normal(shape).astype(F)
          for name, shape in LAYERS.items()} | {"bias": rng.standard_normal(N).astype(F)}
save_file(params, f"{folder}/w.safetensors")
x = rng.standard_normal((ROWS, K)).astype(F)
large = np.sort(rng.choice(K, 5, replace=False))
x[:, large] *= 60 + 10 * np.arange(5, dtype=F)
hidden = np.maximum(x @ params["a"].T + params["bias"], 0)
save_file({"statistics/a/absmax": np.abs(x).max(0),
           "statistics/c/absmax": hidden.max(0)}, f"{folder}/s.safetensors",
          {"format": "qnt-statistics-tensors", "version": "1"})
np.savez(f"{folder}/x.npz", x=x)
np.save(f"{folder}/x.npy", x)


def module():
    def t(n):
        return f"tensor<?x{n}xf32>"
    types = {name: "x".join(map(str, value.shape)) for name, value in params.items()}
    lines = [f'module attributes {{qnt.params = "{folder}/w.safetensors", '
             f'qnt.statistics = "{folder}/s.safetensors"}} {{']
    for name, shape in types.items():
        lines.append(f"ml_program.global private @{name}(#ml_program.extern : "
                     f"tensor<{shape}xf32>) : tensor<{shape}xf32>")
    lines.append(f'func.func @main(%x: {t(K)} {{qnt.name = "x", qnt.dims = ["rows", '
                 f'""]}}) -> ({t(M)} {{qnt.name = "y"}}, {t(M)} {{qnt.name = "z"}}) {{')
    for name, shape in types.items():
        lines.append(f"%{name} = ml_program.global_load_const @{name} : "
                     f"tensor<{shape}xf32>")
    lines += [f'%h = nn.linear %x, %a bias %bias : {t(K)}, tensor<{N}x{K}xf32>, '
              f'tensor<{N}xf32> loc("a")',
              f"%r = nn.activation relu %h : {t(N)}",
              f'%y = nn.linear %x, %b : {t(K)}, tensor<{M}x{K}xf32> loc("b")',
              f'%z = nn.linear %r, %c : {t(N)}, tensor<{M}x{N}xf32> loc("c")',
              f"return %y, %z : {t(M)}, {t(M)}\n}}\n}}"]
    return "\n".join(lines)


with open(f"{folder}/in.mlir", "w") as file:
    file.write(module())


def passes(*options, source=f"{folder}/in.mlir"):
    return subprocess.run([opt, source, *options], capture_output=True, text=True)


def interpreted(*options):
    done = passes(*options)
    assert done.returncode == 0, done.stderr[:2000]
    with open(f"{folder}/after.mlir", "w") as file:
        file.write(done.stdout)
    subprocess.run([interpret, f"{folder}/after.mlir", "main", f"{folder}/x.npz",
                    f"{folder}/out"], check=True)
    return [np.load(f"{folder}/out.{i}.npy") for i in (0, 1)], done.stdout


def compiled(*options):
    subprocess.run([opt, f"{folder}/in.mlir", *options, "--target=cpu", "-o",
                    f"{folder}/m.so"], check=True)
    subprocess.run([run, f"{folder}/m.so", "--input", f"x={folder}/x.npy", "--output",
                    f"y={folder}/y.npy", "--output", f"z={folder}/z.npy"], check=True,
                   capture_output=True)
    return [np.load(f"{folder}/{name}.npy") for name in "yz"]


def close(got, want, tolerance):
    return all(np.abs(g - w).max() <= tolerance * np.abs(w).max()
               for g, w in zip(got, want))


def encode(values, most, axis=-1):
    """Symmetric codes of rows, decoded."""
    scale = np.abs(values).max(axis, keepdims=True).astype(F) / F(most)
    scale[scale == 0] = 1
    codes = np.clip(np.rint(values / scale), -most - 1, most)
    return codes.astype(float) * scale


def half(values):
    return values.astype(ml_dtypes.bfloat16).astype(float)


def layer(name, value, chosen):
    rest = np.ones(value.shape[-1], F)
    rest[chosen] = 0
    weight = params[name]
    return (encode(value * rest, 7) @ encode(weight * rest, 7).T
            + value[:, chosen].astype(float) @ half(weight[:, chosen]).T)


plain, _ = interpreted()
split, text = interpreted("--qnt-split-outliers=channels=5")
assert close(split, plain, 1e-5)
assert "qnt.statistics" not in text
chosen = [np.array(eval(c)) for c in
          re.findall(r"dense<(\[[\d, ]+\])> : tensor<5xi32>", text)]
top = np.sort(np.argsort(-hidden.max(0), kind="stable")[:5])
assert (chosen[0] == large).all() and (chosen[1] == top).all(), (chosen, large, top)
assert text.count("nn.select_features") == 5 and text.count("qnt.weights") == 3

QUANTIZE = "--qnt-quantize=weights=int4 activations=int4"
naive, _ = interpreted(QUANTIZE)
options = ("--qnt-split-outliers=channels=5", QUANTIZE)
got, text = interpreted(*options)
assert text.count(", bf16, unscaled>") >= 3, text[:2000]
y = layer("b", x, large)
z = layer("c", np.maximum(layer("a", x, large) + params["bias"], 0).astype(F), top)
# A code next to the middle of two may round either way.
assert close(got[:1], [y], 1e-5) and close(got[1:], [z], 0.03)
assert close(compiled(*options)[:1], got[:1], 1e-5)
assert close(compiled(*options)[1:], got[1:], 0.03)


def error(result):
    return np.abs(result[0] - plain[0]).mean()


print(f"mean error {error(naive):.3f}, with 5 channels apart {error(got):.3f}")
assert error(got) < error(naive) / 4

# Layers that keep= names, and heads.
_, text = interpreted("--qnt-split-outliers=channels=5 keep=^b$")
assert text.count("qnt.weights") == 2
_, text = interpreted("--qnt-split-outliers=channels=5 heads=false")
assert text.count("qnt.weights") == 1

for options, message in [
        ("channels=96", "channels=96: expected fewer than the layer's 96 inputs"),
        ("channels=0", "channels=0: expected at least 1"),
        ("format=int8", "format=int8: expected bf16, f16 or f32"),
        ("keep=(", "keep=(: not a regular expression")]:
    done = passes(f"--qnt-split-outliers={options}")
    assert done.returncode == 1 and message in done.stderr, (message, done.stderr)
for change, message in [
        ((f', qnt.statistics = "{folder}/s.safetensors"', ""),
         "the module has no qnt.statistics; run qnt-calibrate"),
        (('loc("c")', 'loc("d")'), "statistics/d/absmax")]:
    with open(f"{folder}/wrong.mlir", "w") as file:
        file.write(module().replace(*change))
    done = passes("--qnt-split-outliers=channels=4", source=f"{folder}/wrong.mlir")
    assert done.returncode == 1 and message in done.stderr, (message, done.stderr)
with open(f"{folder}/wrong.mlir", "w") as file:
    file.write(module().replace('%z = nn.linear %r, %c :',
                                '%z = nn.linear %r, %c {qnt.weights = "int4"} :'))
done = passes(QUANTIZE, source=f"{folder}/wrong.mlir")
assert done.returncode == 1 and 'expected f32, f16 or bf16 as qnt.weights, got "int4"' \
    in done.stderr, done.stderr
