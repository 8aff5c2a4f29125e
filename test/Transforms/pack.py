# RUN: rm -rf %t && mkdir %t
# RUN: %python %s %t
# Weights in #qnt.panels, packed again with numpy from the codes and scales of
# the same weights without a layout.
import pathlib
import subprocess
import sys

import numpy as np
from safetensors.numpy import load_file, save_file

from seeding import draw_seed

folder = pathlib.Path(sys.argv[1])
seed = draw_seed()
rng = np.random.default_rng(seed)

# Format, bits, added to signed codes, group (0: channel), scales, zero points.
CASES = [
    ("int8", 8, 0, 0, "f32", False),
    ("int8", 8, 0, 48, "f16", True),
    ("uint8", 8, 0, 64, "f32", True),
    ("uint4", 4, 0, 32, "f32", "offset"),
    ("int5", 5, 16, 48, "f16", "offset"),
    ("int4", 4, 8, 32, "f16", False),
    ("int4", 4, 8, 0, "f32", True),
    ("int3", 3, 4, 32, "f16", False),
    ("int5", 5, 16, 16, "f16", False),
    ("int7", 7, 64, 96, "f32", False),
    ("int6", 6, 32, 80, "f16", True),
    ("int2", 2, 2, 64, "f16", False),
    ("e2m1", 4, 0, 32, "f16", False),
    ("e4m3", 8, 0, 0, "f32", False),
]


def planes_of(bits):
    """(width, shift) of each plane, the widest in the low bits."""
    if bits == 8:
        return [(8, 0)]
    found, shift = [], 0
    for width in (4, 2, 1):
        if bits & width:
            found.append((width, shift))
            shift += width
    return found


def pack(codes, scales, zeros, bits, excess, group, columns, sums):
    n, k = codes.shape
    chunk = 16 if group and group % 32 else 32
    group = group or k
    panels = []
    for first in range(0, n, columns):
        rows = min(columns, n - first)
        out = b""
        for g, start in enumerate(range(0, k, group)):
            width = min(group, k - start)
            scale = np.zeros(columns, scales.dtype)
            scale[:rows] = scales[first:first + rows, g]
            out += scale.tobytes()
            if zeros is not None and zeros.dtype == np.float32:
                zero = np.zeros(columns, np.float32)
                zero[:rows] = zeros[first:first + rows, g]
                out += zero.tobytes()
            elif zeros is not None:
                zero = np.zeros(columns, np.uint8)
                zero[:rows] = (zeros[first:first + rows, g].astype(int) + excess) & 255
                out += zero.tobytes()
            padded = -(-group // chunk) * chunk
            stored = np.zeros((columns, padded), np.uint8)
            stored[:rows, :width] = (
                codes[first:first + rows, start:start + width] + excess) & ((1 << bits) - 1)
            # [chunk, vector of 8-bit codes, column, 4 inputs]
            vectors = stored.reshape(columns, padded // chunk, chunk // 4, 4).transpose(1, 2, 0, 3)
            for one in vectors:
                for width_, shift in planes_of(bits):
                    fields = 8 // width_
                    part = (one >> shift) & ((1 << width_) - 1)
                    for v in range(0, len(part), fields):
                        word = np.zeros((columns, 4), np.uint8)
                        for f, vector in enumerate(part[v:v + fields]):
                            word |= (vector << (f * width_)).astype(np.uint8)
                        out += word.tobytes()
        if sums is not None:
            total = np.zeros(columns, np.float32)
            total[:rows] = sums[first:first + rows]
            out += total.tobytes()
        out += bytes(-len(out) % 64)
        panels.append(out)
    return np.frombuffer(b"".join(panels), np.uint8)


weights, lines, cases = {}, [], {}
for i, (name, bits, excess, group, scale, zero) in enumerate(CASES):
    n, k = int(rng.integers(1, 60)), int(rng.integers(1, 20)) * 16 + (0 if group else int(rng.integers(0, 16)))
    columns, sums = int(rng.choice([8, 16])), bool(rng.integers(0, 2)) and name[0] != "e"
    key = f"w{i}"
    weights[key] = rng.standard_normal((n, k)).astype(np.float32)
    block = f"group<{group}>" if group else "per_channel"
    plain = f"{n}x{k}, {name}, {block}, scale {scale}{', offset' if zero == 'offset' else ', zero' if zero else ''}"
    packed = f"!qnt.tensor<{plain}, #qnt.panels<{columns}{', sums true' if sums else ''}>>"
    plain, f32 = f"!qnt.tensor<{plain}>", f"tensor<{n}x{k}xf32>"
    cases[key] = (bits, excess, group, columns, sums)
    lines += [
        f"%{key} = ml_program.global_load_const @{key} : {f32}",
        f"%{key}q = qnt.quantize %{key} : {f32} -> {plain}",
        f"%{key}p = qnt.pack %{key}q : {plain} -> {packed}",
        f"func.call @use{i}(%{key}q, %{key}p) : ({plain}, {packed}) -> ()",
    ]
    lines.insert(0, f"func.func private @use{i}({plain}, {packed})")
    lines.insert(0, f"ml_program.global private @{key}(#ml_program.extern : {f32}) : {f32}")
declarations = [l for l in lines if l.startswith(("func.func", "ml_"))]
body = [l for l in lines if not l.startswith(("func.func", "ml_"))]
text = "\n".join(['module attributes {qnt.params = "model.safetensors"} {'] + declarations
                 + ["func.func @f() {"] + body + ["return", "}", "}"])
save_file(weights, folder / "model.safetensors")
result = subprocess.run(
    ["quant-opt", "-", "--qnt-materialize-params=output=out.safetensors"],
    input=text, capture_output=True, text=True, cwd=folder)
assert result.returncode == 0, result.stderr
got = load_file(folder / "out.safetensors")

for i, (key, (bits, excess, group, columns, with_sums)) in enumerate(cases.items()):
    codes = got[key + ".codes"].astype(np.int64)
    n, k = codes.shape
    scales = got[key + ".scales"].reshape(n, -1)
    zeros = got.get(key + ".zeros", got.get(key + ".offsets"))
    zeros = None if zeros is None else zeros.reshape(n, -1)
    sums = None
    if with_sums:
        signed = not CASES[i][0].startswith("u")
        numbers = codes - ((codes >> (bits - 1)) << bits if signed else 0)
        total = np.zeros(n)
        for g, start in enumerate(range(0, k, group or k)):
            part = numbers[:, start:start + (group or k)]
            total += scales[:, g].astype(np.float64) * part.sum(1)
            if zeros is not None:
                less = zeros[:, g].astype(np.float64) * part.shape[1]
                total -= less if zeros.dtype == np.float32 else less * scales[:, g]
        sums = total.astype(np.float32)
    expected = pack(codes, scales, zeros, bits, excess, group, columns, sums)
    actual = got[key + ".2"]
    assert actual.shape == expected.shape, (CASES[i], actual.shape, expected.shape)
    differ = np.flatnonzero(actual != expected)
    assert len(differ) == 0, f"{CASES[i]} {n}x{k}: {len(differ)} bytes differ, first {differ[0]}"
