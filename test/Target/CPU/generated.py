# REQUIRES: python, x86
# RUN: %python %s %test_bin/interpret
"""Random tensor programs of upstream ops: what the interpreter and compiled
code of every instruction set that this machine runs make of them, against
numpy. Tolerances: TOLERANCE of Inputs/programs.py by type; twice that where two
roundings differ; sums say theirs."""
import os
import sys

import ml_dtypes
import numpy as np

sys.path.append(os.path.join(os.path.dirname(__file__), "Inputs"))
from compiled import NAMES, Graph, seeded, tensor
from programs import Program, check
from scalar_ops import (FLOATS, SIGNED, UNSIGNED, ORDERED, compare_floats,
                        shift)

rng = seeded()
graph = Graph(sys.argv[1])
bf16 = ml_dtypes.bfloat16
FLOAT_TYPES = [np.float32, np.float64, np.float16, bf16]
INT_TYPES = [np.int8, np.int16, np.int32, np.int64]
programs = []


def program(name, **sizes):
    programs.append(Program(graph, name, rng, **sizes))
    return programs[-1]


def pick(options):
    return options[int(rng.integers(len(options)))]


def floats(dtype, domain):
    def make(shape):
        if domain == "n":
            x = rng.standard_normal(shape) * 3
            special = rng.random(shape)
            x = np.where(special < 0.02, np.inf, x)
            x = np.where((special > 0.02) & (special < 0.03), np.nan, x)
            x = np.where((special > 0.03) & (special < 0.06), -0.0, x)
            x = np.where((special > 0.06) & (special < 0.1), np.rint(x) + 0.5, x)
        else:
            x = rng.random(shape)
            x = {"p": 5 * x + 1e-3, "u": 1.98 * x - 0.99, "g": 8 * x + 1.001}[
                domain]
        return x.astype(dtype)
    return make


def ints(dtype):
    def make(shape):
        info = np.iinfo(dtype)
        wide = rng.integers(info.min, info.max, shape, dtype=dtype,
                            endpoint=True)
        small = rng.integers(-9, 10, shape).astype(dtype)
        return np.where(rng.random(shape) < 0.5, wide, small)
    return make


# Shapes that broadcast to [n, m], and how numpy lines them up.
FORMS = {"i, j": ("n", "m"), "j": ("m",), "i, 0": ("n", 1), "j, i": ("m", "n"),
         "": ()}


def line_up(form, array):
    return array.T if form == "j, i" else array


class Operands:
    """Inputs of every form, made when first asked for."""

    def __init__(self, p, maker):
        self.p, self.maker, self.known = p, maker, {}
        self.whole = self.get("i, j")

    def get(self, form, which=0):
        key = form, which
        if key not in self.known:
            self.known[key] = self.p.input(FORMS[form], self.maker)
        return self.known[key]

    def some(self, count):
        """`count` operands: all points of [n, m] are visited."""
        forms = [pick(["i, j", "i, j", "j, i"])] + [
            pick(list(FORMS)) for _ in range(count - 1)]
        return forms, [self.get(f, i) for i, f in enumerate(forms)]


def elementwise(p, operands, count, dtype, body, compute, what, tolerance=None):
    forms, values = operands.some(count)
    n, m = p.sizes["n"], p.sizes["m"]
    arrays = [np.broadcast_to(line_up(f, v.array), (n, m))
              for f, v in zip(forms, values)]
    with np.errstate(all="ignore"):
        want = compute(*arrays)
    whole = operands.whole
    init = p.empty(["n", "m"], dtype, {"n": (whole, 0), "m": (whole, 1)})
    y = p.generic(values, forms + ["i, j"], "ij", init, body)
    p.expect(y, init[1], want.astype(dtype), tolerance, f"{what} of {forms}")


