# RUN: rm -rf %t && mkdir %t
# RUN: %python %s %t
# Random parameters in several formats; scales, codes and zero points are
# computed again from the checkpoint with numpy and compared with the file.
import pathlib
import re
import subprocess
import sys

import ml_dtypes
import numpy as np
from safetensors.numpy import load_file, save_file

from seeding import draw_seed

folder = pathlib.Path(sys.argv[1])
seed = draw_seed()
rng = np.random.default_rng(seed)
F = np.float32

N, K = int(rng.integers(20, 70)), 16 * int(rng.integers(9, 14))
DTYPES = {"f32": np.float32, "f16": np.float16, "bf16": ml_dtypes.bfloat16}


def run(text, output, *flags):
    return subprocess.run(
        ["quant-opt", "-", f"--qnt-materialize-params=output={folder / output}", *flags],
        input=text, capture_output=True, text=True, cwd=folder)


def scale_type(array, name):
    """Rounds to a scale type, as an f32 array."""
    return array.astype(DTYPES[name]).astype(F)


def blocks(weights, group):
    group = group or weights.shape[1]
    return [weights[:, i:i + group] for i in range(0, weights.shape[1], group)]


def quantize_integer(weights, bits, group, scale, zero, signed=True):
    """Codes, scales [N, groups] and zero points of absmax rounding."""
    low = -(1 << (bits - 1)) if signed else 0
    high = low + (1 << bits) - 1
    codes, scales, zeros = [], [], []
    for block in blocks(weights, group):
        if zero:
            top = np.maximum(block.max(1), F(0))
            bottom = np.minimum(block.min(1), F(0))
            raw = (top - bottom) / F(high - low)
        else:
            raw = np.abs(block).max(1) / F(high)
        s = scale_type(np.where(raw == 0, F(1), raw), scale)
        z = np.zeros_like(s)
        if zero:
            z = np.clip(low - np.rint(bottom / s), low, high)
        q = np.clip(np.rint(block / s[:, None]) + z[:, None], low, high)
        codes.append(q.astype(np.int32))
        scales.append(s)
        zeros.append(z)
    return np.hstack(codes), np.stack(scales, 1), np.stack(zeros, 1)


def quantize_float(weights, dtype, group, scale):
    most = F(float(ml_dtypes.finfo(dtype).max))
    codes, scales = [], []
    for block in blocks(weights, group):
        raw = np.abs(block).max(1) / most
        s = scale_type(np.where(raw == 0, F(1), raw), scale)
        ratio = np.clip(block / s[:, None], -most, most)
        codes.append(ratio.astype(dtype).view(np.uint8))
        scales.append(s)
    return np.hstack(codes), np.stack(scales, 1)


store = {}
weights = {}
for name in DTYPES:
    values = rng.standard_normal((N, K)) * np.exp(rng.standard_normal((N, 1)))
    values[3, :32] = 0  # A group of zeros has scale 1.
    store[name] = values.astype(DTYPES[name])
    weights[name] = store[name].astype(F)
store["gamma"] = rng.standard_normal(K).astype(F)
store["beta"] = rng.standard_normal(K).astype(F)
store["bias"] = rng.standard_normal(N).astype(F)
store["unused"] = np.zeros(3, F)


def save(tensors, path):
    save_file(tensors, folder / path)


save(store, "model.safetensors")

# Every case: name, source, type of the result.
FORMATS = {
    "a": ("f32", "int4, group<32>, scale f16"),
    "b": ("bf16", "int8, per_channel, scale f32"),
    "c": ("f16", "int3, group<48>, scale bf16, zero"),
    "d": ("bf16", "uint5, per_channel, scale f32, zero"),
    "e": ("f32", "e4m3, group<64>, scale f32"),
    "f": ("f32", "e2m1, group<16>, scale f16"),
    "g": ("f32", "bf16, unscaled"),
    "h": ("bf16", "e5m2, per_channel, scale f32"),
    "i": ("f16", "int8, per_tensor, scale f32"),
    "j": ("f16", "int2, group<16>, scale f16"),
}


def tensor(shape, element):
    return f"tensor<{'x'.join(map(str, shape))}x{element}>"


