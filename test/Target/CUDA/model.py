# REQUIRES: python, x86
# RUN: %python %s %t.dir %build %test_bin/interpret
"""Compiled models run in the emulator as on a GPU, by the loader and its driver
calls: a quantised MLP against the interpreter, several sizes of one symbolic
dimension on one file of code, and what cannot run is refused in words."""
import os
import sys

import numpy as np
from safetensors.numpy import save_file

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "Inputs"))
from emulated import Place, run  # noqa: E402

folder, build, interpret = sys.argv[1:4]
place = Place(folder, build)
path, rng, EMULATED = place.path, place.rng, place.env


def write(name, weights, body):
    """A module of the function @main whose loads are named %w0, %w1, ..."""
    store = path(f"{name}.in.safetensors")
    save_file({f"w{i}": w for i, w in enumerate(weights)}, store)
    shapes = ["x".join(map(str, w.shape)) + "xf32" for w in weights]
    text = f'module attributes {{qnt.params = "{store}"}} {{\n'
    for i, shape in enumerate(shapes):
        text += (f"ml_program.global private @w{i}(#ml_program.extern : "
                 f"tensor<{shape}>) : tensor<{shape}>\n")
    head, rest = body.split("\n", 1)
    text += head + "\n"
    for i, shape in enumerate(shapes):
        text += (f"%w{i} = ml_program.global_load_const @w{i} : "
                 f"tensor<{shape}>\n")
    with open(path(f"{name}.mlir"), "w") as file:
        file.write(text + rest + "}\n")
    return path(f"{name}.mlir")


def check(name, weights, body, rows, inputs, median, most, chip="sm_80"):
    """Against the interpreter, the errors of all rows: limits of their median and of
    the largest."""
    module = write(name, weights, body)
    model = path(f"{name}.so")
    run("quant-opt", module, f"--target=cuda chip={chip} code=mlir", "-o", model)
    errors = []
    for count in rows:
        x = rng.standard_normal((count, inputs)).astype(np.float32)
        np.savez(path("in.npz"), x=x)
        np.save(path("x.npy"), x)
        run(interpret, module, "main", path("in.npz"), path("truth"))
        run("quant-run", model, "--input", f"x={path('x.npy')}", "--output",
            f"y={path('y.npy')}", env=place.emulate(chip))
        truth, got = np.load(path("truth.0.npy")), np.load(path("y.npy"))
        assert got.shape == truth.shape
        errors += list(np.abs(got - truth).max(1) / np.abs(truth).max())
    print(f"{name}: relative errors of rows: median {np.median(errors):.1e}, largest "
          f"{max(errors):.1e}")
    assert np.median(errors) <= median and max(errors) <= most, (name, errors)
    return model


def mlp(activation, up, down, inputs, hidden, outputs):
    x = f"tensor<?x{inputs}xf32>"
    h = f"tensor<?x{hidden}xf32>"
    y = f"tensor<?x{outputs}xf32>"
    wq = [f"!qnt.tensor<{hidden}x{inputs}, {up}>",
          f"!qnt.tensor<{outputs}x{hidden}, {down}>"]
    w = [f"tensor<{hidden}x{inputs}xf32>", f"tensor<{outputs}x{hidden}xf32>"]
    xq, hq = x, h
    first, second = "%x", "%h"
    lines = []
    if activation:
        xq = f"!qnt.tensor<?x{inputs}, {activation}>"
        hq = f"!qnt.tensor<?x{hidden}, {activation}>"
        first, second = "%xq", "%hq"
    body = f"""func.func @main(%x: {x} {{qnt.name = "x", qnt.dims = ["rows", ""]}}) -> ({y} {{qnt.name = "y"}}) {{
  %q0 = qnt.quantize %w0 : {w[0]} -> {wq[0]}
  %q1 = qnt.quantize %w1 : {w[1]} -> {wq[1]}
"""
    if activation:
        body += f"  %xq = qnt.quantize %x : {x} -> {xq}\n"
    body += f"""  %s = qnt.linear {first}, %q0 : {xq}, {wq[0]}
  %h = nn.activation silu %s : {h}
"""
    if activation:
        body += f"  %hq = qnt.quantize %h : {h} -> {hq}\n"
    return body + f"""  %y = qnt.linear {second}, %q1 : {hq}, {wq[1]}
  return %y : {y}
}}
"""


def weights(*shapes):
    return [rng.standard_normal(shape).astype(np.float32) for shape in shapes]


INT8 = "int8, per_row, scale f32"
# Codes of the second layer's input may differ by one where numbers lie between two:
# in few rows, by a part in 127 of the row's largest number times a weight.
model = check("w8a8", weights((96, 64), (40, 96)),
              mlp(INT8, "int8, per_channel, scale f32",
                  "int8, per_channel, scale f32", 64, 96, 40),
              [1, 7, 16, 33], 64, 1e-6, 2e-2)
check("w4a8", weights((136, 200), (72, 136)),
      mlp(INT8, "int4, group<32>, scale f16", "int4, group<64>, scale f16",
          200, 136, 72), [1, 20], 200, 1e-6, 2e-2)
# f16 products: activations are rounded to 11 bits.
check("w4a16", weights((136, 200), (72, 136)),
      mlp("", "int4, group<32>, scale f16", "int4, group<64>, scale f16",
          200, 136, 72), [1, 20], 200, 2e-3, 2e-3)

# By warpgroups, where there are many rows: activations come by tensor maps.
for chip in ("sm_90a", "sm_100a"):
    check(f"w8a8-{chip}", weights((200, 96), (40, 200)),
          mlp(INT8, "int8, per_channel, scale f32", "int8, per_channel, scale f32", 96,
              200, 40), [3, 65, 140], 96, 1e-6, 2e-2, chip)
    check(f"w4a8-{chip}", weights((136, 200), (72, 136)),
          mlp(INT8, "int4, group<128>, scale f16", "int4, group<64>, scale f16", 200,
              136, 72), [90], 200, 1e-6, 2e-2, chip)
    check(f"w4a16-{chip}", weights((136, 200), (72, 136)),
          mlp("", "int4, group<128>, scale f16", "int4, group<64>, scale f16", 200, 136,
              72), [90], 200, 2e-3, 2e-3, chip)

# What cannot run says why.
refused = run("quant-run", model, "--input", f"x={path('x.npy')}",
              env=dict(EMULATED, QNT_EMULATED_CHIP="90"), fails=True)
assert refused.endswith("the model is compiled for sm_80, but the GPU "
                        "'emulated' is sm_90"), refused
refused = run("quant-run", model, "--input", f"x={path('x.npy')}",
              env=dict(EMULATED, QNT_EMULATED_MEMORY="1000"), fails=True)
assert "the GPU has no room for" in refused and "1000 free" in refused, refused
if not os.path.exists("/usr/lib/x86_64-linux-gnu/libcuda.so.1"):
    refused = run("quant-run", model, "--input", f"x={path('x.npy')}",
                  fails=True)
    assert "there is no CUDA driver: libcuda.so.1" in refused, refused