def float_ops(dtype, share):
    element = NAMES[np.dtype(dtype).name]
    p = program(f"floats_{element}", n=int(rng.integers(1, 7)),
                m=int(rng.integers(1, 60)))
    domains = {d: Operands(p, floats(dtype, d)) for d in "npug"}
    for name, (fn, domain) in FLOATS.items():
        if rng.random() > share:
            continue
        count = len(domain)
        args = ", ".join(f"%{'abc'[i]}" for i in range(count))
        if name == "math.clampf":
            args = "%a to [%b, %c]"
        # One domain for all operands of an op, that of the first.
        operands = domains[domain[0]]
        elementwise(p, operands, count, dtype,
                    [f"%r = {name} {args} : {element}",
                     f"linalg.yield %r : {element}"],
                    lambda *x: fn(*(a.astype(float) for a in x)), name,
                    2e-6 if element == "f32" else None)
    for predicate in ("ord", "uno", "one", "une", "oeq", "ueq", "olt", "ult",
                      "oge", "uge"):
        if rng.random() > share:
            continue
        elementwise(p, domains["n"], 2, np.bool_,
                    [f"%r = arith.cmpf {predicate}, %a, %b : {element}",
                     "linalg.yield %r : i1"],
                    lambda x, y: compare_floats(
                        predicate, x.astype(float), y.astype(float)), predicate)
    # Several ops, each rounded.
    def chain(x, y):
        s = (x.astype(float) + y.astype(float)).astype(dtype)
        return np.where(np.isnan(s), y, (s.astype(float) * 3.0).astype(dtype))
    elementwise(p, domains["n"], 2, dtype,
                [f"%s = arith.addf %a, %b : {element}",
                 f"%c3 = arith.constant 3.0 : {element}",
                 f"%t = arith.mulf %s, %c3 : {element}",
                 f"%n = arith.cmpf uno, %s, %s : {element}",
                 f"%r = arith.select %n, %b, %t : {element}",
                 f"linalg.yield %r : {element}"], chain, "chain")
    for to in FLOAT_TYPES:
        target = NAMES[np.dtype(to).name]
        widths = np.dtype(dtype).itemsize, np.dtype(to).itemsize
        if widths[0] != widths[1]:
            op = "extf" if widths[0] < widths[1] else "truncf"
            elementwise(p, domains["n"], 1, to,
                        [f"%r = arith.{op} %a : {element} to {target}",
                         f"linalg.yield %r : {target}"],
                        lambda x: x.astype(to), f"{op} to {target}", 0)
    to = pick(INT_TYPES)
    target = NAMES[np.dtype(to).name]
    def saturate(x, low, high):
        y = np.trunc(np.nan_to_num(x.astype(float), nan=0.0))
        exact = np.array([min(max(int(v), low), high) if np.isfinite(v) else
                          (high if v > 0 else low) for v in y.ravel()], object)
        return exact.reshape(x.shape)
    info = np.iinfo(to)
    elementwise(p, domains["n"], 1, to,
                [f"%r = arith.fptosi %a : {element} to {target}",
                 f"linalg.yield %r : {target}"],
                lambda x: saturate(x, info.min, info.max), f"fptosi {target}")
    unsigned = np.dtype(f"u{np.dtype(to).itemsize}")
    elementwise(p, domains["n"], 1, unsigned,
                [f"%r = arith.fptoui %a : {element} to {target}",
                 f"linalg.yield %r : {target}"],
                lambda x: saturate(x, 0, np.iinfo(unsigned).max),
                f"fptoui {target}")


def wrap(values, dtype):
    bits = 8 * np.dtype(dtype).itemsize
    flat = [int(v) & ((1 << bits) - 1) for v in np.ravel(values)]
    unsigned = np.array(flat, np.dtype(f"u{bits // 8}"))
    return unsigned.view(dtype).reshape(np.shape(values))


