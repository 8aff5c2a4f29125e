# REQUIRES: python
# RUN: %python %s %t.dir
"""Options that make no sense: one line that says what was expected."""
import os
import sys

sys.path.append(os.path.join(os.path.dirname(__file__), "Inputs"))
from harness import checkpoint, fails, finish, make, path, quant_opt

model = checkpoint()

for recipe, patterns in [
        ("weigths=int4", ["unknown key 'weigths'", "expected one of weights"]),
        ("weights", ["bad value '' of 'weights'"]),
        ("weights=", ["bad value '' of 'weights'"]),
        ("weights=int9", ["weights=int9", "unknown number format"]),
        ("weights=int4 weights=int8", ["'weights' is given twice"]),
        ("weights=int4 group=x", ["bad value 'x' of 'group'", "multiple of 16"]),
        ("weights=int4 group=24", ["groups of 24", "multiple of 16"]),
        ("weights=int4 group=-16", ["groups of -16"]),
        ("weights=int4 zero=maybe", ["bad value 'maybe' of 'zero'"]),
        ("weights=int4 clip=most", ["clip=most", "absmax, mse, hqq or output"]),
        ("weights=int4 clip=hqq", ["clip=hqq", "weights-zero=offset"]),
        ("weights=int4 method=best", ["bad value 'best' of 'method'", "gptq"]),
        ("weights=int4 method=gptq", ["gptq", "calib=FILE"]),
        ("weights=int4 order=moment", ["act-order without rounding=gptq"]),
        ("weights=int4 smooth=hard", ["bad value 'hard' of 'smooth'", "smoothquant"]),
        ("weights=int4 smooth=awq", ["smooth=awq", "calib=FILE"]),
        ("smooth=awq calib=a.txt", ["smooth=awq without weights"]),
        ("weights=int4 alpha=0.5", ["alpha=0.5 is for smooth=smoothquant"]),
        ("weights=int4 rotate=left", ["bad value 'left' of 'rotate'", "residual"]),
        ("weights=int4 rotate-block=32", ["rotate-block without rotate"]),
        ("weights=int4 activations=int4 rotate=duquant",
         ["rotate=duquant needs samples", "calib=FILE"]),
        ("weights=int4 rotate=duquant calib=a.txt",
         ["rotate=duquant without activations", "rotate=hadamard is for weights"]),
        ("weights=int4 activations=int4 rotate=duquant++ calib=a.txt",
         [r"duquant\+\+ rotates numbers that share", "rotate-block=N"]),
        ("weights=int4 outliers=4", ["outliers needs samples", "calib=FILE"]),
        ("outliers=4 calib=a.txt", ["outliers without weights"]),
        ("weights=int4 outliers=0 calib=a.txt", ["bad value '0' of 'outliers'"]),
        ("weights=int4 outliers=4 rotate=hadamard calib=a.txt",
         ["outliers with rotate: a rotation spreads them", "rotate=keys"]),
        ("weights=int4 activations=int8 per=tensor arithmetic=integer outliers=4 "
         "calib=a.txt", ["outliers with arithmetic=integer"]),
        ("weights=int4 lowrank=many", ["bad value 'many' of 'lowrank'"]),
        ("weights=bf16 lowrank=4", ["low-rank=4 with weights=bf16"]),
        ("weights=int4 activations=int8 per=tensor arithmetic=integer lowrank=4 "
         "calib=a.txt", ["lowrank with arithmetic=integer"]),
        ("weights=int4 method=gptq damp=-1", ["bad value '-1' of 'damp'"]),
        ("weights=int4 method=gptq statistics=a.txt",
         ["bad value 'a.txt' of 'statistics'", "MODEL.statistics.json"]),
        ("weights=int4 scale=f8", ["scale=f8", "auto, f16, bf16 or f32"]),
        ("weights=uint4", ["weights=uint4", "negative numbers"]),
        ("weights=e4m3 zero=true", ["no zero points"]),
        ("weights=bf16 group=32", ["has no scales"]),
        ("weights=e4m3 activations=uint8", ["need integer weights"]),
        ("weights=nf4 group=32 activations=uint8", ["need integer weights"]),
        ("activations=uint8", ["without weights"]),
        ("group=32", ["without weights"]),
        ("weights=int4 activations=int3",
         ["bad value 'int3' of 'activations'", "int4 to int7"]),
        ("weights=int8 activations=int8 per=row", ["per=row", "token or tensor"]),
        ("weights=int8 activations=int8 per=tensor", ["per=tensor", "calib=FILE"]),
        ("weights=int8 activations=int8 per=tensor calib=absent.txt",
         ["absent.txt"]),
        ("weights=int8 bias=correct", ["bias=correct needs samples", "calib=FILE"]),
        ("bias=correct calib=absent.txt", ["bias=correct without weights"]),
        ("weights=int8 bias=none", ["bad value 'none' of 'bias'"]),
        ("arithmetic=integer", ["expected a quantised model for integer"]),
        ("arithmetic=integer weights=int8", ["needs activations quantised"]),
        ("weights=int4 head=same head-group=32", ["head-group=32"]),
        ("weights=int4 embedding=uint4", ["embedding=uint4"]),
        ("weights=int4 floats=f8", ["floats=f8"]),
        ("weights=int4 bits=3 calib=a.txt",
         ["weights with bits or size", "formats=A,B,..."]),
        ("bits=3", ["sensitivity=loss needs samples", "calib=FILE"]),
        ("weights=int4 rounds=1", ["rounds is for bits=N"]),
        ("bits=-1 calib=a.txt", ["bad value '-1' of 'bits'"]),
        ("size=12XB calib=a.txt", ["bad value '12XB' of 'size'"]),
        ("weights=int4 formats=int2,int4",
         ["formats is for bits=N, size=N, latency=N or bops=N"]),
        ("bits=3 activation-formats=none,int8 calib=a.txt",
         ["activation-formats needs a budget", "latency=N or bops=N"]),
        ("bops=3 calib=a.txt", ["bad value '3' of 'bops'"]),
        ("bops=3G activation-formats=int2 calib=a.txt",
         ["bad value 'int2' of 'activation-formats'"]),
        ("bops=3G activation-formats=int8,none sensitivity=weight",
         ["sensitivity=weight measures weights alone"]),
        ("bits=3 kv-formats=f16,int8 calib=a.txt",
         ["kv-formats needs size=N, and context=N"]),
        ("bits=3 allocation=a.json calib=a.txt", ["formats are chosen already"]),
        ("allocation=a.txt", ["bad value 'a.txt' of 'allocation'"]),
        ("weights=int4 kv=int2",
         ["bad value 'int2' of 'kv'", "f16, f32, int8, int4"]),
        ("weights=int4 kv=int4 kv-keys=channel", ["kv-keys=channel needs", "calib=FILE"]),
        ("weights=int4 kv-keys=channel calib=x.txt", ["expected kv=int8 or kv=int4"]),
        ("weights=int4 kv=int4 kv-keys=channel calib=x.txt rotate=keys",
         ["kv-keys=channel with rotate=keys"]),
        ("weights=int4 keep=(", ["keep=\\(", "regular expression"]),
        ("weights=int4 samples=many", ["bad value 'many' of 'samples'"]),
        ("weights=int4 range=wide", ["bad value 'wide' of 'range'"])]:
    fails(patterns, model, f"--quantize={recipe}")
