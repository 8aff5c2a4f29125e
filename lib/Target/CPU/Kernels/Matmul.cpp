//===- Matmul.cpp - products of matrices ------------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// A unit of work is a block of columns of one product. Its part of rhs is
// copied into a panel on the stack, kBlockDepth rows at a time, where a row is
// a vector or two; tiles of rows of lhs then pass over the panel with their
// sums in registers (Goto and van de Geijn 2008, with one level of blocks).
//
//===----------------------------------------------------------------------===//
#include "Matmul.h"

#include "Common.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace qnt::cpu;

constexpr int64_t kBlockDepth = 256;

namespace {
class MatmulEmitter {
public:
  MatmulEmitter(KernelBuilder &k, ValueRange args, int64_t batchRank,
                bool transposed)
      : k(k), lhs(args[0]), rhs(args[1]), out(args[2]), rows(args[3]),
        depth(args[4]), columns(args[5]), batch(args.drop_front(6)),
        batchRank(batchRank), transposed(transposed) {}

  Value emitCount() { return k.mul(matrices(), blocks()); }
  void emitTask(Value begin, Value end);

private:
  /// 32 vector registers hold 12 rows of two vectors, 8 hold 6 rows of one.
  int64_t vectors() { return k.isa.vectorRegisters >= 32 ? 2 : 1; }
  SmallVector<int64_t> tiles() {
    if (k.isa.vectorRegisters >= 32)
      return {12, 4, 1};
    if (k.isa.vectorRegisters >= 8)
      return {6, 3, 1};
    return {2, 1};
  }
  int64_t width() { return vectors() * kLanes; }
  Value blocks() { return k.ceilDiv(columns, width()); }
  Value matrices() {
    Value count = k.c64(1);
    for (int64_t i = 0; i < batchRank; ++i)
      count = k.mul(count, batch[3 * i]);
    return count;
  }
  void emitUnit(Value unit);
  void pack(Value from, Value first, Value count, Value column);
  void emitTile(int64_t height, Value row, Value x, Value first, Value count,
                Value to, Value column);

  KernelBuilder &k;
  Value lhs, rhs, out, rows, depth, columns;
  /// kBlockDepth rows of a block of columns.
  Value panel;
  ValueRange batch;
  int64_t batchRank;
  bool transposed;
};
} // namespace

void MatmulEmitter::emitTask(Value begin, Value end) {
  panel = k.stack(4 * kBlockDepth * width());
  k.loop(begin, end, 1, [&](Value unit) { emitUnit(unit); });
}

void MatmulEmitter::emitUnit(Value unit) {
  Value count = blocks();
  Value matrix = k.divU(unit, count);
  Value column = k.mul(k.remU(unit, count), k.c64(width()));
  Value rest = matrix, lhsIndex = k.c64(0), rhsIndex = k.c64(0);
  for (int64_t i = batchRank - 1; i >= 0; --i) {
    Value index = i == 0 ? rest : k.remU(rest, batch[3 * i]);
    if (i > 0)
      rest = k.divU(rest, batch[3 * i]);
    lhsIndex = k.add(lhsIndex, k.mul(index, batch[3 * i + 1]));
    rhsIndex = k.add(rhsIndex, k.mul(index, batch[3 * i + 2]));
  }
  Value x = f32At(k, lhs, k.mul(lhsIndex, k.mul(rows, depth)));
  Value y = f32At(k, rhs, k.mul(rhsIndex, k.mul(depth, columns)));
  Value to = f32At(k, out, k.mul(matrix, k.mul(rows, columns)));
  // An empty sum is zero: the first block is visited even without rows.
  Value high = k.maxS(depth, k.c64(1));
  k.loop(k.c64(0), high, kBlockDepth, [&](Value first) {
    Value left = k.minS(k.sub(depth, first), k.c64(kBlockDepth));
    pack(y, first, left, column);
    Value row = k.c64(0);
    for (int64_t height : tiles()) {
      Value end = k.sub(rows, k.remU(k.sub(rows, row), k.c64(height)));
      k.loop(row, end, height, [&](Value at) {
        emitTile(height, at, x, first, left, to, column);
      });
      row = end;
    }
  });
}