def int_ops(dtype, share):
    unsigned = np.dtype(f"u{np.dtype(dtype).itemsize}")
    bits = 8 * unsigned.itemsize
    element = NAMES[np.dtype(dtype).name]
    p = program(f"ints_{element}", n=int(rng.integers(1, 7)),
                m=int(rng.integers(1, 60)))
    operands = {False: Operands(p, ints(dtype)),
                True: Operands(p, lambda shape: ints(dtype)(shape).view(
                    unsigned))}
    cases = [(name, fn, False) for name, fn in SIGNED.items()]
    cases += [(name, fn, True) for name, fn in UNSIGNED.items()]
    cases += [("arith.shli", lambda x, y: shift(x, y, bits, True), True),
              ("arith.shrui", lambda x, y: shift(x, y, bits, False), True),
              ("arith.shrsi", lambda x, y: shift(
                  wrap(x, dtype).astype(object), y, bits, False), True)]
    for name, fn, is_unsigned in cases:
        if rng.random() > share:
            continue
        of = unsigned if is_unsigned else dtype
        elementwise(p, operands[is_unsigned], 2, of,
                    [f"%r = {name} %a, %b : {element}",
                     f"linalg.yield %r : {element}"],
                    lambda x, y: wrap(fn(x.astype(object), y.astype(object)),
                                      of), name)
    for sign, is_unsigned in (("s", False), ("u", True), ("", False)):
        name = pick(list(ORDERED)[1:]) if sign else pick(["eq", "ne"])
        fn = np.not_equal if name == "ne" else ORDERED[name]
        elementwise(p, operands[is_unsigned], 2, np.bool_,
                    [f"%r = arith.cmpi {sign}{name}, %a, %b : {element}",
                     "linalg.yield %r : i1"], fn, sign + name)
    for to in INT_TYPES:
        width = 8 * np.dtype(to).itemsize
        target = NAMES[np.dtype(to).name]
        ops = ["extsi", "extui"] if width > bits else \
            ["trunci"] if width < bits else []
        for op in ops:
            is_unsigned = op != "extsi"
            elementwise(p, operands[is_unsigned], 1, to,
                        [f"%r = arith.{op} %a : {element} to {target}",
                         f"linalg.yield %r : {target}"],
                        lambda x: wrap(x.astype(object), to), op)
    for to in FLOAT_TYPES:
        target = NAMES[np.dtype(to).name]
        for op, is_unsigned in (("sitofp", False), ("uitofp", True)):
            # Through double and bf16's own rounding: two of them beyond 2^53.
            elementwise(p, operands[is_unsigned], 1, to,
                        [f"%r = arith.{op} %a : {element} to {target}",
                         f"linalg.yield %r : {target}"],
                        lambda x: x.astype(to), f"{op} {target}",
                        0 if bits < 64 or to is not bf16 else None)
    for name, fn in (("absi", lambda x: np.where(x < 0, -x, x)),
                     ("ctpop", lambda x: np.vectorize(
                         lambda v: bin(v & ((1 << bits) - 1)).count("1"),
                         otypes=[object])(x))):
        elementwise(p, operands[False], 1, dtype,
                    [f"%r = math.{name} %a : {element}",
                     f"linalg.yield %r : {element}"],
                    lambda x: wrap(fn(x.astype(object)), dtype), name)
    if bits >= 32:
        elementwise(p, operands[False], 1, dtype,
                    [f"%e = arith.constant 3 : {element}",
                     f"%r = math.ipowi %a, %e : {element}",
                     f"linalg.yield %r : {element}"],
                    lambda x: wrap(x.astype(object) ** 3, dtype), "ipowi")


