//===- KVOperands.cpp - keys and values as operands of products -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "KVOperands.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace qnt::cuda;

using Values = KernelBuilder::Values;

/// Lanes that share a position of keys, and of values.
static constexpr int64_t kKeyLanes = 4, kValueLanes = 8;
static constexpr uint32_t kLowCodes = 0x000f000fu, kHighCodes = 0x00f000f0u,
                          kBytes = 0x00ff00ffu;

/// The largest load that a lane's share is a multiple of.
static int64_t getLoadBytes(int64_t share) {
  return std::min<int64_t>(16, share & -share);
}

KVOperands::KVOperands(const CacheGeometry &cache)
    : cache(cache), keyBytes(getLoadBytes(cache.rowBytes() / kKeyLanes)),
      valueBytes(getLoadBytes(cache.rowBytes() / kValueLanes)) {}

std::string KVOperands::check(const CacheGeometry &cache) {
  if (cache.element.isF32())
    return "expected a cache of f16 or codes, got f32";
  int64_t multiple = 32 * 8 / cache.bits();
  if (cache.headDim % multiple)
    return llvm::formatv("expected heads of a multiple of {0} features in a "
                         "cache of {1}, got {2}",
                         multiple, cache.element, cache.headDim);
  // Of more, a lane's sums and codes are more than its registers.
  const int64_t most = cache.bits() == 4 ? 192 : 256;
  if (cache.headDim > most)
    return llvm::formatv("expected heads of at most {0} features in a cache of "
                         "{1}, got {2}",
                         most, cache.element, cache.headDim);
  return {};
}

Values KVOperands::load(KernelBuilder &k, const KVRows &from, Value position,
                        Value part, int64_t bytes, int64_t parts) const {
  Value row = k.atRow(from.rows, position, from.stride);
  row = k.at(row, k.mulC(part, bytes));
  Values words;
  for (int64_t i = 0; i < from.stride; i += bytes * parts) {
    Type type = bytes == 4 ? k.i32() : Type(k.vec(k.i32(), bytes / 4));
    Value loaded = k.load(type, k.at(row, i), unsigned(bytes));
    if (bytes == 4)
      words.push_back(loaded);
    else
      llvm::append_range(words, k.elements(loaded));
  }
  return words;
}

Value KVOperands::getCodeBase(KernelBuilder &k, Value size) {
  return k.addC(k.shrS(size, 31), 0x64006400);
}

/// Two codes of a word, with what `base` stands for added.
static Value toHalves(KernelBuilder &k, Value word, uint32_t mask, Value base) {
  return k.bor(k.band(word, k.c32(int32_t(mask))), base);
}

//===----------------------------------------------------------------------===//
// Keys
//===----------------------------------------------------------------------===//

Value KVOperands::getKeyPosition(KernelBuilder &k, Value lane,
                                 int64_t tile) const {
  Value n = k.divC(lane, kKeyLanes);
  return k.addC(k.add(k.mulC(k.divC(n, 2), 4), k.remC(n, 2)), 2 * tile);
}

Values KVOperands::loadKeys(KernelBuilder &k, const KVRows &from,
                            Value position, Value lane) const {
  return load(k, from, position, k.remC(lane, kKeyLanes), keyBytes, kKeyLanes);
}

Values KVOperands::decodeKeys(KernelBuilder &k, Values words,
                              Value base) const {
  if (!cache.isCodes())
    return words;
  VectorType pair = k.vec(k.f16(), 2);
  auto finish = [&](Value halves, double factor) {
    halves = k.bitcast(halves, pair);
    Value offset = k.constant(pair, -1024 * factor);
    halves = factor == 1 ? k.add(halves, offset)
                         : k.fma(halves, k.constant(pair, factor), offset);
    return k.bitcast(halves, k.i32());
  };
  Values operands;
  for (Value word : words) {
    if (cache.bits() == 8) {
      for (int64_t i : {0, 2})
        operands.push_back(
            finish(k.takeBytes(word, base, {i, 5, i + 1, 5}), 1));
      continue;
    }
    for (int64_t i : {0, 8}) {
      Value shifted = k.shrU(word, unsigned(i));
      operands.push_back(finish(toHalves(k, shifted, kLowCodes, base), 1));
      operands.push_back(
          finish(toHalves(k, shifted, kHighCodes, base), 1 / 16.0));
    }
  }
  return operands;
}

