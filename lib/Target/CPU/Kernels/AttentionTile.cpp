//===- AttentionTile.cpp - attention of a few query rows --------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "AttentionTile.h"

#include "llvm/Support/FormatVariadic.h"

#include <limits>

using namespace mlir;
using namespace qnt;
using namespace qnt::cpu;

/// Keys whose scores are held at a time: with 8 rows 8 KiB.
constexpr int64_t kBlock = 256;
/// Bytes that values are prefetched ahead, where they come from memory.
constexpr int64_t kAhead = 2048;
/// Below every score, yet finite, so that differences are numbers.
constexpr float kLowest = -1e30f;

/// Vectors of kLanes that sums may fill, with room for operands.
static int64_t accumulators(const ISA &isa) { return isa.vectorRegisters / 2; }

int64_t qnt::cpu::getMaxAttentionRows(const ISA &isa) {
  return std::min<int64_t>(8, accumulators(isa));
}

namespace {
class TileWriter {
public:
  TileWriter(KernelBuilder &k, const AttentionShape &shape, int64_t rows)
      : k(k), shape(shape), cache(shape.cache), rows(rows), dim(cache.headDim),
        width(cache.width()), group(shape.heads / cache.heads),
        keyPanels(std::clamp<int64_t>(accumulators(k.isa) / rows, 1,
                                      std::max<int64_t>(4 / rows, 2))),
        valueVectors(std::clamp<int64_t>(accumulators(k.isa) / rows, 1, 8)),
        prefetches(rows < getMaxAttentionRows(k.isa)) {}

  void emit(ValueRange args) {
    query = args[0];
    out = args[1];
    keys = args[2];
    values = args[3];
    limit = args[6];
    scaled = k.stack(4 * rows * dim);
    sums = k.stack(4 * rows * dim);
    scores = k.stack(4 * rows * kBlock);
    maxima = k.stack(4 * rows * kLanes);
    totals = k.stack(4 * rows * kLanes);
    maximum = k.stack(4 * rows);
    factor = k.stack(4 * rows);
    first = k.stack(4 * rows);
    last = k.stack(4 * rows);
    offset = k.stack(8 * rows);
    if (cache.isCodes()) {
      querySums = k.stack(4 * rows);
      zeroSums = k.stack(4 * rows * kLanes);
    }

    overRows([&](Value r) { prepareRow(r, args[4], args[5]); });
    // Limits grow from row to row.
    Value low = k.c64(0);
    if (shape.window) {
      low = k.sext(k.load(k.i32(), first, 4), k.i64());
      low = k.mul(k.divS(low, k.c64(kLanes)), k.c64(kLanes));
    }
    Value high =
        k.sext(k.load(k.i32(), k.at(last, 4 * (rows - 1)), 4), k.i64());
    k.loop(low, high, kBlock, [&](Value position) {
      Value count = k.minS(k.sub(high, position), k.c64(kBlock));
      Value panels = k.ceilDiv(count, kLanes);
      scoreBlock(position, panels);
      Value block = k.at(values, k.mul(position, k.c64(cache.headBytes())));
      overRows([&](Value r) { exponentiate(r, block, panels); });
      accumulateBlock(block, count);
    });
    overRows([&](Value r) { writeRow(r); });
  }

private:
  void overRows(std::function<void(Value)> body) {
    k.loop(k.c64(0), k.c64(rows), 1, body);
  }
  /// Where few rows leave the time to memory.
  void prefetch(Value at, int64_t bytes) {
    if (prefetches)
      for (int64_t line = 0; line < bytes; line += kLineBytes)
        k.prefetch(k.at(at, line));
  }
  /// The 16 scales and zero points at the end of a panel, as f32.
  std::pair<Value, Value> loadTail(Value panel) {
    Value tail = k.at(panel, kLanes * cache.rowBytes());
    Value zeros = k.load(k.vec(k.i8()), k.at(tail, 2 * kLanes));
    return {k.loadAsF32(k.f16(), tail),
            k.sitofp(k.sext(zeros, k.i32()), k.f32())};
  }
  /// 16 units, of which `count` where it is not null: numbers as f32, codes as
  /// the i32 that partOf takes apart.
  Value loadUnits(Value at, Value count) {
    if (!cache.isCodes())
      return count ? k.loadAsF32Partial(cache.element, at, count)
                   : k.loadAsF32(cache.element, at);
    return k.sext(count ? k.loadPartial(k.i8(), at, count)
                        : k.load(k.vec(k.i8()), at),
                  k.i32());
  }
  /// The numbers or codes of features [part * width ..), as f32.
  Value partOf(Value units, int64_t part) {
    if (!cache.isCodes())
      return units;
    if (cache.parts() == 2)
      units = k.shrS(part ? units : k.shl(units, 28), part ? 4 : 28);
    return k.sitofp(units, k.f32());
  }
  Value wordAt(Value array, Value r) { return f32At(k, array, r); }
  Value lineAt(Value array, Value r, int64_t words) {
    return k.at(array, k.mul(r, k.c64(4 * words)));
  }

