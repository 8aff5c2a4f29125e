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
cpp = folder / "design/cpp"


def make(here, target, *options):
    done = subprocess.run(["make", target, *options], cwd=here, capture_output=True, text=True,
                          timeout=200)
    return done.returncode, done.stdout + done.stderr


# The project's own frames, drawn over the whole range of codes.
own = [int(word, 16) for word in (verilog / "in0.hex").read_text().split()]
elements = unpack(own, 8, lanes, signed=False)
assert len(elements) == 32 and max(elements) > 200 and min(elements) < 55, elements
theirs = interpret(build, folder, ((np.array(elements) - zero).astype(np.float32) * scale)
                   .reshape(2, 16))
expected = [int(word, 16) for word in (verilog / "out0.expected.hex").read_text().split()]
sums = np.array(unpack(expected, bits, out_lanes, signed=True)).reshape(2, 4)
assert (sums.astype(np.float32) * scales == theirs).all(), (sums, theirs)
for here, target, options in ((cpp, "csim", ()), (cpp, "csim", ("SANITIZE=1",)),
                              (verilog, "rtlsim", ()), (verilog, "rtlsim", ("STALLS=9",)),
                              (verilog, "rtlsim", ("FRAMES=7", "STALLS=3", f"SEED={seed}"))):
    status, text = make(here, target, *options)
    # Of more frames than there are, the first ones come again.
    count = len(expected) // 2 * (7 if "FRAMES=7" in options else 2)
    assert status == 0 and f"out0: 0 of {count} words differ" in text, text
assert "7 frames in" in text and "the first one in" in text, text
for options, complaint in ((["FRAMES=0"], "expected FRAMES of 1 or more, and STALLS of 0 to 15"),
                           (["STALLS=16"], "expected FRAMES of 1 or more, and STALLS of 0 to 15")):
    status, text = make(verilog, "rtlsim", *options)
    assert status != 0 and complaint in text, text
assert "needs clang++ 16" in make(cpp, "csim", "CXX=", "OUT=none.out")[1]
# One wrong word, and no words.
broken = folder / "broken"
shutil.copytree(folder / "design", broken)
for here, target in ((broken / "verilog", "rtlsim"), (broken / "cpp", "csim")):
    word = here / "out0.expected.hex"
    lines = word.read_text().split()
    word.write_text("\n".join([f"{int(lines[0], 16) ^ 1:x}", *lines[1:]]) + "\n")
    status, text = make(here, target)
    assert status != 0 and f"out0: 1 of {len(expected)} words differ" in text, text
    (here / "in0.hex").write_text("")
    status, text = make(here, target, "FRAMES=2")
    assert status != 0 and "in0.hex has no words" in text, text
    (here / "in0.hex").unlink()
    assert make(here, target, "FRAMES=2")[0] != 0
shutil.rmtree(broken)

for here in (verilog, cpp):
    (here / "out0.expected.hex").unlink()
(verilog / "in0.hex").write_text("".join(f"{w:x}\n" for w in pack(codes.ravel(), 8, lanes)))
done = subprocess.run(["make", "rtlsim", f"FRAMES={FRAMES}"], cwd=verilog, capture_output=True,
                      text=True, timeout=100)
assert done.returncode == 0, done.stdout + done.stderr
assert re.search(rf"^{FRAMES} frames in \d+ cycles, the first one in \d+, the last one in 16$",
                 done.stdout, re.M), done.stdout
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

# Nothing is left of an earlier design; a folder of something else stays.
(folder / "design/verilog/stale.v").write_text("")
taken = folder / "taken"
taken.mkdir()
(taken / "thesis.tex").write_text("mine")
for into, status in (("design", 0), ("taken", 1)):
    done = subprocess.run([build / "bin/quant-opt", folder / "integers.mlir", "-o", folder / into,
                           "--target=fpga part=xc7z020 clock=125MHz cycles=16 frames=0"],
                          capture_output=True, text=True)
    assert done.returncode == status, done.stderr
