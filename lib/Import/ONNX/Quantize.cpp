//===- Quantize.cpp - to codes and back -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Quantization.h"
#include "Reductions.h"
#include "Registry.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::onnx;

static int64_t readBlock(Node &node) {
  int64_t block = node.getInt("block_size", 0);
  if (block < 0)
    node.fail("attribute 'block_size' is negative");
  return block;
}

static void importQuantizeLinear(Node &node) {
  const Tensor &x =
      node.input(0, {DType::F32, DType::F16, DType::BF16, DType::I32});
  // How to saturate matters to 8-bit floats alone.
  (void)node.getInt("saturate", 1);
  if (node.getInt("precision", 1) != 1)
    node.fail("attribute 'precision' is not f32, which is not supported");
  DType dtype = DType::U8;
  int64_t given = node.getInt("output_dtype", 0);
  if (node.hasInput(2))
    dtype = node.input(2).dtype;
  else if (given != 0)
    dtype = getDType(given);
  CodeMeaning meaning =
      readMeaning(node, x, 1, 2, node.getInt("axis", 1), readBlock(node));
  node.setOutput(0, encode(node, x, meaning, dtype));
}

static void importDequantizeLinear(Node &node) {
  const Tensor &codes = node.input(0);
  if (!isInteger(codes.dtype) || getBits(codes.dtype) > 32)
    node.fail(node.describe(0) + " has the element type " +
              getName(codes.dtype).str() + ", which is not supported here");
  CodeMeaning meaning =
      readMeaning(node, codes, 1, 2, node.getInt("axis", 1), readBlock(node));
  Tensor result = decode(node, codes, meaning);
  if (int64_t given = node.getInt("output_dtype", 0))
    result = cast(node, result, getDType(given));
  node.setOutput(0, result);
}

/// One range for all of `x`, widened to hold 0; of zeros alone, 1.
static void importDynamicQuantizeLinear(Node &node) {
  const Tensor &x = node.input(0, DType::F32);
  auto axes = llvm::to_vector(llvm::seq<int64_t>(0, x.getRank()));
  auto extreme = [&](bool isMost) {
    return reduce(node, x, axes, DType::F32,
                  scalarAttribute(node.builder().getF32Type(), 0),
                  [&](OpBuilder &builder, Location loc, ValueRange args) {
                    Scalars s(builder, loc, DType::F32);
                    return isMost ? s.max(args[1], args[0])
                                  : s.min(args[1], args[0]);
                  });
  };
  Tensor least = extreme(false), most = extreme(true);
  Tensor scale = compute(node, {least, most}, [](Scalars &s, ValueRange y) {
    return s.select(s.equal(y[0], y[1]), s.constant(1),
                    s.div(s.sub(y[1], y[0]), s.constant(255)));
  });
  Tensor place = compute(node, {least, scale}, [](Scalars &s, ValueRange y) {
    Value code = s.sub(s.constant(0), s.div(y[0], y[1]));
    return s.op<math::RoundEvenOp>(
        s.min(s.max(code, s.constant(0)), s.constant(255)));
  });
  Tensor zero = cast(node, place, DType::U8);
  node.setOutput(1, scale);
  node.setOutput(2, zero);
  if (!x.constant && hasHeldShape(x))
    return node.setOutput(0, encodeWith(node, x, scale, place, DType::U8));
  CodeMeaning meaning;
  meaning.scale = scale;
  meaning.zero = zero;
  node.setOutput(0, encode(node, x, meaning, DType::U8));
}

ArrayRef<Operator> qnt::onnx::getQuantizeOperators() {
  static const Operator operators[] = {
      {"DequantizeLinear", 10, importDequantizeLinear},
      {"DequantizeLinear", 1, importDequantizeLinear, "", "com.microsoft"},
      {"DynamicQuantizeLinear", 11, importDynamicQuantizeLinear},
      {"QuantizeLinear", 10, importQuantizeLinear, "precision other than f32"},
      {"QuantizeLinear", 1, importQuantizeLinear, "", "com.microsoft"},
  };
  return operators;
}