  /// Row r's limits, its query times the scale, sums of nothing.
  void prepareRow(Value r, Value firstRow, Value lastRow) {
    Value row = k.minS(k.add(firstRow, r), lastRow);
    Value token = k.divS(row, k.c64(group));
    Value head = k.sub(row, k.mul(token, k.c64(group)));
    Value index = k.add(k.mul(token, k.c64(shape.heads)), head);
    Value place = k.mul(index, k.c64(4 * dim));
    k.store(place, k.at(offset, k.shl(r, 3)), 8);

    Value position = shape.fromStart ? k.add(limit, token) : token;
    Value after = k.add(position, k.c64(1));
    Value end = limit;
    if (shape.fromStart)
      end = after;
    else if (shape.causal)
      end = k.minS(limit, after);
    k.store(k.trunc(end, k.i32()), wordAt(last, r), 4);
    if (shape.window) {
      Value begin = k.maxS(k.sub(after, k.c64(shape.window)), k.c64(0));
      k.store(k.trunc(begin, k.i32()), wordAt(first, r), 4);
    }

    Value from = k.at(query, place);
    Value scale = k.constant(k.vec(k.f32()), shape.scale);
    Value none = k.constant(k.vec(k.f32()), 0);
    k.overLanes(dim, [&](Value i, Value count) {
      storeLanes(k, k.mul(loadLanes(k, from, i, count), scale),
                 lineAt(scaled, r, dim), i, count);
      storeLanes(k, none, lineAt(sums, r, dim), i, count);
    });
    if (cache.isCodes()) {
      auto join = [&](Value a, Value b) { return k.add(a, b); };
      Value sum = foldLanes(
          k, dim, none,
          [&](Value sum, Value i, Value count) {
            return k.add(sum, loadLanes(k, lineAt(scaled, r, dim), i, count));
          },
          join);
      k.store(k.reduceAdd(sum), wordAt(querySums, r), 4);
      k.store(none, lineAt(zeroSums, r, kLanes), 4);
    }
    k.store(k.constant(k.vec(k.f32()), kLowest), lineAt(maxima, r, kLanes), 4);
    k.store(none, lineAt(totals, r, kLanes), 4);
    k.store(k.cf32(kLowest), wordAt(maximum, r), 4);
  }

  /// Scores of the block that starts at `position`, masked, and the maxima so
  /// far, lane by lane.
  void scoreBlock(Value position, Value panels) {
    Value whole = k.sub(panels, k.remS(panels, k.c64(keyPanels)));
    k.loop(k.c64(0), whole, keyPanels,
           [&](Value panel) { scorePanels(position, panel, keyPanels); });
    if (keyPanels > 1)
      k.loop(whole, panels, 1,
             [&](Value panel) { scorePanels(position, panel, 1); });
  }

