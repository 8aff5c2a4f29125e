# REQUIRES: python
# RUN: %python %s quant-opt quant-run %test_bin/interpret %t
"""qnt-quantize low-rank=: what the branch computes, from the parameters that are
stored; that it is the best matrix of its rank, of weights or of outputs; and that
compiled code computes it too."""
import os
import subprocess
import sys

import ml_dtypes
import numpy as np
from safetensors.numpy import save_file
from safetensors import safe_open

from seeding import draw_seed

opt, run, interpret, folder = sys.argv[1:]
os.makedirs(folder, exist_ok=True)
seed = draw_seed()
rng = np.random.default_rng(seed)
F = np.float32
ROWS, RANK = 30, 6


def module(n, k, statistics):
    w, x, y = f"tensor<{n}x{k}xf32>", f"tensor<?x{k}xf32>", f"tensor<?x{n}xf32>"
    more = f', qnt.statistics = "{folder}/s.safetensors"' if statistics else ""
    return f"""module attributes {{qnt.params = "{folder}/w.safetensors"{more}}} {{
ml_program.global private @w(#ml_program.extern : {w}) : {w}
ml_program.global private @b(#ml_program.extern : tensor<{n}xf32>) : tensor<{n}xf32>
func.func @main(%x: {x} {{qnt.name = "x", qnt.dims = ["rows", ""]}}) -> ({y} {{qnt.name = "y"}}) {{
  %w = ml_program.global_load_const @w : {w}
  %b = ml_program.global_load_const @b : tensor<{n}xf32>
  %y = nn.linear %x, %w bias %b : {x}, {w}, tensor<{n}xf32> loc("layer")
  %r = nn.activation relu %y : {y}
  return %r : {y}
}}
}}
"""


def stored(path):
    with safe_open(path, "np") as file:
        return {name: file.get_tensor(name) for name in file.keys()}


def error(difference, moment):
    return np.einsum("ni,ij,nj->", difference, moment, difference)


for n, k, kind in ((40, 64, "none"), (64, 40, "none"), (40, 64, "moment"),
                   (64, 40, "moment"), (64, 40, "singular"), (48, 48, "channels")):
    weight = rng.standard_normal((n, k)).astype(F)
    bias = rng.standard_normal(n).astype(F)
    save_file({"w": weight, "b": bias}, f"{folder}/w.safetensors")
    samples = 20 if kind == "singular" else 300
    x = rng.standard_normal((samples, k)) * np.exp(rng.standard_normal(k))
    x = (x @ (rng.standard_normal((k, k)) / np.sqrt(k) + np.eye(k))).astype(F)
    moment = (x.T.astype(float) @ x / samples).astype(F)
    tensors = {"statistics/layer/absmax": np.abs(x).max(0)}
    if kind in ("moment", "singular"):
        tensors["statistics/layer/second_moment"] = moment
    else:
        moment = np.eye(k)
    save_file(tensors, f"{folder}/s.safetensors",
              {"format": "qnt-statistics-tensors", "version": "1"})
    x = x[:ROWS]
    np.savez(f"{folder}/x.npz", x=x)
    np.save(f"{folder}/x.npy", x)
    with open(f"{folder}/in.mlir", "w") as file:
        file.write(module(n, k, kind != "none"))
    quantize = f"--qnt-quantize=weights=int3 low-rank={RANK}"
    subprocess.run([opt, f"{folder}/in.mlir", quantize,
                    f"--qnt-materialize-params=output={folder}/out.safetensors",
                    "-o", f"{folder}/out.mlir"], check=True)
    store = stored(f"{folder}/out.safetensors")
    halves = {v.shape: v.view(ml_dtypes.bfloat16).astype(float)
              if v.dtype != ml_dtypes.bfloat16 else v.astype(float)
              for v in store.values() if v.shape in ((n, RANK), (RANK, k))}
    left, right = halves[n, RANK], halves[RANK, k]
    codes = store["w.codes"].astype(float)
    codes -= 8 * (codes >= 4)
    lost = weight - codes * store["w.scales"].reshape(n, -1).astype(float)

    # The best there is: singular vectors of what is lost, in the inputs' basis.
    values, vectors = np.linalg.eigh(moment.astype(float))
    root = vectors * np.sqrt(np.maximum(values, 0))
    u, s, _ = np.linalg.svd(lost @ root, full_matrices=False)
    best = (s[RANK:] ** 2).sum()
    whole, got = error(lost, moment), error(lost - left @ right, moment)
    print(f"{n}x{k} {kind}: {whole:.4f} to {got:.4f}, at best {best:.4f}")
    assert best * (1 - 1e-3) <= got <= best + 2e-3 * whole, (got, best, whole)
    gram = left.T @ left
    size = np.sqrt(gram.diagonal())
    assert np.abs(gram / np.outer(size, size) - np.eye(RANK)).max() < 0.03
    np.testing.assert_allclose(size, np.linalg.norm(right, axis=1), rtol=0.01)

    want = np.maximum(x @ (weight - lost + left @ right).T + bias, 0)
    subprocess.run([interpret, f"{folder}/out.mlir", "main", f"{folder}/x.npz",
                    f"{folder}/y"], check=True)
    subprocess.run([opt, f"{folder}/in.mlir", quantize, "--target=cpu", "-o",
                    f"{folder}/m.so"], check=True)
    subprocess.run([run, f"{folder}/m.so", "--input", f"x={folder}/x.npy", "--output",
                    f"y={folder}/y.npy"], check=True, capture_output=True)
    for path in ("y.0.npy", "y.npy"):
        y = np.load(f"{folder}/{path}")
        assert np.abs(y - want).max() <= 1e-5 * np.abs(want).max(), (kind, path)

# Fused: three contractions, the sum a step of one.
text = subprocess.run([opt, f"{folder}/in.mlir", quantize, "--qnt-fuse-epilogues"],
                      capture_output=True, text=True, check=True).stdout
assert text.count("qnt.linear") == 3 and "epilogue [bias, add, relu]" in text, text

for options, message in [
        ("weights=int3 low-rank=48", "low-rank=48: expected less than the 48 inputs"),
        ("weights=int3 low-rank=-1", "low-rank=-1: expected at least 0"),
        ("low-rank=4", "low-rank=4 with weights=none: expected a format whose codes"),
        ("weights=bf16 low-rank=4", "low-rank=4 with weights=bf16")]:
    done = subprocess.run([opt, f"{folder}/in.mlir", f"--qnt-quantize={options}"],
                          capture_output=True, text=True)
    assert done.returncode == 1 and message in done.stderr, (message, done.stderr)
