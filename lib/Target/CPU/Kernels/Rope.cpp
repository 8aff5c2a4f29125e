//===- Rope.cpp - rotary position embedding ---------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Common.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/xxhash.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::cpu;

Kernel qnt::cpu::getRopeTableKernel(KernelLibrary &lib, nn::RopeTableOp op) {
  int64_t dim = op.getDim(), half = dim / 2;
  nn::RopeScalingAttr scaling = op.getScalingAttr();
  SmallVector<double> frequencies =
      nn::getRopeFrequencies(dim, op.getTheta().convertToDouble(), scaling);
  double factor = scaling && scaling.getKind() == nn::RopeScalingKind::Yarn
                      ? scaling.getAttention().convertToDouble()
                      : 1.0;
  // Frequencies and factor are all that the code depends on.
  SmallVector<double> content = frequencies;
  content.push_back(factor);
  ArrayRef<uint8_t> bytes(reinterpret_cast<const uint8_t *>(content.data()),
                          content.size() * sizeof(double));
  std::string name =
      llvm::formatv("rope_table.{0}.{1:x-}", dim, llvm::xxh3_64bits(bytes));
  auto type =
      RankedTensorType::get({half}, Float64Type::get(lib.module.getContext()));
  LLVM::GlobalOp table =
      getConstantArray(lib, name + ".frequencies",
                       DenseElementsAttr::get(type, ArrayRef(frequencies)));
  // A sine is some fifty operations.
  return getRowsKernel(
      lib, name, argTypes(lib, 2, 1), 50 * dim,
      [](KernelBuilder &, ValueRange args) { return args[2]; },
      [=](KernelBuilder &k, ValueRange args, Value row) {
        Value position =
            k.sitofp(k.load(k.i32(), k.at(args[0], k.shl(row, 2)), 4), k.f64());
        Value cosines = k.at(args[1], k.mul(row, k.c64(4 * dim)));
        Value sines = k.at(cosines, 4 * half);
        Value from = addressOf(k, table);
        k.loop(k.c64(0), k.c64(half), 1, [&](Value i) {
          Value frequency = k.load(k.f64(), k.at(from, k.shl(i, 3)), 8);
          Value angle = k.mul(position, frequency);
          auto store = [&](Value value, Value to) {
            value = k.mul(value, k.cf64(factor));
            k.store(k.truncF(value, k.f32()), f32At(k, to, i), 4);
          };
          store(k.cos(angle), cosines);
          store(k.sin(angle), sines);
        });
      });
}

namespace {
struct Pair {
  Value x, y;
};

/// Lanes of x and y from 2 vectors of pairs (x0 y0 x1 y1 ...).
Pair deinterleave(KernelBuilder &k, Pair pairs) {
  SmallVector<int64_t> even, odd;
  for (int64_t i = 0; i < kLanes; ++i) {
    even.push_back(2 * i);
    odd.push_back(2 * i + 1);
  }
  auto pick = [&](ArrayRef<int64_t> lanes) -> Value {
    return vector::ShuffleOp::create(k.b, k.loc, pairs.x, pairs.y, lanes);
  };
  return {pick(even), pick(odd)};
}

Pair interleave(KernelBuilder &k, Pair lanes) {
  SmallVector<int64_t> low, high;
  for (int64_t i = 0; i < kLanes / 2; ++i) {
    low.append({i, kLanes + i});
    high.append({kLanes / 2 + i, kLanes + kLanes / 2 + i});
  }
  auto pick = [&](ArrayRef<int64_t> order) -> Value {
    return vector::ShuffleOp::create(k.b, k.loc, lanes.x, lanes.y, order);
  };
  return {pick(low), pick(high)};
}

/// Where the features that lanes [i, i + 16) rotate lie in a head: two vectors,
/// and how many lanes of each are valid (null: all).
struct PairPlace {
  Value first, second, firstCount, secondCount;
};
} // namespace

Kernel qnt::cpu::getRopeKernel(KernelLibrary &lib, int64_t heads,
                               int64_t headDim, int64_t rotary,
                               bool interleaved) {
  int64_t half = rotary / 2;
  std::string name = llvm::formatv("rope.{0}x{1}r{2}{3}", heads, headDim,
                                   rotary, interleaved ? ".interleaved" : "");
  auto placeOf = [=](KernelBuilder &k, Value i, Value count) -> PairPlace {
    if (!interleaved)
      return {i, k.add(i, k.c64(half)), count, count};
    Value first = k.shl(i, 1), second = k.add(first, k.c64(kLanes));
    if (!count)
      return {first, second, Value(), Value()};
    Value values = k.shl(count, 1);
    return {first, second, values, k.sub(values, k.c64(kLanes))};
  };
  return getRowsKernel(
      lib, name, argTypes(lib, 3, 1), 2 * heads * headDim,
      [](KernelBuilder &, ValueRange args) { return args[3]; },
      [=](KernelBuilder &k, ValueRange args, Value row) {
        Value cosines = k.at(args[1], k.mul(row, k.c64(4 * rotary)));
        Value sines = k.at(cosines, 4 * half);
        Value first = k.mul(row, k.c64(heads));
        k.loop(k.c64(0), k.c64(heads), 1, [&](Value head) {
          Value offset = k.mul(k.add(first, head), k.c64(4 * headDim));
          Value x = k.at(args[0], offset), out = k.at(args[2], offset);
          k.overLanes(half, [&](Value i, Value count) {
            PairPlace place = placeOf(k, i, count);
            Pair v = {loadLanes(k, x, place.first, place.firstCount),
                      loadLanes(k, x, place.second, place.secondCount)};
            if (interleaved)
              v = deinterleave(k, v);
            Value c = loadLanes(k, cosines, i, count);
            Value s = loadLanes(k, sines, i, count);
            Pair rotated = {k.fma(v.x, c, k.negF(k.mul(v.y, s))),
                            k.fma(v.y, c, k.mul(v.x, s))};
            if (interleaved)
              rotated = interleave(k, rotated);
            storeLanes(k, rotated.x, out, place.first, place.firstCount);
            storeLanes(k, rotated.y, out, place.second, place.secondCount);
          });
          Value rest = k.c64(rotary);
          k.overLanes(headDim - rotary, [&](Value i, Value count) {
            Value index = k.add(rest, i);
            storeLanes(k, loadLanes(k, x, index, count), out, index, count);
          });
        });
      });
}
