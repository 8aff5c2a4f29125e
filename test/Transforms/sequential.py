# REQUIRES: python
# RUN: %python %s quant-opt %t
"""sequential=true: the second moment of a block's input is taken with the blocks before
it quantised, as numpy's GPTQ has them; without it, with them in floats."""
import os
import subprocess
import sys

import numpy as np
from safetensors.numpy import load_file, save_file

sys.path.append(os.path.join(os.path.dirname(__file__), "Inputs"))
from plain_gptq import Grid, gptq
from seeding import draw_seed

opt, folder = sys.argv[1:]
os.makedirs(folder, exist_ok=True)
seed = draw_seed()
rng = np.random.default_rng(seed)
F, K, BLOCKS, ROWS = np.float32, 32, 3, 120
names = [f"w{i}" for i in range(BLOCKS)]
weights = {name: (rng.standard_normal((K, K)) / np.sqrt(K)).astype(F) for name in names}
save_file(weights, f"{folder}/w.safetensors")
x = (rng.standard_normal((ROWS, K)) * np.exp(rng.standard_normal(K))).astype(F)
np.savez(f"{folder}/x.npz", x=x)

tensor, matrix = f"tensor<?x{K}xf32>", f"tensor<{K}x{K}xf32>"
lines = [f'module attributes {{qnt.params = "{folder}/w.safetensors"}} {{']
lines += [f"ml_program.global private @{n}(#ml_program.extern : {matrix}) : {matrix}"
          for n in names]
lines.append(f'func.func @main(%x0: {tensor} {{qnt.name = "x", qnt.dims = ["rows", ""]}}) '
             f'-> ({tensor} {{qnt.name = "y"}}) {{')
for i, name in enumerate(names):
    lines += [f"%{name} = ml_program.global_load_const @{name} : {matrix}",
              f'%y{i} = nn.linear %x{i}, %{name} : {tensor}, {matrix} loc("layer.{i}")',
              f"%x{i + 1} = nn.add %x{i}, %y{i} : {tensor}, {tensor}"]
lines.append(f"return %x{BLOCKS} : {tensor}\n}}\n}}")
with open(f"{folder}/in.mlir", "w") as file:
    file.write("\n".join(lines))


def moments(sequential):
    """What second moments the weights are quantised by."""
    out = f"{folder}/out-{sequential}"
    subprocess.run([opt, f"{folder}/in.mlir", "--quantize=weights=int3 method=gptq clip=absmax "
                    f"order=model head=same calib={folder}/x.npz samples={ROWS} "
                    f"sequential={sequential}", "-o", f"{out}.mlir"], check=True)
    kept = load_file(f"{out}.statistics.safetensors")
    return [kept[f"statistics/layer.{i}/second_moment"].astype(float)
            for i in range(BLOCKS)]


def expected(sequential):
    value, result = x.astype(float), []
    for name in names:
        moment = value.T @ value / ROWS
        result.append(moment)
        weight = weights[name]
        if sequential:
            codes, scales = gptq(weight, moment.astype(F), Grid(3, "f32"), K, 0.01, False)
            weight = codes * scales
        value = value + value @ weight.T.astype(float)
    return result


def distance(a, b):
    return np.abs(a - b).max() / np.abs(b).max()


plain, sequential = expected(False), expected(True)
for got, want in zip(moments("false"), plain):
    assert distance(got, want) < 1e-4, distance(got, want)
for i, (got, want) in enumerate(zip(moments("true"), sequential)):
    # A code at a tie may fall on either side.
    assert distance(got, want) < 1e-2, (i, distance(got, want))
    if i:
        assert distance(got, want) < distance(got, plain[i]) / 3, i
