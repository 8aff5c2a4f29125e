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

opt, source, folder = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
shutil.rmtree(folder, ignore_errors=True)
folder.mkdir(parents=True)
text = folder / "text.txt"
text.write_text("A page shows what was chosen, and what from. " * 200)
subprocess.run([opt, source / "test/Inputs/tinylm",
                "--quantize=bits=3.4 formats=int2,int3,int4,int8 group=64 "
                f"sensitivity=weight calib={text} samples=2", "-o", folder / "m.mlir",
                f"--report={folder}/page.html"], check=True)
report = json.loads((folder / "page.json").read_text())
page = (folder / "page.html").read_text()
assert not re.search(r"(?:src|href)\s*=\s*[\"']?(?:https?:)?//", page)


def browse(*options):
    home = folder / "home"
    home.mkdir(exist_ok=True)
    return subprocess.run(
        ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr",
         "--disable-dev-shm-usage", f"--user-data-dir={home}", *options,
         f"file://{folder.resolve()}/page.html"],
        capture_output=True, text=True, timeout=300, env=os.environ | {"HOME": str(home)})


done = browse("--virtual-time-budget=5000", "--dump-dom")
assert ":CONSOLE" not in done.stderr, done.stderr
dom = done.stdout
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
