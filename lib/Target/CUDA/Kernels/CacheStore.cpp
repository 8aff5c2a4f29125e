//===- CacheStore.cpp - keys and values into the cache -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "KVReader.h"
#include "RowEncoder.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::cuda;

using Values = KernelBuilder::Values;

static constexpr int64_t kThreads = 256, kFeatures = KVReader::kFeatures;

/// What codes of a cache are, of the features of one head of one token.
static QTensorType getCodesType(MLIRContext *context,
                                const CacheGeometry &cache) {
  return QTensorType::get(
      context, {1, cache.headDim},
      IntFormatAttr::get(context, cache.bits(), /*isSigned=*/false),
      BlockAttr::get(context, BlockKind::PerRow, 0), Float16Type::get(context),
      ZeroKind::Point, Attribute());
}

std::string CacheGeometry::check() const {
  if (headDim % kFeatures || headDim > kFeatures * kWarp)
    return llvm::formatv("expected heads of a multiple of {0} features, up to "
                         "{1}, got {2}",
                         kFeatures, kFeatures * kWarp, headDim);
  return {};
}

int64_t CacheGeometry::getLanes() const {
  return int64_t(llvm::PowerOf2Ceil(uint64_t(headDim / kFeatures)));
}

/// Encodes a lane's part of a head; lanes of a head go together. Where it is
/// the first of them and `exists`, it stores scale and zero point.
static void storeCodes(KernelBuilder &k, const CacheGeometry &cache,
                       Values numbers, Value to, Value params, Value isFirst,
                       Value exists) {
  RowEncoder encoder(getCodesType(k.b.getContext(), cache));
  Value least = k.cf32(0), largest = k.cf32(0);
  for (Value &number : numbers) {
    number = RowEncoder::zeroIfNaN(k, number);
    least = k.minF(least, number);
    largest = k.maxF(largest, number);
  }
  for (int64_t mask = cache.getLanes() / 2; mask; mask /= 2) {
    least = k.minF(least, k.shuffleXor(least, mask));
    largest = k.maxF(largest, k.shuffleXor(largest, mask));
  }
  RowEncoder::Params chosen = encoder.choose(k, least, largest);
  int64_t perWord = 32 / cache.bits();
  Values words(kFeatures / perWord, k.c32(0));
  for (auto [i, number] : llvm::enumerate(numbers)) {
    Value code = encoder.encode(k, number, chosen);
    Value &word = words[i / perWord];
    word = k.bor(word, k.shl(code, unsigned(i % perWord * cache.bits())));
  }
  Value scale = k.bitcast(k.truncF(chosen.stored, k.f16()), k.i16());
  Value word = k.bor(k.zext(scale, k.i32()), k.shl(k.toInt(chosen.zero), 16));
  k.ifThen(exists, [&] {
    Value all = words.size() == 1 ? words[0] : k.pack(words);
    k.store(all, to, unsigned(4 * words.size()));
  });
  k.ifThen(isFirst, [&] { k.store(word, params, 4); });
}

Kernel qnt::cuda::getCacheStoreKernel(KernelLibrary &lib,
                                      const CacheGeometry &cache) {
  int64_t lanes = cache.getLanes(), perToken = 2 * cache.heads * lanes;
  Kernel kernel;
  kernel.threads = kThreads;
  kernel.addInput("key");
  kernel.addInput("value");
  kernel.addInput("start");
  kernel.addInOut("cache");
  unsigned batch = kernel.addSize("batch"), tokens = kernel.addSize("tokens");
  kernel.addSize("capacity");
  kernel.grid[0].by(tokens, perToken, kThreads);
  kernel.grid[1].by(batch);
  std::string name = llvm::formatv("cache_store_{0}x{1}_{2}", cache.heads,
                                   cache.headDim, cache.element);
  return lib.get(name, kernel, [&](KernelBuilder &k, ValueRange args) {
    Value b = k.blockId(gpu::Dimension::y), tokens = args[5];
    Value unit =
        k.add(k.mulC(k.blockId(gpu::Dimension::x), kThreads), k.threadId());
    Value t = k.divC(unit, perToken), part = k.remC(unit, perToken);
    Value feature = k.mulC(k.remC(part, lanes), kFeatures);
    Value head = k.divC(part, 2 * lanes);
    Value isValue = k.remC(k.divC(part, lanes), 2);
    // Lanes beyond the last go along, as they exchange extremes.
    Value isInside = k.ltS(feature, k.c32(int32_t(cache.headDim)));
    Value exists = k.band(k.ltS(t, tokens), isInside);
    t = k.minS(t, k.addC(tokens, -1));
    feature = k.minC(feature, cache.headDim - kFeatures);

    Value from = k.select(k.eq(isValue, k.c32(1)), args[1], args[0]);
    CacheGeometry given = cache;
    given.element = k.f32();
    KVReader source(given), target(cache);
    Values numbers =
        source.load(k, source.locate(k, from, tokens, b, head), t, feature);
    Value start = k.load(k.i32(), k.atRow(args[2], b, 4), 4);
    Value position = k.add(start, t);
    KVRows rows = target.locate(k, args[3], args[6], b, head, isValue);
    Value to = target.at(k, rows, position, feature);
    if (cache.isCodes()) {
      Value isFirst = k.band(exists, k.eq(feature, k.c32(0)));
      return storeCodes(k, cache, numbers, to,
                        k.atRow(rows.params, position, 4), isFirst, exists);
    }
    k.ifThen(exists, [&] {
      int64_t most = 128 / cache.bits();
      for (int64_t i = 0; i < kFeatures; i += most) {
        Value all = k.pack(ValueRange(numbers).slice(i, most));
        k.store(k.truncF(all, cache.element), k.at(to, i * cache.bits() / 8),
                16);
      }
    });
  });
}
