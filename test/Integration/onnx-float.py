# REQUIRES: python, shared
# RUN: rm -rf %t && mkdir %t
# RUN: env QNT_BUILD=%build %python %s %t
"""Float models from ONNX, compiled, against ONNX Runtime: ||a - b|| / ||b|| of every
output below 1e-4, on images and on noise."""
import os
import pathlib
import subprocess
import sys

import numpy as np
import onnxruntime as ort

sys.path.append(os.path.join(os.path.dirname(__file__), "..", "Bench"))
from tools import BUILD, compile_model, need_shared
from seeding import draw_seed

folder = pathlib.Path(sys.argv[1])
seed = draw_seed()
random = np.random.default_rng(seed)
images = np.load(need_shared("data/cifar10_test_2000.npz"))["image"].transpose(0, 3, 1, 2)
chosen = images[random.choice(len(images), 8, replace=False)].astype(np.float32)
cases = {"resnet20_cifar10": (chosen - 120) / 60, "resnet8_cifar10": chosen[:1],
         "ad_autoencoder": random.normal(0, 3, (1, 640)).astype(np.float32)}
for name, x in cases.items():
    source = need_shared(f"models/{name}.onnx")
    model, given, out = (folder / (name + end) for end in (".so", ".npy", ".out.npy"))
    compile_model(source, model)
    session = ort.InferenceSession(str(source), providers=["CPUExecutionProvider"])
    entry = session.get_inputs()[0].name
    want = session.run(None, {entry: x})[0]
    np.save(given, x)
    subprocess.run([BUILD / "bin/quant-run", model, "--input", f"{entry}={given}",
                    "--output", out], check=True, capture_output=True)
    got = np.load(out)
    error = np.linalg.norm(got - want) / np.linalg.norm(want)
    print(f"{name}: {error:.1e}")
    assert got.shape == want.shape and error < 1e-4, (name, error)