std::array<int64_t, 4> KVOperands::getQueryFeatures(int64_t step) const {
  std::array<int64_t, 4> features = {0, 1, 2, 3};
  int64_t first = 4 * step;
  if (cache.bits() == 4) {
    // Codes of a word whose halves are taken together.
    first = 8 * (step / 2);
    features = {0, 4, 1, 5};
    if (step % 2)
      features = {2, 6, 3, 7};
  }
  int64_t piece = count(keyBytes);
  for (int64_t &feature : features) {
    feature += first;
    feature = feature / piece * piece * kKeyLanes + feature % piece;
  }
  return features;
}

Value KVOperands::getKeyFeature(KernelBuilder &k, Value lane) const {
  return k.mulC(k.remC(lane, kKeyLanes), count(keyBytes));
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

Values KVOperands::loadValues(KernelBuilder &k, const KVRows &from,
                              Value position, Value lane) const {
  return load(k, from, position, k.divC(lane, kKeyLanes), valueBytes,
              kValueLanes);
}

SmallVector<Values> KVOperands::decodeValues(KernelBuilder &k,
                                             ArrayRef<Values> words,
                                             Value base) const {
  SmallVector<Values> steps(size_t(getSteps()), Values(4));
  // Positions 0 and 1 make the first two words of A, 2 and 3 the others.
  for (int64_t half : {0, 1})
    for (size_t i = 0; i < words[0].size(); ++i) {
      Value x = words[2 * half][i], y = words[2 * half + 1][i];
      auto set = [&](int64_t step, Value low, Value high) {
        steps[step][2 * half] = low;
        steps[step][2 * half + 1] = high;
      };
      // Of both a feature of f16, two codes of 8 bits or four of 4 bits.
      using Bytes = std::array<int64_t, 4>;
      bool ofBytes = cache.bits() == 8;
      Value low =
          k.takeBytes(x, y, ofBytes ? Bytes{0, 4, 1, 5} : Bytes{0, 1, 4, 5});
      Value high =
          k.takeBytes(x, y, ofBytes ? Bytes{2, 6, 3, 7} : Bytes{2, 3, 6, 7});
      if (!cache.isCodes()) {
        set(int64_t(i), low, high);
        continue;
      }
      if (ofBytes) {
        for (auto [j, both] : llvm::enumerate(ArrayRef<Value>{low, high}))
          set(int64_t(2 * i + j), k.takeBytes(both, base, {0, 5, 1, 5}),
              k.takeBytes(both, base, {2, 5, 3, 5}));
        continue;
      }
      for (auto [j, both] : llvm::enumerate(ArrayRef<Value>{low, high}))
        for (unsigned part : {0, 1}) {
          Value shifted = k.shrU(both, 8 * part);
          set(int64_t(4 * i + 2 * j + part),
              toHalves(k, shifted, kLowCodes, base),
              toHalves(k, shifted, kHighCodes, base));
        }
    }
  return steps;
}

Values KVOperands::decodeZeros(KernelBuilder &k, ArrayRef<Value> params,
                               Value base) const {
  Values words;
  for (int64_t i : {0, 2}) {
    Value both = k.takeBytes(params[i], params[i + 1], {2, 3, 6, 7});
    words.push_back(toHalves(k, both, kBytes, base));
    words.push_back(isSpread() ? toHalves(k, k.shl(both, 4), kHighCodes, base)
                               : words.back());
  }
  return words;
}

int64_t KVOperands::getValueFeature(int64_t step) const {
  int64_t piece = count(valueBytes), feature = 2 * step;
  return feature / piece * piece * kValueLanes + feature % piece;
}

Value KVOperands::getValueFeature(KernelBuilder &k, Value lane) const {
  return k.mulC(k.divC(lane, kKeyLanes), count(valueBytes));
}
