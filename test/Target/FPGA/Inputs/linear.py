"""Sums in Verilog without registers as what they are: linear forms of what comes in, with
integer coefficients. Yosys makes cells of words of it; of each, Z3 proves that no input makes
its number leave the cell's bits. So nothing wraps around, and the forms are exact."""
import json
import pathlib

import z3

from proofs import yosys


class Form:
    """constant + sum of coefficients times inputs."""

    def __init__(self, constant=0, terms=None):
        self.constant = constant
        self.terms = {name: c for name, c in (terms or {}).items() if c}

    def plus(self, other, factor=1):
        terms = dict(self.terms)
        for name, coefficient in other.terms.items():
            terms[name] = terms.get(name, 0) + factor * coefficient
        return Form(self.constant + factor * other.constant, terms)

    def times(self, factor):
        return Form().plus(self, factor)

    def __eq__(self, other):
        return (self.constant, self.terms) == (other.constant, other.terms)


class Leaves(Exception):
    """A number that some inputs make leave its bits."""

    def __init__(self, where, inputs):
        super().__init__(f"{where} leaves its bits with {inputs}")
        self.inputs = inputs


class Box:
    """Inputs, each between two bounds."""

    def __init__(self, bounds):
        self.bounds = bounds

    def find(self, form, low, high):
        """Inputs with which `form` is below `low` or above `high`, or None: by Z3."""
        inputs = {name: z3.Int(name) for name in form.terms}
        solver = z3.Solver()
        solver.set("timeout", 20000)
        for name, number in inputs.items():
            solver.add(self.bounds[name][0] <= number, number <= self.bounds[name][1])
        total = z3.Sum([z3.IntVal(form.constant)] + [c * inputs[n] for n, c in form.terms.items()])
        solver.add(z3.Or(total < low, total > high))
        found = solver.check()
        assert found != z3.unknown, solver.reason_unknown()
        if found == z3.unsat:
            return None
        model = solver.model()
        return {name: model.eval(number, True).as_long() for name, number in inputs.items()}

    def find_beyond(self, form, bits, signed):
        """Those with which it leaves an integer of so many bits."""
        low = -(1 << bits - 1) if signed else 0
        return self.find(form, low, low + (1 << bits) - 1)


class Netlist:
    """The cells of a module. Inputs are words of elements, {port: [(name, bits, signed)]}, the
    first in the lowest bits."""

    def __init__(self, folder, text, module, inputs):
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "sums.v").write_text(text)
        yosys(folder, f"read_verilog sums.v; hierarchy -top {module}; proc; flatten; "
              "memory -nordff; opt; write_json sums.json")
        design = json.loads((folder / "sums.json").read_text())["modules"][module]
        self.ports, self.cells = design["ports"], design["cells"]
        # By its lowest bit, a word: all its bits, the form, whether that has a sign.
        self.words, self.known, bounds = {}, {"0", "1"}, {}
        for port, elements in inputs.items():
            bits = self.ports[port]["bits"]
            for name, width, signed in elements:
                low = -(1 << width - 1) if signed else 0
                bounds[name] = low, low + (1 << width) - 1
                self.add_word(bits[:width], Form(0, {name: 1}), signed)
                bits = bits[width:]
            assert not bits, port
        self.box = Box(bounds)
        waiting = dict(self.cells)
        while waiting:
            ready = [name for name, cell in waiting.items() if all(
                self.known.issuperset(cell["connections"].get(port, [])) for port in "ABS")]
            assert ready, waiting
            for name in ready:
                self.evaluate(name, waiting.pop(name))

    def add_word(self, bits, form, signed):
        self.words[bits[0]] = bits, form, signed
        self.known.update(bits)

    def read(self, bits, signed, where, wraps=False):
        """What an operand stands for: a constant or a power of two times a word, cut or
        extended. With `wraps`, modulo 2^bits."""
        if {"0", "1"}.issuperset(bits):
            number = int("".join(reversed(bits)), 2)
            return Form(number - ((signed or wraps) and bits[-1] == "1") * (1 << len(bits)))
        zeros = next(at for at, bit in enumerate(bits) if bit != "0")
        bits = bits[zeros:]
        word, form, has_sign = self.words[bits[0]]
        width = len(word)
        assert bits[:width] == word[:len(bits)], (where, "is not linear")
        # What extends it.
        above = set(bits[width:])
        if above and has_sign and above == {"0"}:
            self.demand(form, width - 1, False, where)
        else:
            assert above <= {word[-1] if has_sign else "0"}, (where, "is not linear")
        if not wraps and (len(bits) < width or signed != has_sign):
            self.demand(form, len(bits), signed, where)
        return form.times(1 << zeros)

    def demand(self, form, bits, signed, where):
        found = self.box.find_beyond(form, bits, signed)
        if found:
            raise Leaves(where, found)

    def evaluate(self, name, cell):
        kind, connections = cell["type"], cell["connections"]
        result = connections["Y"]
        operands = [self.read(connections[port], int(cell["parameters"][f"{port}_SIGNED"], 2) == 1,
                              f"an operand of {kind}", len(connections[port]) >= len(result))
                    for port in "AB" if port in connections]
        if kind == "$add":
            form = operands[0].plus(operands[1])
        elif kind == "$sub":
            form = operands[0].plus(operands[1], -1)
        elif kind == "$neg":
            form = operands[0].times(-1)
        elif kind == "$mul":
            constant, other = sorted(operands, key=lambda operand: len(operand.terms))
            assert not constant.terms, (name, "is not linear")
            form = other.times(constant.constant)
        else:
            raise AssertionError(f"{kind} is not linear")
        # With a sign, or without one, as it fits.
        has_sign = self.box.find_beyond(form, len(result), True) is None
        if not has_sign:
            self.demand(form, len(result), False, f"{kind} of {len(result)} bits")
        self.add_word(result, form, has_sign)

    def get(self, port, width, lane, signed):
        """What lane `lane` of an output is."""
        return self.read(self.ports[port]["bits"][lane * width:(lane + 1) * width], signed, port)