  void scorePanels(Value position, Value panel, int64_t count) {
    Value firstKey = k.add(position, k.mul(panel, k.c64(kLanes)));
    Value from = k.at(keys, k.mul(firstKey, k.c64(cache.headBytes())));
    int64_t parts = cache.parts(), lineBytes = kLanes * cache.unitBytes();
    int64_t unroll = width % 4 == 0 ? 4 / parts : 1;
    SmallVector<Value> acc(rows * count, k.constant(k.vec(k.f32()), 0));
    acc = k.loop(
        k.c64(0), k.c64(width), unroll, acc, [&](Value d, ValueRange state) {
          SmallVector<Value> next(state);
          Value line = k.at(from, k.mul(d, k.c64(lineBytes)));
          Value q = k.at(scaled, k.shl(d, 2));
          // Every panel is a stream of its own, too short for hardware to
          // follow: the next ones.
          for (int64_t p = count; p < 2 * count; ++p)
            prefetch(k.at(line, p * cache.panelBytes()), unroll * lineBytes);
          for (int64_t u = 0; u < unroll; ++u) {
            SmallVector<Value> units;
            for (int64_t p = 0; p < count; ++p)
              units.push_back(loadUnits(
                  k.at(line, p * cache.panelBytes() + u * lineBytes), {}));
            for (int64_t part = 0; part < parts; ++part) {
              SmallVector<Value> lanes;
              for (Value unit : units)
                lanes.push_back(partOf(unit, part));
              for (int64_t r = 0; r < rows; ++r) {
                Value number = k.splat(k.load(
                    k.f32(), k.at(q, 4 * (r * dim + part * width + u)), 4));
                for (int64_t p = 0; p < count; ++p)
                  next[r * count + p] =
                      k.fma(number, lanes[p], next[r * count + p]);
              }
            }
          }
          return next;
        });
    if (cache.isCodes())
      for (int64_t p = 0; p < count; ++p) {
        auto [scale, zero] = loadTail(k.at(from, p * cache.panelBytes()));
        for (int64_t r = 0; r < rows; ++r) {
          Value sum = k.splat(k.load(k.f32(), k.at(querySums, 4 * r), 4));
          Value &score = acc[r * count + p];
          score = k.mul(scale, k.sub(score, k.mul(zero, sum)));
        }
      }

    Value masked =
        k.constant(k.vec(k.f32()), -std::numeric_limits<double>::infinity());
    Value to = k.at(scores, k.mul(panel, k.c64(4 * kLanes)));
    Value key = k.add(k.splat(k.trunc(firstKey, k.i32())), k.iota());
    for (int64_t r = 0; r < rows; ++r) {
      Value end = k.splat(k.load(k.i32(), k.at(last, 4 * r), 4));
      Value best = k.load(k.vec(k.f32()), k.at(maxima, 4 * r * kLanes), 4);
      for (int64_t p = 0; p < count; ++p) {
        Value place = k.add(key, k.constant(key.getType(), double(p * kLanes)));
        Value valid = k.ltS(place, end);
        if (shape.window) {
          Value begin = k.splat(k.load(k.i32(), k.at(first, 4 * r), 4));
          valid = k.band(valid, k.geS(place, begin));
        }
        Value score = k.select(valid, acc[r * count + p], masked);
        k.store(score, k.at(to, 4 * (r * kBlock + p * kLanes)), 4);
        best = k.maxF(score, best);
      }
      k.store(best, k.at(maxima, 4 * r * kLanes), 4);
    }
  }

  /// Scores of row r to exp(score - maximum) and their sum; what the sums so
  /// far shrink by because the maximum grew. Of codes, powers are then times
  /// the scales of the values, which lie at `block`.
  void exponentiate(Value r, Value block, Value panels) {
    Value best =
        k.reduceMaxF(k.load(k.vec(k.f32()), lineAt(maxima, r, kLanes), 4));
    Value shrink = k.exp(k.sub(k.load(k.f32(), wordAt(maximum, r), 4), best));
    k.store(best, wordAt(maximum, r), 4);
    k.store(shrink, wordAt(factor, r), 4);
    Value line = lineAt(scores, r, kBlock), lanes = k.splat(best);
    SmallVector<Value> totalsAt{lineAt(totals, r, kLanes)};
    if (cache.isCodes())
      totalsAt.push_back(lineAt(zeroSums, r, kLanes));
    SmallVector<Value> sums;
    for (Value at : totalsAt)
      sums.push_back(k.mul(k.load(k.vec(k.f32()), at, 4), k.splat(shrink)));
    Value none = k.constant(k.vec(k.f32()), 0);
    sums =
        k.loop(k.c64(0), panels, 1, sums, [&](Value panel, ValueRange state) {
          SmallVector<Value> next(state);
          Value at = k.at(line, k.mul(panel, k.c64(4 * kLanes)));
          Value power = k.exp(k.sub(k.load(k.vec(k.f32()), at, 4), lanes));
          next[0] = k.add(next[0], power);
          if (cache.isCodes()) {
            auto [scale, zero] =
                loadTail(k.at(block, k.mul(panel, k.c64(cache.panelBytes()))));
            // Where nothing was stored yet, scales are no numbers.
            power = k.select(k.gtF(power, none), k.mul(power, scale), none);
            next[1] = k.fma(power, zero, next[1]);
          }
          k.store(power, at, 4);
          return next;
        });
    for (auto [sum, at] : llvm::zip_equal(sums, totalsAt))
      k.store(sum, at, 4);
  }

  /// sums = sums * factor + powers * values, some vectors of features at a
  /// time: of every part of a unit, where there are registers for it.
  void accumulateBlock(Value block, Value count) {
    int64_t together = std::min(cache.parts(), valueVectors);
    int64_t step = valueVectors / together * kLanes,
            whole = width / step * step;
    for (int64_t part = 0; part < cache.parts(); part += together) {
      if (whole)
        k.loop(k.c64(0), k.c64(whole), step, [&](Value d) {
          accumulate(block, count, d, step, part, together);
        });
      for (int64_t d = whole; d < width; d += kLanes)
        accumulate(block, count, k.c64(d), std::min(kLanes, width - d), part,
                   together);
    }
  }

