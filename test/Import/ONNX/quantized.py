# REQUIRES: python, x86
# RUN: rm -rf %t && mkdir %t && %python %s quant-opt %test_bin/qnt-onnx-cases %t
# Quantised models: codes stay codes, numbers equal ONNX Runtime's or numpy's.
import os
import sys

import numpy as np
from onnx import TensorProto as T
from onnx import helper as h

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)) + "/Inputs")
from models import MS, Models

m = Models()
f32 = np.float32


def quantize(name, result, scale="s", zero="z", **attributes):
    return h.make_node("QuantizeLinear", [name, scale, zero], [result],
                       **attributes)


def dequantize(name, result, scale="s", zero="z", **attributes):
    return h.make_node("DequantizeLinear", [name, scale, zero], [result],
                       **attributes)


def linear():
    for kind, zero in ((np.uint8, 131), (np.int8, -3), (np.int8, 0)):
        m.save([quantize("x", "q"), dequantize("q", "d"),
                dequantize("w", "e", "t", "y", axis=1),
                h.make_node("MatMul", ["d", "e"], ["p"]),
                h.make_node("Add", ["p", "b"], ["a"]),
                quantize("a", "o", "u", "v")],
               {"x": ["n", 32]}, {"o": T.UINT8},
               {"s": f32(0.02), "z": kind(zero), "w": m.codes(np.int8, 32, 8),
                "t": np.abs(m.floats(8)) / 64, "y": np.zeros(8, np.int8),
                "b": m.floats(8), "u": f32(0.1), "v": np.uint8(100)})
        has_zero = kind == np.uint8 or zero
        m.check(f"matmul of {kind.__name__}", {"x": m.floats(16, 32)}, ties=True,
                contains=[r"!qnt.tensor<8x32, int8, per_channel, scale f32>",
                          "qnt.quantize .*tensor, scale f32"
                          + (", zero" if has_zero else ">"), "nn.linear"],
                lacks=["qnt.wrap"])


def conv():
    for zero, expected in ((128, "int8, per_channel, scale f32>"),
                           (120, "uint8, per_channel, scale f32, zero>")):
        m.save([quantize("x", "q"), dequantize("q", "d"),
                dequantize("w", "e", "t", "y", axis=0),
                dequantize("b", "c", "r", "k", axis=0),
                h.make_node("Conv", ["d", "e", "c"], ["p"], pads=[1] * 4),
                h.make_node("Relu", ["p"], ["a"]), quantize("a", "o", "u", "v")],
               {"x": ["n", 4, 6, 6]}, {"o": T.UINT8},
               {"s": f32(0.02), "z": np.uint8(121),
                "w": m.codes(np.uint8, 8, 4, 3, 3),
                "t": np.abs(m.floats(8)) / 64, "y": np.full(8, zero, np.uint8),
                "b": m.codes(np.int16, 8).astype(np.int32),
                "r": np.abs(m.floats(8)) / 4096, "k": np.zeros(8, np.int32),
                "u": f32(0.1), "v": np.uint8(0)})
        m.check(f"conv with zero point {zero}", {"x": m.floats(2, 4, 6, 6)},
                ties=True,
                contains=[f"!qnt.tensor<8x3x3x4, {expected}", "nn.conv .* bias"],
                lacks=["qnt.dequantize_bias"])


