#!/usr/bin/env python3
"""Convolution networks, batch 1: our f32, W8A8 and integer-only code beside ONNX
Runtime's f32 and int8 of the same network, interleaved in one run, on one thread
and on two.

usage: cnn.py [--networks resnet20,mobilenetv2,resnet50] [--threads 1,2] [--rounds R]

Networks are those of make_cnn.py, and ResNet-20 of shared/models. The peer's int8
models come from onnxruntime.quantization.quantize_static: weights int8 per channel,
activations uint8, the form that its CPU kernels multiply fastest. Both sides are
calibrated on the same images. Prints medians with spreads and, round by round, the
ratios.
"""
import argparse
import contextlib
import logging
import pathlib
import tempfile

import numpy as np
import onnx
import onnxruntime as ort
from onnxruntime.quantization import (CalibrationDataReader, QuantFormat, QuantType,
                                      quantize_static)
from onnxruntime.quantization.shape_inference import quant_pre_process

from make_cnn import NETWORKS
from rounds import open_session, show_ratio, show_times, take_turns, time_session
from tools import compile_model, machine, need_shared, run_json


class Images(CalibrationDataReader):
    def __init__(self, name, images):
        self.feeds = iter([{name: image[None]} for image in images])

    def get_next(self):
        return next(self.feeds, None)


def make(name, scratch):
    """The float model's path, its input's name, and 16 images to calibrate on."""
    random = np.random.default_rng(1)
    if name == "resnet20":
        path = need_shared("models/resnet20_cifar10.onnx")
        data = np.load(need_shared("data/cifar10_calib_512.npz"))["image"][:16]
        images = data.transpose(0, 3, 1, 2) / 255 - np.array([.485, .456, .406])[:, None, None]
        images /= np.array([.229, .224, .225])[:, None, None]
    else:
        path = scratch / f"{name}.onnx"
        onnx.save(NETWORKS[name](224, seed=0), path)
        images = random.normal(0, 1, (16, 3, 224, 224))
    return path, "image", images.astype(np.float32)


def quantize_peer(name, source, entry, images, scratch):
    """The path of the int8 model of ONNX Runtime's static quantiser."""
    prepared, integers = scratch / f"{name}-prepared.onnx", scratch / f"{name}-int8.onnx"
    with contextlib.redirect_stdout(None):
        quant_pre_process(str(source), str(prepared))
        quantize_static(str(prepared), str(integers), Images(entry, images),
                        quant_format=QuantFormat.QDQ, per_channel=True,
                        activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8)
    return integers


def bench(name, threads, rounds, scratch):
    source, entry, images = make(name, scratch)
    calibration = scratch / f"{name}.npz"
    np.savez(calibration, **{entry: images})
    recipe = f"weights=int8 activations=int8 per=tensor calib={calibration} samples=16"
    ours = {"qnt f32": None, "qnt W8A8": recipe, "qnt integer": recipe + " arithmetic=integer"}
    models = {}
    for label, text in ours.items():
        models[label] = scratch / f"{name}-{label.replace(' ', '-')}.so"
        compile_model(source, models[label], text)

    integers = quantize_peer(name, source, entry, images, scratch)
    feeds = {entry: images[:1]}
    image = scratch / f"{name}.npy"
    np.save(image, images[:1])
    for count in threads:
        runs = {label: lambda model=model: run_json(
                    model, "--bench", "--input", f"{entry}={image}", "--threads", count,
                    "--runs", 20)["ms"]
                for label, model in models.items()}
        for label, path in (("ORT f32", source), ("ORT int8", integers)):
            session = open_session(path, count)
            runs[label] = lambda session=session: time_session(session, feeds)
        times = take_turns(runs, rounds)
        print(f"{name}, batch 1, {count} thread(s)")
        show_times(times)
        for slow, fast in (("ORT int8", "qnt W8A8"), ("ORT int8", "qnt integer"),
                           ("qnt f32", "qnt W8A8"), ("ORT f32", "qnt f32")):
            show_ratio(times, slow, fast)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", default="resnet20,mobilenetv2,resnet50")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    logging.disable(logging.WARNING)
    print(f"ONNX Runtime {ort.__version__}, {args.rounds} rounds, {machine()}")
    with tempfile.TemporaryDirectory() as scratch:
        for name in args.networks.split(","):
            bench(name, [int(n) for n in args.threads.split(",")], args.rounds,
                  pathlib.Path(scratch))


if __name__ == "__main__":
    main()
