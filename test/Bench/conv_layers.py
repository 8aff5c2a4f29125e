#!/usr/bin/env python3
"""Single convolutions of ResNet-50 and MobileNet shapes on codes, batch 1: our time,
its share of the machine's dot product peak, and ONNX Runtime's int8 time of the same
layer (QLinearConv).

usage: conv_layers.py [--threads N] [--runs R] [--weights int8|int4] [--no-peer] [FILTER]

Layers are written in MLIR with random parameters, one entry each: the input is
quantised, convolved with bias, relu and requantisation, and dequantised; the
profile tells the convolution's own time. The peak is `--peak` GOP/s a thread: two
512-bit dot products a cycle at 3.1 GHz. Prints the fastest of the runs of each, as other work disturbs them.
"""
import argparse
import pathlib
import subprocess
import tempfile
import time

import numpy as np
from safetensors.numpy import save_file

from tools import BUILD, machine, run_json

# Name: height and width, channels, features, kernel, stride, groups.
LAYERS = {
    "conv1 7x7/2": (224, 3, 64, 7, 2, 1),
    "layer1 1x1 64-64": (56, 64, 64, 1, 1, 1),
    "layer1 3x3 64": (56, 64, 64, 3, 1, 1),
    "layer1 1x1 64-256": (56, 64, 256, 1, 1, 1),
    "layer1 1x1 256-64": (56, 256, 64, 1, 1, 1),
    "layer2 3x3 128": (28, 128, 128, 3, 1, 1),
    "layer2 1x1 128-512": (28, 128, 512, 1, 1, 1),
    "layer2 1x1 512-128": (28, 512, 128, 1, 1, 1),
    "layer3 3x3 256": (14, 256, 256, 3, 1, 1),
    "layer3 1x1 256-1024": (14, 256, 1024, 1, 1, 1),
    "layer3 1x1/2 512-1024": (28, 512, 1024, 1, 2, 1),
    "layer4 3x3 512": (7, 512, 512, 3, 1, 1),
    "layer4 1x1 512-2048": (7, 512, 2048, 1, 1, 1),
    "layer4 1x1 2048-512": (7, 2048, 512, 1, 1, 1),
    "mobile 3x3/2 3-32": (224, 3, 32, 3, 2, 1),
    "mobile dw 112": (112, 32, 32, 3, 1, 32),
    "mobile dw 56": (56, 144, 144, 3, 1, 144),
    "mobile dw 14": (14, 576, 576, 3, 1, 576),
    "mobile 1x1 96-24": (56, 96, 24, 1, 1, 1),
    "resnet20 3x3 16": (32, 16, 16, 3, 1, 1),
    "resnet20 3x3 64": (8, 64, 64, 3, 1, 1),
}


