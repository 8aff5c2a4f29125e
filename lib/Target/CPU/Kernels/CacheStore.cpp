//===- CacheStore.cpp - keys and values into the cache ----------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Common.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::cpu;

namespace {
/// Emits the storing of one head of one sequence.
struct HeadStore {
  KernelBuilder &k;
  CacheGeometry cache;
  /// Keys and values of token 0 of this head; where both go.
  Value keys, values, keysTo, valuesTo;
  Value start, tokens;

  int64_t rowStride() const { return 4 * cache.heads * cache.headDim; }
  /// Bytes of one feature of a panel: a key a lane.
  int64_t lineBytes() const { return kLanes * cache.elementBytes(); }

  void storeValues() {
    k.loop(k.c64(0), tokens, 1, [&](Value t) {
      Value from = k.at(values, k.mul(t, k.c64(rowStride())));
      int64_t bytes = cache.headDim * cache.elementBytes();
      Value to = k.at(valuesTo, k.mul(k.add(start, t), k.c64(bytes)));
      k.overLanes(cache.headDim, [&](Value i, Value count) {
        Value lanes = loadLanes(k, from, i, count);
        Value at = k.at(to, k.mul(i, k.c64(cache.elementBytes())));
        if (count)
          k.storeF32AsPartial(lanes, cache.element, at, count);
        else
          k.storeF32As(lanes, cache.element, at);
      });
    });
  }

  /// 16 x 16 numbers; each of the four steps rotates the bits of row and column
  /// by one place.
  SmallVector<Value> transposed(SmallVector<Value> rows) {
    SmallVector<int64_t> low, high;
    for (int64_t i = 0; i < kLanes / 2; ++i) {
      low.append({i, kLanes + i});
      high.append({kLanes / 2 + i, kLanes + kLanes / 2 + i});
    }
    for (int64_t step = 0; step < 4; ++step) {
      SmallVector<Value> next;
      for (int64_t i = 0; i < kLanes / 2; ++i)
        for (ArrayRef<int64_t> order : {low, high})
          next.push_back(vector::ShuffleOp::create(
              k.b, k.loc, rows[i], rows[i + kLanes / 2], order));
      rows = next;
    }
    return rows;
  }

  /// Features [d, d + features) of a panel whose 16 keys are all given.
  void storeBlock(Value panel, Value from, Value d, int64_t features) {
    Value count = features < kLanes ? k.c64(features) : Value();
    SmallVector<Value> rows;
    for (int64_t lane = 0; lane < kLanes; ++lane)
      rows.push_back(loadLanes(k, k.at(from, lane * rowStride()), d, count));
    rows = transposed(rows);
    Value to = k.at(panel, k.mul(d, k.c64(lineBytes())));
    for (int64_t i = 0; i < features; ++i)
      k.storeF32As(rows[i], cache.element, k.at(to, i * lineBytes()));
  }

  void storeWholePanel(Value panel, Value from) {
    int64_t whole = cache.headDim / kLanes * kLanes;
    if (whole)
      k.loop(k.c64(0), k.c64(whole), kLanes,
             [&](Value d) { storeBlock(panel, from, d, kLanes); });
    if (whole < cache.headDim)
      storeBlock(panel, from, k.c64(whole), cache.headDim - whole);
  }

  /// One key into its lane of a panel, `to` on.
  void storeKey(Value to, Value from) {
    Type bits = k.b.getIntegerType(8 * cache.elementBytes());
    auto scatter = [&](Value d, int64_t features) {
      Value count = features < kLanes ? k.c64(features) : Value();
      Value lanes = k.truncF(loadLanes(k, from, d, count), cache.element);
      lanes = k.bitcast(lanes, k.vec(bits));
      Value first = k.at(to, k.mul(d, k.c64(lineBytes())));
      for (int64_t i = 0; i < features; ++i) {
        Value number = vector::ExtractOp::create(k.b, k.loc, lanes, i);
        k.store(number, k.at(first, i * lineBytes()), cache.elementBytes());
      }
    };
    int64_t whole = cache.headDim / kLanes * kLanes;
    if (whole)
      k.loop(k.c64(0), k.c64(whole), kLanes,
             [&](Value d) { scatter(d, kLanes); });
    if (whole < cache.headDim)
      scatter(k.c64(whole), cache.headDim - whole);
  }

