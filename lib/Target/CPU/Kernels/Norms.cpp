//===- Norms.cpp - normalisations and pooling -------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Norms.h"
#include "Common.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::cpu;

namespace {
/// The sum of f(index, count) over the lanes of [0, features), a scalar.
Value sumOver(KernelBuilder &k, int64_t features,
              llvm::function_ref<Value(Value, Value, Value)> accumulate) {
  return k.reduceAdd(foldLanes(k, features, k.constant(k.vec(k.f32()), 0),
                               accumulate,
                               [&](Value x, Value y) { return k.add(x, y); }));
}

Value sumOfSquares(KernelBuilder &k, Value x, int64_t features) {
  return sumOver(k, features, [&](Value sum, Value i, Value count) {
    Value lanes = loadLanes(k, x, i, count);
    return k.fma(lanes, lanes, sum);
  });
}

/// Row `row` of a matrix with `features` columns.
Value rowOf(KernelBuilder &k, Value matrix, Value row, int64_t features) {
  return k.at(matrix, k.mul(row, k.c64(4 * features)));
}

Value inverseRoot(KernelBuilder &k, Value sum, int64_t features, double eps) {
  Value mean = k.mul(sum, k.cf32(float(1.0 / double(features))));
  return k.fdiv(k.cf32(1), k.sqrt(k.add(mean, k.cf32(float(eps)))));
}
} // namespace

void qnt::cpu::emitRMSNorm(KernelBuilder &k, Value x, Value scale, Value out,
                           int64_t features, double eps) {
  Value factor =
      k.splat(inverseRoot(k, sumOfSquares(k, x, features), features, eps));
  k.overLanes(features, [&](Value i, Value count) {
    Value y = k.mul(k.mul(loadLanes(k, x, i, count), factor),
                    loadLanes(k, scale, i, count));
    storeLanes(k, y, out, i, count);
  });
}

Kernel qnt::cpu::getRMSNormKernel(KernelLibrary &lib, int64_t features,
                                  int64_t groups, double eps) {
  // Groups are rows of their own.
  int64_t width = features / groups;
  std::string name =
      llvm::formatv("rms_norm.{0}x{1}.{2}", groups, width, getKey(eps));
  return getRowsKernel(
      lib, name, argTypes(lib, 3, 1), 2 * width,
      [=](KernelBuilder &k, ValueRange args) {
        return k.mul(args[3], k.c64(groups));
      },
      [=](KernelBuilder &k, ValueRange args, Value row) {
        emitRMSNorm(k, rowOf(k, args[0], row, width), args[1],
                    rowOf(k, args[2], row, width), width, eps);
      });
}

Kernel qnt::cpu::getLayerNormKernel(KernelLibrary &lib, int64_t features,
                                    double eps) {
  std::string name = llvm::formatv("layer_norm.{0}.{1}", features, getKey(eps));
  return getRowsKernel(
      lib, name, argTypes(lib, 4, 1), 3 * features,
      [](KernelBuilder &, ValueRange args) { return args[4]; },
      [=](KernelBuilder &k, ValueRange args, Value row) {
        Value x = rowOf(k, args[0], row, features);
        Value out = rowOf(k, args[3], row, features);
        Value sum = sumOver(k, features, [&](Value sum, Value i, Value count) {
          return k.add(sum, loadLanes(k, x, i, count));
        });
        Value mean = k.splat(k.mul(sum, k.cf32(float(1.0 / double(features)))));
        // The sum of centred squares has no cancellation.
        Value squares =
            sumOver(k, features, [&](Value sum, Value i, Value count) {
              Value centred =
                  zeroBeyond(k, k.sub(loadLanes(k, x, i, count), mean), count);
              return k.fma(centred, centred, sum);
            });
        Value factor = k.splat(inverseRoot(k, squares, features, eps));
        k.overLanes(features, [&](Value i, Value count) {
          Value y = k.mul(k.sub(loadLanes(k, x, i, count), mean), factor);
          y = k.fma(y, loadLanes(k, args[1], i, count),
                    loadLanes(k, args[2], i, count));
          storeLanes(k, y, out, i, count);
        });
      });
}

Kernel qnt::cpu::getL2NormalizeKernel(KernelLibrary &lib, int64_t features) {
  return getRowsKernel(
      lib, llvm::formatv("l2_normalize.{0}", features).str(),
      argTypes(lib, 2, 1), 2 * features,
      [](KernelBuilder &, ValueRange args) { return args[2]; },
      [=](KernelBuilder &k, ValueRange args, Value row) {
        Value x = rowOf(k, args[0], row, features);
        Value out = rowOf(k, args[1], row, features);
        Value length = k.sqrt(sumOfSquares(k, x, features));
        Value factor =
            k.splat(k.fdiv(k.cf32(1), k.maxF(length, k.cf32(1e-12f))));
        k.overLanes(features, [&](Value i, Value count) {
          storeLanes(k, k.mul(loadLanes(k, x, i, count), factor), out, i,
                     count);
        });
      });
}

Kernel qnt::cpu::getMeanPoolKernel(KernelLibrary &lib, int64_t features) {
  return lib.getParallel(
      llvm::formatv("mean_pool.{0}", features).str(), argTypes(lib, 3, 2),
      [](KernelBuilder &, ValueRange args) { return args[3]; },
      [=](KernelBuilder &k, ValueRange args, Value begin, Value end) {
        k.loop(begin, end, 1, [&](Value b) {
          Value x = rowOf(k, args[0], k.mul(b, args[4]), features);
          Value out = rowOf(k, args[2], b, features);
          Value length =
              k.sext(k.load(k.i32(), k.at(args[1], k.shl(b, 2)), 4), k.i64());
          // No valid token: zeros, not NaN.
          Value divisor = k.sitofp(k.maxS(length, k.c64(1)), k.f32());
          Value factor = k.splat(k.fdiv(k.cf32(1), divisor));
          k.overLanes(features, [&](Value i, Value count) {
            Value sum = k.loop(k.c64(0), length, 1,
                               ValueRange{k.constant(k.vec(k.f32()), 0)},
                               [&](Value t, ValueRange sum) {
                                 Value row = rowOf(k, x, t, features);
                                 return SmallVector<Value>{k.add(
                                     sum[0], loadLanes(k, row, i, count))};
                               })[0];
            storeLanes(k, k.mul(sum, factor), out, i, count);
          });
        });
      });
}
