"""Models that ONNX Runtime's own quantiser made of ResNet-20, layer by layer beside
ONNX Runtime: every layer gets the codes that ONNX Runtime computed before it, and the
codes that it gives are compared.

  .venv/bin/python test/Bench/qdq.py --program build/test/bin/qnt-onnx-cases

Models: QDQ and QOperator format, per tensor and per channel, activations of u8 and
s8, calibrated on the first 64 images. A code differs where the number before
rounding lies in the middle of two codes but for the rounding of sums: of QDQ models
its distance from the middle is printed, in codes. Fails where less than 99.9 % of a
model's codes agree, a code differs by more than 1, or one that differs is further
than 1e-3 from the middle. Prints too how many codes of the last layer differ, and how
many classes, when the whole model runs: differences grow from layer to layer.
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


class Network:
    """A quantised model and the codes in it."""

    def __init__(self, path):
        self.model = onnx.load(path)
        graph = self.model.graph
        self.constants = {t.name: t for t in graph.initializer}
        self.source = {name: node for node in graph.node
                       for name in node.output}
        self.codes = [
            node.output[0] for node in graph.node
            if (node.op_type == "QuantizeLinear"
                and node.input[0] not in self.constants)
            or node.op_type.startswith(("QLinear", "QGemm"))]
        self.input = graph.input[0].name

    def cut(self, output, arrays, dtype):
        """The nodes between `output` and the `arrays` before it as a model, and
        its inputs."""
        inputs, chosen, constants = [], [], []

        def visit(name):
            if name in self.constants:
                if name not in constants:
                    constants.append(name)
            elif name in arrays and name != output:
                if name not in inputs:
                    inputs.append(name)
            elif name and self.source[name] not in chosen:
                for before in self.source[name].input:
                    visit(before)
                chosen.append(self.source[name])

        visit(output)
        graph = onnx.helper.make_graph(
            chosen, "layer",
            [onnx.helper.make_tensor_value_info(
                n, onnx.helper.np_dtype_to_tensor_dtype(arrays[n].dtype),
                arrays[n].shape) for n in inputs],
            [onnx.helper.make_tensor_value_info(
                output, onnx.helper.np_dtype_to_tensor_dtype(dtype), None)],
            [self.constants[n] for n in constants])
        model = onnx.helper.make_model(graph,
                                       opset_imports=self.model.opset_import)
        model.ir_version = self.model.ir_version
        return model, inputs

    def with_codes(self, path):
        """Writes the model with all codes as outputs."""
        model = onnx.ModelProto()
        model.CopyFrom(self.model)
        inferred = onnx.shape_inference.infer_shapes(model)
        types = {v.name: v.type.tensor_type.elem_type
                 for v in inferred.graph.value_info}
        for name in self.codes:
            if name not in [o.name for o in model.graph.output]:
                model.graph.output.append(onnx.helper.make_tensor_value_info(
                    name, types.get(name) or self.code_type(), None))
        onnx.save(model, path)

    def code_type(self):
        """The type of zero points of activations."""
        node = self.source[self.codes[0]]
        return self.constants[node.input[2]].data_type


def session(path, optimise=True):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    if not optimise:
        options.graph_optimization_level = \
            onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(path, options,
                                        providers=["CPUExecutionProvider"])


def run_ours(program, jobs, folder):
    """jobs: name to (path of a model, inputs by name, type of the result)."""
    lines = []
    for number, (path, inputs, _) in enumerate(jobs.values()):
        scratch = f"{folder}/{number}"
        os.makedirs(scratch, exist_ok=True)
        entries = []
        for i, (name, array) in enumerate(inputs.items()):
            np.ascontiguousarray(array).tofile(f"{scratch}/{i}.in")
            entries.append({"name": name, "shape": list(array.shape),
                            "file": f"{scratch}/{i}.in", "npy": ""})
        lines.append(json.dumps({"name": str(number), "model": path,
                                 "folder": scratch, "inputs": entries}))
    result = subprocess.run([program], input="\n".join(lines) + "\n",
                            check=True, capture_output=True, text=True)
    outputs = {}
    for line, (name, (path, _, dtype)) in zip(result.stdout.splitlines(),
                                              jobs.items()):
        answer = json.loads(line)
        if "outputs" not in answer:
            sys.exit(f"{path}: {answer}")
        output = answer["outputs"][0]
        outputs[name] = np.fromfile(output["file"],
                                    dtype).reshape(output["shape"])
    return outputs


def find_distances(network, name, arrays, different, folder):
    """How far from the middle of two codes the numbers are whose codes differ."""
    node = network.source[name]
    if node.op_type != "QuantizeLinear" or node.input[0] in arrays:
        return np.zeros(0)
    model, inputs = network.cut(node.input[0], arrays, np.dtype(np.float32))
    onnx.save(model, f"{folder}/float.onnx")
    numbers = session(f"{folder}/float.onnx", optimise=False).run(
        None, {n: arrays[n] for n in inputs})[0]
    scale = onnx.numpy_helper.to_array(network.constants[node.input[1]])
    codes = numbers.astype(np.float64)[different] / float(scale)
    return np.abs(codes - np.floor(codes) - 0.5)


def compare(args, network, x, folder):
    """Totals: codes, differing ones, the most that one differs by, the furthest
    from a tie; of the whole model, codes and classes of the last layer."""
    network.with_codes(f"{folder}/codes.onnx")
    reference = session(f"{folder}/codes.onnx")
    names = [o.name for o in reference.get_outputs()]
    arrays = dict(zip(names, reference.run(None, {network.input: x})))
    arrays[network.input] = x
    jobs = {}
    for number, name in enumerate(network.codes):
        model, inputs = network.cut(name, arrays, arrays[name].dtype)
        onnx.save(model, f"{folder}/layer{number}.onnx")
        jobs[name] = (f"{folder}/layer{number}.onnx",
                      {n: arrays[n] for n in inputs}, arrays[name].dtype)
    last = network.codes[-1]
    whole, _ = network.cut(last, {network.input: x}, arrays[last].dtype)
    onnx.save(whole, f"{folder}/whole.onnx")
    jobs["whole"] = (f"{folder}/whole.onnx", {network.input: x},
                     arrays[last].dtype)
    ours = run_ours(args.program, jobs, folder)
    total = differ = most = 0
    furthest = 0.0
    for name in network.codes:
        away = np.abs(arrays[name].astype(int) - ours[name].astype(int))
        total += away.size
        differ += int((away > 0).sum())
        most = max(most, int(away.max()))
        if away.any():
            distances = find_distances(network, name, arrays, away > 0, folder)
            furthest = max(furthest, float(distances.max(initial=0)))
    end = (ours["whole"] != arrays[last]).sum()
    classes = (ours["whole"].argmax(-1) != arrays[last].argmax(-1)).sum()
    return total, differ, most, furthest, end, arrays[last].size, classes


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
                total, differ, most, furthest, end, size, classes = compare(
                    args, Network(path), x, folder)
                good = (differ <= total / 1000 and most <= 1
                        and furthest <= 1e-3)
                failures += not good
                print(f"{form.name:9} {kind.name:6} per "
                      f"{'channel' if per_channel else 'tensor':7}: "
                      f"{100 * (1 - differ / total):.4f} % of {total} codes "
                      f"agree, {differ} differ by at most {most}, at most "
                      f"{furthest:.1e} from the middle; whole model: {end} of "
                      f"{size} codes and {classes} of {len(x)} classes differ"
                      f"{'' if good else '  FAILED'}", flush=True)
    return failures > 0


if __name__ == "__main__":
    sys.exit(main())
