# REQUIRES: python, verilator
# RUN: %python %s %build %t
"""--target=fpga: a folder whose Makefiles run frames, as the interpreter gives them; what
its README says of the interface."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import numpy as np

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "Inputs"))
from designs import make_random, pack, unpack  # noqa: E402
from integers import Graph, interpret, quantize  # noqa: E402
from vitis import lint, lint_script  # noqa: E402

build, folder = map(pathlib.Path, sys.argv[1:])
seed, rng = make_random()
FRAMES = 4
shutil.rmtree(folder, ignore_errors=True)
folder.mkdir(parents=True)
graph = Graph(rng, [1, 16])
hidden = graph.node("Relu", graph.linear("x", 16, 8))
graph.save(folder / "model.onnx", graph.linear(hidden, 8, 4), [1, 4])
quantize(rng, build, folder, "weights=int4 activations=uint8")


def compile_for(target):
    return subprocess.run([build / "bin/quant-opt", folder / "integers.mlir",
                           f"--target=fpga {target}", "-o", folder / "design"],
                          capture_output=True, text=True)


done = compile_for("part=xc7z020 clock=125MHz cycles=16")
assert done.returncode == 0, done.stderr
readme = (folder / "design/README.md").read_text()
assert "for xc7z020 at 125.0 MHz: a frame every 16 cycles" in readme, readme
row = re.search(r"`in0` \| in \| 16 \| unsigned, 8 bits \| (\d+) \| (\d+) \| "
                r"\(n - (\d+)\) \* (\S+) \|", readme)
lanes, words, zero, scale = int(row[1]), int(row[2]), int(row[3]), np.float32(row[4])
assert lanes * words == 16
bits, out_lanes = map(int, re.search(r"`out0` \| out \| 4 \| signed, (\d+) bits \| (\d+)",
                                     readme).groups())
scales = np.array(re.search("Scales of `out0`: (.*)", readme)[1].split(), np.float32)
codes = rng.integers(0, 256, (FRAMES, 16))
want = interpret(build, folder, (codes - zero).astype(np.float32) * scale)
verilog = folder / "design/verilog"
(verilog / "in0.hex").write_text("".join(f"{w:x}\n" for w in pack(codes.ravel(), 8, lanes)))
done = subprocess.run(["make", "rtlsim", f"FRAMES={FRAMES}"], cwd=verilog, capture_output=True,
                      text=True, timeout=100)
assert done.returncode == 0 and f"{FRAMES} frames in" in done.stdout, done.stdout + done.stderr
got = [int(word, 16) for word in (verilog / "out0.hex").read_text().split()]
sums = np.array(unpack(got, bits, out_lanes, signed=True)).reshape(FRAMES, 4)
assert (sums.astype(np.float32) * scales == want).all(), (sums, want)

# The same design with FIFOs as deep as they had to be; none that the design has not.
fifos = verilog / "fifos.json"
depths = json.loads(fifos.read_text())["depths"]
assert depths and all(depth >= 2 for depth in depths.values()), depths
text = (verilog / "model.v").read_text()
assert all(re.search(rf" fifo_(u_)?{name} \(", text) for name in depths), depths
assert all(name in done.stderr for name in depths), done.stderr
shutil.copytree(folder / "design", folder / "computed")
again = compile_for(f"part=xc7z020 clock=125MHz cycles=16 fifos={folder}/computed/verilog/fifos.json")
assert again.returncode == 0, again.stderr
for name, depth in depths.items():
    found = re.search(rf"DEPTH\((\d+)\), [^;]* fifo_(?:u_)?{name} \(", (verilog / "model.v").read_text())
    assert int(found[1]) == depth, (name, depth, found[0])
shutil.rmtree(folder / "design")
shutil.move(folder / "computed", folder / "design")
fifos = verilog / "fifos.json"
wrong = folder / "wrong.json"
for written, complaint in (("{", "Expected object key"), ("{}", "expected depths, of format"),
                           (fifos.read_text().replace("out0", "out9"),
                            "has no FIFO 'out9', of which .*; the nearest name is 'out0'"),
                           (re.sub(r"(out0.: )\d+", r"\g<1>1", fifos.read_text()),
                            "expected a depth of 2 or more of 'out0'")):
    wrong.write_text(written)
    failed = compile_for(f"part=xc7z020 clock=125MHz cycles=16 fifos={wrong}")
    assert failed.returncode == 1 and re.search(complaint, failed.stderr), failed.stderr

# The C++ compares what it gives with what is expected.
cpp = folder / "design/cpp"
shutil.copy(verilog / "in0.hex", cpp)


def run_cpp(expected):
    (cpp / "out0.expected.hex").write_text("".join(f"{word:x}\n" for word in expected))
    return subprocess.run(["make", "csim", "CXX=clang++-22"], cwd=cpp, capture_output=True,
                          text=True)


done = run_cpp(got)
assert done.returncode == 0 and f"out0: 0 of {len(got)} words differ" in done.stdout, done
assert (cpp / "out0.hex").read_text() == (verilog / "out0.hex").read_text()
done = run_cpp([got[0] ^ 1] + got[1:])
assert done.returncode != 0 and f"out0: 1 of {len(got)} words differ" in done.stdout, done
script = (cpp / "run_vitis.tcl").read_text()
assert not lint(cpp, "model") and not lint_script(script, "model"), lint(cpp, "model")
assert "set_part xc7z020clg400-1" in script and "-period 8.000" in script, script