for keys in ("outliers=4", "activations=int4 rotate=duquant"):
    fails(["statistics are kept beside the output: expected -o FILE"], model,
          f"--quantize=weights=int4 {keys} calib=a.txt", output=None)
fails(["--report is of formats that are chosen", "bits=N"], model,
      "--quantize=weights=int4", f"--report={path('r.html')}")
fails(["expected a name ending in .html or .json"], model,
      "--quantize=bits=3 calib=a.txt", f"--report={path('r.txt')}")
with open(path("formats.json"), "w") as file:
    file.write('{"allocation": {"model.layers.0.mlp.up.weight": "int4"}}')
fails(["no layer has the weight 'model.layers.0.mlp.up.weight'",
       "nearest name is 'model.layers.0.mlp.up_proj.weight'"], model,
      f"--quantize=allocation={path('formats.json')}")
with open(path("formats.json"), "w") as file:
    file.write('{"allocation": {"a": 4}}')
fails(["formats.json: allocation: 'a' must be a string"], model,
      f"--quantize=allocation={path('formats.json')}")
# Groups need inputs in multiples of 16.
make.write(path("odd"), make.SHAPES["tiny-llama"] | {"intermediate_size": 40},
           "f32")
fails(["down_proj.weight' has 40 inputs, expected a multiple of 16"],
      path("odd"), "--quantize=weights=int4 group=32")