def reductions(case):
    """A fold over some dimensions of a transposed, broadcast input."""
    p = program(f"fold{case}", a=int(rng.integers(1, 9)),
                b=int(rng.integers(1, 40)), c=int(rng.integers(1, 40)))
    names = "abc"
    x = p.input(names, lambda s: rng.standard_normal(s).astype(np.float32))
    y = p.input(["c"], lambda s: rng.standard_normal(s).astype(np.float32))
    k = p.input(names, lambda s: rng.integers(-50, 50, s).astype(np.int32))
    h = p.input(names, lambda s: rng.standard_normal(s).astype(np.float16))
    sources = {d: (x, i) for i, d in enumerate(names)}
    for _ in range(4):
        kept = [d for d in names if rng.random() < 0.5]
        rng.shuffle(kept)
        loops = list(names)
        rng.shuffle(loops)
        axes = tuple(i for i, d in enumerate(names) if d not in kept)
        order = [sorted(kept).index(d) for d in kept]
        reduced = [d for d in names if d not in kept]
        maps = [", ".join(names), ", ".join(kept)]

        def fold(value, init, body, want, tolerance, what, others=()):
            r = p.generic([value] + [v for v, _ in others],
                          maps[:1] + [m for _, m in others] + maps[1:],
                          "".join(loops), init, body, reduced)
            if isinstance(tolerance, np.ndarray):
                tolerance = np.transpose(tolerance, order)
            p.expect(r, init[1], np.transpose(want, order).astype(
                value.array.dtype), tolerance, f"{what} to {kept} by {loops}")

        wide = x.array.astype(float)
        # Sums in any order: an error of a millionth of the magnitudes' sum is
        # 16 roundings of it.
        fold(x, p.fill("0.0", kept, np.float32, sources),
             ["%s = arith.addf %a, %o : f32", "linalg.yield %s : f32"],
             wide.sum(axes), np.asarray(np.abs(wide).sum(axes)), "sum")
        fold(x, p.fill("0.0", kept, np.float32, sources),
             ["%t = arith.mulf %a, %b : f32", "%s = arith.addf %o, %t : f32",
              "linalg.yield %s : f32"], (wide * y.array).sum(axes),
             np.asarray(np.abs(wide * y.array).sum(axes)), "dot", [(y, "c")])
        fold(x, p.fill("0xFF800000", kept, np.float32, sources),
             ["%s = arith.maximumf %o, %a : f32", "linalg.yield %s : f32"],
             wide.max(axes) if axes else wide, 0, "max")
        fold(k, p.fill("2147483647", kept, np.int32, sources),
             ["%s = arith.minsi %o, %a : i32", "linalg.yield %s : i32"],
             k.array.min(axes) if axes else k.array, 0, "min")
        fold(k, p.fill("5", kept, np.int32, sources),
             ["%s = arith.addi %o, %a : i32", "linalg.yield %s : i32"],
             k.array.sum(axes) + 5, 0, "integer sum")
        fold(h, p.fill("-6.0e4", kept, np.float16, sources),
             ["%s = arith.maximumf %o, %a : f16", "linalg.yield %s : f16"],
             h.array.max(axes) if axes else h.array, 0, "half max")


def argmax():
    """Two results, whose order of points matters."""
    p = program("argmax", n=int(rng.integers(1, 40)), m=int(rng.integers(1, 40)))
    x = p.input(["n", "m"], lambda s: rng.integers(0, 9, s).astype(np.float32))
    for axis, loops in ((0, "ij"), (1, "ij"), (0, "ji"), (1, "ji")):
        kept = "nm"[1 - axis]
        sources = {kept: (x, 1 - axis)}
        low, of = p.fill("-1.0", [kept], np.float32, sources)
        at, at_of = p.fill("0", [kept], np.int64, sources)
        keep = "ij"[1 - axis]
        kinds = ", ".join('"parallel"' if l == keep else '"reduction"'
                          for l in loops)
        maps = ", ".join(f"affine_map<({', '.join(loops)}) -> ({m})>"
                         for m in ("i, j", keep, keep))
        y = p.op(f"""linalg.generic {{indexing_maps = [{maps}], iterator_types = [{kinds}]}}
    ins({x.name} : {x.of}) outs({low}, {at} : {of}, {at_of}) {{
  ^bb0(%v: f32, %best: f32, %where: i64):
    %k = linalg.index {loops.index('ij'[axis])} : index
    %r = arith.index_cast %k : index to i64
    %c = arith.cmpf ogt, %v, %best : f32
    %n = arith.select %c, %v, %best : f32
    %w = arith.select %c, %r, %where : i64
    linalg.yield %n, %w : f32, i64
  }} -> ({of}, {at_of})""")
        p.entry.lines[-1] = p.entry.lines[-1].replace(f"{y} =", f"{y}:2 =", 1)
        p.expect(y + "#0", of, x.array.max(axis), 0, f"max of {axis} {loops}")
        p.expect(y + "#1", at_of, x.array.argmax(axis), 0,
                 f"argmax of {axis} {loops}")


