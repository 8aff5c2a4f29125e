# REQUIRES: python
# RUN: %python %s quant-opt %t
"""Codes chosen by second moments (qnt.quantize, moment), through
qnt-materialize-params: GPTQ against a plain implementation in numpy to the last
code, scales by the error of the output against all candidates tried, HQQ and
low-rank factors against their definitions."""
import os
import subprocess
import sys

import numpy as np
from safetensors.numpy import load_file, save_file

sys.path.append(os.path.join(os.path.dirname(__file__), "Inputs"))
from plain_gptq import Grid, gptq, round_scale, signed
from seeding import draw_seed

opt, folder = sys.argv[1:]
os.makedirs(folder, exist_ok=True)
seed = draw_seed()
rng = np.random.default_rng(seed)
failures = 0


def report(name, good, detail=""):
    global failures
    if not good:
        failures += 1
        print(f"{name}: {detail}")


def materialize(weight, moment, lines, arguments):
    """Runs `lines`, which compute from %w and %m, and gives the new store."""
    save_file({"w": weight}, f"{folder}/w.safetensors")
    n, k = weight.shape
    save_file({"statistics/s/second_moment": moment}, f"{folder}/m.safetensors",
              metadata={"format": "qnt-statistics-tensors", "version": "1"})
    tw, tm = f"tensor<{n}x{k}xf32>", f"tensor<{k}x{k}xf32>"
    results = ", ".join(arguments.values())
    with open(f"{folder}/in.mlir", "w") as file:
        file.write(f"""
module attributes {{qnt.params = "{folder}/w.safetensors",
                    qnt.statistics = "{folder}/m.safetensors"}} {{
  ml_program.global private @w(#ml_program.extern : {tw}) : {tw}
  ml_program.global private @"statistics/s/second_moment"(#ml_program.extern : {tm}) : {tm}
  func.func @main() -> ({results}) {{
    %w = ml_program.global_load_const @w : {tw}
    %m = ml_program.global_load_const @"statistics/s/second_moment" : {tm}
    {lines}
    return {", ".join(arguments)} : {results}
  }}
}}
""")
    run = subprocess.run(
        [opt, f"{folder}/in.mlir",
         f"--qnt-materialize-params=output={folder}/out.safetensors",
         "-o", f"{folder}/out.mlir"], capture_output=True, text=True)
    if run.returncode:
        print(run.stderr)
        sys.exit(1)
    return load_file(f"{folder}/out.safetensors")


def data(n, k, rows=None):
    rows = rows or 2 * k
    mix = rng.normal(size=(k, k)) / np.sqrt(k) + np.diag(
        np.exp(rng.normal(size=k)))
    x = (rng.normal(size=(rows, k)) @ mix).astype(np.float32)
    x[:, rng.integers(k)] = 0
    moment = (x.T.astype(np.float64) @ x / rows).astype(np.float32)
    weight = rng.normal(size=(n, k)).astype(np.float32)
    return weight, moment


def quantize(weight, moment, type_, words):
    n, k = weight.shape
    full = f"!qnt.tensor<{n}x{k}, {type_}>"
    uses = "moment %m" if "gptq" in words or "output" in words else ""
    clip, _, rest = words.partition("|")
    types = f"tensor<{n}x{k}xf32>" + (
        f" moment tensor<{k}x{k}xf32>" if uses else "")
    store = materialize(
        weight, moment,
        f"%q = qnt.quantize %w {clip} {uses} {rest} : {types} -> {full}",
        {"%q": full})
    return store


# Shapes with groups below, of and beyond the blocks of the implementation, and
# groups that are no divisor of them.
for n, k, group, bits, act_order in (
        (40, 384, 32, 4, False), (24, 320, 320, 3, False),
        (33, 480, 160, 4, False), (16, 288, 48, 2, True),
        (48, 256, 256, 4, True)):
    weight, moment = data(n, k)
    blocks = "per_channel, scale f32" if group == k else f"group<{group}>, scale f16"
    store = quantize(weight, moment, f"int{bits}, {blocks}",
                     "|rounding gptq " + ("act_order " if act_order else "")
                     + "damp 0.01")
    codes, scales = gptq(weight, moment,
                         Grid(bits, "f32" if group == k else "f16"), group,
                         0.01, act_order)
    got = signed(store["w.codes"], bits)
    name = f"GPTQ {n}x{k} group {group} int{bits} act_order {act_order}"
    report(name, (got == codes).all(), f"{(got != codes).sum()} codes differ")
    report(name, (store["w.scales"].astype(np.float32).reshape(scales.shape)
                  == scales).all(), "scales differ")
    plain = quantize(weight, moment, f"int{bits}, {blocks}", "|")

    def loss(which):
        wide = np.repeat(which["w.scales"].astype(np.float64).reshape(
            scales.shape), group, axis=1)[:, :k]
        e = signed(which["w.codes"], bits) * wide - weight
        return np.einsum("ni,ij,nj", e, moment.astype(np.float64), e)
    report(name, loss(store) < loss(plain), "no better than rounding")

