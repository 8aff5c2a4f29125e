"""What the tests of small models share: makes a model, runs it in the
interpreter and compiled for an instruction set chosen at random, compares with
ONNX Runtime or with given arrays."""
import json
import os
import re
import subprocess
import sys

import numpy as np
import onnx
from onnx import TensorProto as T
from onnx import helper as h
from onnx import numpy_helper

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__))
                + "/../../../Target/CPU/Inputs")
from compiled import runnable
from seeding import draw_seed

MS = "com.microsoft"


class Models:
    def __init__(self):
        self.program, self.cases, self.folder = sys.argv[1:]
        seed = draw_seed()
        self.rng = np.random.default_rng(seed)
        self.path = f"{self.folder}/model.onnx"
        self.failures = 0

    def floats(self, *shape):
        return self.rng.standard_normal(shape).astype(np.float32)

    def codes(self, dtype, *shape):
        info = np.iinfo(dtype)
        return self.rng.integers(info.min, info.max + 1, shape, dtype)

    @staticmethod
    def tensor(name, array):
        return (array if isinstance(array, onnx.TensorProto) else
                numpy_helper.from_array(np.asarray(array), name))

    def graph(self, nodes, inputs, outputs, constants=None):
        """`inputs`: name to shape or (shape, type); `outputs`: names, or name
        to type; `constants`: name to array or tensor."""
        def info(name, what):
            shape, dtype = what if isinstance(what, tuple) else (what, T.FLOAT)
            return h.make_tensor_value_info(name, dtype, shape)
        outputs = outputs if isinstance(outputs, dict) else dict.fromkeys(
            outputs, T.FLOAT)
        return h.make_graph(
            nodes, "g", [info(n, w) for n, w in inputs.items()],
            [h.make_tensor_value_info(n, t, None) for n, t in outputs.items()],
            [self.tensor(n, a) for n, a in (constants or {}).items()])

    def save(self, nodes, inputs, outputs, constants=None, opset=17,
             domains=(), functions=()):
        """A model with the `graph` of the arguments."""
        opsets = [h.make_opsetid("", opset)]
        opsets += [h.make_opsetid(domain, 1) for domain in domains]
        model = h.make_model(self.graph(nodes, inputs, outputs, constants),
                             opset_imports=opsets, ir_version=10,
                             functions=functions)
        onnx.save(model, self.path)
        return model

    def run(self, feeds, isa=None):
        """In the interpreter, or compiled for an instruction set."""
        inputs = []
        for i, (name, array) in enumerate(feeds.items()):
            array.tofile(f"{self.folder}/{i}.bin")
            inputs.append({"name": name, "shape": list(array.shape),
                           "file": f"{self.folder}/{i}.bin", "npy": ""})
        job = {"name": "case", "model": self.path, "folder": self.folder,
               "inputs": inputs} | ({"compile": isa} if isa else {})
        result = subprocess.run([self.cases], input=json.dumps(job) + "\n",
                                check=True, capture_output=True, text=True)
        return json.loads(result.stdout)

    def module(self, *flags):
        """The IR of the model."""
        return subprocess.run([self.program, self.path, "-o", "-", *flags],
                              check=True, capture_output=True, text=True).stdout

    def infer(self, feeds):
        """What ONNX Runtime makes of the model."""
        import onnxruntime
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        # Node by node, as ONNX says: fused nodes need not be what they replace.
        options.graph_optimization_level = \
            onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        return onnxruntime.InferenceSession(
            self.path, options,
            providers=["CPUExecutionProvider"]).run(None, feeds)

    def check(self, name, feeds, expected=None, contains=(), lacks=(),
              refused=None, **limits):
        """`contains` and `lacks` are patterns of the IR, `refused` of what the
        CPU target says when it has no code; `limits` see compare."""
        if expected is None:
            expected = self.infer(feeds)
        self.report(name, self.compare(self.run(feeds), expected,
                                       **limits))
        isa = self.rng.choice(runnable())
        answer = self.run(feeds, isa)
        problem = self.compare(answer, expected, **limits)
        if refused:
            message = answer.get("refused", "is not refused")
            problem = (None if re.search(refused, message)
                       else f"{message!r} lacks {refused!r}")
        self.report(f"{name} on {isa}", problem)
        problem = None
        text = self.module() if contains or lacks else ""
        for pattern in contains:
            if not re.search(pattern, text):
                problem = f"no {pattern!r} in\n{text[:3000]}"
        for pattern in lacks:
            if re.search(pattern, text):
                problem = f"{pattern!r} in\n{text[:3000]}"
        self.report(name, problem)

    @staticmethod
    def compare(answer, expected, ties=False, rtol=1e-4, atol=1e-5):
        """What is wrong; none when nothing is. Floats relative `rtol`, absolute
        `atol`; integers exactly, with `ties` one of a hundred may be 1 away."""
        problem = answer.get("refused") or answer.get("failed")
        for got, want in zip(answer.get("outputs", []), expected):
            want = np.asarray(want)
            array = np.fromfile(got["file"], want.dtype)
            if got["shape"] != list(want.shape) or array.size != want.size:
                problem = f"shape {got['shape']}, expected {want.shape}"
                continue
            array = array.reshape(want.shape)
            if want.dtype.kind == "f":
                good = np.isclose(array, want, rtol=rtol, atol=atol,
                                  equal_nan=True)
            elif ties:
                away = np.abs(array.astype(np.int64) - want)
                good = (away <= 1) & ((away == 0).mean() >= 0.99)
            else:
                good = array == want
            if not good.all():
                problem = f"{array[~good][:4]}, expected {want[~good][:4]}"
        return problem

    def refuse(self, name, pattern):
        message = self.run({}).get("refused", "is not refused")
        self.report(name, None if re.search(pattern, message)
                    else f"{message!r} lacks {pattern!r}")

    def report(self, name, problem):
        if problem:
            self.failures += 1
            print(f"{name}: {problem}")

    def exit(self):
        sys.exit(self.failures > 0)
