# REQUIRES: python, minilm, shared
# RUN: rm -rf %t && mkdir %t
# RUN: %python %s %minilm %shared %t
"""STS-B dev with all-MiniLM-L6-v2: Spearman x 100 of W8A8 within 0.3 points of
f32, of W4A8 group 32 within 1.5."""
import json
import pathlib
import subprocess
import sys

folder, shared, scratch = map(pathlib.Path, sys.argv[1:])
base = None
for name, recipe, bound in (
        ("f32", None, 0),
        ("w8a8", "weights=int8 activations=int8", 0.3),
        ("w4a8", "weights=int4 group=32 activations=int8 clip=mse", 1.5)):
    model = scratch / f"{name}.so"
    command = ["quant-opt", folder, "--target=cpu", "-o", model]
    if recipe:
        command.append(f"--quantize={recipe}")
    subprocess.run(command, check=True)
    out = subprocess.run(["quant-run", model, "--eval",
                          f"sts={shared / 'data/stsb-en-dev.csv'}", "--json"],
                         check=True, capture_output=True, text=True).stdout
    score = json.loads(out)["spearman"]
    base = base or score
    print(f"{name}: {score:.2f}")
    # A sanity bound: the float model itself is close to 87.
    assert base > 85, base
    assert abs(score - base) <= bound, (score, base)
