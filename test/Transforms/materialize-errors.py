# RUN: rm -rf %t && mkdir %t
# RUN: %python %s %t
# What cannot be evaluated or written: one error, exit status 1, no file.
import os
import pathlib
import subprocess
import sys

import numpy as np
from safetensors.numpy import save_file

folder = pathlib.Path(sys.argv[1])
TEMPLATE = """module attributes {qnt.params = "PATH"} {
ml_program.global private @w(#ml_program.extern : tensor<48x64xf32>) : tensor<48x64xf32>
func.func @f(%x: tensor<?x64xf32>) -> tensor<?x48xf32> {
  %w = ml_program.global_load_const @w : tensor<48x64xf32>
  %q = qnt.quantize %w : tensor<48x64xf32> -> !qnt.tensor<48x64, int4, group<32>, scale f16>
  %y = qnt.linear %x, %q : tensor<?x64xf32>, !qnt.tensor<48x64, int4, group<32>, scale f16>
  return %y : tensor<?x48xf32>
}
}
"""


def expect(text, output, *messages):
    before = sorted(os.listdir(folder))
    result = subprocess.run(
        ["quant-opt", "-", f"--qnt-materialize-params=output={output}"],
        input=text, capture_output=True, text=True, cwd=folder)
    errors = [line for line in result.stderr.splitlines() if "error:" in line]
    assert result.returncode == 1, (messages, result)
    assert len(errors) == 1, result.stderr
    for message in messages:
        assert message in errors[0], (message, errors[0])
    assert sorted(os.listdir(folder)) == before


def model(array, name="w", path="model.safetensors"):
    save_file({name: array}, folder / path)
    return TEMPLATE.replace("PATH", path)


good = np.random.default_rng(1).standard_normal((48, 64)).astype(np.float32)
for value, word in ((np.nan, "NaN"), (np.inf, "infinite"), (-np.inf, "infinite")):
    bad = good.copy()
    bad[17, 5] = bad[40, 0] = value
    expect(model(bad), "out.safetensors", "model.safetensors: tensor 'w'",
           f"element {17 * 64 + 5} is {word}, expected a finite number")
expect(model(good, "v"), "out.safetensors", "model.safetensors", "'w'", "'v'")
expect(model(good.T.copy()), "out.safetensors",
       "tensor 'w' is F32 [64, 48], expected F32 [48, 64]")
expect(model(good.astype(np.float16)), "out.safetensors",
       "tensor 'w' is F16 [48, 64], expected F32 [48, 64]")
expect(TEMPLATE.replace("PATH", "missing.safetensors"), "out.safetensors", "missing.safetensors")
expect(model(good), "no/such/folder/out.safetensors", "no/such/folder")
expect(model(good), "", "expected output=FILE")
expect(model(good).replace('attributes {qnt.params = "model.safetensors"} ', ""),
       "out.safetensors", "no qnt.params")
# A truncated file.
text = model(good)
(folder / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:-4])
expect(text, "out.safetensors", "model.safetensors")
# Static scales belong to activations.
static = model(good).replace(
    "%q = qnt.quantize %w : tensor<48x64xf32> ->",
    "%s = arith.constant dense<1.0> : tensor<48x2xf32>\n"
    "%q = qnt.quantize %w scale %s : tensor<48x64xf32>, tensor<48x2xf32> ->")
expect(static, "out.safetensors", "qnt.quantize that finds its own scales")
# A full disk.
if os.path.exists("/dev/full"):
    expect(model(good), "/dev/full", "/dev/full")