def operators():
    """QOperator format."""
    for kind in (np.uint8, np.int8):
        m.save([h.make_node("QLinearConv", ["x", "s", "z", "w", "t", "y", "u",
                                            "v", "b"], ["a"], strides=[2, 2]),
                h.make_node("QLinearAdd", ["a", "u", "v", "a", "u", "v", "s",
                                           "z"], ["c"], domain=MS),
                h.make_node("QLinearGlobalAveragePool",
                            ["c", "s", "z", "u", "v"], ["g"], domain=MS)],
               {"x": (["n", 4, 9, 9], T.UINT8 if kind == np.uint8 else T.INT8)},
               {"g": T.UINT8 if kind == np.uint8 else T.INT8},
               {"s": f32(0.02), "z": kind(20), "w": m.codes(np.int8, 8, 4, 3, 3),
                "t": np.abs(m.floats(8)) / 64, "y": np.zeros(8, np.int8),
                # A mean of 16 codes in units of 0.02 is rarely halfway between
                # two codes of this scale.
                "b": m.codes(np.int8, 8).astype(np.int32), "u": f32(0.1123),
                "v": kind(3)}, domains=[MS])
        m.check(f"QLinear of {kind.__name__}", {"x": m.codes(kind, 64, 4, 9, 9)},
                ties=True, contains=["nn.conv", "qnt.wrap", "nn.pool average",
                          "qnt.dequantize_bias"])
    m.save([h.make_node("QGemm", ["x", "s", "z", "w", "t", "y", "b", "u", "v"],
                        ["a"], domain=MS, transB=1)],
           {"x": (["n", 16], T.UINT8)}, {"a": T.UINT8},
           {"s": f32(0.02), "z": np.uint8(99), "w": m.codes(np.int8, 8, 16),
            "t": f32(0.01), "y": np.int8(0),
            "b": m.codes(np.int8, 8).astype(np.int32), "u": f32(0.1),
            "v": np.uint8(128)}, domains=[MS])
    m.check("QGemm", {"x": m.codes(np.uint8, 40, 16)}, ties=True,
            contains=["qnt.dequantize_bias"])


