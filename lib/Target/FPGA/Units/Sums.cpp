//===- Sums.cpp - sums of products -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Sums.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::fpga;

/// Sums over the first dimension, in as many bits as they need, none beyond
/// those of the whole sum.
static Value sumLanes(ProcessBuilder &process, Value products,
                      unsigned sumBits) {
  OpBuilder &builder = process.getBuilder();
  Location loc = products.getLoc();
  auto type = cast<VectorType>(products.getType());
  int64_t lanes = type.getDimSize(0), rows = type.getDimSize(1), terms = 1;
  unsigned bits = type.getElementTypeBitWidth();
  auto getBits = [&](int64_t terms) {
    return std::min(sumBits, bits + llvm::Log2_64_Ceil(uint64_t(terms)));
  };
  auto grow = [&](Value value, int64_t terms) {
    return process.resize(value, getBits(terms), /*isSigned=*/true);
  };
  auto slice = [&](Value value, int64_t first, int64_t count) -> Value {
    return vector::ExtractStridedSliceOp::create(
        builder, loc, value, ArrayRef<int64_t>{first, 0},
        ArrayRef<int64_t>{count, rows}, ArrayRef<int64_t>{1, 1});
  };
  SmallVector<std::pair<Value, int64_t>> odd;
  for (Value sum = products;; lanes /= 2, terms *= 2) {
    if (lanes == 1) {
      odd.emplace_back(vector::ExtractOp::create(builder, loc, sum, int64_t(0)),
                       terms);
      break;
    }
    if (lanes % 2)
      odd.emplace_back(vector::ExtractOp::create(builder, loc, sum, lanes - 1),
                       terms);
    int64_t half = lanes / 2;
    sum = process.add(grow(slice(sum, 0, half), 2 * terms),
                      grow(slice(sum, half, half), 2 * terms));
  }
  Value sum = odd.front().first;
  int64_t count = odd.front().second;
  for (auto [other, more] : llvm::drop_begin(odd)) {
    count += more;
    sum = process.add(grow(sum, count), grow(other, count));
  }
  return process.resize(sum, sumBits, /*isSigned=*/true);
}

Value fpga::sumProducts(ProcessBuilder &process, Value codes, bool isSigned,
                        Value weights, unsigned sumBits, bool inLuts) {
  OpBuilder &builder = process.getBuilder();
  Location loc = codes.getLoc();
  auto codeType = cast<VectorType>(codes.getType()).getElementType();
  ArrayRef<int64_t> shape = cast<VectorType>(weights.getType()).getShape();
  Value column = vector::ShapeCastOp::create(
      builder, loc, VectorType::get({shape[0], 1}, codeType), codes);
  Value spread = vector::BroadcastOp::create(
      builder, loc, VectorType::get(shape, codeType), column);
  Value products = process.multiply(spread, isSigned, weights,
                                    /*isBSigned=*/true, inLuts);
  return sumLanes(process, products, sumBits);
}

Value fpga::accumulate(ProcessBuilder &process, Value sum, Value bias,
                       Value step, int64_t steps) {
  if (!bias && steps == 1)
    return sum;
  auto sums = cast<VectorType>(sum.getType());
  Value before = bias ? bias : process.splat(sums, 0);
  if (steps == 1)
    return process.add(before, sum);
  Value state = process.addState(process.getBuilder().getZeroAttr(sums));
  before = process.select(process.isAt(step, 0), before, state);
  sum = process.add(before, sum);
  process.setNext(state, sum);
  return sum;
}
