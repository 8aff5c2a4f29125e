# REQUIRES: python
# RUN: %python %s %test_bin %build/test/Target/CPU/overrun.so
"""run-guarded finds what it is there for: accesses beyond a buffer's end."""
import os
import shutil
import subprocess
import sys
import tempfile

import numpy as np

programs, model = sys.argv[1:]
EXPECTED = [None, "byte 20 of output y, which has 20 bytes",
            "byte 20 of input x, which has 20 bytes",
            "byte 0 of input x, which has 20 bytes and is read only",
            "written around the arena", "written around output y",
            "byte 128 of the arena, which has 100 bytes"]
with tempfile.TemporaryDirectory() as folder:
    model = shutil.copy(model, folder)
    with open(f"{folder}/overrun.safetensors", "wb") as file:
        file.write((2).to_bytes(8, "little") + b"{}")
    for case, message in enumerate(EXPECTED):
        x = np.arange(case, case + 5, dtype=np.float32)
        np.savez(f"{folder}/x.npz", x=x)
        done = subprocess.run(
            [os.path.join(programs, "run-guarded"), model, "main", "portable",
             "2", "0", f"{folder}/x.npz", f"{folder}/y"],
            capture_output=True, text=True)
        if message is None:
            assert done.returncode == 0, done.stderr
            np.testing.assert_array_equal(np.load(f"{folder}/y0.npy"), x)
        else:
            assert done.returncode in (1, 3), (case, done)
            assert message in done.stderr, (case, done.stderr)
print(len(EXPECTED), "cases")
