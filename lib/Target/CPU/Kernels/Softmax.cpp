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
  return getRowsKernel(
      lib, "softmax", argTypes(lib, 2, 2),
      [](KernelBuilder &k, ValueRange args) { return k.shl(args[3], 2); },
      [](KernelBuilder &, ValueRange args) { return args[2]; },
      [=](KernelBuilder &k, ValueRange args, Value row) {
        Value width = args[3];
        Value offset = k.shl(k.mul(row, width), 2);
        Value x = k.at(args[0], offset), y = k.at(args[1], offset);
        Value low = k.constant(k.vec(k.f32()),
                               -std::numeric_limits<double>::infinity());
        Value most =
            foldRow(k, width, low, [&](Value sofar, Value i, Value count) {
              Value lanes = loadLanes(k, x, i, count);
              Value valid = lanes;
              if (count)
                valid =
                    k.select(k.ltS(k.iota(), k.splat(k.trunc(count, k.i32()))),
                             lanes, low);
              return k.maxF(sofar, valid);
            });
        Value bound = k.splat(k.reduceMaxF(most));
        Value sums = foldRow(k, width, k.constant(k.vec(k.f32()), 0),
                             [&](Value sofar, Value i, Value count) {
                               Value lanes = k.exp(
                                   k.sub(loadLanes(k, x, i, count), bound));
                               storeLanes(k, lanes, y, i, count);
                               return k.add(sofar, zeroBeyond(k, lanes, count));
                             });
        Value factor = k.splat(k.fdiv(k.cf32(1), k.reduceAdd(sums)));
        foldRow(k, width, factor, [&](Value sofar, Value i, Value count) {
          storeLanes(k, k.mul(loadLanes(k, y, i, count), sofar), y, i, count);
          return sofar;
        });
      });
}
