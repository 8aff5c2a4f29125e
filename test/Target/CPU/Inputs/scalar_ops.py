"""What arith and math ops compute, in numpy."""
import numpy as np
from scipy import special


def divide(x, y):
    """Towards zero; 0 where y is 0."""
    safe = np.where(y == 0, 1, y)
    quotient = np.abs(x).astype(object) // np.abs(safe.astype(object))
    quotient = np.where((x < 0) != (y < 0), -quotient, quotient)
    return np.where(y == 0, 0, quotient)


def remainder(x, y):
    return np.where(y == 0, 0, x - divide(x, y) * y)


def floor_divide(x, y):
    moved = (remainder(x, y) != 0) & ((x < 0) != (y < 0))
    return divide(x, y) - moved


def ceil_divide(x, y):
    moved = (remainder(x, y) != 0) & ((x < 0) == (y < 0))
    return divide(x, y) + moved


# name: (function of doubles, domain of the operands); domains are "n" any,
# "p" positive, "u" within 1, "g" from 1 on.
FLOATS = {
    "arith.addf": (np.add, "nn"), "arith.subf": (np.subtract, "nn"),
    "arith.mulf": (np.multiply, "nn"), "arith.divf": (np.divide, "nn"),
    "arith.remf": (np.fmod, "nn"), "arith.negf": (np.negative, "n"),
    "arith.maximumf": (np.maximum, "nn"), "arith.minimumf": (np.minimum, "nn"),
    "arith.maxnumf": (np.fmax, "nn"), "arith.minnumf": (np.fmin, "nn"),
    "math.absf": (np.abs, "n"), "math.acos": (np.arccos, "u"),
    "math.acosh": (np.arccosh, "g"), "math.asin": (np.arcsin, "u"),
    "math.asinh": (np.arcsinh, "n"), "math.atan": (np.arctan, "n"),
    "math.atan2": (np.arctan2, "nn"), "math.atanh": (np.arctanh, "u"),
    "math.cbrt": (np.cbrt, "n"), "math.ceil": (np.ceil, "n"),
    "math.copysign": (np.copysign, "nn"), "math.cos": (np.cos, "n"),
    "math.cosh": (np.cosh, "n"), "math.erf": (special.erf, "n"),
    "math.erfc": (special.erfc, "n"), "math.exp": (np.exp, "n"),
    "math.exp2": (np.exp2, "n"), "math.expm1": (np.expm1, "n"),
    "math.floor": (np.floor, "n"), "math.log": (np.log, "p"),
    "math.log10": (np.log10, "p"), "math.log1p": (np.log1p, "p"),
    "math.log2": (np.log2, "p"), "math.powf": (np.power, "pu"),
    "math.round": (lambda x: np.copysign(np.floor(np.abs(x) + 0.5), x), "n"),
    "math.roundeven": (np.rint, "n"),
    "math.rsqrt": (lambda x: 1 / np.sqrt(x), "p"), "math.sin": (np.sin, "n"),
    "math.sinh": (np.sinh, "n"), "math.sqrt": (np.sqrt, "p"),
    "math.tan": (np.tan, "u"), "math.tanh": (np.tanh, "n"),
    "math.trunc": (np.trunc, "n"),
    "math.clampf": (lambda x, y, z: np.minimum(np.maximum(x, y), z), "nnn"),
    "math.fma": (lambda x, y, z: x * y + z, "ppp"),
}

ORDERED = {"eq": np.equal, "gt": np.greater, "ge": np.greater_equal,
           "lt": np.less, "le": np.less_equal}


def compare_floats(predicate, x, y):
    unordered = np.isnan(x) | np.isnan(y)
    if predicate in ("ord", "uno"):
        return unordered == (predicate == "uno")
    if predicate[1:] == "ne":
        holds = (x < y) | (x > y)
    else:
        holds = ORDERED[predicate[1:]](x, y)
    return (holds & ~unordered) | (unordered & (predicate[0] == "u"))


# Of unsigned or signed numbers, as Python's, to be wrapped.
def shift(x, y, bits, left):
    amount = np.minimum(y, bits).astype(object)
    return x << amount if left else x >> amount


SIGNED = {
    "arith.divsi": divide, "arith.remsi": remainder,
    "arith.floordivsi": floor_divide, "arith.ceildivsi": ceil_divide,
    "arith.minsi": np.minimum, "arith.maxsi": np.maximum,
}
UNSIGNED = {
    "arith.addi": lambda x, y: x + y, "arith.subi": lambda x, y: x - y,
    "arith.muli": lambda x, y: x * y, "arith.andi": lambda x, y: x & y,
    "arith.ori": lambda x, y: x | y, "arith.xori": lambda x, y: x ^ y,
    "arith.divui": divide, "arith.remui": remainder,
    "arith.ceildivui": ceil_divide, "arith.minui": np.minimum,
    "arith.maxui": np.maximum,
}