def n_bits():
    for bits, inner, zeros in ((4, 64, "bytes"), (4, 72, None), (8, 64, None),
                               (8, 48, "bytes"), (4, 64, "floats")):
        rows, block = 12, 32
        blocks = -(-inner // block)
        stride = blocks * block * bits // 8
        constants = {"w": m.codes(np.uint8, rows, blocks, block * bits // 8),
                     "s": m.floats(rows, blocks)}
        codes = constants["w"].reshape(rows, stride)
        if bits == 4:
            codes = np.stack([codes & 15, codes >> 4], -1).reshape(rows, -1)
        numbers = np.full((rows, blocks), 1 << (bits - 1))
        if zeros == "floats":
            numbers = m.rng.integers(0, 16, (rows, blocks))
            constants["z"] = numbers.astype(f32)
        elif zeros:
            packed = m.codes(np.uint8, rows, -(-blocks * bits // 8))
            constants["z"] = packed
            numbers = (packed if bits == 8 else np.stack(
                [packed & 15, packed >> 4], -1).reshape(rows, -1))[:, :blocks]
        inputs = ["x", "w", "s"] + (["z"] if zeros else [])
        m.save([h.make_node("MatMulNBits", inputs, ["y"], domain=MS, K=inner,
                            N=rows, bits=bits, block_size=block)],
               {"x": ["b", "t", inner]}, ["y"], constants, domains=[MS])
        x = m.floats(2, 3, inner)
        weight = np.stack([
            (codes[:, i].astype(np.int64) - numbers[:, i // block])
            * constants["s"][:, i // block] for i in range(inner)])
        kind = ("uint" if zeros else "int") + str(bits)
        m.check(f"MatMulNBits of {bits} bits, K {inner}, zeros {zeros}",
                {"x": x}, [(x.astype(np.float64) @ weight).astype(f32)],
                # Sums of large numbers may be small.
                atol=1e-6 * (np.abs(x) @ np.abs(weight)).max(),
                contains=[f"!qnt.tensor<12x{inner}, {kind}, group<32>",
                          "nn.linear"])
    m.save([h.make_node("MatMulNBits", ["x", "w", "s", "z"], ["y"], domain=MS,
                        K=32, N=1, bits=4, block_size=32)],
           {"x": ["n", 32]}, ["y"],
           {"w": m.codes(np.uint8, 1, 1, 16), "s": m.floats(1, 1),
            "z": np.array([[7.5]], f32)}, domains=[MS])
    m.refuse("fractional zero point", r"\(MatMulNBits\): a zero point of 7.5")


def blocked():
    codes = m.rng.integers(-8, 8, (64, 8))
    scale = np.abs(m.floats(4, 8))
    m.save([dequantize("w", "e", "s", "", axis=0, block_size=16),
            h.make_node("MatMul", ["x", "e"], ["y"])],
           {"x": ["n", 64]}, ["y"],
           {"w": h.make_tensor("w", T.INT4, codes.shape, codes.flatten()),
            "s": scale}, opset=21)
    x = m.floats(3, 64)
    m.check("blocks of int4", {"x": x},
            [x @ (codes * scale.repeat(16, 0)).astype(f32)],
            contains=["!qnt.tensor<8x64, int4, group<16>, scale f32>"])


def qonnx():
    domain = "qonnx.custom_op.general"
    x = np.concatenate([m.floats(4, 16) * 3, [[0.5, 1.5, -0.5, -2.5] * 4]]
                       ).astype(f32)
    weight = m.floats(16, 8)
    for narrow in (0, 1):
        for signed in (0, 1):
            m.save([h.make_node("Quant", ["x", "s", "z", "b"], ["q"],
                                domain=domain, signed=signed, narrow=narrow,
                                rounding_mode="ROUND"),
                    h.make_node("Quant", ["w", "t", "z", "c"], ["v"],
                                domain=domain, signed=1, narrow=narrow,
                                rounding_mode="ROUND"),
                    h.make_node("MatMul", ["q", "v"], ["y"])],
                   {"x": ["n", 16]}, ["q", "y"],
                   {"s": f32(0.5), "z": f32(0), "b": f32(4), "w": weight,
                    "t": np.full((1, 8), 0.25, f32), "c": f32(3)},
                   domains=[domain])

            def grid(values, scale, bits, sign):
                least = -2 ** (bits - 1) + narrow if sign else 0
                most = 2 ** (bits - 1) - 1 if sign else 2 ** bits - 1 - narrow
                return np.clip(np.round(values / scale), least, most) * scale
            q = grid(x, f32(0.5), 4, signed).astype(f32)
            w = grid(weight, f32(0.25), 3, 1).astype(f32)
            m.check(f"Quant, narrow {narrow}, signed {signed}", {"x": x},
                    [q, q @ w],
                    contains=["qnt.quantize", "!qnt.tensor<8x16, int3, per_"])
    m.save([h.make_node("BipolarQuant", ["x", "s"], ["y"], domain=domain)],
           {"x": ["n", 16]}, ["y"], {"s": f32(0.5)}, domains=[domain])
    m.check("BipolarQuant", {"x": x}, [np.where(x >= 0, 0.5, -0.5).astype(f32)])
    m.save([h.make_node("BipolarQuant", ["w", "s"], ["v"], domain=domain),
            h.make_node("MatMul", ["x", "v"], ["y"])],
           {"x": ["n", 16]}, ["y"], {"w": weight, "s": np.full((1, 8), 0.25, f32)},
           domains=[domain])
    m.check("BipolarQuant of a weight", {"x": x},
            [x @ np.where(weight >= 0, 0.25, -0.25).astype(f32)],
            contains=["!qnt.tensor<8x16, int2, per_"])
    m.save([h.make_node("Trunc", ["x", "s", "z", "a", "b"], ["y"],
                        domain=domain)],
           {"x": ["n", 16]}, ["y"],
           {"s": f32(0.25), "z": f32(0), "a": f32(8), "b": f32(6)},
           domains=[domain])
    m.check("Trunc", {"x": x},
            [(np.floor(np.round(x / f32(0.25)) / 4) * 0.25).astype(f32)])


linear()
conv()
operators()
n_bits()
blocked()
qonnx()
m.exit()
