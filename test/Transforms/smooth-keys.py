# REQUIRES: python
# RUN: %python %s quant-opt %test_bin/interpret %t
"""qnt-smooth with keys, on attention whose keys come from a layer through every kind
of rotary embedding and none: results stay what they were, and the rows of the layers
are scaled as numpy finds."""
import os
import re
import subprocess
import sys

import numpy as np
from safetensors.numpy import load_file, save_file

from seeding import draw_seed

opt, interpret, folder = sys.argv[1:]
os.makedirs(folder, exist_ok=True)
seed = draw_seed()
rng = np.random.default_rng(seed)
BATCH, TOKENS, WIDTH, SCALE = 2, 5, 24, 0.2
HEADERS = {"format": "qnt-statistics-tensors", "version": "1"}


def difference(params, x, size, normed):
    """How far results may be apart: scaling moves each of a score's products by a few of
    f32's roundings, so a score by as many of its two vectors' lengths; an error of d in
    the scores is one of 2 d of the largest value in their softmax's mean."""
    def rows(layer):
        y = x.astype(float) @ params[layer].T + params[layer + "b"]
        return y.reshape(*y.shape[:2], -1, size)

    def longest(layer):
        return np.linalg.norm(rows(layer), axis=-1).max()

    keys = np.abs(params["g"]).max() * size ** 0.5 if normed else longest("k")
    score = SCALE * longest("q") * keys
    return 8 * 2 ** -24 * (1 + 2 * score) * np.abs(rows("v")).max()