# Scales by the output's error: every candidate tried.
weight, moment = data(12, 128)
store = quantize(weight, moment, "int4, group<64>, scale f16", "clip output|")
grid = Grid(4, "f16")
for g in range(2):
    block = weight[:, g * 64:(g + 1) * 64]
    part = moment[g * 64:(g + 1) * 64, g * 64:(g + 1) * 64].astype(np.float64)
    best = np.full(12, np.inf)
    for candidate in list(range(100, 38, -2)) + ["extreme"]:
        if candidate == "extreme":
            low, high = block.min(axis=1), block.max(axis=1)
            scale = round_scale(np.where(-low >= high, low, high) / grid.low,
                                "f16")
        else:
            most = np.abs(block).max(axis=1) * np.float32(candidate / 100)
            scale = round_scale((most / grid.high).astype(np.float32), "f16")
        scale = scale.astype(np.float32)[:, None]
        e = (grid.encode(block, scale) * scale - block).astype(np.float64)
        best = np.minimum(best, np.einsum("ni,ij,nj->n", e, part, e))
    scale = store["w.scales"][:, g].astype(np.float32)[:, None]
    e = (signed(store["w.codes"], 4)[:, g * 64:(g + 1) * 64] * scale
         - block).astype(np.float64)
    chosen = np.einsum("ni,ij,nj->n", e, part, e)
    report("clip output", np.allclose(chosen, best, rtol=1e-4),
           f"{chosen / best}")

# HQQ: never a larger mean error than the offsets that it starts from.
weight, moment = data(16, 128)


def mean_error(words):
    store = quantize(weight, moment, "uint3, group<64>, scale f32, offset", words)
    scale = np.repeat(store["w.scales"], 64, axis=1)
    offset = np.repeat(store["w.offsets"], 64, axis=1)
    return np.abs(store["w.codes"] * scale - offset - weight).reshape(
        16, 2, 64).mean(axis=2)


before, after = mean_error("|"), mean_error("clip hqq|")
report("HQQ", (after <= before * (1 + 1e-6)).all() and (after < before).any(),
       f"{after / before}")

# Low rank.
for n, k, rank in ((48, 80, 5), (80, 48, 48), (64, 64, 1)):
    weight = rng.normal(size=(n, k)).astype(np.float32)
    types = {"%l": f"tensor<{n}x{rank}xf32>", "%r": f"tensor<{rank}x{k}xf32>"}
    store = materialize(
        weight, np.eye(k, dtype=np.float32),
        f"%l, %r = qnt.low_rank %w : tensor<{n}x{k}xf32> -> "
        + ", ".join(types.values()), types)
    left, right = (next(v for v in store.values() if v.shape == shape)
                   for shape in ((n, rank), (rank, k)))
    u, s, v = np.linalg.svd(weight.astype(np.float64))
    best = (u[:, :rank] * s[:rank]) @ v[:rank]
    report(f"low rank {n}x{k} of {rank}",
           np.allclose(left.astype(np.float64) @ right, best, atol=2e-5),
           np.abs(left @ right - best).max())
    report(f"low rank {n}x{k} of {rank}",
           np.allclose(np.linalg.norm(left, axis=0),
                       np.linalg.norm(right, axis=1), rtol=1e-4), "unbalanced")

# Weighed by second moments, of which the first is singular.
for n, k, rank, rows in ((48, 80, 5, 30), (80, 48, 7, None), (48, 48, 3, None)):
    weight, moment = data(n, k, rows)
    types = {"%l": f"tensor<{n}x{rank}xf32>", "%r": f"tensor<{rank}x{k}xf32>"}
    store = materialize(
        weight, moment,
        f"%l, %r = qnt.low_rank %w moment %m : tensor<{n}x{k}xf32> moment "
        f"tensor<{k}x{k}xf32> -> " + ", ".join(types.values()), types)
    left, right = (next(v for v in store.values() if v.shape == shape)
                   .astype(np.float64) for shape in ((n, rank), (rank, k)))
    lost = weight - left @ right
    values, vectors = np.linalg.eigh(moment.astype(np.float64))
    root = vectors * np.sqrt(np.maximum(values, 0))
    s = np.linalg.svd(weight @ root, compute_uv=False)
    best, got = (s[rank:] ** 2).sum(), np.einsum("ni,ij,nj", lost, moment, lost)
    report(f"weighed low rank {n}x{k} of {rank}",
           abs(got - best) <= 1e-4 * (s ** 2).sum(), f"{got} beside {best}")
    report(f"weighed low rank {n}x{k} of {rank}",
           np.allclose(np.linalg.norm(left, axis=0),
                       np.linalg.norm(right, axis=1), rtol=1e-4), "unbalanced")

# A moment that nothing can be factored from.
save_file({"w": np.ones((2, 32), np.float32)}, f"{folder}/w.safetensors")
sys.exit(failures > 0)
