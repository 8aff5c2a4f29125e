# REQUIRES: python
# RUN: %python %s quant-opt %t
"""--outliers on a layer whose input is the model's: the table has numpy's numbers,
and the page is whole in itself."""
import html.parser
import os
import re
import subprocess
import sys

import numpy as np
from safetensors.numpy import save_file

from seeding import draw_seed

opt, folder = sys.argv[1:]
os.makedirs(folder, exist_ok=True)
seed = draw_seed()
rng = np.random.default_rng(seed)
x = rng.normal(size=(20, 3, 48)).astype(np.float32)
x[:, :, 17] *= 60
np.savez(f"{folder}/x.npz", x=x)
save_file({"w": rng.normal(size=(16, 48)).astype(np.float32)},
          f"{folder}/w.safetensors")
with open(f"{folder}/in.mlir", "w") as file:
    file.write(f"""
module attributes {{qnt.params = "{folder}/w.safetensors"}} {{
  ml_program.global private @w(#ml_program.extern : tensor<16x48xf32>) : tensor<16x48xf32>
  func.func @main(%x: tensor<?x?x48xf32> {{qnt.name = "x", qnt.dims = ["b", "t", ""]}}) -> (tensor<?x?x16xf32> {{qnt.name = "y"}}) {{
    %w = ml_program.global_load_const @w : tensor<16x48xf32>
    %y = nn.linear %x, %w : tensor<?x?x48xf32>, tensor<16x48xf32> loc("block <1>")
    return %y : tensor<?x?x16xf32>
  }}
}}
""")
command = [opt, f"{folder}/in.mlir", f"--outliers=calib={folder}/x.npz"]
run = subprocess.run([*command, "-o", f"{folder}/page.html"], capture_output=True,
                     text=True, check=True)
header, line = run.stdout.strip().split("\n")
most = np.abs(x).reshape(-1, 48).max(0)
median = np.sort(most)[::-1][24]
top = np.argsort(-most, kind="stable")[:3]
want = (f"block <1> 48 {most.max():.2f} {median:.3f} {most.max() / median:.1f} "
        + "K " + ", ".join(f"{i}: {most[i]:.2f}" for i in top))
got = re.sub(r" +", " ", line).split(" ")
kurtosis = float(got[6])
got[6] = "K"
assert " ".join(got) == want, (line, want)
rows = x.reshape(-1, 48).astype(np.float64)
rows = rows - rows.mean(0)
each = (rows ** 4).mean(0) / (rows ** 2).mean(0) ** 2
assert abs(kurtosis - np.sort(each)[24]) < 0.06, (kurtosis, np.sort(each)[24])

page = open(f"{folder}/page.html").read()
assert "block &lt;1&gt;" in page and "<1>" not in page
assert page.count("<rect") == 48 and page.count('class="out"') == 1
assert "http" not in page and "<script" not in page
html.parser.HTMLParser().feed(page)

# To standard output alone, and what cannot be.
run = subprocess.run(command, capture_output=True, text=True, check=True)
assert run.stdout.strip().split("\n")[1] == line, run.stdout
for flags, want in (([f"--outliers=calib={folder}/x.npz", "-o", f"{folder}/a.so"],
                     "expected an output ending in .html"),
                    (["--outliers=samples=3"], "expected samples: calib=FILE"),
                    (["--outliers=colour=red"], "unknown key 'colour'")):
    run = subprocess.run([opt, f"{folder}/in.mlir", *flags], capture_output=True,
                         text=True)
    assert run.returncode == 1 and want in run.stderr, (flags, run.stderr)
