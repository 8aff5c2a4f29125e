# REQUIRES: python, x86
# RUN: %python %s %t.dir
"""Every kind of output, by every way to it: the same model, byte for byte."""
import os
import re
import shutil
import subprocess
import sys

import numpy as np

sys.path.append(os.path.join(os.path.dirname(__file__), "Inputs"))
from harness import checkpoint, finish, get, path, quant_opt, seed

model = checkpoint()
RECIPE = "--quantize=weights=int4 group=16 head=int8 activations=int8 embedding=int8"
tokens = np.random.default_rng(seed).integers(0, 64, (2, 7)).astype(np.int32)
np.savez(path("in.npz"), tokens=tokens, position=np.zeros(2, np.int32))


def compile_(*args, name):
    done = quant_opt(*args, "-o", path(name))
    assert done.returncode == 0 and not done.stderr, (args, done)
    return path(name)


def logits(so, *args, **environment):
    out = path("out.npy")
    done = subprocess.run(
        ["quant-run", so, "--entry", "score", "--input", path("in.npz"),
         "--output", out, *args], capture_output=True, text=True,
        env=os.environ | environment)
    assert done.returncode == 0, done
    return np.load(out), re.search(r"(\w+) kernels", done.stderr)[1]


def same(a, b):
    for extension in (".so", ".safetensors"):
        assert get(a + extension) == get(b + extension), (a, b, extension)


# The same bytes again, whatever the name and the number of threads.
direct = compile_(model, RECIPE, "--target=cpu", name="direct.so")
truth, native = logits(direct)
assert np.all(np.isfinite(truth))
compile_(model, RECIPE, "--target=cpu", name="again.so")
same("direct", "again")
compile_(model, RECIPE, "--target=cpu", "--mlir-disable-threading",
         name="serial.so")
same("direct", "serial")

# Through IR, as text and bytecode, before and after quantisation. Names of
# layers travel along: they are in the manifest.
for extension in ("mlir", "mlirbc"):
    text = compile_(model, name="float." + extension)
    compile_(text, RECIPE, "--target=cpu", name="a.so")
    same("direct", "a")
    text = compile_(model, RECIPE, name="quantised." + extension)
    compile_(text, "--target=cpu", name="b.so")
    same("direct", "b")
    # A pass of our own, into the same kind of file.
    copy = compile_(text, "--cse", "--mlir-print-debuginfo",
                    name="copy." + extension)
    compile_(copy, "--target=cpu", name="c.so")
    same("direct", "c")
    start = get("copy." + extension)[:4]
    assert (start == b"ML\xefR") == (extension == "mlirbc"), start

# Code alone: no parameters beside it.
for extension, needle in ((".ll", b"define "), (".s", b"qnt_portable_score:"),
                          (".o", b"\x7fELF")):
    compile_(model, RECIPE, "--target=cpu isa=portable", name="code" + extension)
    assert needle in get("code" + extension), extension
assert not os.path.exists(path("code.safetensors"))

# One file, elsewhere, after everything else is gone.
compile_(model, RECIPE, "--target=cpu", "--embed", name="one.so")
assert not os.path.exists(path("one.safetensors"))
os.makedirs(path("elsewhere"))
os.rename(path("one.so"), path("elsewhere/renamed.so"))
shutil.rmtree(model)
got, _ = logits(path("elsewhere/renamed.so"))
assert np.array_equal(got, truth)

# Several instruction sets: the best by itself, the others on demand.
checkpoint()
several = compile_(model, RECIPE, "--target=cpu isa=all", name="all.so")
got, chosen = logits(several)
assert chosen == native and np.array_equal(got, truth)
assert get("all.safetensors") == get("direct.safetensors")
ran = 0
with open("/proc/cpuinfo") as file:
    flags = file.read()
for isa, flag in (("avx512vnni", "avx512_vnni"), ("avx2", " avx2"),
                  ("portable", "fpu")):
    if flag not in flags:
        continue
    for how in ({"QNT_ISA": isa}, {}):
        got, chosen = logits(several, *([] if how else ["--isa", isa]), **how)
        assert chosen == isa, chosen
        # Sums differ in order; a code of an activation may then round
        # elsewhere, once in a while.
        error = np.linalg.norm(got - truth) / np.linalg.norm(truth)
        assert error < 5e-3, (isa, error)
    ran += 1
print(ran, "instruction sets")
finish()
