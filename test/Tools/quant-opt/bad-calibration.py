# REQUIRES: python
# RUN: %python %s %t.dir %inputs/tinylm
"""Calibration files that do not fit the model: one line that names the file."""
import os
import sys

sys.path.append(os.path.join(os.path.dirname(__file__), "Inputs"))
from harness import fails, finish, path, put

import numpy as np

RECIPE = "--quantize=weights=int8 activations=int8 per=tensor calib="
model = sys.argv[2]


def samples(name, **arrays):
    np.savez(path(name), **arrays)
    return path(name)


def tokens(*shape, dtype=np.int32, value=5):
    return np.full(shape, value, dtype)


start = np.zeros(4, np.int32)
for name, arrays, pattern in [
        ("rank", {"tokens": tokens(4, 8, 2), "position": start},
         "array 'tokens' has rank 3, expected 2"),
        ("missing", {"tokens": tokens(4, 8)}, "array 'position' is missing"),
        ("dtype", {"tokens": tokens(4, 8, dtype=np.float32), "position": start},
         "array 'tokens' is f32, expected i32"),
        ("count", {"tokens": tokens(4, 8), "position": start[:3]},
         "array 'position' holds 3 samples, 'tokens' 4"),
        ("range", {"tokens": tokens(4, 8, value=99999), "position": start},
         "'tokens': expected values from 0 to 4095, found 99999"),
        ("length", {"tokens": tokens(4, 800), "position": start},
         "dimension 'tokens' is 800, but the model's context is 256"),
        ("empty", {"tokens": tokens(0, 8), "position": start[:0]},
         "nothing was seen")]:
    file = samples(name + ".npz", **arrays)
    fails([file, pattern], model, RECIPE + file)

fails(["none.npz", "No such file"], model, RECIPE + path("none.npz"))
fails(["notes.md", "expected samples in .txt or .npz"], model,
      RECIPE + put("notes.md", "text"))
fails(["void.txt", "holds no text"], model, RECIPE + put("void.txt", ""))
fails("torn.npz", model, RECIPE + put("torn.npz", b"PK\3\4torn"))
finish()
