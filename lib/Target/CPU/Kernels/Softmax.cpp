//===- Softmax.cpp - softmax of rows ----------------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Common.h"
#include "Matmul.h"

#include <limits>

using namespace mlir;
using namespace qnt::cpu;

/// Numbers that a slice of work should at least read.
constexpr int64_t kSliceElements = 4096;

/// Folds the vectors of [0, width): step(state, index, count), with count null
/// for whole vectors.
static Value foldRow(KernelBuilder &k, Value width, Value init,
                     function_ref<Value(Value, Value, Value)> step) {
  Value whole = k.sub(width, k.band(width, k.c64(kLanes - 1)));
  Value state = k.loop(k.c64(0), whole, kLanes, ValueRange{init},
                       [&](Value i, ValueRange sofar) {
                         return SmallVector<Value>{step(sofar[0], i, Value())};
                       })[0];
  return k.loop(
      whole, width, kLanes, ValueRange{state}, [&](Value i, ValueRange sofar) {
        return SmallVector<Value>{step(sofar[0], i, k.sub(width, whole))};
      })[0];
}

Kernel qnt::cpu::getSoftmaxKernel(KernelLibrary &lib) {
  auto grain = [](KernelBuilder &k, Value width) {
    return k.maxS(k.c64(1),
                  k.divS(k.c64(kSliceElements), k.maxS(width, k.c64(1))));
  };
  return lib.getParallel(
      "softmax", argTypes(lib, 2, 2),
      [=](KernelBuilder &k, ValueRange args) {
        Value size = grain(k, args[3]);
        return k.divU(k.add(args[2], k.sub(size, k.c64(1))), size);
      },
      [=](KernelBuilder &k, ValueRange args, Value begin, Value end) {
        Value width = args[3], size = grain(k, width);
        Value last = k.minS(k.mul(end, size), args[2]);
        k.loop(k.mul(begin, size), last, 1, [&](Value row) {
          Value offset = k.shl(k.mul(row, width), 2);
          Value x = k.at(args[0], offset), y = k.at(args[1], offset);
          Value low = k.constant(k.vec(k.f32()),
                                 -std::numeric_limits<double>::infinity());
          Value most =
              foldRow(k, width, low, [&](Value sofar, Value i, Value count) {
                Value lanes = loadLanes(k, x, i, count);
                Value valid = lanes;
                if (count)
                  valid = k.select(
                      k.ltS(k.iota(), k.splat(k.trunc(count, k.i32()))), lanes,
                      low);
                return k.maxF(sofar, valid);
              });
          Value bound = k.splat(k.reduceMaxF(most));
          Value sums =
              foldRow(k, width, k.constant(k.vec(k.f32()), 0),
                      [&](Value sofar, Value i, Value count) {
                        Value lanes =
                            k.exp(k.sub(loadLanes(k, x, i, count), bound));
                        storeLanes(k, lanes, y, i, count);
                        return k.add(sofar, zeroBeyond(k, lanes, count));
                      });
          Value factor = k.splat(k.fdiv(k.cf32(1), k.reduceAdd(sums)));
          foldRow(k, width, factor, [&](Value sofar, Value i, Value count) {
            storeLanes(k, k.mul(loadLanes(k, y, i, count), sofar), y, i, count);
            return sofar;
          });
        });
      });
}