  /// Units [d, d + units) of the values, `parts` of each from `part` on.
  void accumulate(Value block, Value keyCount, Value d, int64_t units,
                  int64_t part, int64_t parts) {
    int64_t vectors = llvm::divideCeil(units, kLanes);
    Value count = units < kLanes ? k.c64(units) : Value();
    auto sumsAt = [&](int64_t r, int64_t v, int64_t p) {
      return k.at(sums, 4 * (r * dim + (part + p) * width + v * kLanes));
    };
    SmallVector<Value> acc;
    for (int64_t r = 0; r < rows; ++r) {
      Value shrink = k.splat(k.load(k.f32(), k.at(factor, 4 * r), 4));
      for (int64_t v = 0; v < vectors; ++v)
        for (int64_t p = 0; p < parts; ++p)
          acc.push_back(k.mul(loadLanes(k, sumsAt(r, v, p), d, count), shrink));
    }
    Value column = k.at(block, k.mul(d, k.c64(cache.unitBytes())));
    acc = k.loop(k.c64(0), keyCount, 1, acc, [&](Value key, ValueRange state) {
      SmallVector<Value> next(state), lanes;
      Value row = k.at(column, k.mul(key, k.c64(cache.rowBytes())));
      if (cache.isCodes())
        row = k.at(row,
                   k.mul(k.divS(key, k.c64(kLanes)), k.c64(cache.tailBytes())));
      prefetch(k.at(row, kAhead), vectors * kLanes * cache.unitBytes());
      for (int64_t v = 0; v < vectors; ++v) {
        Value loaded =
            loadUnits(k.at(row, v * kLanes * cache.unitBytes()), count);
        for (int64_t p = 0; p < parts; ++p)
          lanes.push_back(partOf(loaded, part + p));
      }
      Value power = k.at(scores, k.shl(key, 2));
      for (int64_t r = 0, i = 0; r < rows; ++r) {
        Value number = k.splat(k.load(k.f32(), k.at(power, 4 * r * kBlock), 4));
        for (Value values : lanes) {
          next[i] = k.fma(number, values, next[i]);
          ++i;
        }
      }
      return next;
    });
    for (int64_t r = 0, i = 0; r < rows; ++r)
      for (int64_t v = 0; v < vectors; ++v)
        for (int64_t p = 0; p < parts; ++p)
          storeLanes(k, acc[i++], sumsAt(r, v, p), d, count);
  }

  void writeRow(Value r) {
    Value total =
        k.reduceAdd(k.load(k.vec(k.f32()), lineAt(totals, r, kLanes), 4));
    // A row that attends to nothing is zero.
    Value inverse =
        k.select(k.gtF(total, k.cf32(0)), k.fdiv(k.cf32(1), total), k.cf32(0));
    Value lanes = k.splat(inverse);
    Value zeros;
    if (cache.isCodes())
      zeros = k.splat(
          k.reduceAdd(k.load(k.vec(k.f32()), lineAt(zeroSums, r, kLanes), 4)));
    Value to = k.at(out, k.load(k.i64(), k.at(offset, k.shl(r, 3)), 8));
    k.overLanes(dim, [&](Value i, Value count) {
      Value sum = loadLanes(k, lineAt(sums, r, dim), i, count);
      if (zeros)
        sum = k.sub(sum, zeros);
      storeLanes(k, k.mul(sum, lanes), to, i, count);
    });
  }

  KernelBuilder &k;
  const AttentionShape &shape;
  const CacheGeometry &cache;
  /// Rows; features and units of a head; query heads to a head of keys; panels
  /// of keys (four chains of sums: each is a stream of its own) and vectors of
  /// values whose sums inner loops hold for each row.
  int64_t rows, dim, width, group, keyPanels, valueVectors;
  bool prefetches;
  Value query, out, keys, values, limit;
  /// On the stack, a line a row: scaled queries, sums over values, scores of a
  /// block, running maxima and sums of powers by lane; then one word a row: the
  /// maximum, what it grew by, the first and the end of the keys attended to,
  /// and the offset in query and out. Of codes: the sum of the scaled query,
  /// and by lane that of powers times scales and zero points of values.
  Value scaled, sums, scores, maxima, totals, maximum, factor, first, last,
      offset, querySums, zeroSums;
};
} // namespace

Kernel qnt::cpu::getAttentionTile(KernelLibrary &lib, StringRef name,
                                  const AttentionShape &shape, int64_t rows) {
  return lib.get(llvm::formatv("{0}.tile{1}", name, rows).str(),
                 argTypes(lib, 4, 3), [&](KernelBuilder &k, ValueRange args) {
                   TileWriter(k, shape, rows).emit(args);
                 });
}