def gathers():
    p = program("gathers", n=int(rng.integers(1, 9)), m=int(rng.integers(1, 40)),
                v=int(rng.integers(1, 30)))
    for dtype in (np.float32, np.float16, np.int8, np.bool_, np.int64):
        element = NAMES[np.dtype(dtype).name]
        table = p.input(["v", "m"], lambda s: rng.integers(
            0, 2 if dtype == np.bool_ else 90, s).astype(dtype))
        ids = p.input(["n"], lambda s: rng.integers(0, p.sizes["v"], s))
        sources = {"n": (ids, 0), "m": (table, 1)}
        init = p.empty(["n", "m"], dtype, sources)
        width = p.dim(table, 1)
        y = p.generic([ids], ["i", "i, j"], "ij", init, [
            "%row = arith.index_cast %a : i64 to index",
            "%j = linalg.index 1 : index",
            "%one = arith.constant 1 : index",
            "%next = arith.addi %j, %one : index",
            f"%wraps = arith.cmpi eq, %next, {width} : index",
            "%zero = arith.constant 0 : index",
            "%col = arith.select %wraps, %zero, %next : index",
            f"%r = tensor.extract {table.name}[%row, %col] : {table.of}",
            f"linalg.yield %r : {element}"])
        p.expect(y, init[1], np.roll(table.array, -1, 1)[ids.array], 0,
                 f"rolled rows of {element}")
        y = p.generic([ids], ["i", "i, j"], "ij", init, [
            "%row = arith.index_cast %a : i64 to index",
            "%j = linalg.index 1 : index",
            f"%r = tensor.extract {table.name}[%row, %j] : {table.of}",
            f"linalg.yield %r : {element}"])
        p.expect(y, init[1], table.array[ids.array], 0, f"rows of {element}")


