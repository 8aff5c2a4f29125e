# REQUIRES: python
# RUN: %python %s %t
"""Globals read from a parameter store: floats, codes, and packed weights."""
import os
import subprocess
import sys

import ml_dtypes
import numpy as np
from safetensors.numpy import save_file

sys.path.append(os.path.join(os.path.dirname(__file__), "Inputs"))
from cases import Cases, quant_opt, tensor_type
from reference import Quantized

folder = sys.argv.pop(1)
os.makedirs(folder, exist_ok=True)
store = os.path.join(folder, "model.safetensors")
cases = Cases()
rng = cases.rng
f32 = np.float32
tensors, declarations = {}, []


def load(name, of):
    declarations.append(f'ml_program.global private @"{name}"'
                        f"(#ml_program.extern : {of}) : {of}\n")
    return cases.op(f'ml_program.global_load_const @"{name}" : {of}')


for dtype in (f32, np.float16, ml_dtypes.bfloat16, np.int32, np.float64):
    x = (rng.standard_normal((3, 5)) * 100).astype(dtype)
    name = f"block.0.{x.dtype.name}"
    tensors[name] = x
    cases.expect(load(name, tensor_type(x)), x)
    cases.end(f"plain_{x.dtype.name}")

for i, (fmt, kind, scale, zero_point) in enumerate([
        ("int4", "group<32>", "f16", False), ("uint8", "per_channel", "f32", True),
        ("int8", "per_tensor", "f32", True),
        ("uint4", "group<32>", "f32", "offset"), ("int3", "group<16>", "bf16", True),
        ("e4m3", "per_channel", "f32", False), ("f16", "unscaled", "f32", False)]):
    x = rng.standard_normal((4, 70)).astype(f32)
    q = Quantized(x, fmt, kind, scale, zero_point)
    name = f"w{i}"
    if q.format.integer:
        mask = (1 << q.format.bits) - 1
        tensors[f"{name}.codes"] = (q.numbers.astype(int) & mask).astype(np.uint8)
    elif fmt == "e4m3":
        tensors[f"{name}.codes"] = q.numbers.astype(
            ml_dtypes.float8_e4m3fn).view(np.uint8)
    else:
        tensors[f"{name}.codes"] = q.numbers.astype(np.float16)
    shape = {"per_channel": (4,), "per_tensor": ()}.get(kind, (4, -1))
    if q.format.scaled:
        dtype = {"f16": np.float16, "bf16": ml_dtypes.bfloat16, "f32": f32}[scale]
        tensors[f"{name}.scales"] = np.array(q.scales).astype(dtype).reshape(shape)
    if zero_point == "offset":
        tensors[f"{name}.offsets"] = np.array(q.zeros).reshape(shape)
    elif zero_point:
        kind = np.int8 if q.format.signed else np.uint8
        tensors[f"{name}.zeros"] = np.array(q.zeros).astype(kind).reshape(shape)
    v = cases.op(f"qnt.dequantize {load(name, q.type())} : {q.type()} -> "
                 f"{tensor_type(x)}")
    cases.expect(v, q.dequantized())
    cases.end(f"quantized{i}")

save_file(tensors, store)
module = (f'module attributes {{qnt.params = "{store}"}} {{\n' +
          "".join(declarations + cases.functions) + "}\n")
got = quant_opt(module)
assert got.returncode == 0, got.stderr[:2000]

# Packed by qnt-materialize-params, read back by the interpreter.
declarations, cases.functions = [], []
tensors = {}
for i, (fmt, kind, scale, zero_point, panels) in enumerate(
        [(f"{sign}int{bits}", str(rng.choice(["group<16>", "group<64>",
                                              "per_channel", "per_tensor"])),
          str(rng.choice(["f16", "bf16", "f32"])),
          (False, True, "offset")[rng.integers(3)],
          str(rng.choice(["16", "8", "16, sums true"])))
         for bits in range(1, 9) for sign in ("", "u")] +
        [("e2m1", "group<32>", "f16", False, "16"),
         ("bf16", "unscaled", "f32", False, "8"),
         ("f16", "unscaled", "f32", False, "16"),
         ("f32", "unscaled", "f32", False, "16")]):
    x = rng.standard_normal((int(rng.integers(1, 40)),
                             int(rng.integers(1, 150)))).astype(f32)
    q = Quantized(x, fmt, kind, scale, zero_point)
    name = f"w{i}"
    tensors[name] = x
    packed = q.type()[:-1] + f", #qnt.panels<{panels}>>"
    w = load(name, tensor_type(x))
    c = cases.op(f"qnt.quantize {w} : {tensor_type(x)} -> {q.type()}")
    p = cases.op(f"qnt.pack {c} : {q.type()} -> {packed}")
    # Every row; qnt.dequantize would be evaluated with the rest.
    ids = np.arange(len(x), dtype=np.int32)
    v = cases.op(f"qnt.embedding {cases.constant(ids)}, {p} : "
                 f"{tensor_type(ids)}, {packed}")
    cases.expect(v, q.dequantized())
    cases.end(f"packed{i}")
save_file(tensors, store)
source, out = (os.path.join(folder, n) for n in ("in.mlir", "out.mlir"))
with open(source, "w") as file:
    file.write(f'module attributes {{qnt.params = "{store}"}} {{\n' +
               "".join(declarations + cases.functions) + "}\n")
got = subprocess.run(["quant-opt", source, "--qnt-materialize-params="
                      f"output={folder}/packed.safetensors", "-o", out],
                     capture_output=True, text=True)
assert got.returncode == 0, got.stderr[:2000]
with open(out) as file:
    text = file.read()
assert "qnt.quantize" not in text and "qnt.pack " not in text
got = quant_opt(text)
assert got.returncode == 0, got.stderr.split("note:")[0][:2000]
print("ok")
