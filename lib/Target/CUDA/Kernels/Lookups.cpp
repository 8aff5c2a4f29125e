//===- Lookups.cpp - positions, rows, features, means -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Points.h"

#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;
using namespace qnt::cuda;

static Value loadId(KernelBuilder &k, Value ids, Value i) {
  return k.load(k.i32(), k.atRow(ids, i, 4), 4);
}

Kernel qnt::cuda::getPositionIdsKernel(KernelLibrary &lib, bool hasStart) {
  Points points(1);
  Kernel kernel;
  kernel.addOutput("out");
  kernel.addSize("batch");
  unsigned tokens = kernel.addSize("tokens");
  if (hasStart)
    kernel.addInput("start");
  points.describe(kernel, tokens);
  kernel.grid[1].by(1);
  std::string name = hasStart ? "position_ids_start" : "position_ids";
  return lib.get(name, kernel, [&](KernelBuilder &k, ValueRange args) {
    Value b = k.blockId(gpu::Dimension::y);
    points.emit(k, args[2], [&](Value t, Value) {
      Value position = hasStart ? k.add(loadId(k, args[3], b), t) : t;
      Value at = k.add(k.mul(b, args[2]), t);
      k.store(position, k.atRow(args[0], at, 4), 4);
    });
  });
}

Kernel qnt::cuda::getSelectRowsKernel(KernelLibrary &lib, int64_t features,
                                      bool hasRows) {
  Points points(features);
  Kernel kernel;
  kernel.addInput("x");
  kernel.addOutput("out");
  points.describe(kernel, kernel.addSize("batch"));
  kernel.addSize("tokens");
  if (hasRows)
    kernel.addInput("rows");
  std::string name = (hasRows ? "select_rows_" : "select_last_row_") +
                     std::to_string(features);
  return lib.get(name, kernel, [&](KernelBuilder &k, ValueRange args) {
    points.emit(k, args[2], [&](Value b, Value first) {
      Value row = hasRows ? loadId(k, args[4], b) : k.addC(args[3], -1);
      Value from =
          k.atRow(args[0], k.add(k.mul(b, args[3]), row), 4 * features);
      storeNumbers(k, loadNumbers(k, k.f32(), from, first, points.width),
                   k.f32(), k.atRow(args[1], b, 4 * features), first);
    });
  });
}

Kernel qnt::cuda::getSelectFeaturesKernel(KernelLibrary &lib, int64_t features,
                                          int64_t chosen) {
  Points points(chosen, 1);
  Kernel kernel;
  kernel.addInput("x");
  kernel.addInput("indices");
  kernel.addOutput("out");
  points.describe(kernel, kernel.addSize("rows"));
  std::string name = "select_features_" + std::to_string(features) + "_" +
                     std::to_string(chosen);
  return lib.get(name, kernel, [&](KernelBuilder &k, ValueRange args) {
    points.emit(k, args[3], [&](Value row, Value i) {
      Value from = k.atRow(args[0], row, 4 * features);
      Value number = loadNumbers(k, k.f32(), from, loadId(k, args[1], i), 1);
      storeNumbers(k, number, k.f32(), k.atRow(args[2], row, 4 * chosen), i);
    });
  });
}

Kernel qnt::cuda::getMeanPoolKernel(KernelLibrary &lib, int64_t features) {
  Points points(features);
  Kernel kernel;
  kernel.addInput("x");
  kernel.addInput("lengths");
  kernel.addOutput("out");
  points.describe(kernel, kernel.addSize("batch"));
  kernel.addSize("tokens");
  std::string name = "mean_pool_" + std::to_string(features);
  return lib.get(name, kernel, [&](KernelBuilder &k, ValueRange args) {
    points.emit(k, args[3], [&](Value b, Value first) {
      Value length = loadId(k, args[1], b), start = k.mul(b, args[4]);
      Type type = points.width == 1 ? k.f32() : k.vec(k.f32(), points.width);
      Value sum = k.loop(
          k.c32(0), length, 1, ValueRange{k.constant(type, 0)},
          [&](Value t, ValueRange sofar) {
            Value row = k.atRow(args[0], k.add(start, t), 4 * features);
            return KernelBuilder::Values{k.add(
                sofar[0], loadNumbers(k, k.f32(), row, first, points.width))};
          })[0];
      Value count = spread(k, k.sitofp(length, k.f32()), points.width);
      storeNumbers(k, k.fdiv(sum, count), k.f32(),
                   k.atRow(args[2], b, 4 * features), first);
    });
  });
}
