# REQUIRES: python
# RUN: %python %s quant-opt %source %t
"""The same input, recipe and seed give the same bytes, whatever the number of
threads: calibration, smoothing, rotation and GPTQ of a real model."""
import filecmp
import os
import subprocess
import sys

opt, source, folder = sys.argv[1:]
os.makedirs(folder, exist_ok=True)
with open(f"{folder}/calib.txt", "w") as file:
    for page in ("architecture.md", "cpu-target.md", "ir.md"):
        file.write(open(f"{source}/docs/{page}").read())
recipe = ("weights=int3 group=64 smooth=smoothquant rotate=residual,values "
          f"method=gptq calib={folder}/calib.txt samples=6 seed=3")
for threads in (1, 2):
    flags = ["--mlir-disable-threading"] if threads == 1 else []
    os.makedirs(f"{folder}/{threads}", exist_ok=True)
    subprocess.run([opt, f"{source}/test/Inputs/tinylm", *flags,
                    f"--quantize={recipe}", "-o", f"{folder}/{threads}/m.so"],
                   env=os.environ | {"OMP_NUM_THREADS": str(threads)}, check=True)
failed = False
for name in ("m.safetensors", "m.statistics.safetensors",
             "m.before-smoothing.safetensors"):
    if not filecmp.cmp(f"{folder}/1/{name}", f"{folder}/2/{name}", shallow=False):
        failed = True
        print(f"{name} depends on the number of threads")
# Another seed is another rotation and other samples.
subprocess.run([opt, f"{source}/test/Inputs/tinylm",
                "--quantize=" + recipe.replace("seed=3", "seed=4"), "-o",
                f"{folder}/other.so"], check=True)
if filecmp.cmp(f"{folder}/other.safetensors", f"{folder}/1/m.safetensors",
               shallow=False):
    failed = True
    print("the seed has no effect")
sys.exit(failed)