  void storeKeys() {
    Value end = k.add(start, tokens), lanes = k.c64(kLanes);
    k.loop(k.divS(start, lanes), k.ceilDiv(end, kLanes), 1, [&](Value p) {
      Value position = k.mul(p, lanes);
      Value panel = k.at(
          keysTo, k.mul(position, k.c64(cache.headDim * cache.elementBytes())));
      // Token of lane 0, maybe before the first one.
      Value token = k.sub(position, start);
      Value from = k.at(keys, k.mul(token, k.c64(rowStride())));
      Value low = k.maxS(k.sub(k.c64(0), token), k.c64(0));
      Value high = k.minS(k.sub(end, position), lanes);
      k.ifElse(
          k.eq(k.sub(high, low), lanes), [&] { storeWholePanel(panel, from); },
          [&] {
            Value none = k.constant(k.vec(k.i8(), lineBytes()), 0);
            k.ifThen(k.eq(low, k.c64(0)), [&] {
              k.loop(k.c64(0), k.c64(cache.headDim * lineBytes()), lineBytes(),
                     [&](Value at) { k.store(none, k.at(panel, at)); });
            });
            k.loop(low, high, 1, [&](Value lane) {
              storeKey(k.at(panel, k.mul(lane, k.c64(cache.elementBytes()))),
                       k.at(from, k.mul(lane, k.c64(rowStride()))));
            });
          });
    });
  }
};
} // namespace

Kernel qnt::cpu::getCacheStoreKernel(KernelLibrary &lib, CacheGeometry cache) {
  std::string name = llvm::formatv("cache_store.{0}x{1}.{2}", cache.heads,
                                   cache.headDim, cache.element);
  // Heads to a slice: one token has little to store.
  auto grainOf = [=](KernelBuilder &k, ValueRange args) {
    Value grain =
        k.divS(k.c64(8192 / cache.headDim), k.maxS(args[5], k.c64(1)));
    return k.maxS(grain, k.c64(1));
  };
  auto headsOf = [=](KernelBuilder &k, ValueRange args) {
    return k.mul(args[4], k.c64(cache.heads));
  };
  return lib.getParallel(
      name, argTypes(lib, 4, 3),
      [=](KernelBuilder &k, ValueRange args) {
        Value grain = grainOf(k, args);
        Value last = k.sub(k.add(headsOf(k, args), grain), k.c64(1));
        return k.divS(last, grain);
      },
      [=](KernelBuilder &k, ValueRange args, Value begin, Value end) {
        Value grain = grainOf(k, args), tokens = args[5], capacity = args[6];
        Value last = k.minS(k.mul(end, grain), headsOf(k, args));
        k.loop(k.mul(begin, grain), last, 1, [&](Value i) {
          Value b = k.divS(i, k.c64(cache.heads));
          Value head = k.remS(i, k.c64(cache.heads));
          Value row = k.add(k.mul(k.mul(b, tokens), k.c64(cache.heads)), head);
          Value from = k.mul(row, k.c64(4 * cache.headDim));
          Value size =
              k.mul(capacity, k.c64(cache.headDim * cache.elementBytes()));
          Value to = k.at(args[2], k.mul(k.shl(i, 1), size));
          HeadStore store{k,
                          cache,
                          k.at(args[0], from),
                          k.at(args[1], from),
                          to,
                          k.at(to, size),
                          loadIndexOr(k, args[3], b, k.c64(0)),
                          tokens};
          store.storeKeys();
          store.storeValues();
        });
      });
}
