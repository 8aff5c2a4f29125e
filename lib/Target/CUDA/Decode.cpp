//===- Decode.cpp - codes to operands of instructions -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Decode.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::cuda;

Value TileCodes::get(KernelBuilder &k, unsigned plane, int64_t v) {
  const FragmentGeometry::Plane &p = g->planes[plane];
  SmallVector<Value> &loaded = words[plane];
  loaded.resize(p.width);
  if (loaded[v])
    return loaded[v];
  int64_t count = p.getVector(), first = v / count * count;
  Value at = k.at(tile, k.mulC(lane, 4 * count));
  at = k.at(at, k.c32(int32_t(p.offset + p.getWordOffset(0, first))));
  Value vector = k.load(k.vec(k.i32(), count), at, unsigned(4 * count));
  for (int64_t i = 0; i < count; ++i)
    loaded[first + i] = vector::ExtractOp::create(k.b, k.loc, vector, i);
  return loaded[v];
}

Decoder::Decoder(QTensorType weight)
    : spec(weight.getFormat().getDecodeSpec()) {}

Value Decoder::decodeBytes(KernelBuilder &k, const FragmentGeometry &g,
                           TileCodes &codes, int64_t w) const {
  constexpr int64_t cell = 8;
  Value word;
  for (auto [i, plane] : llvm::enumerate(g.planes)) {
    int64_t fields = cell / plane.width;
    Value field = codes.get(k, i, w / fields);
    int64_t from = w % fields * plane.width;
    int64_t to = cell - spec.bits + plane.shift;
    field = to >= from ? k.shl(field, to - from) : k.shrU(field, from - to);
    if (plane.width < cell) {
      uint32_t mask = ((1u << plane.width) - 1) << to;
      field = k.band(field, k.c32(int32_t(mask * 0x01010101u)));
    }
    word = word ? k.bor(word, field) : field;
  }
  return word;
}
