"""Random tensor programs of upstream ops, with what numpy makes of them."""
import sys

import numpy as np

from compiled import NAMES, runnable, tensor

# Of one op, between numpy in double and compiled code: some units in the last
# place.
TOLERANCE = {"float64": 4e-15, "float32": 1e-6, "float16": 1e-3,
             "bfloat16": 8e-3}


def is_float(dtype):
    return np.dtype(dtype).name in TOLERANCE


def attributes(array):
    """What tells an unsigned type from a signless one."""
    kind = np.dtype(array.dtype)
    return f', qnt.dtype = "u{8 * kind.itemsize}"' if kind.kind == "u" else ""


class Value:
    """`dims` are names of symbolic dimensions, "" for computed ones, and
    numbers."""

    def __init__(self, name, dims, array):
        self.name, self.dims, self.array = name, list(dims), array
        self.element = NAMES[array.dtype.name]
        self.of = tensor(["?" if isinstance(d, str) else d for d in dims],
                         self.element)


class Program:
    """One entry, its inputs, and the arrays that its results should be."""

    def __init__(self, graph, name, rng, **sizes):
        self.entry, self.rng, self.sizes = graph.entry(name), rng, sizes
        self.inputs, self.checks = {}, []

    def op(self, text):
        return self.entry.op(text)

    def input(self, dims, make):
        """`make(shape)` gives the array."""
        name = f"x{len(self.inputs)}"
        array = np.asarray(make([self.sizes.get(d, d) for d in dims]))
        self.inputs[name] = array
        self.entry.input(name, dims, NAMES[array.dtype.name],
                         attributes(array))
        return Value(f"%{name}", dims, array)

    def index(self, number):
        return self.op(f"arith.constant {number} : index")

    def dim(self, value, i):
        return self.op(f"tensor.dim {value.name}, {self.index(i)} : {value.of}")

    def empty(self, dims, dtype, sources):
        """`sources` maps names of dimensions to values that have them."""
        sizes = [self.dim(*sources[d]) for d in dims if isinstance(d, str)]
        of = tensor(["?" if isinstance(d, str) else d for d in dims],
                    NAMES[np.dtype(dtype).name])
        return self.op(f"tensor.empty({', '.join(sizes)}) : {of}"), of

    def fill(self, number, dims, dtype, sources):
        init, of = self.empty(dims, dtype, sources)
        element = NAMES[np.dtype(dtype).name]
        c = self.op(f"arith.constant {number} : {element}")
        return self.op(f"linalg.fill ins({c} : {element}) outs({init} : {of}) "
                       f"-> {of}"), of

    def generic(self, inputs, maps, loops, init, body, reduces=""):
        """`maps` are index lists such as "i, 0", the last of the result;
        `body` are lines on %a, %b, ... and %o that end in a yield."""
        name, of = init
        element = of[:-1].split("x")[-1].split("<")[-1]
        kinds = ", ".join(f'"{"reduction" if loop in reduces else "parallel"}"'
                          for loop in loops)
        texts = ", ".join(f"affine_map<({', '.join(loops)}) -> ({m})>"
                          for m in maps)
        arguments = ", ".join(f"%{'abcd'[i]}: {x.element}"
                              for i, x in enumerate(inputs))
        ins = f"ins({', '.join(x.name for x in inputs)} : " \
              f"{', '.join(x.of for x in inputs)}) " if inputs else ""
        return self.op(
            f"linalg.generic {{indexing_maps = [{texts}], iterator_types = "
            f"[{kinds}]}} {ins}outs({name} : {of}) {{\n  ^bb0("
            f"{arguments + ', ' if inputs else ''}%o: {element}):\n    " +
            "\n    ".join(body) + f"\n  }} -> {of}")

    def expect(self, name, of, array, tolerance=None, what=""):
        """`tolerance` is relative, or of a sum the sum of magnitudes: then a
        millionth of that."""
        self.entry.result(name, of, attributes(array))
        if tolerance is None:
            tolerance = TOLERANCE.get(array.dtype.name, 0)
        self.checks.append((what or name, array, tolerance))

    def compare(self, arrays, label):
        """Failures, as text."""
        for (what, want, tolerance), got in zip(self.checks, arrays):
            if want.dtype.name == "bfloat16":
                want = want.astype(np.float32)
            where = f"{label}: {self.entry.name}: {what}"
            if got.shape != want.shape or got.dtype != want.dtype:
                yield f"{where}: {got.dtype}{got.shape}, not " \
                      f"{want.dtype}{want.shape}"
                continue
            if not is_float(want.dtype):
                wrong = got != want
            else:
                x, y = got.astype(float), want.astype(float)
                tiny = np.finfo(np.float32).tiny if want.dtype.itemsize >= 4 \
                    else 2.0 ** -24
                with np.errstate(invalid="ignore", over="ignore"):
                    limit = 1e-6 * tolerance if isinstance(
                        tolerance, np.ndarray) else tolerance * np.abs(y)
                    close = np.abs(x - y) <= limit + tiny
                wrong = ~(close | (x == y) | (np.isnan(x) & np.isnan(y)))
            if np.any(wrong):
                at = tuple(np.argwhere(wrong)[0])
                yield f"{where}: {np.sum(wrong)} of {want.size}, at {at} got " \
                      f"{got[at]!r}, expected {want[at]!r}"


def check(graph, programs, rng):
    """Runs the programs in the interpreter and on every instruction set; exits."""
    graph.finish()
    failures = []
    for p in programs:
        got = graph.interpret(p.entry.name, p.inputs, len(p.checks))
        failures += p.compare(got, "interpreter")
    graph.wait()
    for p in programs:
        for isa in runnable():
            got = graph.run(p.entry.name, isa, p.inputs, len(p.checks),
                            int(rng.integers(1, 4)))
            failures += p.compare(got, isa)
    print(f"{sum(len(p.checks) for p in programs)} values in {len(programs)} "
          "programs")
    for failure in failures[:40]:
        print(failure)
    sys.exit(len(failures) > 0)
