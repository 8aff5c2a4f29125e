# REQUIRES: python
# RUN: %python %s quant-opt quant-run %test_bin/interpret %t
"""Formats with columns in 16 bits (int4+5): what numpy computes from the codes of the
rest and from the columns of the largest second moments, interpreted, compiled and
simulated; what they cost and lose in qnt-allocate, beside exhaustive search; errors."""
import itertools
import json
import os
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
K, N, M, ROWS = 96, 48, 40, 50
SHAPES = {"a": (N, K), "b": (M, N)}
params = {name: rng.standard_normal(shape).astype(F) for name, shape in SHAPES.items()}
params["bias"] = rng.standard_normal(N).astype(F)
save_file(params, f"{folder}/w.safetensors")
x = rng.standard_normal((ROWS, K)) * np.exp(rng.standard_normal(K))
x = (x @ (rng.standard_normal((K, K)) / np.sqrt(K) + np.eye(K))).astype(F)
hidden = np.maximum(x.astype(float) @ params["a"].T.astype(float) + params["bias"], 0)
moments = {name: (v.T.astype(float) @ v / ROWS).astype(F)
           for name, v in (("a", x), ("b", hidden))}
save_file({f"statistics/{name}/second_moment": m for name, m in moments.items()},
          f"{folder}/s.safetensors",
          {"format": "qnt-statistics-tensors", "version": "1"})
np.savez(f"{folder}/x.npz", x=x)
np.save(f"{folder}/x.npy", x)


def write(name, attributes=""):
    def t(n):
        return f"tensor<?x{n}xf32>"
    lines = [f'module attributes {{qnt.params = "{folder}/w.safetensors"{attributes}}} {{']
    for param, value in params.items():
        shape = "x".join(map(str, value.shape))
        lines.append(f"ml_program.global private @{param}(#ml_program.extern : "
                     f"tensor<{shape}xf32>) : tensor<{shape}xf32>")
    lines.append(f'func.func @main(%x: {t(K)} {{qnt.name = "x", qnt.dims = ["rows", '
                 f'""]}}) -> ({t(M)} {{qnt.name = "y"}}) {{')
    for param, value in params.items():
        shape = "x".join(map(str, value.shape))
        lines.append(f"%{param} = ml_program.global_load_const @{param} : "
                     f"tensor<{shape}xf32>")
    lines += [f'%h = nn.linear %x, %a bias %bias : {t(K)}, tensor<{N}x{K}xf32>, '
              f'tensor<{N}xf32> loc("a")',
              f"%r = nn.activation relu %h : {t(N)}",
              f'%y = nn.linear %r, %b : {t(N)}, tensor<{M}x{N}xf32> loc("b")',
              f"return %y : {t(M)}\n}}\n}}"]
    with open(f"{folder}/{name}.mlir", "w") as file:
        file.write("\n".join(lines))


write("in", f', qnt.statistics = "{folder}/s.safetensors"')
write("plain")


def passes(*options, name="in"):
    return subprocess.run([opt, f"{folder}/{name}.mlir", *options], capture_output=True,
                          text=True)


def interpreted(option):
    done = passes(option)
    assert done.returncode == 0, done.stderr[:2000]
    with open(f"{folder}/after.mlir", "w") as file:
        file.write(done.stdout)
    # Weights that depend on second moments are evaluated first.
    subprocess.run([opt, f"{folder}/after.mlir",
                    f"--qnt-materialize-params=output={folder}/after.safetensors",
                    "-o", f"{folder}/after.mlir"], check=True)
    subprocess.run([interpret, f"{folder}/after.mlir", "main", f"{folder}/x.npz",
                    f"{folder}/out"], check=True)
    return np.load(f"{folder}/out.0.npy")


def compiled(option):
    subprocess.run([opt, f"{folder}/in.mlir", option, "--target=cpu", "-o",
                    f"{folder}/m.so"], check=True)
    subprocess.run([run, f"{folder}/m.so", "--input", f"x={folder}/x.npy", "--output",
                    f"y={folder}/y.npy"], check=True, capture_output=True)
    return np.load(f"{folder}/y.npy")


def split(format_):
    codes, _, count = format_.partition("+")
    return int(codes[3:]), int(count or 0)


def encode(values, bits):
    """To nearest, symmetric, an f32 scale for each row; decoded."""
    most = 2 ** (bits - 1) - 1
    scale = np.abs(values).max(-1, keepdims=True).astype(F) / F(most)
    scale[scale == 0] = 1
    return np.clip(np.rint(values.astype(F) / scale), -most - 1, most) * scale.astype(float)


def find_columns(name, count):
    return np.sort(np.argsort(-np.diag(moments[name]), kind="stable")[:count])


