"""ONNX's own tests of operators, which the package onnx carries: their models,
data, and what QNT makes of them."""
import json
import os
import re
import subprocess

import numpy as np
import onnx
import onnx.numpy_helper

FOLDER = os.path.join(os.path.dirname(onnx.__file__), "backend/test/data/node")
RTOL, ATOL = 1e-3, 1e-7
# Outputs that the specification leaves open: what each may be, instead of equal.
RANDOM = {"Bernoulli", "RandomNormal", "RandomUniform"}
# Of these the expected numbers wrap where the specification says to saturate.
WRAPPED = re.compile(r"test_qlinearmatmul_\dD_int8_")
# Data that onnx made by cutting bits off where IEEE 754, ONNX Runtime and QNT
# round to nearest: compared with the input rounded by ml_dtypes.
ROUNDED = {"test_cast_FLOAT_to_BFLOAT16", "test_castlike_FLOAT_to_BFLOAT16"}

# How a case is imported: as it is, with all inputs but the first as constants
# (layers with constant weights are other ops), with dimensions that are known
# at run time alone.
FORMS = ("given", "bound", "dynamic")


def list_cases():
    return [n for n in sorted(os.listdir(FOLDER)) if "_expanded" not in n]


def read_tensor(path, info):
    """The array of a .pb file, as the graph declares it; None for what is no
    tensor of a type that numpy has."""
    if not info.type.HasField("tensor_type") or not os.path.exists(path):
        return None
    tensor = onnx.TensorProto()
    with open(path, "rb") as file:
        tensor.ParseFromString(file.read())
    if tensor.data_type in (0, onnx.TensorProto.STRING) or tensor.data_type > 16:
        return None
    if tensor.data_type == onnx.TensorProto.BFLOAT16:
        import ml_dtypes
        bits = (np.frombuffer(tensor.raw_data, np.uint16) if tensor.raw_data
                else np.array(tensor.int32_data, np.uint16))
        return bits.reshape(tensor.dims).view(ml_dtypes.bfloat16)
    return onnx.numpy_helper.to_array(tensor)


class Case:
    """`isa`: the instruction set that it is compiled for; None in the
    interpreter."""

    def __init__(self, name, scratch, form="given", isa=None):
        self.name, self.form, self.isa = name, form, isa
        self.path = f"{FOLDER}/{name}"
        self.model = onnx.load(f"{self.path}/model.onnx")
        self.operator = " ".join(
            sorted({n.op_type for n in self.model.graph.node}))
        self.root = scratch
        self.scratch = f"{scratch}/{form}{'-compiled' * bool(isa)}/{name}"

    def other(self, form, isa=None):
        return Case(self.name, self.root, form, isa)

    def has_form(self, form):
        inputs = self.model.graph.input
        # numpy writes no bfloat16.
        return form != "bound" or len(inputs) > 1 and not any(
            i.type.tensor_type.elem_type == onnx.TensorProto.BFLOAT16
            for i in inputs)

    def label(self):
        return " ".join([self.name] + [self.form] * (self.form != "given")
                        + [self.isa] * bool(self.isa))

    def save_dynamic(self):
        """Dimensions of one size have one name; those of 1 stay, as they may be
        there to broadcast."""
        model = onnx.ModelProto()
        model.CopyFrom(self.model)
        for info in model.graph.input:
            for dim in info.type.tensor_type.shape.dim:
                if dim.dim_value > 1:
                    dim.dim_param = f"n{dim.dim_value}"
        for info in model.graph.output:
            info.type.tensor_type.ClearField("shape")
        del model.graph.value_info[:]
        onnx.save(model, f"{self.scratch}/model.onnx")
        return f"{self.scratch}/model.onnx"

    def job(self):
        os.makedirs(self.scratch, exist_ok=True)
        inputs = []
        for i, info in enumerate(self.model.graph.input):
            array = read_tensor(
                f"{self.path}/test_data_set_0/input_{i}.pb", info)
            if array is None:
                continue
            array = np.array(array, order="C")
            array.tofile(f"{self.scratch}/{i}.bin")
            try:
                np.save(f"{self.scratch}/{i}.npy", array)
            except TypeError:
                pass
            inputs.append({"name": info.name, "shape": list(array.shape),
                           "file": f"{self.scratch}/{i}.bin",
                           "npy": f"{self.scratch}/{i}.npy"})
        model = (self.save_dynamic() if self.form == "dynamic"
                 else f"{self.path}/model.onnx")
        job = {"name": self.name, "model": model, "folder": self.scratch,
               "inputs": inputs, "bind": self.form == "bound"}
        return job | ({"compile": self.isa} if self.isa else {})

    def compare(self, outputs):
        """What is wrong with the outputs; empty when nothing is."""
        expected = []
        for i, info in enumerate(self.model.graph.output):
            expected.append(read_tensor(
                f"{self.path}/test_data_set_0/output_{i}.pb", info))
        if self.name in ROUNDED:
            import ml_dtypes
            source = read_tensor(f"{self.path}/test_data_set_0/input_0.pb",
                                 self.model.graph.input[0])
            expected = [source.astype(ml_dtypes.bfloat16)]
        if len(expected) != len(outputs):
            return f"{len(outputs)} outputs, expected {len(expected)}"
        for i, (want, got) in enumerate(zip(expected, outputs)):
            if want is None:
                return f"output {i} is of a type without a reference"
            if list(want.shape) != got["shape"]:
                return f"output {i} has shape {got['shape']}, expected {want.shape}"
            array = np.fromfile(got["file"], want.dtype)
            if array.size != want.size:
                return f"output {i} is of type {got['kind']}, expected {want.dtype}"
            array = array.reshape(want.shape)
            if self.operator in RANDOM:
                continue
            if want.dtype.kind in "iub":
                good = array == want
                if WRAPPED.match(self.name):
                    info = np.iinfo(want.dtype)
                    good |= (array == info.min) | (array == info.max)
            else:
                with np.errstate(all="ignore"):
                    good = np.isclose(array.astype(np.float64),
                                      want.astype(np.float64), rtol=RTOL,
                                      atol=ATOL, equal_nan=True)
            if not good.all():
                at = tuple(np.argwhere(~np.atleast_1d(good))[0])
                return (f"output {i} at {at}: {np.atleast_1d(array)[at]}, "
                        f"expected {np.atleast_1d(want)[at]} "
                        f"({(~good).sum()} of {good.size} differ)")
        return ""


def run(program, cases):
    """The program's answer for each case, in order; a crash is one too."""
    answers, lines = [], [json.dumps(case.job()) for case in cases]
    while len(answers) < len(cases):
        result = subprocess.run(
            [program], input="\n".join(lines[len(answers):]) + "\n",
            capture_output=True, text=True)
        answers += [json.loads(line) for line in result.stdout.splitlines()]
        if len(answers) < len(cases):
            error = result.stderr.strip().splitlines()
            answers.append({"failed": f"crashed ({result.returncode}): "
                                      f"{error[0] if error else ''}"})
    return answers
