# REQUIRES: python, shared
# RUN: rm -rf %t && mkdir %t
# RUN: %python %s %source %shared %t
"""Perplexity of tinylm on held-out text: compiled f32 within 0.1% of the
published 52.6548, W8A8 at most 1% above it."""
import json
import pathlib
import subprocess
import sys

source, shared, scratch = map(pathlib.Path, sys.argv[1:])
PUBLISHED = 52.6548
for name, recipe, low, high in (("f32", None, -0.001, 0.001),
                                ("w8a8", "weights=int8 activations=int8", -0.01, 0.01)):
    model = scratch / f"{name}.so"
    command = ["quant-opt", source / "test/Inputs/tinylm", "--target=cpu", "-o", model]
    if recipe:
        command.append(f"--quantize={recipe}")
    subprocess.run(command, check=True)
    out = subprocess.run(["quant-run", model, "--eval",
                          f"ppl={shared / 'data/english_heldout.txt'}", "--json"],
                         check=True, capture_output=True, text=True).stdout
    result = json.loads(out)
    change = result["ppl"] / PUBLISHED - 1
    print(f"{name}: perplexity {result['ppl']:.4f}, {100 * change:+.3f}%")
    assert result["windows"] == 557, result
    assert low <= change <= high, change
