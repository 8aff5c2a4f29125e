# REQUIRES: python, x86
# RUN: %python %s %t.dir
"""Outputs that cannot be written: one line that names them. Whatever happens, a
compiled model appears whole or not at all, and an earlier one stays loadable."""
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time

import numpy as np

sys.path.append(os.path.join(os.path.dirname(__file__), "Inputs"))
from harness import (checkpoint, fails, finish, get, make, path, put,
                     quant_opt, rng, tree)

model = checkpoint()
RECIPE = "--quantize=weights=int4 group=16 activations=int8"

# Where no file can be.
fails("cannot write '.*/no/such/m.so': there is no folder '.*/no/such'", model,
      "-o", path("no/such/m.so"), output=None)
put("file", "x")
fails("cannot write '.*file/m.so': there is no folder '.*file'", model, "-o",
      path("file/m.so"), output=None)
os.makedirs(path("folder.so"))
fails("cannot write '.*folder.so': it is a folder", model, "-o",
      path("folder.so"), output=None)
fails("cannot write '.*/no/m.mlir'", model, "-o", path("no/m.mlir"),
      output=None)
if os.geteuid():
    os.makedirs(path("locked"))
    os.chmod(path("locked"), 0o555)
    fails("cannot write '.*locked/m.so': Permission denied", model, "-o",
          path("locked/m.so"), output=None)
    os.chmod(path("locked"), 0o755)

# Over its own parameters.
before = tree()
fails("parameters would overwrite '.*model/model.safetensors'", model, RECIPE,
      "-o", path("model/model.so"), output=None)
assert tree() == before

# A pass that fails leaves the earlier file.
put("bad.mlir", "func.func @f(%x: tensor<?x4xf32>) -> tensor<?x4xf32> {\n"
    "  return %x : tensor<?x4xf32>\n}\n")
put("kept.mlir", "earlier")
done = quant_opt(path("bad.mlir"), "--qnt-lower-to-cpu", "-o", path("kept.mlir"))
assert done.returncode == 1 and get("kept.mlir") == b"earlier", done


def limited(size):
    """Files end at `size` bytes: writes beyond fail, as on a full disk."""
    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    return limit


def unwritable(name, **options):
    """Compiles to `name`, which must fail and leave what there was."""
    before = {n: open(n, "rb").read() for n in tree()}
    done = quant_opt(model, RECIPE, "-o", name, **options)
    lines = done.stderr.splitlines()
    assert done.returncode == 1 and len(lines) == 1, (name, done)
    # The linker says it in its own words.
    assert re.match("quant-opt: .*(write|the linker failed: .*(too large|No space left))",
                    lines[0]), lines
    assert {n: open(n, "rb").read() for n in tree()} == before, name
    return lines[0]


done = quant_opt(model, RECIPE, "-o", path("m.so"))
assert done.returncode == 0, done
sizes = [os.path.getsize(path(n)) for n in ("m.safetensors", "m.so")]
for size in (0, 1000, sizes[0] - 1, sizes[1] - 1, rng.randrange(sizes[0])):
    if size < max(sizes):
        unwritable(path("m.so"), preexec_fn=limited(size))

# A disk that is full, where this user may make one.
disk = path("disk")
os.makedirs(disk)
if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={sum(sizes) // 8192 * 4}k",
                   "none", disk], capture_output=True).returncode == 0:
    try:
        assert "No space left" in unwritable(os.path.join(disk, "m.so"))
        # Room for the parameters, but not for the code as well.
        room = (sizes[0] // 4096 + 2) * 4
        subprocess.run(["mount", "-o", f"remount,size={room}k", disk],
                       check=True)
        assert "No space left" in unwritable(os.path.join(disk, "m.so"))
    finally:
        subprocess.run(["umount", disk], check=True)

# kill -9 in the middle: the earlier model stays, or the new one is there.
shutil.rmtree(model)
make.write(model, make.SHAPES["tiny-llama"] | {
    "vocab_size": 30000, "hidden_size": 128, "intermediate_size": 256}, "f32")
np.savez(path("in.npz"), tokens=np.array([[1, 2, 3]], np.int32),
         position=np.zeros(1, np.int32))


def logits(so):
    done = subprocess.run(
        ["quant-run", so, "--verify", "--entry", "score", "--input",
         path("in.npz"), "--output", path("out.npy")], capture_output=True,
        text=True)
    assert done.returncode == 0, done
    return np.load(path("out.npy")).tobytes()


quant_opt(model, "--quantize=weights=int8", "-o", path("m.so"), check=True)
old = logits(path("m.so"))
start = time.time()
quant_opt(model, RECIPE, "-o", path("new.so"), check=True)
took = time.time() - start
new = logits(path("new.so"))
assert old != new
for name in ("new.so", "new.safetensors"):
    os.remove(path(name))
killed = 0
for i in range(10):
    name = path(("m", "new")[i % 2] + ".so")
    with subprocess.Popen(["quant-opt", model, RECIPE, "-o", name]) as process:
        time.sleep(rng.uniform(0, took))
        killed += process.poll() is None
        process.kill()
    if i % 2 == 0:
        assert logits(name) in (old, new)
    elif os.path.exists(name):
        assert logits(name) == new
print(killed, "of 10 killed")
# What they left is no obstacle.
for name in ("m.so", "new.so"):
    done = quant_opt(model, RECIPE, "-o", path(name))
    assert done.returncode == 0 and not done.stderr, done
    assert logits(path(name)) == new
left = [name for name in tree() if name.endswith((".part", ".qnt-tmp"))]
assert not left, left
finish()