def write_model(folder, layers, weights):
    rng = np.random.default_rng(0)
    params, text = {"s": np.float32(0.05).reshape(()),
                    "z": np.float32(120).reshape(())}, ""
    code = "uint8, per_tensor, scale f32, zero"
    for index, (name, (size, c, n, k, stride, groups)) in enumerate(layers.items()):
        pad, out = k // 2, (size + 2 * (k // 2) - k) // stride + 1
        w = rng.standard_normal((n, k, k, c // groups)).astype(np.float32)
        params[f"w{index}"] = w
        params[f"b{index}"] = rng.standard_normal(n).astype(np.float32)
        params[f"t{index}"] = np.float32(0.05 * np.sqrt(w[0].size)).reshape(())
        wt = f"tensor<{n}x{k}x{k}x{c // groups}xf32>"
        wq = f"!qnt.tensor<{n}x{k}x{k}x{c // groups}, {weights}, per_channel, scale f32>"
        x, y = f"?x{size}x{size}x{c}", f"?x{out}x{out}x{n}"
        text += f"""
func.func @e{index}(%x: tensor<{x}xf32> {{qnt.name = "x", qnt.dims = ["batch", "", "", ""]}}) -> tensor<{y}xf32> {{
  %s = ml_program.global_load_const @s : tensor<f32>
  %t = ml_program.global_load_const @t{index} : tensor<f32>
  %z = ml_program.global_load_const @z : tensor<f32>
  %w = ml_program.global_load_const @w{index} : {wt}
  %b = ml_program.global_load_const @b{index} : tensor<{n}xf32>
  %xq = qnt.quantize %x scale %s zero %z : tensor<{x}xf32>, tensor<f32>, tensor<f32> -> !qnt.tensor<{x}, {code}>
  %wq = qnt.quantize %w : {wt} -> {wq}
  %y = qnt.conv %xq, %wq strides [{stride}, {stride}] pads [{pad}, {pad}, {pad}, {pad}] groups {groups} epilogue [bias, relu, quantize](%b, %t, %z : tensor<{n}xf32>, tensor<f32>, tensor<f32>) : !qnt.tensor<{x}, {code}>, {wq} -> !qnt.tensor<{y}, {code}>
  %r = qnt.dequantize %y : !qnt.tensor<{y}, {code}> -> tensor<{y}xf32>
  return %r : tensor<{y}xf32>
}}
"""
    save_file(params, folder / "in.st")
    head = f'module attributes {{qnt.params = "{folder / "in.st"}"}} {{\n'
    for name, array in params.items():
        of = f"tensor<{''.join(f'{d}x' for d in array.shape)}f32>"
        head += f"ml_program.global private @{name}(#ml_program.extern : {of}) : {of}\n"
    (folder / "m.mlir").write_text(head + text + "}\n")
    subprocess.run([BUILD / "bin/quant-opt", folder / "m.mlir", "--target=cpu",
                    "-o", folder / "m.so"], check=True)


def ours(folder, index, threads, runs):
    """Microseconds of the convolution alone, the fastest of some profiles."""
    best = float("inf")
    for _ in range(runs):
        found = run_json(folder / "m.so", "--profile", "--entry", f"e{index}",
                         "--threads", threads, "--runs", 5, "--batch", 1)
        [conv] = [op for op in found["profile"]["run"]["ops"]
                  if op["kernel"].startswith(("conv.", "depthwise."))]
        best = min(best, 1e3 * conv["ms"] / conv["calls"])
    return best


def peer(layer, threads, seconds):
    import onnx
    import onnxruntime as ort
    from onnx import TensorProto, helper, numpy_helper
    size, c, n, k, stride, groups = layer
    rng = np.random.default_rng(0)
    w = rng.integers(-127, 128, (n, c // groups, k, k)).astype(np.int8)
    constants = {
        "xs": np.float32(0.05), "xz": np.uint8(120), "w": w,
        "ws": np.full(n, 0.02, np.float32), "wz": np.zeros(n, np.int8),
        "ys": np.float32(0.05 * np.sqrt(w[0].size)), "yz": np.uint8(0),
        "b": rng.integers(-1000, 1000, n).astype(np.int32)}
    node = helper.make_node(
        "QLinearConv", ["x", "xs", "xz", "w", "ws", "wz", "ys", "yz", "b"], ["y"],
        strides=[stride] * 2, pads=[k // 2] * 4, group=groups)
    graph = helper.make_graph(
        [node], "g", [helper.make_tensor_value_info("x", TensorProto.UINT8,
                                                    [1, c, size, size])],
        [helper.make_tensor_value_info("y", TensorProto.UINT8, None)],
        [numpy_helper.from_array(np.array(v), name)
         for name, v in constants.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)],
                              ir_version=8)
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    session = ort.InferenceSession(model.SerializeToString(), options)
    x = rng.integers(0, 256, (1, c, size, size)).astype(np.uint8)
    best, end = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        session.run(None, {"x": x})
        best = min(best, time.perf_counter() - start)
    return best * 1e6


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("filter", nargs="?", default="")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--weights", default="int8")
    parser.add_argument("--peak", type=float, default=800.0)
    parser.add_argument("--no-peer", action="store_true")
    args = parser.parse_args()
    layers = {k: v for k, v in LAYERS.items() if args.filter in k}
    print(machine())
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        write_model(folder, layers, args.weights)
        print(f"{'layer':24} {'us':>8} {'GOP/s':>7} {'peak':>5} {'ORT us':>8}")
        for index, (name, layer) in enumerate(layers.items()):
            size, c, n, k, stride, groups = layer
            out = (size + 2 * (k // 2) - k) // stride + 1
            operations = 2 * out * out * n * k * k * c // groups
            us = ours(folder, index, args.threads, args.runs)
            rate = operations / us / 1e3
            other = "" if args.no_peer else \
                f"{peer(layer, args.threads, 0.5):8.0f}"
            share = rate / args.peak / args.threads
            print(f"{name:24} {us:8.0f} {rate:7.0f} {share:5.0%} {other}",
                  flush=True)


if __name__ == "__main__":
    main()
