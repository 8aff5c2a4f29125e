//===- CacheStore.cpp - keys and values into the cache ----------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "RowEncoder.h"

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
  /// On the stack: the rows of a panel of keys, once encoded.
  Value encoded;

  int64_t rowStride() const { return 4 * cache.heads * cache.headDim; }
  /// Bytes of one unit of a panel: a key a lane.
  int64_t lineBytes() const { return kLanes * cache.unitBytes(); }

  /// Encodes the row at `from` to units at `to`; its scale and zero point go to
  /// `lane` of the panel's tail.
  void encodeRow(Value from, Value to, Value tail, Value lane) {
    RowEncoder encoder(k, cache.headDim, 0, (1 << cache.bits()) - 1,
                       /*hasZeros=*/true, k.f16());
    RowEncoder::Params params = encoder.chooseParams(from);
    int64_t excess = -(1 << (cache.bits() - 1));
    RowEncoder::Map map = encoder.getMap(params, excess);
    k.overLanes(cache.width(), [&](Value i, Value count) {
      Value units = encoder.encode(map, loadLanes(k, from, i, count));
      if (cache.parts() == 2) {
        Value other = k.add(i, k.c64(cache.width()));
        Value high = encoder.encode(map, loadLanes(k, from, other, count));
        units = k.bor(k.band(units, k.constant(units.getType(), 15)),
                      k.shl(high, 4));
      }
      storeUnits(k.trunc(units, k.i8()), k.at(to, i), count);
    });
    Value scale = k.truncF(k.splat(params.stored), k.f16());
    Value zero = k.add(k.roundToInt(params.zero), k.c32(int32_t(excess)));
    k.store(vector::ExtractOp::create(k.b, k.loc, scale, 0),
            k.at(tail, k.shl(lane, 1)), 2);
    k.store(k.trunc(zero, k.i8()), k.at(k.at(tail, 2 * kLanes), lane), 1);
  }

  /// Units from `i` on of a row of keys: f32 numbers still to be rounded, or
  /// bytes.
  Value loadUnits(Value row, Value i, Value count) {
    if (!cache.isCodes())
      return loadLanes(k, row, i, count);
    return count ? k.loadPartial(k.i8(), k.at(row, i), count)
                 : k.load(k.vec(k.i8()), k.at(row, i));
  }
  void storeUnits(Value units, Value to, Value count) {
    if (!cache.isCodes())
      return count ? k.storeF32AsPartial(units, cache.element, to, count)
                   : k.storeF32As(units, cache.element, to);
    return count ? k.storePartial(units, to, count) : k.store(units, to);
  }

  void storeValues() {
    k.loop(k.c64(0), tokens, 1, [&](Value t) {
      Value from = k.at(values, k.mul(t, k.c64(rowStride())));
      Value position = k.add(start, t);
      if (cache.isCodes()) {
        Value panel = k.divS(position, k.c64(kLanes));
        Value lane = k.remS(position, k.c64(kLanes));
        Value at = k.at(valuesTo, k.mul(panel, k.c64(cache.panelBytes())));
        return encodeRow(from, k.at(at, k.mul(lane, k.c64(cache.rowBytes()))),
                         k.at(at, kLanes * cache.rowBytes()), lane);
      }
      Value to = k.at(valuesTo, k.mul(position, k.c64(cache.rowBytes())));
      k.overLanes(cache.width(), [&](Value i, Value count) {
        storeUnits(loadLanes(k, from, i, count),
                   k.at(to, k.mul(i, k.c64(cache.unitBytes()))), count);
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

  /// Units [i, i + units) of a panel whose 16 keys are all given, `stride`
  /// bytes from row to row.
  void storeBlock(Value panel, Value from, int64_t stride, Value i,
                  int64_t units) {
    Value count = units < kLanes ? k.c64(units) : Value();
    SmallVector<Value> rows;
    for (int64_t lane = 0; lane < kLanes; ++lane)
      rows.push_back(loadUnits(k.at(from, lane * stride), i, count));
    rows = transposed(rows);
    Value to = k.at(panel, k.mul(i, k.c64(lineBytes())));
    for (int64_t unit = 0; unit < units; ++unit)
      storeUnits(rows[unit], k.at(to, unit * lineBytes()), Value());
  }

  /// `body(i, units)` on all units of a head, 16 at a time.
  void overUnits(std::function<void(Value, int64_t)> body) {
    int64_t whole = cache.width() / kLanes * kLanes;
    if (whole)
      k.loop(k.c64(0), k.c64(whole), kLanes, [&](Value i) { body(i, kLanes); });
    if (whole < cache.width())
      body(k.c64(whole), cache.width() - whole);
  }

  /// One key into its lane of a panel, `to` on.
  void storeKey(Value to, Value from) {
    Type bits = k.b.getIntegerType(8 * cache.unitBytes());
    overUnits([&](Value i, int64_t units) {
      Value lanes = loadUnits(from, i, units < kLanes ? k.c64(units) : Value());
      if (!cache.isCodes())
        lanes = k.bitcast(k.truncF(lanes, cache.element), k.vec(bits));
      Value first = k.at(to, k.mul(i, k.c64(lineBytes())));
      for (int64_t unit = 0; unit < units; ++unit) {
        Value number = vector::ExtractOp::create(k.b, k.loc, lanes, unit);
        k.store(number, k.at(first, unit * lineBytes()), cache.unitBytes());
      }
    });
  }

  void storeKeys() {
    Value end = k.add(start, tokens), lanes = k.c64(kLanes);
    k.loop(k.divS(start, lanes), k.ceilDiv(end, kLanes), 1, [&](Value p) {
      Value position = k.mul(p, lanes);
      Value panel = k.at(keysTo, k.mul(p, k.c64(cache.panelBytes())));
      // Token of lane 0, maybe before the first one.
      Value token = k.sub(position, start);
      Value low = k.maxS(k.sub(k.c64(0), token), k.c64(0));
      Value high = k.minS(k.sub(end, position), lanes);
      Value count = k.sub(high, low);
      Value isNew = k.band(k.eq(low, k.c64(0)), k.ltS(count, lanes));
      k.ifThen(isNew, [&] {
        Value none = k.constant(k.vec(k.i8(), lineBytes()), 0);
        k.loop(k.c64(0), k.c64(cache.panelBytes()), lineBytes(),
               [&](Value at) { k.store(none, k.at(panel, at)); });
      });
      Value from = k.at(keys, k.mul(token, k.c64(rowStride())));
      int64_t stride = rowStride();
      if (cache.isCodes()) {
        Value tail = k.at(panel, kLanes * cache.rowBytes());
        k.loop(low, high, 1, [&](Value lane) {
          encodeRow(k.at(from, k.mul(lane, k.c64(stride))),
                    k.at(encoded, k.mul(lane, k.c64(cache.rowBytes()))), tail,
                    lane);
        });
        from = encoded;
        stride = cache.rowBytes();
      }
      k.ifElse(
          k.eq(count, lanes),
          [&] {
            overUnits([&](Value i, int64_t units) {
              storeBlock(panel, from, stride, i, units);
            });
          },
          [&] {
            k.loop(low, high, 1, [&](Value lane) {
              storeKey(k.at(panel, k.mul(lane, k.c64(cache.unitBytes()))),
                       k.at(from, k.mul(lane, k.c64(stride))));
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
        Value encoded;
        if (cache.isCodes())
          encoded = k.stack(kLanes * cache.rowBytes());
        k.loop(k.mul(begin, grain), last, 1, [&](Value i) {
          Value b = k.divS(i, k.c64(cache.heads));
          Value head = k.remS(i, k.c64(cache.heads));
          Value row = k.add(k.mul(k.mul(b, tokens), k.c64(cache.heads)), head);
          Value from = k.mul(row, k.c64(4 * cache.headDim));
          Value size = k.mul(capacity, k.c64(cache.headBytes()));
          Value to = k.at(args[2], k.mul(k.shl(i, 1), size));
          HeadStore store{k,
                          cache,
                          k.at(args[0], from),
                          k.at(args[1], from),
                          to,
                          k.at(to, size),
                          loadIndexOr(k, args[3], b, k.c64(0)),
                          tokens,
                          encoded};
          store.storeKeys();
          store.storeValues();
        });
      });
}
