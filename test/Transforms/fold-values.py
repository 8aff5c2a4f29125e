# RUN: rm -rf %t && mkdir %t
# RUN: %python %s %t
# Folding keeps what a model computes: norms and layers in the interpreter,
# before and after, with and without evaluating the parameters, against numpy.
import pathlib
import subprocess
import sys

import numpy as np
from safetensors.numpy import save_file

from seeding import draw_seed

folder = pathlib.Path(sys.argv[1])
seed = draw_seed()
rng = np.random.default_rng(seed)
M, K, N = (int(n) for n in rng.integers(2, 40, 3))


def floats(*shape):
    return rng.standard_normal(shape).astype(np.float32)


def literal(array):
    return f'dense<"0x{np.ascontiguousarray(array).tobytes().hex()}">'


x = floats(M, K)
p = {"w": floats(N, K), "v": floats(N, K), "b": floats(N), "c": floats(N),
     "gamma": floats(K), "beta": floats(K)}
save_file(p, folder / "model.safetensors")
d = {k: v.astype(float) for k, v in p.items()} | {"x": x.astype(float)}
EPS = 1e-5
rms = d["x"] / np.sqrt((d["x"] ** 2).mean(1, keepdims=True) + EPS) * d["gamma"]
centered = d["x"] - d["x"].mean(1, keepdims=True)
layer = centered / np.sqrt((centered ** 2).mean(1, keepdims=True) + EPS) * d["gamma"] + d["beta"]
expected = [rms @ d["w"].T + d["b"] + d["c"], layer @ d["w"].T, layer @ d["v"].T + d["b"]]

text = 'module attributes {qnt.params = "model.safetensors"} {\n'
loads = ""
for name, array in p.items():
    t = f"tensor<{'x'.join(map(str, array.shape))}xf32>"
    text += f"ml_program.global private @{name}(#ml_program.extern : {t}) : {t}\n"
    loads += f"%{name} = ml_program.global_load_const @{name} : {t}\n"
X, W, V, Y = f"tensor<?x{K}xf32>", f"tensor<{N}x{K}xf32>", f"tensor<{N}xf32>", f"tensor<?x{N}xf32>"
G = f"tensor<{K}xf32>"
text += f"""func.func @f() {{
{loads}
%x0 = arith.constant {literal(x)} : tensor<{M}x{K}xf32>
%x = tensor.cast %x0 : tensor<{M}x{K}xf32> to {X}
%h = nn.rms_norm %x, %gamma eps 1.0e-5 : {X}, {G}
%a0 = nn.linear %h, %w bias %b : {X}, {W}, {V}
%y0 = nn.add %a0, %c : {Y}, {V}
%n = nn.layer_norm %x, %gamma, %beta eps 1.0e-5 : {X}, {G}
%y1 = nn.linear %n, %w : {X}, {W}
%a2 = nn.linear %n, %v : {X}, {W}
%y2 = nn.add %a2, %b : {Y}, {V}
"""
for i, want in enumerate(expected):
    of = f"tensor<{M}x{N}xf32>"
    text += f"""%e{i} = arith.constant {literal(want.astype(np.float32))} : {of}
%s{i} = tensor.cast %y{i} : {Y} to {of}
qcheck.expect_close %s{i}, %e{i} atol 2.0e-5 rtol 1.0e-5 : {of}
"""
text += "return\n}\n}\n"


def check(*flags):
    result = subprocess.run(["quant-opt", "-", *flags, "--qnt-interpret"], input=text,
                            capture_output=True, text=True, cwd=folder)
    assert result.returncode == 0, (flags, result.stderr[:2000])
    return result.stdout


check()
plain = check("--nn-fold")
assert plain.count("nn.linear") == 3 and plain.count(" bias ") == 2
folded = check("--nn-fold=norms=true")
assert folded.count("nn.mul") == 3 and folded.count("nn.linear") == 5
# In the file, a scaled weight for each layer and norm, and folded biases.
stored = check("--nn-fold=norms=true", "--qnt-materialize-params=output=out.safetensors")
assert "nn.mul" not in stored and stored.count("nn.linear") == 3
