"""Models that ONNX Runtime's own quantiser made, compiled, beside ONNX Runtime: the
codes of every layer of the whole model, and the classes.

  .venv/bin/python test/Bench/qdq.py [--networks resnet20,resnet8,mobilenetv2]
                                     [--images N] [--folder F]

Networks: ResNet-20 and ResNet-8 of shared/models on CIFAR-10, and one of the shape of
MobileNetV2 with random weights on noise, 96 x 96. Formats: QDQ and QOperator,
activations of u8 and s8, weights of s8 and u8 (with zero points), per tensor and per
channel; calibrated on 64 images. `integer` is the model compiled with
--quantize=arithmetic=integer, whose rounding is another (half up, of dyadic factors):
what differs there is what it is said to differ by, and what layers make of that.
Fails where less than 99.9 % of the codes of another model are ONNX Runtime's.

ONNX Runtime runs with session.qdqisint8allowed: without, it computes QDQ models of s8
activations in f32 on x86.
"""
import argparse
import contextlib
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import numpy as np
import onnx
import onnxruntime
from onnxruntime.quantization import (CalibrationDataReader, QuantFormat,
                                      QuantType, quantize_static)
from onnxruntime.quantization.shape_inference import quant_pre_process

from cifar import without_softmax
from make_cnn import NETWORKS
from tools import BUILD, need_shared

MEAN = np.array([.485, .456, .406], np.float32)
STD = np.array([.229, .224, .225], np.float32)
U8, S8 = QuantType.QUInt8, QuantType.QInt8
NAMES = {U8: "u8", S8: "s8"}


class Reader(CalibrationDataReader):
    """Batches of one."""

    def __init__(self, name, samples):
        self.batches = iter([{name: x[None]} for x in samples])

    def get_next(self):
        return next(self.batches, None)


def free_batch(path, output):
    """The model with a batch of any size, prepared for the quantiser."""
    model = onnx.load(path)
    for value in (*model.graph.input, *model.graph.output):
        if value.type.tensor_type.shape.dim:
            value.type.tensor_type.shape.dim[0].dim_param = "N"
    del model.graph.value_info[:]
    onnx.save(model, output)
    with contextlib.redirect_stdout(None):
        quant_pre_process(output, output, skip_symbolic_shape=True)
    return onnx.load(output).graph.input[0].name


def quantize(source, output, samples, form, activations, weights, per_channel):
    name = onnx.load(source).graph.input[0].name
    with contextlib.redirect_stdout(None):
        quantize_static(source, output, Reader(name, samples), quant_format=form,
                        per_channel=per_channel, activation_type=activations,
                        weight_type=weights)


def expose_codes(path, output):
    """Writes the model with all its codes as outputs; their names."""
    model = onnx.load(path)
    graph = model.graph
    constants = {t.name for t in graph.initializer}
    types = {v.name: v.type.tensor_type.elem_type
             for v in onnx.shape_inference.infer_shapes(model).graph.value_info}
    zeros = {t.name: t.data_type for t in graph.initializer}
    names = []
    for node in graph.node:
        if node.op_type == "QuantizeLinear" and node.input[0] not in constants:
            kind = zeros[node.input[2]]
        elif node.op_type.startswith("QLinear") or (
                node.op_type == "QGemm" and len(node.input) == 9):
            kind = types.get(node.output[0]) or next(
                zeros[n] for n in node.input if zeros.get(n) in (2, 3))
        else:
            continue
        names.append(node.output[0])
        if names[-1] not in [o.name for o in graph.output]:
            graph.output.append(onnx.helper.make_tensor_value_info(
                names[-1], kind, None))
    onnx.save(model, output)
    return names


def session(path):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.add_session_config_entry("session.qdqisint8allowed", "1")
    return onnxruntime.InferenceSession(str(path), options,
                                        providers=["CPUExecutionProvider"])


def compile_quantized(path, output, recipe=None):
    command = [BUILD / "bin/quant-opt", path, "--target=cpu", "-o", output]
    if recipe:
        command.append(f"--quantize={recipe}")
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{path}: {done.stderr}")