def parts(name, format_):
    """The decoded codes, with zeros, and the columns with zeros elsewhere."""
    bits, count = split(format_)
    rest, columns = params[name].copy(), np.zeros(SHAPES[name])
    chosen = find_columns(name, count)
    rest[:, chosen] = 0
    columns[:, chosen] = params[name][:, chosen].astype(ml_dtypes.bfloat16)
    return encode(rest, bits), columns


def forward(format_, activations):
    def layer(name, value):
        codes, columns = parts(name, format_)
        value = value.astype(F)
        taken = encode(value, 8) if activations == "auto" else value.astype(float)
        return taken @ codes.T + value.astype(float) @ columns.T
    return layer("b", np.maximum(layer("a", x) + params["bias"], 0))


def close(got, want, tolerance, largest=None):
    """Errors of rows: the median, and the largest where it may be more."""
    errors = np.abs(got - want).max(1) / np.abs(want).max()
    assert np.median(errors) <= tolerance, (errors, tolerance)
    assert errors.max() <= (largest or tolerance), (errors, largest)


for format_ in ("int4+5", "int3+1", "int2+17"):
    option = f"--qnt-quantize=weights={format_} head=same activations="
    floats = forward(format_, "none")
    close(interpreted(option + "none"), floats, 1e-5)
    close(interpreted(option + "none simulate=true"), floats, 1e-5)
    close(compiled(option + "none"), floats, 1e-4)
    # A code that rounds the other way moves the results of its row by less than a step.
    codes = forward(format_, "auto")
    close(interpreted(option + "auto"), codes, 1e-5, 1e-2)
    close(compiled(option + "auto"), codes, 1e-5, 1e-2)

# What it is for: columns that count most are as good as exact.
def lost(format_, more=""):
    return np.abs(interpreted(f"--qnt-quantize=weights={format_} head=same "
                              f"activations=none {more}") - forward("int8+47", "none")).mean()


assert lost("int3+32") < lost("int3+8") < lost("int3")
assert lost("int3+8", "rounding=gptq") < lost("int3+8")

# Choices among formats of both kinds.
FORMATS = ["int2", "int2+6", "int4", "int4+12"]
ELEMENTS = sum(n * k for n, k in SHAPES.values())


def count_bits(name, format_):
    (n, k), (bits, count) = SHAPES[name], split(format_)
    return n * k * bits + n * 32 + n * count * 16


def loss(name, format_):
    own = params[name].astype(float)
    codes, columns = parts(name, format_)
    error, moment = codes + columns - own, moments[name].astype(float)
    return np.einsum("ni,ij,nj->", error, moment, error) / np.einsum(
        "ni,ij,nj->", own, moment, own)


for budget in (3.5, 5.2, 6.6):
    report = f"{folder}/report.json"
    done = passes(f"--qnt-allocate=quantize=head=same formats={','.join(FORMATS)} "
                  f"metric=output bits={budget} report={report}",
                  "--qnt-quantize=weights=none head=same")
    assert done.returncode == 0, done.stderr[:2000]
    got = json.load(open(report))
    for tensor in got["tensors"]:
        for choice in tensor["choices"]:
            name, format_ = tensor["name"], choice["format"]
            assert choice["bits"] == count_bits(name, format_), choice
            want = loss(name, format_)
            assert abs(choice["loss"] - want) <= 1e-3 * want, (choice, want)
    best = min((sum(loss(*pair) for pair in zip(SHAPES, choice)), choice)
               for choice in itertools.product(FORMATS, repeat=2)
               if sum(count_bits(*pair) for pair in zip(SHAPES, choice))
               <= budget * ELEMENTS)
    assert tuple(got["allocation"].values()) == best[1], (got["allocation"], best)
    # qnt-quantize follows.
    for name, format_ in got["allocation"].items():
        bits, count = split(format_)
        n, k = SHAPES[name]
        assert f"<{n}x{k}, int{bits}, " in done.stdout, done.stdout
        assert (f"<{n}x{count}, bf16, unscaled>" in done.stdout) == (count > 0)


def refuses(done, *words):
    assert done.returncode == 1
    for word in words:
        assert word in done.stderr, done.stderr


refuses(passes("--qnt-quantize=weights=int4+48 head=same"), "'b'", "48 columns",
        "fewer than the layer's 48 inputs")
refuses(passes("--qnt-quantize=weights=int4+4 head=same", name="plain"), "'a'",
        "second moments", "qnt-calibrate")
for word in ("0", "-1", "x", ""):
    refuses(passes(f"--qnt-quantize=weights=int4+{word}"), f"weights=int4+{word}",
            "above 0")
refuses(passes("--qnt-quantize=weights=bf16+4"), "weights=bf16+4", "no codes")
refuses(passes("--qnt-allocate=metric=weight bits=4 formats=int4,int4+x"), "'int4+x'")