for target, patterns in [
        ("gpu", ["expected 'cpu', 'cuda' or 'fpga' first, got 'gpu'"]),
        ("", ["expected 'cpu', 'cuda' or 'fpga' first"]),
        ("fpga", ["fpga needs a part, such as part=xc7z020"]),
        ("fpga part=xc7z020", ["fpga needs a clock, such as clock=100MHz"]),
        ("fpga part=xc7z021 clock=1MHz", ["unknown part 'xc7z021', expected one of",
                                          "xc7z045; the nearest is 'xc7z020'"]),
        ("fpga clock=fast", ["unknown clock 'fast', expected 1MHz to 1000MHz"]),
        ("fpga clock=0MHz", ["unknown clock '0MHz'"]),
        ("fpga cycles=0", ["unknown cycles '0'"]),
        ("fpga luts=4", ["unknown luts '4', expected a share such as 80%"]),
        ("fpga dsps=4", ["unknown key 'dsps', expected part, clock, cycles, luts, weights, port, "
                         "bandwidth, fifos, block, tokens or frames"]),
        ("fpga weights=sd", ["unknown weights 'sd', expected chip, dram or auto"]),
        ("fpga port=48", ["unknown port '48', expected a power of two bits from 32 to 1024"]),
        ("fpga bandwidth=4", ["unknown bandwidth '4', expected such as 4.2GB/s"]),
        ("fpga frames=-1", ["unknown frames '-1', expected how many the benches run"]),
        ("fpga tokens=0", ["unknown tokens '0', expected how many a frame has"]),
        ("fpga part=xc7z020 clock=1MHz block=layers.0",
         ["fpga expects block and tokens together, such as block=layers.0 tokens=64"]),
        ("cpu isa=avx9", ["unknown isa 'avx9'", "amx, avx512vnni, avxvnni, avx2, portable",
                          "i8mm, dotprod, neon or all"]),
        ("cpu isa=avx2,neon", ["'avx2' and 'neon' are of two architectures"]),
        ("cpu mcpu=neoverse-n1 isa=avx2", ["'dotprod' and 'avx2' are of two"]),
        ("cpu isa=", ["unknown isa ''"]),
        ("cpu isa=avx2,", ["unknown isa ''"]),
        ("cpu mcpu=z80", ["unknown mcpu 'z80'"]),
        ("cpu speed=high", ["unknown key 'speed'", "mcpu, isa or tiles"])]:
    fails(patterns, model, f"--target={target}")

fails(["--target=fpga writes a folder", "old.so"], model,
      "--target=fpga part=xc7z020 clock=100MHz cycles=1000", output="old.so")
fails(["cannot tell what '.*old.exe' should be", r"\.so, \.ll"], model,
      output="old.exe")
fails(["--target writes code", "old.mlir"], model, "--target=cpu",
      output="old.mlir")
fails(["--embed needs an output ending in .so"], model, "--embed",
      output="old.s")
fails(["old.s' holds one instruction set, but the target names 5"], model,
      "--target=cpu isa=all", output="old.s")
fails(["--target writes code", "got '-'"], model, "--target=cpu", output=None)

# Each instruction set once, whatever way it is named.
done = quant_opt(model, "--target=cpu isa=portable,avx2 mcpu=haswell", "-o",
                 path("twice.so"))
assert done.returncode == 0, done

# --help tells what may be asked for.
text = quant_opt("--help").stdout
for word in ("--quantize=<recipe>", "weights: format of linear weights",
             "--target=<target>", "isa=amx,avx512vnni,avxvnni,avx2,portable|all",
             "--embed", "HuggingFace folder", ".mlirbc"):
    assert word in text, word
finish()
