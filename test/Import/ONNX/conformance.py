# REQUIRES: python
# RUN: %python %s --build %build --folder %t
"""ONNX's own tests of operators (the package onnx, backend/test/data/node,
without *_expanded): every model is imported and run in the interpreter, and
compared with the outputs that come with it, at the tolerances of ONNX's backend
tests (relative 1e-3, absolute 1e-7; other types than floats exactly; NaN equals
NaN). Prints a table by operator. Fails when a case gives other numbers, when an
operator that is supported refuses a case for another reason than the type of
its elements, or when a refusal does not name operator and node.

  .venv/bin/python test/Import/ONNX/conformance.py [--only REGEX] [-v]
"""
import argparse
import collections
import json
import os
import re
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnx.numpy_helper

CASES = os.path.join(os.path.dirname(onnx.__file__), "backend/test/data/node")
ROOT = os.path.dirname(os.path.abspath(__file__)) + "/../../.."
RTOL, ATOL = 1e-3, 1e-7
# Outputs that the specification leaves open: what each may be, instead of equal.
RANDOM = {"Bernoulli", "RandomNormal", "RandomUniform"}
# Of these the expected numbers wrap where the specification says to saturate.
WRAPPED = re.compile(r"test_qlinearmatmul_\dD_int8_")
# Types that no operator takes.
TYPE_REASONS = re.compile(
    r"element type (string|complex64|complex128|float\w+|uint2|int2|i4|u4)"
    r" is not supported|it is (a sequence|a map|a sparse tensor|an optional)|"
    r"to (string|float8\w+|float4\w+|complex\w+) is not supported|"
    r"element type [iu]4")


# What supported operators refuse besides types, by what they say.
RESTRICTED = {
    "Dropout": "^training is not supported",
}


# Data that onnx made by cutting bits off where IEEE 754, ONNX Runtime and QNT
# round to nearest: compared with the input rounded by ml_dtypes.
ROUNDED = {"test_cast_FLOAT_to_BFLOAT16", "test_castlike_FLOAT_to_BFLOAT16"}


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default=f"{ROOT}/build")
    parser.add_argument("--folder", help="for scratch files")
    parser.add_argument("--only", default="", help="cases, a regular expression")
    parser.add_argument("-v", action="store_true", help="every case")
    return parser.parse_args()


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
    """`bind`: with all inputs but the first as constants."""

    def __init__(self, name, scratch, bind=False):
        self.name = name
        self.bind = bind
        self.path = f"{CASES}/{name}"
        model = onnx.load(f"{self.path}/model.onnx")
        self.model = model
        self.operator = " ".join(sorted({n.op_type for n in model.graph.node}))
        self.scratch = f"{scratch}/{name}"

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
        return {"name": self.name, "model": f"{self.path}/model.onnx",
                "folder": self.scratch, "inputs": inputs, "bind": self.bind}

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
    """The program's answer for each case; a crash is one too."""
    answers = {}
    waiting = list(cases)
    while waiting:
        lines = "".join(json.dumps(c.job()) + "\n" for c in waiting)
        result = subprocess.run([program], input=lines, capture_output=True,
                                text=True)
        for line in result.stdout.splitlines():
            answer = json.loads(line)
            answers[answer["name"]] = answer
        waiting = [c for c in waiting if c.name not in answers]
        if waiting:
            crashed = waiting.pop(0)
            error = result.stderr.strip().splitlines()
            answers[crashed.name] = {
                "failed": f"crashed ({result.returncode}): "
                          f"{error[0] if error else ''}"}
    return answers


def judge(case, answer, supported):
    """passed, refused or failed, and why."""
    if "failed" in answer:
        return "failed", answer["failed"]
    if "outputs" in answer:
        wrong = case.compare(answer["outputs"])
        return ("failed", wrong) if wrong else ("passed", "")
    message = answer["refused"]
    nodes = case.model.graph.node
    if not any(f"({n.op_type}): " in message and
               f"node '{n.name or n.op_type + '_' + str(i)}" in message
               for i, n in enumerate(nodes)):
        # Nodes of subgraphs have names of their own.
        if not re.search(r"node '[^']+' \(\w+\): ", message):
            return "failed", "a refusal without node and operator: " + message
    operator, reason = re.search(r"\((\w+)\): (.*)", message).groups()
    if (TYPE_REASONS.search(reason) or operator not in supported
            or re.search(RESTRICTED.get(operator, "^$"), reason)):
        return "refused", reason
    return "failed", "refused: " + reason


def main():
    args = arguments()
    scratch = args.folder or tempfile.mkdtemp(prefix="onnx-conformance-")
    names = [n for n in sorted(os.listdir(CASES))
             if "_expanded" not in n and re.search(args.only, n)]
    cases = [Case(name, scratch) for name in names]
    listed = subprocess.run([f"{args.build}/bin/quant-opt",
                             "--print-onnx-operators"], check=True,
                            capture_output=True, text=True).stdout
    supported = set()
    for domain in listed.split("\n## ")[1:]:
        names = re.findall(r"^\| (\w+) \| \d", domain, re.M)
        assert len(names) == len(set(names)), "an operator is there twice"
        if domain.startswith("ai.onnx\n"):
            supported = set(names)
    answers = run(f"{args.build}/test/bin/qnt-onnx-cases", cases)
    # Layers with constant weights are other ops than those without.
    again = [Case(c.name, f"{scratch}/bound", bind=True) for c in cases
             if len(c.model.graph.input) > 1 and "outputs" in answers[c.name]
             and not any(i.type.tensor_type.elem_type == onnx.TensorProto.BFLOAT16
                         for i in c.model.graph.input)]
    bound = run(f"{args.build}/test/bin/qnt-onnx-cases", again)
    table = collections.defaultdict(collections.Counter)
    reasons = collections.defaultdict(set)
    failures = []
    for case in cases:
        verdict, why = judge(case, answers[case.name], supported)
        table[case.operator][verdict] += 1
        if verdict == "refused":
            reasons[case.operator].add(re.sub(r"input \d+ \('[^']*'\): ", "", why))
        if verdict == "failed":
            failures.append(f"{case.name}: {why}")
        if args.v:
            print(f"{verdict}: {case.name}: {why}")
    for case in again:
        verdict, why = judge(case, bound[case.name], supported)
        if verdict != "passed":
            failures.append(f"{case.name} with bound inputs: {why}")
    print(f"{'operator':32} passed refused failed")
    for operator in sorted(table):
        row = table[operator]
        print(f"{operator[:32]:32} {row['passed']:6} {row['refused']:7} "
              f"{row['failed']:6}  {'; '.join(sorted(reasons[operator]))[:110]}")
    total = sum(table.values(), collections.Counter())
    full = [o for o in table if table[o]["passed"] and not table[o]["failed"]
            and o not in RESTRICTED]
    print(f"{len(cases)} cases: {total['passed']} passed, {total['refused']} "
          f"refused, {total['failed']} failed; {len(full)} operators pass all "
          f"their cases of supported types; {len(supported)} are supported")
    print("\n".join(failures))
    return 1 if failures or not total["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