assert "is there, but no project that quant-opt wrote (it has no report.json)" in done.stderr
assert [path.name for path in taken.iterdir()] == ["thesis.tex"]
assert not (folder / "design/verilog/stale.v").exists()
assert not (folder / "design/verilog/in0.hex").exists()
(verilog / "in0.hex").write_text("".join(f"{w:x}\n" for w in pack(codes.ravel(), 8, lanes)))
status, text = make(verilog, "rtlsim")
assert status == 0 and "out0: not compared, there is no out0.expected.hex" in text, text

# The C++ compares what it gives with what is expected.
cpp = folder / "design/cpp"
shutil.copy(verilog / "in0.hex", cpp)


def run_cpp(expected):
    (cpp / "out0.expected.hex").write_text("".join(f"{word:x}\n" for word in expected))
    return subprocess.run(["make", "csim"], cwd=cpp, capture_output=True,
                          text=True)


done = run_cpp(got)
assert done.returncode == 0 and f"out0: 0 of {len(got)} words differ" in done.stdout, done
assert (cpp / "out0.hex").read_text() == (verilog / "out0.hex").read_text()
done = run_cpp([got[0] ^ 1] + got[1:])
assert done.returncode != 0 and f"out0: 1 of {len(got)} words differ" in done.stdout, done
script = (cpp / "run_vitis.tcl").read_text()
assert not lint(cpp, "model") and not lint_script(script, "model"), lint(cpp, "model")
assert "set_part xc7z020clg400-1" in script and "-period 8.000" in script, script

# Reports of Vitis, of the shape that UG1399 gives them, beside the estimate.
reports = cpp / "vitis/solution/syn/report"
said = json.loads((folder / "design/report.json").read_text())
stages = [stage for stage in said["stages"] if stage["kind"] not in ("fifo", "memory")]


def read_vitis(*args):
    done = subprocess.run([sys.executable, cpp / "vitis_report.py", *args], capture_output=True,
                          text=True)
    return done.returncode, done.stdout + done.stderr


def write_report(name, cycles, dsps, luts, block_rams, dsp_name="DSP"):
    reports.mkdir(parents=True, exist_ok=True)
    (reports / f"{name}_csynth.xml").write_text(f"""<profile>
<UserAssignments><TargetClockPeriod>8.00</TargetClockPeriod></UserAssignments>
<PerformanceEstimates><SummaryOfTimingAnalysis><EstimatedClockPeriod>5.84</EstimatedClockPeriod>
</SummaryOfTimingAnalysis><SummaryOfOverallLatency><Interval-min>1</Interval-min>
<Interval-max>{cycles}</Interval-max></SummaryOfOverallLatency></PerformanceEstimates>
<AreaEstimates><Resources><BRAM_18K>{block_rams}</BRAM_18K><{dsp_name}>{dsps}</{dsp_name}>
<FF>77</FF><LUT>{luts}</LUT></Resources></AreaEstimates></profile>""")


status, text = read_vitis()
assert status == 1 and "has no model_csynth.xml: run vitis_hls" in text, text
write_report("model", 2 * said["cycles"], 5, said["total"]["lut"] + 10, 3)
write_report("do_" + stages[0]["name"], "undef", 1, 3 * stages[0]["lut"], 0, "DSP48E")
status, text = read_vitis()
assert status == 0, text
assert "clock 5.84 ns of 8, 77 flip-flops, ? URAMs" in text, text
row = next(line for line in text.splitlines() if line.startswith("whole design")).split()
assert row[2:5] == [f"{said['cycles']:g}", f"{2 * said['cycles']:g}", "2.00"], row
assert "1.5" in row, row
row = next(line for line in text.splitlines() if line.startswith(stages[0]["name"] + " ")).split()
assert "?" in row, row
assert f"{3 * stages[0]['lut']:g}" in row and "3.00" in row, row
assert f"{len(stages) - 1} stages without a report" in text, text
(reports / "model_csynth.xml").write_text("<profile></profile>")
status, text = read_vitis()
assert status == 1 and "expected a report of synthesis" in text, text
(reports / "model_csynth.xml").write_text("<profile>")
status, text = read_vitis(cpp / "vitis/solution")
assert status == 1 and "model_csynth.xml: " in text, text
