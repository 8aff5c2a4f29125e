"""Random bodies of processes: every op of arith and vector that they may have, on integers
of random widths and vectors of them, in pipelines of any depth."""
import numpy as np

from designs import Design, pack

WORDS = 40
COMPARISONS = {"eq": lambda a, b: a == b, "ne": lambda a, b: a != b,
               "ult": lambda a, b: a < b, "ule": lambda a, b: a <= b,
               "ugt": lambda a, b: a > b, "uge": lambda a, b: a >= b,
               "slt": lambda a, b: a < b, "sle": lambda a, b: a <= b,
               "sgt": lambda a, b: a > b, "sge": lambda a, b: a >= b}
BINARY = {"addi": lambda a, b: a + b, "subi": lambda a, b: a - b,
          "muli": lambda a, b: a * b, "andi": lambda a, b: a & b,
          "ori": lambda a, b: a | b, "xori": lambda a, b: a ^ b,
          "minui": min, "maxui": max, "minsi": min, "maxsi": max}


def signed(value, bits):
    return value - (1 << bits) if value >> bits - 1 else value


class Value:
    """Numbers [WORDS][lanes], unsigned, of one SSA value."""

    def __init__(self, name, bits, shape, numbers):
        self.name, self.bits, self.shape, self.numbers = name, bits, shape, numbers

    @property
    def type(self):
        if not self.shape:
            return f"i{self.bits}"
        return f"vector<{'x'.join(map(str, self.shape))}xi{self.bits}>"

    def rows(self, is_signed):
        return [[signed(n, self.bits) if is_signed else n for n in row]
                for row in self.numbers]


class Body:
    """Ops one after the other, each on whatever is there."""

    def __init__(self, rng, values):
        self.rng, self.values, self.lines, self.count = rng, list(values), [], 0

    def add(self, text, bits, shape, numbers):
        """`text` has the op; results are cut to their bits."""
        name = f"%v{self.count}"
        self.count += 1
        self.lines.append(f"{name} = {text}")
        mask = (1 << bits) - 1
        made = Value(name, bits, shape, [[int(n) & mask for n in row] for row in numbers])
        self.values.append(made)
        return made

    def constant(self, bits, shape):
        lanes = [int(self.rng.integers(0, 1 << min(bits, 62)))
                 for _ in range(int(np.prod(shape, dtype=int)))]
        shown = [signed(n, bits) for n in lanes]
        kind = Value("", bits, shape, []).type
        if shape:
            shown = np.array(shown, dtype=object).reshape(shape).tolist()
            value = f"dense<{shown}>" if bits > 1 else \
                f"dense<{str(np.array(lanes).reshape(shape).astype(bool).tolist()).lower()}>"
        else:
            value = shown[0] if bits > 1 else str(bool(lanes[0])).lower()
        return self.add(f"arith.constant {value} : {kind}" if shape or bits > 1
                        else f"arith.constant {value}", bits, shape, [lanes] * WORDS)

    def like(self, value):
        same = [v for v in self.values if v.type == value.type]
        if self.rng.random() < 0.3 or not same:
            return self.constant(value.bits, value.shape)
        return same[self.rng.integers(len(same))]

    def zip(self, a, b, compute, is_signed):
        return [[compute(x, y) for x, y in zip(p, q)]
                for p, q in zip(a.rows(is_signed), b.rows(is_signed))]

    def grow(self):
        a = self.values[self.rng.integers(len(self.values))]
        kind = self.rng.choice(["binary", "binary", "compare", "select", "ext", "trunc", "shift",
                           "broadcast", "cast", "extract", "slice", "elements"])
        if kind == "binary":
            op = self.rng.choice(list(BINARY))
            b = self.like(a)
            self.add(f"arith.{op} {a.name}, {b.name} : {a.type}", a.bits, a.shape,
                     self.zip(a, b, BINARY[op], op.endswith("si")))
        elif kind == "compare":
            op = self.rng.choice(list(COMPARISONS))
            b = self.like(a)
            self.add(f"arith.cmpi {op}, {a.name}, {b.name} : {a.type}", 1, a.shape,
                     self.zip(a, b, COMPARISONS[op], op[0] == "s"))
        elif kind == "select":
            b = self.like(a)
            flags = [v for v in self.values if v.bits == 1 and v.shape in ((), a.shape)]
            if not flags:
                return
            c = flags[self.rng.integers(len(flags))]
            choose = [[x if (f[i] if len(f) == len(p) else f[0]) else y
                       for i, (x, y) in enumerate(zip(p, q))]
                      for f, p, q in zip(c.numbers, a.numbers, b.numbers)]
            types = a.type if not c.shape else f"{c.type}, {a.type}"
            self.add(f"arith.select {c.name}, {a.name}, {b.name} : {types}", a.bits, a.shape,
                     choose)
        elif kind == "ext":
            more = a.bits + int(self.rng.integers(1, 20))
            op = self.rng.choice(["extsi", "extui"])
            to = Value("", more, a.shape, []).type
            if more <= 48:
                self.add(f"arith.{op} {a.name} : {a.type} to {to}", more, a.shape,
                         a.rows(op == "extsi"))
        elif kind == "trunc" and a.bits > 1:
            less = int(self.rng.integers(1, a.bits))
            to = Value("", less, a.shape, []).type
            self.add(f"arith.trunci {a.name} : {a.type} to {to}", less, a.shape, a.numbers)
        elif kind == "shift":
            op = self.rng.choice(["shli", "shrui", "shrsi"])
            by = int(self.rng.integers(0, a.bits))
            if by.bit_length() > a.bits or (a.bits > 1 and by >> a.bits - 1):
                return
            amount = f"dense<{by}> : {a.type}" if a.shape else f"{by} : {a.type}"
            if a.bits == 1:
                return
            b = self.add(f"arith.constant {amount}", a.bits, a.shape,
                         [[by] * len(a.numbers[0])] * WORDS)
            rows = a.rows(op == "shrsi")
            moved = [[n << by if op == "shli" else n >> by for n in row] for row in rows]
            self.add(f"arith.{op} {a.name}, {b.name} : {a.type}", a.bits, a.shape, moved)
        elif kind == "broadcast" and np.prod(a.shape, dtype=int) <= 8:
            shape = (int(self.rng.integers(1, 4)),) + a.shape
            if len(a.shape) == 2 and a.shape[1] == 1 or a.shape == (1,):
                shape = a.shape[:-1] + (int(self.rng.integers(2, 5)),)
            grid = [np.broadcast_to(np.array(row, object).reshape(a.shape), shape).ravel()
                    for row in a.numbers]
            to = Value("", a.bits, shape, []).type
            if len(shape) <= 3:
                self.add(f"vector.broadcast {a.name} : {a.type} to {to}", a.bits, shape, grid)
        elif kind == "cast" and a.shape:
            lanes = int(np.prod(a.shape))
            shapes = [(lanes,), (1, lanes), (lanes, 1)]
            shape = shapes[self.rng.integers(3)]
            to = Value("", a.bits, shape, []).type
            self.add(f"vector.shape_cast {a.name} : {a.type} to {to}", a.bits, shape, a.numbers)
        elif kind == "extract" and a.shape:
            at = [int(self.rng.integers(n)) for n in a.shape[:self.rng.integers(1, len(a.shape) + 1)]]
            shape = a.shape[len(at):]
            rows = [np.array(row, object).reshape(a.shape)[tuple(at)] for row in a.numbers]
            to = Value("", a.bits, shape, []).type
            self.add(f"vector.extract {a.name}{at} : {to} from {a.type}", a.bits, shape,
                     [np.ravel(row) for row in rows])
        elif kind == "slice" and a.shape:
            begin = [int(self.rng.integers(n)) for n in a.shape]
            size = [int(self.rng.integers(1, n - b + 1)) for n, b in zip(a.shape, begin)]
            window = tuple(slice(b, b + s) for b, s in zip(begin, size))
            rows = [np.array(row, object).reshape(a.shape)[window].ravel()
                    for row in a.numbers]
            to = Value("", a.bits, tuple(size), []).type
            self.add(f"vector.extract_strided_slice {a.name} {{offsets = {begin}, sizes = "
                     f"{size}, strides = {[1] * len(size)}}} : {a.type} to {to}", a.bits,
                     tuple(size), rows)
        elif kind == "elements" and not a.shape:
            made = [a] + [self.like(a) for _ in range(self.rng.integers(0, 3))]
            rows = [sum(parts, []) for parts in zip(*(v.numbers for v in made))]
            to = Value("", a.bits, (len(made),), []).type
            self.add(f"vector.from_elements {', '.join(v.name for v in made)} : {to}", a.bits,
                     (len(made),), rows)