def shapes(case):
    """Slices, concatenations, transpositions, reshapes; derived dimensions."""
    dtype = pick([np.float32, np.int8, np.int64, np.float16, np.bool_,
                  np.float64])
    p = program(f"shapes{case}", n=int(rng.integers(2, 9)),
                m=int(rng.integers(3, 30)))
    make = lambda s: rng.integers(0, 2 if dtype == np.bool_ else 100,
                                  s).astype(dtype)
    x = p.input(["n", "m", 6], make)
    element = x.element
    n, m = p.dim(x, 0), p.dim(x, 1)

    def permuted(value_name, of, dims, array, perm):
        out = tensor(["?" if isinstance(dims[i], str) else dims[i]
                      for i in perm], element)
        sizes = ", ".join({"n": n, "m": m}[dims[i]] for i in perm
                          if isinstance(dims[i], str))
        e = p.op(f"tensor.empty({sizes}) : {out}")
        y = p.op(f"linalg.transpose ins({value_name} : {of}) outs({e} : {out}) "
                 f"permutation = {list(map(int, perm))}")
        return y, out, np.transpose(array, perm)

    perm = rng.permutation(3)
    y, of, want = permuted(x.name, x.of, x.dims, x.array, perm)
    p.expect(y, of, want, 0, f"transpose {perm}")
    # Every second column from the first on, but for the last row.
    one, two = p.index(1), p.index(2)
    rows = p.op(f"arith.subi {n}, {one} : index")
    half = p.op(f"arith.ceildivsi {m}, {two} : index")
    part_of = tensor(["?", "?", 3], element)
    part = p.op(f"tensor.extract_slice {x.name}[0, 0, 1] [{rows}, {half}, 3] "
                f"[1, 2, 2] : {x.of} to {part_of}")
    sliced = x.array[:-1, ::2, 1::2]
    p.expect(part, part_of, sliced, 0, "slice")
    row_of = tensor(["?", 6], element)
    row = p.op(f"tensor.extract_slice {x.name}[{rows}, 0, 0] [1, {m}, 6] "
               f"[1, 1, 1] : {x.of} to {row_of}")
    p.expect(row, row_of, x.array[-1], 0, "last row")
    for axis in range(3):
        of = tensor(["?", "?", 12 if axis == 2 else 6], element)
        y = p.op(f"tensor.concat dim({axis}) {x.name}, {x.name} : ({x.of}, "
                 f"{x.of}) -> {of}")
        p.expect(y, of, np.concatenate([x.array, x.array], axis), 0,
                 f"concat {axis}")
    both = p.op(f"tensor.concat dim(1) {part}, {part}, {part} : ({part_of}, "
                f"{part_of}, {part_of}) -> {part_of}")
    p.expect(both, part_of, np.concatenate([sliced] * 3, 1), 0, "slices")
    # [n, m, 6] as [3 m, 2 n], and the slice flat.
    three, six = p.index(3), p.index(6)
    total = p.op(f"arith.muli {n}, {m} : index")
    total = p.op(f"arith.muli {total}, {six} : index")
    wide = p.op(f"arith.muli {m}, {three} : index")
    rest = p.op(f"arith.divsi {total}, {wide} : index")
    shape = p.op(f"tensor.from_elements {wide}, {rest} : tensor<2xindex>")
    of = tensor(["?", "?"], element)
    y = p.op(f"tensor.reshape {x.name}({shape}) : ({x.of}, tensor<2xindex>) "
             f"-> {of}")
    want = x.array.reshape(3 * p.sizes["m"], 2 * p.sizes["n"])
    p.expect(y, of, want, 0, "reshape")
    swapped = p.op(f"tensor.empty({rest}, {wide}) : {of}")
    y = p.op(f"linalg.transpose ins({y} : {of}) outs({swapped} : {of}) "
             "permutation = [1, 0]")
    p.expect(y, of, want.T, 0, "transposed reshape")
    flat = p.op(f"arith.muli {rows}, {half} : index")
    flat = p.op(f"arith.muli {flat}, {three} : index")
    shape = p.op(f"tensor.from_elements {flat} : tensor<1xindex>")
    line = tensor(["?"], element)
    y = p.op(f"tensor.reshape {part}({shape}) : ({part_of}, tensor<1xindex>) "
             f"-> {line}")
    p.expect(y, line, sliced.reshape(-1), 0, "flat slice")
    # Dimensions as values.
    numbers = [p.op(f"arith.index_cast {v} : index to i64")
               for v in (n, half, flat)]
    y = p.op(f"tensor.from_elements {', '.join(numbers)} : tensor<3xi64>")
    p.expect(y, "tensor<3xi64>",
             np.array([p.sizes["n"], sliced.shape[1], sliced.size]), 0, "shape")
    # What is known before: a constant of numbers, an argument.
    table = rng.integers(0, 99, (2, 3)).astype(np.int32)
    y = p.op(f"arith.constant dense<{table.tolist()}> : tensor<2x3xi32>")
    p.expect(y, "tensor<2x3xi32>", table, 0, "constant")
    p.expect(x.name, x.of, x.array, 0, "argument")


