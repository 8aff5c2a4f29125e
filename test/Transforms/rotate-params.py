# REQUIRES: python
# RUN: rm -rf %t && mkdir %t
# RUN: %python %s %t %source/test
# Rotated and chosen parameters in the new store, against numpy; whatever the
# threads.
import pathlib
import re
import subprocess
import sys

import ml_dtypes
import numpy as np
from safetensors.numpy import load_file, save_file

folder, tests = map(pathlib.Path, sys.argv[1:3])
sys.path.append(str(tests / "Interpreter/Inputs"))
from cases import literal, tensor_type
from rotations import random_rotations, rotation
from seeding import draw_seed

seed = draw_seed()
rng = np.random.default_rng(seed)
# Blocks of rows of a file hold some hundred thousand numbers: there are several.
N, K = 24 * int(rng.integers(30, 50)), 28 * int(rng.integers(12, 20))
F = np.float32
store = {"w": rng.standard_normal((N, K)).astype(F),
         "v": rng.standard_normal((N, K)).astype(ml_dtypes.bfloat16),
         "b": rng.standard_normal(N).astype(F),
         "m": random_rotations(rng, K // 28, 28).astype(F)}
save_file(store, folder / "model.safetensors")
signs = int(rng.integers(1, 1 << 62))
m64 = random_rotations(rng, N // 24, 24)
columns = rng.permutation(K)[:K // 2].astype(np.int32)
rows = rng.permutation(N).astype(np.int32)


def blocks(matrices):
    """The block-diagonal matrix."""
    n = matrices.shape[1]
    result = np.zeros((len(matrices) * n,) * 2)
    for i, matrix in enumerate(matrices.astype(float)):
        result[i * n:(i + 1) * n, i * n:(i + 1) * n] = matrix
    return result


lines = ["%vf = arith.extf %v : " + tensor_type(store["v"]) + " to " +
         tensor_type(store["w"])]
wants = []


def constant(array):
    lines.append(f"%c{len(lines)} = arith.constant {literal(array)} : "
                 f"{tensor_type(array)}")
    return lines[-1].split()[0], tensor_type(array)


def result(text, want, path):
    """An expression by the name that its tensors get."""
    lines.append(f'%e{len(lines)} = {text} loc("{path}")')
    value = lines[-1].split()[0]
    wants.append((value, want))
    return value


w, v, b = (store[name].astype(float) for name in "wvb")
of, bias_of = tensor_type(store["w"]), tensor_type(store["b"])
h28, h24 = rotation(K, 28, signs), rotation(N, 24, signs)
a = result(f"qnt.rotate %vf hadamard <28, seed = {signs}> : {of}", v @ h28, "a")
result(f"qnt.rotate %w outputs hadamard <24, seed = {signs}> : {of}", h24.T @ w,
       "b")
c = result(f"qnt.rotate {a} outputs transposed hadamard <24, seed = {signs}> : "
           f"{of}", h24 @ (v @ h28).astype(F), "c")
result(f"qnt.rotate %b hadamard <24, seed = {signs}> : {bias_of}", b @ h24, "d")
result(f"qnt.rotate %b outputs transposed hadamard <12> : {bias_of}",
       b @ rotation(N, 12).T, "e")
name, kind = constant(m64)
result(f"qnt.rotate %w outputs by {name} : {of}, {kind}", blocks(m64).T @ w, "f")
result(f"qnt.rotate %w transposed by %m : {of}, {tensor_type(store['m'])}",
       w @ blocks(store["m"]).T, "g")
name, kind = constant(columns)
lines.append(f"%s = nn.select_features {a}, {name} : {of}, {kind}")
wants.append(("%s", (v @ h28)[:, columns]))
name, kind = constant(rows)
lines.append(f"%t = nn.select_features %b, {name} : {bias_of}, {kind}")
wants.append(("%t", b[rows]))
q = f"!qnt.tensor<{N}x{K}, int4, group<16>, scale f32>" if K % 16 == 0 else \
    f"!qnt.tensor<{N}x{K}, int4, per_channel, scale f32>"
lines.append(f"%q = qnt.quantize {c} : {of} -> {q}")

# Functions that are only declared keep one of each.
text = 'module attributes {qnt.params = "model.safetensors"} {\n'
loads, uses = "", ""
for name, array in store.items():
    t = tensor_type(array)
    text += f"ml_program.global private @{name}(#ml_program.extern : {t}) : {t}\n"
    loads += f"%{name} = ml_program.global_load_const @{name} : {t}\n"
for i, (value, want) in enumerate(wants + [("%q", None)]):
    t = q if want is None else tensor_type(want.astype(F))
    text += f"func.func private @keep{i}({t})\n"
    uses += f"func.call @keep{i}({value}) : ({t}) -> ()\n"
text += "func.func @f() {\n" + loads + "\n".join(lines) + "\n" + uses + \
    "return\n}\n}\n"


def run(output, *flags, program=text):
    return subprocess.run(
        ["quant-opt", "-", f"--qnt-materialize-params=output={folder / output}",
         *flags], input=program, capture_output=True, text=True, cwd=folder)


done = run("out.safetensors")
assert done.returncode == 0, done.stderr[:2000]
got = load_file(folder / "out.safetensors")
loaded = dict(re.findall(r'(%\S+) = ml_program.global_load_const @"?([\w.]+)"?',
                         done.stdout))
kept = dict(re.findall(r"call @keep(\d+)\((%\S+)\)", done.stdout))
for i, (value, want) in enumerate(wants):
    actual = got[loaded[kept[str(i)]]]
    assert actual.dtype == F and actual.shape == want.shape, value
    np.testing.assert_allclose(actual, want, rtol=1e-7, atol=1e-7,
                               err_msg=value)
# Codes are those of the numbers in the file.
name = loaded[kept[str(len(wants))]]
c = got[loaded[kept["2"]]]
group = 16 if "group" in q else K
scales = np.abs(c.reshape(N, -1, group)).max(2) / F(7)
codes = np.clip(np.rint(c.reshape(N, -1, group) / scales[..., None]), -8, 7)
assert (got[name + ".scales"].reshape(scales.shape) == scales).all()
assert (got[name + ".codes"] == codes.reshape(N, K).astype(np.int8).view(
    np.uint8) & 15).all()

single = run("single.safetensors", "--mlir-disable-threading")
assert single.returncode == 0, single.stderr
assert (folder / "single.safetensors").read_bytes() == \
    (folder / "out.safetensors").read_bytes()

beyond = np.where(rows == 0, N, rows).astype(np.int32)
wrong = run("wrong.safetensors",
            program=text.replace(literal(rows), literal(beyond)))
assert wrong.returncode == 1, wrong
assert f"expected indices from 0 to {N - 1}, got {N}" in wrong.stderr, wrong
assert not (folder / "wrong.safetensors").exists()
