# REQUIRES: python
# RUN: %python %s --build %build --folder %t
"""ONNX's own tests of operators (the package onnx, backend/test/data/node,
without *_expanded): every model is imported and run in the interpreter, and
compared with the outputs that come with it, at the tolerances of ONNX's backend
tests (relative 1e-3, absolute 1e-7; other types than floats exactly; NaN equals
NaN). Once as it is, once with all inputs but the first as constants, once with
dimensions that are known at run time alone. Prints a table by operator. Fails
when a case gives other numbers, when an operator that is supported refuses a
case for another reason than the type of its elements or its dimensions, or when
a refusal does not name operator and node.

With --compiled=all, what the interpreter passes is compiled too, each case for
an instruction set chosen at random of those that this machine executes, and run
between guard pages; with --compiled=sample, each case in one form, chosen at
random.

  .venv/bin/python test/Import/ONNX/conformance.py [--only REGEX] [-v]
"""
import argparse
import collections
import os
import re
import subprocess
import sys
import tempfile

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE + "/Inputs", HERE + "/../../Inputs", HERE + "/../../Target/CPU/Inputs"]
from compiled import runnable
from node_tests import FORMS, Case, list_cases, run
from seeding import draw_seed

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
# What the CPU target refuses, by op.
TARGET_REASONS = {
    "nn.pool": "has a dynamic shape that the target cannot follow",
}


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", default=f"{HERE}/../../../build")
    parser.add_argument("--folder", help="for scratch files")
    parser.add_argument("--only", default="",
                        help="cases, a regular expression")
    parser.add_argument("--compiled", choices=("none", "sample", "all"),
                        default="none",
                        help="compile what the interpreter passes")
    parser.add_argument("-v", action="store_true", help="every case")
    return parser.parse_args()


def list_supported(build):
    listed = subprocess.run([f"{build}/bin/quant-opt",
                             "--print-onnx-operators"], check=True,
                            capture_output=True, text=True).stdout
    supported = set()
    for domain in listed.split("\n## ")[1:]:
        names = re.findall(r"^\| (\w+) \| \d", domain, re.M)
        assert len(names) == len(set(names)), "an operator is there twice"
        if domain.startswith("ai.onnx\n"):
            supported = set(names)
    return supported


def judge(case, answer, supported):
    """passed, refused or failed, and why."""
    if "failed" in answer:
        return "failed", answer["failed"]
    if "outputs" in answer:
        wrong = case.compare(answer["outputs"])
        return ("failed", wrong) if wrong else ("passed", "")
    message = answer["refused"]
    if case.isa:
        found = re.match(r"'(\w+\.\w+)' op (.*)", message)
        allowed = TARGET_REASONS.get(found[1]) if found else None
        # Static shapes compile.
        if allowed and found[2].startswith(allowed) and case.form != "given":
            return "refused", f"{found[1]} {allowed}"
        return "failed", "refused by the target: " + message
    nodes = case.model.graph.node
    if not any(f"({n.op_type}): " in message and
               f"node '{n.name or n.op_type + '_' + str(i)}" in message
               for i, n in enumerate(nodes)):
        # Nodes of subgraphs have names of their own.
        if not re.search(r"node '[^']+' \(\w+\): ", message):
            return "failed", "a refusal without node and operator: " + message
    operator, reason = re.search(r"\((\w+)\): (.*)", message).groups()
    reason = re.sub(r"input \d+ \('[^']*'\): ", "", reason)
    if (case.form == "dynamic" or TYPE_REASONS.search(reason)
            or operator not in supported
            or re.search(RESTRICTED.get(operator, "^$"), reason)):
        return "refused", reason
    return "failed", "refused: " + reason


class Results:
    """Verdicts by operator, in a column a stage."""

    def __init__(self, args):
        self.args, self.columns = args, {}
        self.program = f"{args.build}/test/bin/qnt-onnx-cases"
        self.supported = list_supported(args.build)
        self.reasons = collections.defaultdict(set)
        self.failures = []

    def add(self, stage, cases):
        """Runs the cases; those that pass."""
        table = self.columns[stage] = collections.defaultdict(
            collections.Counter)
        passed = []
        for case, answer in zip(cases, run(self.program, cases)):
            verdict, why = judge(case, answer, self.supported)
            table[case.operator][verdict] += 1
            if verdict == "passed":
                passed.append(case)
            elif verdict == "failed":
                self.failures.append(f"{case.label()}: {why}")
            elif stage == "given" or case.isa:
                self.reasons[case.operator].add(why)
            if self.args.v:
                print(f"{verdict}: {case.label()}: {why}")
        return passed

    def total(self, stage):
        return sum(self.columns[stage].values(), collections.Counter())

    def summary(self, stage):
        total = self.total(stage)
        return (f"{sum(total.values())} cases: {total['passed']} passed, "
                f"{total['refused']} refused, {total['failed']} failed")

    def print(self):
        given = self.columns["given"]
        print(f"{'operator':32} " + " ".join(f"{s:>9}" for s in self.columns)
              + "  passed/refused; why")
        for operator in sorted(given):
            row = [self.columns[stage][operator] for stage in self.columns]
            print(f"{operator[:32]:32} "
                  + " ".join(f"{r['passed']:4}/{r['refused']:<4}" for r in row)
                  + f"  {'; '.join(sorted(self.reasons[operator]))[:100]}")
        full = [o for o in given if given[o]["passed"]
                and not given[o]["failed"] and o not in RESTRICTED]
        for stage in self.columns:
            print(f"{stage:8} {self.summary(stage)}")
        print(f"{len(full)} operators pass all their cases of supported types; "
              f"{len(self.supported)} are supported")
        for failure in self.failures:
            print(failure)


def main():
    args = arguments()
    scratch = args.folder or tempfile.mkdtemp(prefix="onnx-conformance-")
    results = Results(args)
    cases = [Case(n, scratch) for n in list_cases() if re.search(args.only, n)]
    passed = {"given": results.add("given", cases)}
    for form in FORMS[1:]:
        passed[form] = results.add(form, [
            c.other(form) for c in passed["given"] if c.has_form(form)])
    if args.compiled != "none":
        rng = np.random.default_rng(draw_seed())
        chosen = [c for form in FORMS for c in passed[form]]
        if args.compiled == "sample":
            rng.shuffle(chosen)
            chosen = list({c.name: c for c in chosen}.values())
        results.add("compiled", [c.other(c.form, rng.choice(runnable()))
                                 for c in chosen])
    results.print()
    return 1 if results.failures or not passed["given"] else 0


if __name__ == "__main__":
    sys.exit(main())