def products(case):
    """nn.matmul and nn.softmax; depths beyond a block, odd tails."""
    p = program(f"products{case}", b=int(rng.integers(1, 4)),
                m=int(rng.integers(1, 40)), k=int(rng.integers(1, 700)),
                n=int(rng.integers(1, 70)))
    normal = lambda s: rng.standard_normal(s).astype(np.float32)
    heads = int(rng.integers(1, 4))
    for left, right, out in (
            (["b", heads, "m", "k"], ["b", heads], ["b", heads]),
            (["b", heads, "m", "k"], ["b", 1], ["b", heads]),
            (["b", heads, "m", "k"], [], ["b", heads]),
            (["m", "k"], ["b", heads], ["b", heads]),
            ([1, heads, "m", "k"], ["b", 1], ["b", heads])):
        for transposed in ("", " transposed"):
            x = p.input(left, normal)
            y = p.input(right + (["n", "k"] if transposed else ["k", "n"]),
                        normal)
            of = tensor(["?" if isinstance(d, str) else d
                         for d in out + ["m", "n"]])
            z = p.op(f"nn.matmul {x.name}, {y.name}{transposed} : {x.of}, "
                     f"{y.of}")
            a, b = x.array.astype(float), y.array.astype(float)
            b = np.swapaxes(b, -1, -2) if transposed else b
            # Errors of a sum of k products grow with the root of k.
            p.expect(z, of, (a @ b).astype(np.float32),
                     np.asarray(np.abs(a) @ np.abs(b)), f"{left} x {right}"
                     f"{transposed}")
    x = p.input(["b", "m", "k"], lambda s: normal(s) * 4)
    y = p.op(f"nn.softmax {x.name} : {x.of}")
    e = np.exp(x.array.astype(float) - x.array.max(-1, keepdims=True))
    p.expect(y, x.of, (e / e.sum(-1, keepdims=True)).astype(np.float32), 4e-6,
             "softmax")


def static_ranks():
    """Layers on static shapes of every rank."""
    p = program("static")
    for rank in range(1, 6):
        shape = [int(rng.integers(1, 5)) for _ in range(rank - 1)] + [
            int(rng.integers(16, 40))]
        x = p.input(shape, lambda s: rng.standard_normal(s).astype(np.float32))
        scale = p.input(shape[-1:],
                        lambda s: rng.standard_normal(s).astype(np.float32))
        wide, gamma = x.array.astype(float), scale.array.astype(float)
        norm = np.sqrt((wide ** 2).sum(-1, keepdims=True))
        centred = wide - wide.mean(-1, keepdims=True)
        e = np.exp(wide - wide.max(-1, keepdims=True))
        cases = [
            (f"nn.softmax {x.name} : {x.of}", e / e.sum(-1, keepdims=True),
             4e-6),
            (f"nn.add {x.name}, {x.name} : {x.of}, {x.of}", wide * 2, 0),
            (f"nn.mul {x.name}, {scale.name} : {x.of}, {scale.of}",
             wide * gamma, 1e-6),
            (f"nn.activation relu {x.name} : {x.of}", np.maximum(wide, 0), 0),
            (f"nn.l2_normalize {x.name} : {x.of}", wide / norm, 2e-6),
            (f"nn.layer_norm {x.name}, {scale.name}, {scale.name} eps 1.0e-5 : "
             f"{x.of}, {scale.of}",
             gamma + gamma * centred / np.sqrt(
                 (centred ** 2).mean(-1, keepdims=True) + 1e-5),
             np.broadcast_to(20 * np.abs(gamma), wide.shape))]
        for text, want, tolerance in cases:
            p.expect(p.op(text), x.of, want.astype(np.float32), tolerance, text)


float_ops(np.float32, 1.0)
for other in FLOAT_TYPES[1:]:
    float_ops(other, 0.35)
for kind in INT_TYPES:
    int_ops(kind, 0.6)
for i in range(2):
    reductions(i)
argmax()
gathers()
for i in range(3):
    shapes(i)
for i in range(2):
    products(i)
static_ranks()
check(graph, programs, rng)
