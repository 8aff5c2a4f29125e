# REQUIRES: python
# RUN: %python %s
"""qnt.linear, its epilogues, and qnt.embedding against numpy."""
import os
import sys

import numpy as np
from scipy import special

sys.path.append(os.path.join(os.path.dirname(__file__), "Inputs"))
from cases import Cases, tensor_type
from reference import Quantized

cases = Cases()
rng = cases.rng
f32 = np.float32
ZEROS = (False, True, "offset")


def floats(*shape):
    return rng.standard_normal(shape).astype(f32)


def quantize(x, *args, **options):
    """The name, the type and the values of a quantised constant."""
    q = Quantized(x, *args, **options)
    name = cases.op(f"qnt.quantize {cases.constant(x)} : {tensor_type(x)} -> "
                    f"{q.type()}")
    return name, q.type(), q.values(), q.dequantized()


def weight(n, k):
    fmt = str(rng.choice(["int2", "int3", "int4", "int8", "uint4", "int1",
                          "uint8"]))
    kind = str(rng.choice(["per_channel", "per_tensor",
                           f"group<{16 * int(rng.integers(1, 4))}>"]))
    return quantize(floats(n, k), fmt, kind, str(rng.choice(["f16", "f32"])),
                    ZEROS[rng.integers(3)])


def small_float(shape, whole):
    kind = str(rng.choice([whole, "per_tensor",
                           f"group<{16 * int(rng.integers(1, 4))}>"]))
    scales = ["f32", "f16", "f8E4M3FN", "f8E8M0FNU"] if "group" in kind \
        else ["f32"]
    return quantize(floats(*shape), str(rng.choice(["e4m3", "e5m2", "e2m1"])),
                    kind, str(rng.choice(scales)))


STEPS = {"relu": lambda x: np.maximum(x, 0),
         "gelu": lambda x: x * special.ndtr(x),
         "gelu_tanh": lambda x: 0.5 * x * (1 + np.tanh(
             np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
         "silu": lambda x: x * special.expit(x), "tanh": np.tanh,
         "sigmoid": special.expit}


def epilogue(y):
    """The text of a random epilogue and what it makes of y."""
    steps, operands = [], []
    for step in rng.choice(["bias", "add", "mul", *STEPS], rng.integers(0, 4)):
        steps.append(str(step))
        if step in STEPS:
            y = STEPS[step](y)
            continue
        other = floats(y.shape[-1]) if step == "bias" else floats(*y.shape)
        operands.append((cases.constant(other), tensor_type(other)))
        y = y * other if step == "mul" else y + other
    text = f"epilogue [{', '.join(steps)}]" if steps else ""
    if operands:
        names, types = zip(*operands)
        text += f" ({', '.join(names)} : {', '.join(types)})"
    return text, y


def linear(x, w):
    y = x[2] @ w[2].T
    text, y = epilogue(y)
    v = cases.op(f"qnt.linear {x[0]}, {w[0]} {text} : {x[1]}, {w[1]}")
    # Cancellation leaves the rounding of double sums.
    cases.expect(v, y.astype(f32), 1.2e-7, 1e-11)
    cases.end(f"linear{len(cases.functions)}")


for _ in range(40):
    m, n, k = int(rng.integers(1, 6)), int(rng.integers(1, 20)), \
        int(rng.integers(1, 120))
    shape = (m, k) if rng.random() < 0.5 else (2, m, k)
    zero_point = bool(rng.random() < 0.5)
    linear(quantize(floats(*shape), str(rng.choice(["int8", "uint8", "int4"])),
                    str(rng.choice(["per_row", "per_tensor"])), "f32",
                    zero_point), weight(n, k))
    linear(quantize(floats(*shape), str(rng.choice(["int8", "uint8", "int4"])),
                    str(rng.choice(["per_row", "per_tensor"])), "f32", zero_point),
           quantize(floats(n, k), str(rng.choice(["e2m1", "e3m2", "e2m3", "e4m3"])),
                    str(rng.choice(["per_channel", "per_tensor"]))))
    x = floats(*shape)
    plain = (cases.constant(x), tensor_type(x), x.astype(float))
    linear(plain, weight(n, k))
    x = floats(*shape)
    plain = (cases.constant(x), tensor_type(x), x.astype(float))
    fmt = str(rng.choice(["e4m3", "e2m1", "bf16", "f16", "f32", "nf4"]))
    kind = "per_channel" if "e" in fmt or "nf" in fmt else "unscaled"
    linear(plain, quantize(floats(n, k), fmt, kind))

    linear(small_float(shape, "per_row"), small_float((n, k), "per_channel"))

    ids = rng.integers(0, n, (2, 3)).astype(np.int32)
    table = weight(n, k)
    v = cases.op(f"qnt.embedding {cases.constant(ids)}, {table[0]} : "
                 f"{tensor_type(ids)}, {table[1]}")
    cases.expect(v, table[3][ids])
    cases.end(f"embedding{len(cases.functions)}")
cases.run()