def element_of(array):
    return {"float32": "f32", "float16": "f16", "bfloat16": "bf16"}[str(array.dtype)]


def module(body, path="model.safetensors"):
    lines = [f'module attributes {{qnt.params = "{path}"}} {{']
    for name, array in store.items():
        t = tensor(array.shape, element_of(array))
        lines.append(f"ml_program.global private @{name}(#ml_program.extern : {t}) : {t}")
    lines.append(f"func.func @f(%x: {tensor(['?', K], 'f32')}) {{")
    for name, array in store.items():
        if name == "unused":
            continue
        t = tensor(array.shape, element_of(array))
        lines.append(f"%{name} = ml_program.global_load_const @{name} : {t}")
        if element_of(array) == "f32":
            continue
        lines.append(f"%{name}_f = arith.extf %{name} : {t} to {tensor(array.shape, 'f32')}")
    return "\n".join(lines + body + ["return", "}", "}"]) + "\n"


def f32(name):
    return f"%{name}" if element_of(store[name]) == "f32" else f"%{name}_f"


x_type, w_type = tensor(["?", K], "f32"), tensor([N, K], "f32")
body = []
for key, (source, text) in FORMATS.items():
    q = f"!qnt.tensor<{N}x{K}, {text}>"
    body.append(f"%{key} = qnt.quantize {f32(source)} : {w_type} -> {q}")
    body.append(f"%{key}_y = qnt.linear %x, %{key} : {x_type}, {q}")
# The same expression again is no second parameter.
q = f"!qnt.tensor<{N}x{K}, {FORMATS['a'][1]}>"
body += [f"%again = qnt.quantize %f32 : {w_type} -> {q}",
         f"%again_y = qnt.linear %x, %again : {x_type}, {q}"]
# Float expressions: a scaled weight, a shifted bias, a rounded copy, a scalar.
body += [
    f"%scaled = nn.mul %bf16_f, %gamma : {w_type}, {tensor([K], 'f32')}",
    f"%shifted = nn.linear %beta, %bf16_f bias %bias : {tensor([K], 'f32')}, {w_type}, {tensor([N], 'f32')}",
    f"%y = nn.linear %x, %scaled bias %shifted : {x_type}, {w_type}, {tensor([N], 'f32')}",
    f"%sum = nn.add %f32, %f16_f : {w_type}, {w_type}",
    f"%z = nn.linear %x, %sum : {x_type}, {w_type}",
    'func.call @keep(%rounded, %gamma) : (' + tensor([N, K], "bf16") + ", " + tensor([K], "f32") + ") -> ()",
    'qnt_static',
]
round_op = f"%rounded = arith.truncf %f32 : {w_type} to {tensor([N, K], 'bf16')}"
body.insert(len(body) - 2, round_op)
static = "!qnt.tensor<" + f"?x{K}, int8, per_tensor, scale f32>"
body[-1] = (
    '%scale = arith.constant dense<0.125> : tensor<f32> loc("site.scale")\n'
    f"%s = qnt.quantize %x scale %scale : {x_type}, tensor<f32> -> {static}\n"
    f"func.call @use(%s) : ({static}) -> ()")
text = module(body)
text = text.replace(
    "func.func @f",
    f"func.func private @keep({tensor([N, K], 'bf16')}, {tensor([K], 'f32')})\n"
    f"func.func private @use({static})\nfunc.func @f")

result = run(text, "out.safetensors")
assert result.returncode == 0, result.stderr
got = load_file(folder / "out.safetensors")
got = {k: v for k, v in got.items() if not k.startswith("__pad__")}

# Which global each case became: by the type in the output.
aliases = dict(re.findall(r"(#extern\d*) = #ml_program.extern : (.*)", result.stdout))
globals_ = re.findall(r'ml_program.global private @"?([\w.]+)"?\((#extern\d*)\) : (.*)', result.stdout)
by_type = {}
for name, alias, type_ in globals_:
    assert aliases[alias] == type_, (name, alias)
    by_type.setdefault(type_, []).append(name)


def only(type_):
    assert len(by_type[type_]) == 1, (type_, by_type)
    return by_type[type_][0]