def run_compiled(model, inputs, outputs, folder):
    """Arrays by name from the compiled `model`."""
    command = [BUILD / "bin/quant-run", model]
    for name, array in inputs.items():
        np.save(f"{folder}/in.{name}.npy", array)
        command += ["--input", f"{name}={folder}/in.{name}.npy"]
    for i, name in enumerate(outputs):
        command += ["--output", f"{name}={folder}/out{i}.npy"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{model}: {done.stderr}")
    return {name: np.load(f"{folder}/out{i}.npy")
            for i, name in enumerate(outputs)}


class Totals:
    """Of all codes: how many, how many differ, by more than 1, the most."""

    def __init__(self):
        self.codes = self.differ = self.far = self.most = 0

    def add(self, ours, theirs):
        assert ours.shape == theirs.shape and ours.dtype == theirs.dtype
        away = np.abs(ours.astype(np.int16) - theirs.astype(np.int16))
        self.codes += away.size
        self.differ += int(np.count_nonzero(away))
        self.far += int(np.count_nonzero(away > 1))
        self.most = max(self.most, int(away.max(initial=0)))

    def percent(self):
        return 100 * (1 - self.differ / self.codes)


def compare(path, images, folder, recipe=None, batch=50):
    """Totals of the codes, and the last outputs of both."""
    codes = expose_codes(path, f"{folder}/codes.onnx")
    reference = session(f"{folder}/codes.onnx")
    name = reference.get_inputs()[0].name
    names = [o.name for o in reference.get_outputs()]
    compile_quantized(f"{folder}/codes.onnx", f"{folder}/codes.so", recipe)
    totals, last = Totals(), ([], [])
    for first in range(0, len(images), batch):
        x = images[first:first + batch]
        theirs = dict(zip(names, reference.run(None, {name: x})))
        ours = run_compiled(f"{folder}/codes.so", {name: x}, names, folder)
        for code in codes:
            totals.add(ours[code], theirs[code])
        for kept, arrays in zip(last, (ours, theirs)):
            kept.append(arrays[names[0]])
    return totals, *(np.concatenate(kept) for kept in last)


def load_cifar(name):
    with np.load(need_shared(f"data/{name}")) as data:
        return (data["image"].transpose(0, 3, 1, 2).astype(np.float32),
                data["label"] if "label" in data else None)


def make(network, count, folder, rng):
    """A float model's path, images to calibrate on, images to compare, labels."""
    path = f"{folder}/{network}.onnx"
    if network == "mobilenetv2":
        onnx.save(NETWORKS[network](96, seed=int(rng.integers(1 << 30))), path)
        free_batch(path, path)
        images = rng.standard_normal((16 + min(count, 64), 3, 96, 96))
        images = images.astype(np.float32)
        return path, images[:16], images[16:], None
    free_batch(without_softmax(need_shared(f"models/{network}_cifar10.onnx"),
                               pathlib.Path(folder)), path)
    samples, _ = load_cifar("cifar10_calib_512.npz")
    images, labels = load_cifar("cifar10_test_2000.npz")
    chosen = rng.choice(len(images), min(count, len(images)), replace=False)
    images, labels, samples = images[chosen], labels[chosen], samples[:64]
    if network == "resnet20":
        images, samples = (np.ascontiguousarray(
            (x / np.float32(255) - MEAN[:, None, None]) / STD[:, None, None],
            np.float32) for x in (images, samples))
    return path, samples, images, labels


VARIANTS = [(QuantFormat.QDQ, U8, S8, False), (QuantFormat.QDQ, U8, S8, True),
            (QuantFormat.QDQ, U8, U8, False), (QuantFormat.QDQ, S8, S8, False),
            (QuantFormat.QDQ, S8, S8, True), (QuantFormat.QOperator, U8, S8, True),
            (QuantFormat.QOperator, U8, U8, False),
            (QuantFormat.QOperator, S8, S8, True)]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", default="resnet20,resnet8,mobilenetv2")
    parser.add_argument("--images", type=int, default=400)
    parser.add_argument("--folder")
    args = parser.parse_args()
    folder = args.folder or tempfile.mkdtemp(prefix="qdq-")
    os.makedirs(folder, exist_ok=True)
    seed = int(time.time())
    rng = np.random.default_rng(seed)
    print(f"seed {seed}, ONNX Runtime {onnxruntime.__version__}")
    print(f"{'network':12}{'format':10}{'x':4}{'w':4}{'per':9}{'arithmetic':11}"
          f"{'codes':>12}{'equal %':>11}{'> 1':>9}{'most':>5}  classes  "
          f"top-1 ours / ORT")
    failures = 0
    for network in args.networks.split(","):
        source, samples, images, labels = make(network, args.images, folder, rng)
        for form, activations, weights, per_channel in VARIANTS:
            path = f"{folder}/quantized.onnx"
            quantize(source, path, samples, form, activations, weights, per_channel)
            recipes = [None]
            if form == QuantFormat.QDQ and per_channel:
                recipes.append("arithmetic=integer")
            for recipe in recipes:
                totals, ours, theirs = compare(path, images, folder, recipe)
                good = recipe or totals.percent() >= 99.9
                failures += not good
                mine, other = ours.argmax(-1), theirs.argmax(-1)
                top = "" if labels is None else \
                    f"{100 * (mine == labels).mean():.2f} / " \
                    f"{100 * (other == labels).mean():.2f}"
                print(f"{network:12}{form.name:10}{NAMES[activations]:4}"
                      f"{NAMES[weights]:4}"
                      f"{'channel' if per_channel else 'tensor':9}"
                      f"{'integer' if recipe else 'f32':11}{totals.codes:12,}"
                      f"{totals.percent():11.5f}{totals.far:9}{totals.most:5}"
                      f"{(mine == other).sum():5}/{len(mine):<5}{top:>13}"
                      f"{'' if good else '  FAILED'}", flush=True)
    return failures > 0


if __name__ == "__main__":
    sys.exit(main())