/// Rows [first, first + count) of a block of columns; zeros beyond the last.
void MatmulEmitter::pack(Value from, Value first, Value count, Value column) {
  Value left = k.sub(columns, column);
  int64_t bytes = 4 * width();
  if (transposed) {
    // Lane after lane: a lane reads a row of rhs.
    k.loop(k.c64(0), k.c64(width()), 1, [&](Value lane) {
      Value isValid = k.ltS(lane, left);
      Value source =
          f32At(k, from, k.add(k.mul(k.add(column, lane), depth), first));
      k.ifElse(
          isValid,
          [&] {
            k.loop(k.c64(0), count, 1, [&](Value i) {
              Value place = k.add(k.mul(i, k.c64(width())), lane);
              k.store(k.load(k.f32(), f32At(k, source, i), 4),
                      f32At(k, panel, place), 4);
            });
          },
          [&] {
            k.loop(k.c64(0), count, 1, [&](Value i) {
              Value place = k.add(k.mul(i, k.c64(width())), lane);
              k.store(k.cf32(0), f32At(k, panel, place), 4);
            });
          });
    });
    return;
  }
  auto copy = [&](bool whole) {
    k.loop(k.c64(0), count, 1, [&](Value i) {
      Value source = k.add(k.mul(k.add(first, i), columns), column);
      Value place = k.at(panel, k.mul(i, k.c64(bytes)));
      for (int64_t v = 0; v < vectors(); ++v) {
        Value index = k.add(source, k.c64(v * kLanes));
        Value rest = whole ? Value() : k.sub(left, k.c64(v * kLanes));
        k.store(loadLanes(k, from, index, rest), k.at(place, 64 * v), 64);
      }
    });
  };
  k.ifElse(
      k.geS(left, k.c64(width())), [&] { copy(true); }, [&] { copy(false); });
}

void MatmulEmitter::emitTile(int64_t height, Value row, Value x, Value first,
                             Value count, Value to, Value column) {
  SmallVector<Value> sums(height * vectors(), k.constant(k.vec(k.f32()), 0));
  SmallVector<Value> from;
  for (int64_t r = 0; r < height; ++r)
    from.push_back(
        f32At(k, x, k.add(k.mul(k.add(row, k.c64(r)), depth), first)));
  sums = k.loop(k.c64(0), count, 1, sums, [&](Value i, ValueRange state) {
    SmallVector<Value> next, lanes;
    Value place = k.at(panel, k.mul(i, k.c64(4 * width())));
    for (int64_t v = 0; v < vectors(); ++v)
      lanes.push_back(k.load(k.vec(k.f32()), k.at(place, 64 * v), 64));
    for (int64_t r = 0; r < height; ++r) {
      Value factor = k.splat(k.load(k.f32(), f32At(k, from[r], i), 4));
      for (int64_t v = 0; v < vectors(); ++v)
        next.push_back(k.fma(factor, lanes[v], state[r * vectors() + v]));
    }
    return next;
  });
  Value left = k.sub(columns, column);
  // Later blocks of depth add to what earlier ones stored.
  auto finish = [&](bool whole, bool adds) {
    for (int64_t r = 0; r < height; ++r)
      for (int64_t v = 0; v < vectors(); ++v) {
        Value index = k.add(k.mul(k.add(row, k.c64(r)), columns),
                            k.add(column, k.c64(v * kLanes)));
        Value rest = whole ? Value() : k.sub(left, k.c64(v * kLanes));
        Value sum = sums[r * vectors() + v];
        if (adds)
          sum = k.add(sum, loadLanes(k, to, index, rest));
        storeLanes(k, sum, to, index, rest);
      }
  };
  auto store = [&](bool adds) {
    k.ifElse(
        k.geS(left, k.c64(width())), [&] { finish(true, adds); },
        [&] { finish(false, adds); });
  };
  k.ifElse(k.eq(first, k.c64(0)), [&] { store(false); }, [&] { store(true); });
}

Kernel qnt::cpu::getMatmulKernel(KernelLibrary &lib, int64_t batchRank,
                                 bool transposed) {
  std::string name = llvm::formatv("matmul.{0}{1}", batchRank,
                                   transposed ? ".transposed" : "");
  return lib.getParallel(
      name, argTypes(lib, 3, 3 + 3 * batchRank),
      [=](KernelBuilder &k, ValueRange args) {
        return MatmulEmitter(k, args, batchRank, transposed).emitCount();
      },
      [=](KernelBuilder &k, ValueRange args, Value begin, Value end) {
        MatmulEmitter(k, args, batchRank, transposed).emitTask(begin, end);
      });
}