def check(label, actual, expected):
    assert actual.dtype == expected.dtype and actual.shape == expected.shape, (
        label, actual.dtype, expected.dtype, actual.shape, expected.shape)
    bad = np.argwhere(actual.view(np.uint8) != expected.view(np.uint8)) if actual.ndim else []
    assert len(bad) == 0, f"{label}: {len(bad)} bytes differ, first at {bad[0]}"


INTEGER = re.compile(r"(u?)int(\d), (per_channel|per_tensor|group<(\d+)>), scale (\w+)(, zero)?")
FLOAT = re.compile(r"(e\dm\d), (per_channel|group<(\d+)>), scale (\w+)")
ML = {"e4m3": ml_dtypes.float8_e4m3fn, "e5m2": ml_dtypes.float8_e5m2, "e2m1": ml_dtypes.float4_e2m1fn}
for key, (source, text_) in FORMATS.items():
    name = only(f"!qnt.tensor<{N}x{K}, {text_}>")
    assert name.startswith(source), (name, source)
    w = weights[source]
    if match := INTEGER.fullmatch(text_):
        unsigned, bits, block, group, scale, zero = match.groups()
        bits = int(bits)
        flat = w.reshape(1, -1) if block == "per_tensor" else w
        codes, scales, zeros = quantize_integer(
            flat, bits, int(group or 0), scale, bool(zero), not unsigned)
        codes = (codes & ((1 << bits) - 1)).astype(np.uint8).reshape(N, K)
        if block == "per_channel":
            scales, zeros = scales[:, 0], zeros[:, 0]
        if block == "per_tensor":
            scales, zeros = scales.reshape(()), zeros.reshape(())
        check(key, got.pop(name + ".codes"), codes)
        check(key + " scales", got.pop(name + ".scales"), scales.astype(DTYPES[scale]))
        if zero:
            check(key + " zeros", got.pop(name + ".zeros"),
                  zeros.astype(np.uint8 if unsigned else np.int8))
    elif match := FLOAT.fullmatch(text_):
        dtype, _, group, scale = match.groups()
        codes, scales = quantize_float(w, ML[dtype], int(group or 0), scale)
        if not group:
            scales = scales[:, 0]
        check(key, got.pop(name + ".codes"), codes)
        check(key + " scales", got.pop(name + ".scales"), scales.astype(DTYPES[scale]))
    else:
        check(key, got.pop(name + ".codes"), w.astype(ml_dtypes.bfloat16))

floats = {n: t for n, _, t in globals_ if not t.startswith("!qnt")}
f64 = {k: v.astype(np.float64) for k, v in weights.items()}
for name, type_ in floats.items():
    actual = got.pop(name)
    if type_ == "tensor<f32>":
        assert name == "site.scale" and actual == F(0.125)
    elif type_ == tensor([N, K], "bf16"):
        check(name, actual, weights["f32"].astype(ml_dtypes.bfloat16))
    elif type_ == tensor([K], "f32"):
        check(name, actual, store["gamma"])
    elif type_ == tensor([N], "f32"):
        assert name == "bias"
        expected = f64["bf16"] @ store["beta"].astype(np.float64) + store["bias"]
        np.testing.assert_allclose(actual, expected, rtol=1e-6, atol=1e-6)
    elif name.startswith("bf16"):
        check(name, actual, weights["bf16"] * store["gamma"])
    else:
        assert name.startswith("f32"), name
        check(name, actual, weights["f32"] + weights["f16"])
assert not got, f"nothing asked for {sorted(got)}"
assert len(floats) == 6, floats
assert "arith.extf" not in result.stdout and "@unused" not in result.stdout

# The number of threads changes nothing.
single = run(text, "single.safetensors", "--mlir-disable-threading")
assert single.returncode == 0, single.stderr
assert (folder / "single.safetensors").read_bytes() == (folder / "out.safetensors").read_bytes()

# A second run finds nothing to compute, and keeps every byte of every tensor.
twice = run(result.stdout, "twice.safetensors")
assert twice.returncode == 0, twice.stderr
first, second = load_file(folder / "out.safetensors"), load_file(folder / "twice.safetensors")
assert sorted(k for k in first if "__pad__" not in k) == sorted(k for k in second if "__pad__" not in k)
for name in second:
    check(name, second[name], first[name])
