"""Proofs about Verilog without registers: whether there is a counterexample is found by Z3,
for which Yosys makes bit vectors of it (SMT-LIB), or where the parts of what is compared are
the same by Yosys itself (sat)."""
import pathlib
import re
import subprocess

import z3


def yosys(folder, commands):
    """What it says."""
    done = subprocess.run(["yosys", "-p", commands], cwd=folder, text=True, capture_output=True,
                          timeout=100)
    assert done.returncode == 0, done.stderr
    return done.stdout


def literal(number):
    """A signed number of 64 bits."""
    return f"$signed(64'h{int(number) & (1 << 64) - 1:x})"


def find_inputs(name, inputs, text):
    """Those with which a module, as Yosys writes it, sets `bad`; or None."""
    solver = z3.Solver()
    solver.set("timeout", 20000)
    values = ""
    for port, bits in inputs.items():
        value = f"(|{name}_n {port}| s)"
        # Yosys has one bit as a truth value.
        value = f"(ite {value} #b1 #b0)" if bits == 1 else value
        values += (f"(declare-const input_{port} (_ BitVec {bits}))\n"
                   f"(assert (= input_{port} {value}))\n")
    solver.from_string(f"{text}\n(declare-const s |{name}_s|)\n{values}"
                       f"(assert (|{name}_n bad| s))\n")
    found = solver.check()
    assert found != z3.unknown, (name, solver.reason_unknown())
    if found == z3.unsat:
        return None
    model = solver.model()
    return {port: model.eval(z3.BitVec(f"input_{port}", bits), True).as_long()
            for port, bits in inputs.items()}


class Proofs:
    """Statements about modules, each that `bad` of a module is never set, whatever its
    inputs are."""

    def __init__(self, folder):
        self.folder, self.texts, self.inputs = pathlib.Path(folder), [], {}
        self.folder.mkdir(parents=True, exist_ok=True)

    def read(self, text):
        """Verilog that statements are about."""
        self.texts.append(text)

    def state(self, name, inputs, body):
        """One about inputs {name: bits}, by a body that assigns to `bad`."""
        ports = [f"input [{bits - 1}:0] {port}" for port, bits in inputs.items()]
        self.texts.append(f"module {name} ({', '.join(ports + ['output bad'])});\n"
                          f"{body}\nendmodule\n")
        self.inputs[name] = inputs

    def find_by_z3(self):
        self.read_by_yosys("write_smt2 proofs.smt2")
        parts = re.split(r"^; yosys-smt2-module (\S+)\n",
                         (self.folder / "proofs.smt2").read_text(), flags=re.M)
        modules = dict(zip(parts[1::2], parts[2::2]))
        return {name: find_inputs(name, inputs, modules[name])
                for name, inputs in self.inputs.items()}

    def find_by_yosys(self):
        says = self.read_by_yosys("; ".join(
            f"log statement {name}; sat -prove bad 0 -show-inputs {name}"
            for name in self.inputs))
        results = {}
        for part in says.split("\nstatement ")[1:]:
            name = part.split("\n", 1)[0]
            holds = "no model found: SUCCESS!" in part
            assert holds or "model found: FAIL!" in part, part
            rows = re.findall(r"^\s+\\(\w+)\s+\S+\s+\S+\s+([01]+)\s*$", part, re.M)
            results[name] = None if holds else {
                port: int(bits, 2) for port, bits in rows if port in self.inputs[name]}
        return results

    def read_by_yosys(self, commands):
        (self.folder / "proofs.v").write_text("\n".join(self.texts))
        # Memories that are only read become constants.
        return yosys(self.folder, "read_verilog proofs.v; hierarchy; proc; flatten; "
                     "delete $paramod*; memory -nordff; opt_expr; opt_merge; opt_clean; " + commands)

    def check(self, wrong=(), solver="z3"):
        """That all hold but those called `wrong`; the inputs {name: number} where these do
        not."""
        results = self.find_by_z3() if solver == "z3" else self.find_by_yosys()
        assert list(results) == list(self.inputs)
        failed = {name for name, found in results.items() if found is not None}
        assert failed == set(wrong), (failed, set(wrong), results)
        return {name: results[name] for name in wrong}
