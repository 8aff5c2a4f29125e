# REQUIRES: python, chromium
# RUN: %python %s quant-opt %source %t
"""--report=FILE.html: in a browser, no error, nothing loaded from elsewhere, and the
figures of the JSON beside it."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import numpy as np
from safetensors.numpy import save_file

from seeding import draw_seed

opt, source, folder = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
shutil.rmtree(folder, ignore_errors=True)
folder.mkdir(parents=True)
text = folder / "text.txt"
text.write_text("A page shows what was chosen, and what from. " * 200)
subprocess.run([opt, source / "test/Inputs/tinylm",
                "--quantize=bits=3.4 formats=int2,int3,int4,int8 group=64 "
                f"sensitivity=weight calib={text} samples=2", "-o", folder / "m.mlir",
                f"--report={folder}/page.html"], check=True)


def browse(name):
    """The page's document once it has run."""
    page = (folder / f"{name}.html").read_text()
    assert not re.search(r"(?:src|href)\s*=\s*[\"']?(?:https?:)?//", page)
    home = folder / "home"
    home.mkdir(exist_ok=True)
    done = subprocess.run(
        ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr",
         "--disable-dev-shm-usage", f"--user-data-dir={home}",
         "--virtual-time-budget=5000", "--dump-dom",
         f"file://{folder.resolve()}/{name}.html"],
        capture_output=True, text=True, timeout=300, env=os.environ | {"HOME": str(home)})
    assert ":CONSOLE" not in done.stderr, done.stderr
    return json.loads((folder / f"{name}.json").read_text()), done.stdout


report, dom = browse("page")
body = dom[dom.index("<tbody>"):dom.index("</tbody>")]
rows = [re.findall(r"<td>(.*?)</td>", row) for row in body.split("<tr")[1:]]
assert len(rows) == len(report["tensors"])


def near(shown, value):
    return abs(float(shown) - value) <= 6e-3 * abs(value)


for cells, tensor in zip(rows, report["tensors"]):
    name, shape, format_, size, loss, sqnr = cells[:6]
    own = next(c for c in tensor["choices"] if c["format"] == tensor["format"])
    assert name == tensor["name"]
    assert shape == "×".join(map(str, tensor["shape"]))
    assert re.sub("<.*?>", "", format_) == tensor["format"]
    number, unit = size.split()
    assert abs(float(number) * {"kB": 1e3, "MB": 1e6}[unit] - own["bytes"]) \
        <= {"kB": 51, "MB": 5100}[unit]
    assert near(loss, own["loss"]) and near(sqnr, own["sqnr_db"]), (cells, own)
    assert sum(tensor["histogram"]["counts"]) == tensor["shape"][0] * tensor["shape"][1]
elements = sum(t["shape"][0] * t["shape"][1] for t in report["tensors"])
stored = sum(next(c for c in t["choices"] if c["format"] == t["format"])["bits"]
             for t in report["tensors"])
figures = re.findall(r"<b[^>]*>(.*?)</b>", dom)
assert near(figures[0], report["loss"]), figures
assert float(figures[1]) == round(stored / elements, 3), figures
assert abs(report["budgets"][0]["taken"] - stored / elements) < 1e-9
assert dom.count("<circle") == len(report["budgets"][0]["front"]) + 1

# A model that ran: its measured loss, inputs with formats of their own, columns apart.
rng = np.random.default_rng(draw_seed())
SHAPES = {"a": (48, 32), "b": (16, 48)}
save_file({name: rng.standard_normal(shape).astype(np.float32)
           for name, shape in SHAPES.items()}, folder / "mlp.safetensors")
np.savez(folder / "x.npz", x=rng.standard_normal((30, 32)).astype(np.float32))
(folder / "mlp.mlir").write_text(f"""
module attributes {{qnt.params = "{folder}/mlp.safetensors"}} {{
ml_program.global private @a(#ml_program.extern : tensor<48x32xf32>) : tensor<48x32xf32>
ml_program.global private @b(#ml_program.extern : tensor<16x48xf32>) : tensor<16x48xf32>
func.func @main(%x: tensor<?x32xf32> {{qnt.name = "x", qnt.dims = ["rows", ""]}})
    -> (tensor<?x16xf32> {{qnt.name = "y"}}) {{
  %a = ml_program.global_load_const @a : tensor<48x32xf32>
  %b = ml_program.global_load_const @b : tensor<16x48xf32>
  %h = nn.linear %x, %a : tensor<?x32xf32>, tensor<48x32xf32> loc("first")
  %r = nn.activation relu %h : tensor<?x48xf32>
  %y = nn.linear %r, %b : tensor<?x48xf32>, tensor<16x48xf32> loc("second")
  return %y : tensor<?x16xf32>
}}
}}
""")
subprocess.run([opt, folder / "mlp.mlir",
                "--quantize=bops=0.00011G bits=7 formats=int3,int3+4,int8 head=same "
                f"activation-formats=int4,int8 calib={folder}/x.npz samples=30",
                "-o", folder / "m.mlir", f"--report={folder}/ran.html"], check=True)
report, dom = browse("ran")
shown = [float(value) for value, name in re.findall(r"<b[^>]*>(.*?)</b>(.*?)</div>", dom)
         if name == "measured together"]
assert len(shown) == 1 and near(shown[0], report["measured_loss"]), shown
section = dom[dom.index('<section id="values"'):dom.index("</section>")]
assert "hidden" not in section.split(">")[0]
lines = [re.findall(r"<td>(.*?)</td>", row) for row in section.split("<tr>")[2:]]
assert [line[:2] for line in lines] == [[v["name"], v["format"]] for v in report["values"]]
assert {v["name"] for v in report["values"]} == {"first.input", "second.input"}
for line, value in zip(lines, report["values"]):
    assert all(near(cell, choice["loss"])
               for cell, choice in zip(line[2:], value["choices"])), (line, value)
assert [c["format"] for c in report["tensors"][0]["choices"]] == ["int3", "int3+4", "int8"]
assert [c["bits"] for c in report["tensors"][0]["choices"]] == \
    [48 * (32 * 3 + 32), 48 * (32 * 3 + 32 + 4 * 16), 48 * (32 * 8 + 32)]
