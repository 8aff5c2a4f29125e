# REQUIRES: python, shared
# RUN: %python %s --models %shared/models --data %shared/data --folder %t \
# RUN:   --program %test_bin/qnt-onnx-cases --images 16
"""Models that ONNX Runtime's own quantiser made of ResNet-20, beside ONNX Runtime
itself: the codes before the last DequantizeLinear.

  .venv/bin/python test/Bench/qdq.py --program build/test/bin/qnt-onnx-cases

Models: QDQ and QOperator format, per tensor and per channel, activations of u8 and
s8, calibrated on the first 64 images. Counts codes that differ and by how much the
number before rounding was away from the middle between two codes: a tie, which
sums in another order decide either way, is within 1e-3 of it. Fails where less than
99.9 % of a model's codes agree, or a code differs by more than 1.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

import numpy as np
import onnx
import onnxruntime
from onnxruntime.quantization import (CalibrationDataReader, QuantFormat,
                                      QuantType, quantize_static)

ROOT = os.path.dirname(os.path.abspath(__file__)) + "/../.."
MEAN = np.array([.485, .456, .406], np.float32)
STD = np.array([.229, .224, .225], np.float32)


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--models", default=f"{ROOT}/../shared/models")
    parser.add_argument("--data", default=f"{ROOT}/../shared/data")
    parser.add_argument("--program",
                        default=f"{ROOT}/build/test/bin/qnt-onnx-cases")
    parser.add_argument("--folder")
    parser.add_argument("--images", type=int, default=64)
    return parser.parse_args()


def images(path):
    """Normalised [N, 3, 32, 32]."""
    with np.load(path) as data:
        array = next(data[name] for name in data.files if data[name].ndim == 4)
    if array.shape[-1] == 3:
        array = array.transpose(0, 3, 1, 2)
    x = array.astype(np.float32) / np.float32(255)
    return np.ascontiguousarray(
        (x - MEAN[:, None, None]) / STD[:, None, None], np.float32)


class Reader(CalibrationDataReader):
    def __init__(self, name, samples):
        self.batches = iter([{name: x[None]} for x in samples])

    def get_next(self):
        return next(self.batches, None)


def expose_codes(path):
    """Adds the codes that the last DequantizeLinear reads to the outputs, alone.
    Gives their type, and scale and zero point."""
    model = onnx.load(path)
    constants = {t.name: onnx.numpy_helper.to_array(t)
                 for t in model.graph.initializer}
    output = model.graph.output[0].name
    last = next(n for n in model.graph.node if output in n.output)
    while last.op_type != "DequantizeLinear":
        last = next(n for n in model.graph.node if last.input[0] in n.output)
    zero = constants[last.input[2]]
    codes = onnx.helper.make_tensor_value_info(
        last.input[0], onnx.helper.np_dtype_to_tensor_dtype(zero.dtype), None)
    del model.graph.output[:]
    model.graph.output.append(codes)
    onnx.save(model, path)
    return zero.dtype


def run_ours(args, path, name, x, folder, dtype):
    x.tofile(f"{folder}/x.bin")
    job = {"name": "qdq", "model": path, "folder": folder,
           "inputs": [{"name": name, "shape": list(x.shape),
                       "file": f"{folder}/x.bin", "npy": ""}]}
    result = subprocess.run([args.program], input=json.dumps(job) + "\n",
                            check=True, capture_output=True, text=True)
    answer = json.loads(result.stdout)
    if "outputs" not in answer:
        sys.exit(f"{path}: {answer}")
    output = answer["outputs"][0]
    return np.fromfile(output["file"], dtype).reshape(output["shape"])


def main():
    args = arguments()
    folder = args.folder or tempfile.mkdtemp(prefix="qdq-")
    os.makedirs(folder, exist_ok=True)
    source = f"{args.models}/resnet20_cifar10.onnx"
    name = onnx.load(source).graph.input[0].name
    samples = images(f"{args.data}/cifar10_calib_512.npz")[:64]
    test = images(f"{args.data}/cifar10_test_2000.npz")
    seed = int(time.time())
    print("seed", seed)
    rng = np.random.default_rng(seed)
    x = test[rng.choice(len(test), args.images, replace=False)]
    failures = 0
    for form in (QuantFormat.QDQ, QuantFormat.QOperator):
        for kind in (QuantType.QUInt8, QuantType.QInt8):
            for per_channel in (False, True):
                path = f"{folder}/model.onnx"
                quantize_static(source, path, Reader(name, samples),
                                quant_format=form, per_channel=per_channel,
                                activation_type=kind,
                                weight_type=QuantType.QInt8)
                dtype = expose_codes(path)
                options = onnxruntime.SessionOptions()
                options.log_severity_level = 3
                session = onnxruntime.InferenceSession(
                    path, options, providers=["CPUExecutionProvider"])
                want = session.run(None, {name: x})[0]
                got = run_ours(args, path, name, x, folder, dtype)
                away = np.abs(want.astype(int) - got.astype(int))
                agree = (away == 0).mean()
                good = agree >= 0.999 and away.max() <= 1
                failures += not good
                print(f"{form.name:9} {kind.name:6} per "
                      f"{'channel' if per_channel else 'tensor':7}: "
                      f"{100 * agree:.3f} % of {away.size} codes agree, "
                      f"{(away > 0).sum()} differ by at most {away.max()}"
                      f"{'' if good else '  FAILED'}", flush=True)
    return failures > 0


if __name__ == "__main__":
    sys.exit(main())