def make_random_body(rng):
    """A process of one frame of WORDS words."""
    lanes, bits = int(rng.integers(2, 5)), int(rng.integers(2, 13))
    x = [[int(n) for n in rng.integers(0, 1 << bits, lanes)] for _ in range(WORDS)]
    body = Body(rng, [Value("%word", bits, (lanes,), x)])
    while body.count < 60:
        body.grow()
    # Everything that came out, as one scalar stream each for a few of them.
    outs = [v for v in body.values[1:] if len(v.shape) <= 1]
    outs = [outs[i] for i in sorted(rng.choice(len(outs), min(6, len(outs)), replace=False))]

    def stream(v):
        n = v.shape[0] if v.shape else 1
        return f"!qflow.stream<{WORDS}x{n}xui{v.bits}, {n}>"
    source = f"!qflow.stream<{WORDS}x{lanes}xui{bits}, {lanes}>"
    types = ", ".join(map(stream, outs))
    ports = ", ".join(f"%o{i}: {stream(v)}" for i, v in enumerate(outs))
    writes = []
    for i, v in enumerate(outs):
        name = v.name
        if v.shape == (1,):
            name = f"%only{i}"
            writes.append(f"{name} = vector.extract {v.name}[0] : i{v.bits} from {v.type}")
        writes.append(f"qflow.write {name} to %o{i} if %true : {stream(v)}")
    text = f"""
qflow.design @random(%x: {source} {{qflow.name = "x"}}) -> ({types})
    attributes {{clock = {rng.choice([25, 100, 300])}.0 : f64}} {{
  %y:{len(outs)} = qflow.process "random"(%x) loops [{WORDS}] : ({source}) -> ({types}) {{
  ^bb0(%in: {source}, {ports}, %i: i{max(1, (WORDS - 1).bit_length())}):
    %true = arith.constant true
    %word = qflow.read %in if %true : {source}
    {chr(10).join(body.lines)}
    {chr(10).join(writes)}
    qflow.next
  }}
  qflow.output {", ".join(f"%y#{i}" for i in range(len(outs)))} : {types}
}}
"""
    outputs = [(f"out{i}", v.bits * len(v.numbers[0]), WORDS) for i, v in enumerate(outs)]
    wanted = {f"out{i}": [pack(row, v.bits, len(row))[0] for row in v.numbers]
              for i, v in enumerate(outs)}
    return Design("random", text, [("x", bits * lanes, WORDS)], outputs,
                  {"x": pack(sum(x, []), bits, lanes)}, wanted)
