# REQUIRES: python, verilator
# RUN: %python %s %build %t
"""--target="fpga ... weights=dram": a folder whose Makefiles run frames with its memory, as the
interpreter gives them; weights.bin at the offsets that its README has; what its report says of the
memory. weights=auto puts there what block RAM has no room for."""
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
from integers import Graph, interpret, quantize, run  # noqa: E402
from vitis import lint, lint_script  # noqa: E402

build, folder = map(pathlib.Path, sys.argv[1:])
seed, rng = make_random()
FRAMES, SIZES = 3, (64, 96, 32)
shutil.rmtree(folder, ignore_errors=True)
folder.mkdir(parents=True)
graph = Graph(rng, [1, SIZES[0]])
hidden = graph.node("Relu", graph.linear("x", SIZES[0], SIZES[1]))
graph.save(folder / "model.onnx", graph.linear(hidden, SIZES[1], SIZES[2]), [1, SIZES[2]])
quantize(rng, build, folder, "weights=int4 activations=uint8")


warnings = []


def compile_for(target, model="integers.mlir", into="design"):
    done = subprocess.run([build / "bin/quant-opt", folder / model,
                           f"--target=fpga part=xc7z020 clock=100MHz {target}", "-o", folder / into],
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    warnings.append(done.stderr)
    return json.loads((folder / into / "report.json").read_text())


report = compile_for("cycles=800 weights=dram")
ports = {port["name"]: port for port in report["memory"]["ports"]}
sizes = {"weights0": SIZES[0] * SIZES[1] // 2, "weights1": SIZES[1] * SIZES[2] // 2}
rate = 1e8 / report["cycles"]
for name, size in sizes.items():
    port = ports[name]
    assert (port["bits"], port["bytes"], port["mbit_per_second_most"]) == (64, size, 6400), port
    assert np.isclose(port["mbit_per_second"], 8 * size * rate / 1e6), port
assert not report["memory"]["is_bottleneck"]
# Two ports of 64 bits at 100 MHz have 1.6 GB/s.
taken = sum(sizes.values()) * rate / 1e9
assert (f"reads weights at {taken:.2f} GB/s, and is as fast as reported only if the memory has 1.60 "
        "GB/s, a word of each port (2) every cycle; expected bandwidth=") in warnings[0], warnings
page = (folder / "design/report.html").read_text()
assert "<h2>Memory</h2>" in page and "are not what frames wait for" in page

# The file, by the table; a word a line for the simulations.
readme = (folder / "design/README.md").read_text()
image = (folder / "design/weights.bin").read_bytes()
for name, size in sizes.items():
    row = re.search(rf"\| `{name}` \| (\d+) \| {size} \| 64 \| 64 \|", readme)
    at = int(row[1])
    words = [int.from_bytes(image[i:i + 8], "little") for i in range(at, at + size, 8)]
    assert at % 4096 == 0 and words == [
        int(line, 16) for line in (folder / f"design/verilog/{name}.hex").read_text().split()]

scale, zero = re.search(r"`in0` .*\(n - (\d+)\) \* (\S+) \|", readme).groups()[::-1]
lanes = int(re.search(r"`in0` \| in \| 64 \| unsigned, 8 bits \| (\d+) ", readme)[1])
bits, out_lanes = map(int, re.search(r"`out0` \| out \| 32 \| signed, (\d+) bits \| (\d+)",
                                     readme).groups())
scales = np.array(re.search("Scales of `out0`: (.*)", readme)[1].split(), np.float32)
codes = rng.integers(0, 256, (FRAMES, SIZES[0]))
want = interpret(build, folder, (codes - int(zero)).astype(np.float32) * np.float32(scale))
verilog, cpp = folder / "design/verilog", folder / "design/cpp"
# What comes with the project, then other frames.
for place, target, options in ((verilog, "rtlsim", ["STALLS=5"]), (cpp, "csim", [])):
    done = subprocess.run(["make", target, *options], cwd=place, capture_output=True, text=True,
                          timeout=500)
    assert done.returncode == 0 and re.search(r"out0: 0 of \d+ words differ", done.stdout), done
for place in (verilog, cpp):
    (place / "out0.expected.hex").unlink()
    (place / "in0.hex").write_text("".join(f"{w:x}\n" for w in pack(codes.ravel(), 8, lanes)))


def simulate(*options):
    """Clock cycles."""
    done = subprocess.run(["make", "rtlsim", f"FRAMES={FRAMES}", *options], cwd=verilog,
                          capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stdout + done.stderr
    words = [int(word, 16) for word in (verilog / "out0.hex").read_text().split()]
    sums = np.array(unpack(words, bits, out_lanes, signed=True)).reshape(FRAMES, -1)
    assert (sums.astype(np.float32) * scales == want).all(), options
    return int(re.search(rf"{FRAMES} frames in (\d+) cycles", done.stdout)[1])


fast = simulate()
slow = simulate("LATENCY=100", "JITTER=50", "STALLS=4", "PACE=12")
# A frame's words of the first layer, of which those that are ahead come before.
assert slow > 12 * (FRAMES * sizes["weights0"] // 8 - 512) > fast, (fast, slow)
fifos = json.loads((verilog / "fifos.json").read_text())["depths"]
assert fifos and all("weights" not in name for name in fifos), fifos
compile_for(f"cycles=800 weights=dram fifos={verilog}/fifos.json", into="again")
done = subprocess.run(["make", "csim"], cwd=cpp, capture_output=True, text=True)
assert done.returncode == 0, done.stdout + done.stderr
assert (cpp / "out0.hex").read_text() == (verilog / "out0.hex").read_text()
assert not lint(cpp, "model") and not lint_script((cpp / "run_vitis.tcl").read_text(), "model")

# A memory of less bandwidth than the design takes: what it gives is what frames wait for.
report = compile_for("cycles=800 weights=dram bandwidth=0.1GB/s", into="slow")
assert "GB/s" not in warnings[-1], warnings
assert report["bottleneck"] == "memory" and report["memory"]["is_bottleneck"], report
assert report["cycles"] == -(-sum(sizes.values()) // 1), report["cycles"]
assert "are what frames wait for" in (folder / "slow/report.html").read_text()

# Nothing goes to memory that has room on the chip.
report = compile_for("cycles=800 weights=auto", into="auto")
assert "GB/s" not in warnings[-1], warnings
assert "memory" not in report and not (folder / "auto/weights.bin").exists()