def case(name, rotary, interleaved, normed):
    kv, share, size = int(rng.integers(1, 4)), int(rng.integers(1, 4)), \
        2 * int(rng.integers(2, 9))
    rotary = {"none": 0, "part": size - 2, "all": size}[rotary]
    heads = kv * share
    shapes = {"q": heads * size, "k": kv * size, "v": kv * size}
    params = {}
    for layer, n in shapes.items():
        params[layer] = rng.standard_normal((n, WIDTH)).astype(np.float32)
        params[layer + "b"] = rng.standard_normal(n).astype(np.float32)
    params["g"] = rng.standard_normal(size).astype(np.float32)
    save_file(params, f"{folder}/{name}.w.safetensors")
    largest = np.exp(rng.standard_normal((kv, size)) * 2).astype(np.float32)
    largest[0, 0] = 0
    if kv > 1:
        largest[1] = 0
    save_file({"statistics/attn.keys/absmax": largest.reshape(-1)},
              f"{folder}/{name}.s.safetensors", HEADERS)
    cache = f"!nn.kv_cache<1 layers, {kv} heads, {size}, f32>"

    def t(n):
        return f"tensor<?x?x{n}xf32>"
    text = [f'module attributes {{qnt.params = "{folder}/{name}.w.safetensors", '
            f'qnt.statistics = "{folder}/{name}.s.safetensors"}} {{']
    for global_, value in params.items():
        kind = f"tensor<{'x'.join(map(str, value.shape))}xf32>"
        text.append(f"ml_program.global private @{global_}(#ml_program.extern : "
                    f"{kind}) : {kind}")
    table = f", %table: {t(rotary)} {{qnt.name = \"table\"}}" if rotary else ""
    text.append(f"func.func @main(%x: {t(WIDTH)} {{qnt.name = \"x\"}}{table}, "
                f"%start: tensor<?xi32> {{qnt.name = \"start\"}}, %kv: {cache}) -> "
                f"{t(heads * size)} {{")
    names = {}
    for layer, n in shapes.items():
        for global_ in (layer, layer + "b"):
            kind = f"tensor<{'x'.join(map(str, params[global_].shape))}xf32>"
            text.append(f"%{global_} = ml_program.global_load_const @{global_} : {kind}")
        text.append(f"%y{layer} = nn.linear %x, %{layer} bias %{layer}b : {t(WIDTH)}, "
                    f"tensor<{n}x{WIDTH}xf32>, tensor<{n}xf32> loc(\"{layer}\")")
        names[layer] = f"%y{layer}"
    if normed:
        text.append(f"%g = ml_program.global_load_const @g : tensor<{size}xf32>")
        text.append(f"%n = nn.rms_norm %yk, %g groups {kv} eps 1.0e-5 : "
                    f"{t(kv * size)}, tensor<{size}xf32>")
        names["k"] = "%n"
    for layer, count in (("q", heads), ("k", kv)) if rotary else ():
        how = " interleaved" if interleaved else ""
        text.append(f"%r{layer} = nn.rope {names[layer]}, %table heads {count}{how} : "
                    f"{t(shapes[layer])}, {t(rotary)}")
        names[layer] = f"%r{layer}"
    text.append(f"%o = nn.attention {names['q']}, {names['k']}, {names['v']} "
                f"cache(%kv : {cache}) layer 0 at(%start : tensor<?xi32>) heads {heads} "
                f"kv_heads {kv} scale {SCALE} : {t(heads * size)}, {t(kv * size)}, "
                f"{t(kv * size)} loc(\"attn\")")
    text.append(f"return %o : {t(heads * size)}\n}}\n}}")
    before = f"{folder}/{name}.mlir"
    with open(before, "w") as file:
        file.write("\n".join(text))

    inputs = {"x": rng.standard_normal((BATCH, TOKENS, WIDTH)).astype(np.float32),
              "start": np.zeros(BATCH, np.int32)}
    if rotary:
        angle = rng.uniform(0, 6, (BATCH, TOKENS, rotary // 2))
        inputs["table"] = np.concatenate([np.cos(angle), np.sin(angle)], -1).astype(
            np.float32)
    np.savez(f"{folder}/{name}.npz", **inputs)

    def run(path):
        subprocess.run([interpret, path, "main", f"{folder}/{name}.npz",
                        f"{folder}/{name}.out", str(BATCH), "16"], check=True)
        return np.load(f"{folder}/{name}.out.0.npy")

    after = f"{folder}/{name}.after.mlir"
    command = [opt, before, "--qnt-smooth=method=none keys", "--nn-fold",
               f"--qnt-materialize-params=output={folder}/{name}.after.safetensors",
               "-o", after]
    subprocess.run(command, check=True)
    a, b = run(before), run(after)
    limit = difference(params, inputs["x"], size, normed)
    assert np.abs(a - b).max() <= limit, (name, np.abs(a - b).max(), limit)
    with open(after) as file:
        products = file.read().count("nn.mul")
    assert products == (1 if normed else 0), (name, products)

    # In f32 as stated: the larger of a pair, at least 1 / 256 of the head's largest.
    scales = largest.copy()
    for i in range(rotary // 2):
        pair = [2 * i, 2 * i + 1] if interleaved else [i, i + rotary // 2]
        scales[:, pair] = scales[:, pair].max(1, keepdims=True)
    most = scales.max(1, keepdims=True)
    scales = np.where(most > 0, np.maximum(scales, most / 256), 1).astype(float)
    scales /= np.exp(np.log(scales).mean(1, keepdims=True))
    rows = {"k": 1 / scales.reshape(-1), "v": np.ones(kv * size),
            "q": np.repeat(scales, share, 0).reshape(-1)}
    if normed:
        rows["k"][:] = 1
    stored = load_file(f"{folder}/{name}.after.safetensors")
    for layer, scale in rows.items():
        for global_ in (layer, layer + "b"):
            want = (params[global_].T * scale).T
            np.testing.assert_allclose(stored[global_], want, 1e-6, 1e-7)


for repeat in range(3):
    for rotary in ("none", "part", "all"):
        for interleaved in (False, True) if rotary != "none" else (False,):
            for normed in (False, True):
                case(f"{rotary}{'i' * interleaved}{'n' * normed}", rotary,
                     interleaved, normed)

# What it needs, by name.
for options, message in [
        ("--qnt-smooth=method=none", "expected smoothquant, os+ or awq, or none with keys"),
        ("--qnt-calibrate=samples=x.npz keys", "expected tensors=FILE with keys"),
        ("--qnt-smooth=method=none keys", "no attention keeps its keys in a cache")]:
    source = f"{folder}/none.mlir"
    if "no attention" in message:
        with open(source) as file:
            text = file.read()
        source = f"{folder}/no-cache.mlir"
        with open(source, "w") as file:
            file.write(re.sub(r"cache\(.*?\) layer 0 at\(.*?\) ", "", text))
    done = subprocess.run([opt, source, options], capture_output=True,
                          text=True)
    assert done.returncode == 1 and message in done.stderr, done
