//===- Passes.cpp - registration -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Transforms/Passes.h"

using namespace qnt;

void qnt::registerTransformsPasses(TransformServices services) {
  mlir::registerPass([] { return createNNChannelsLast(); });
  mlir::registerPass([] { return createNNDropCaches(); });
  mlir::registerPass([] { return createNNFold(); });
  mlir::registerPass([] { return createNNGradient(); });
  mlir::registerPass([] { return createNNPreprocess(); });
  mlir::registerPass([] { return createMaterializeParams(); });
  mlir::registerPass([] { return createPropagateCodes(); });
  mlir::registerPass([] { return createIntegerArithmetic(); });
  mlir::registerPass([] { return createSmooth(); });
  mlir::registerPass([] { return createInjectOutliers(); });
  mlir::registerPass([] { return createRotate(); });
  mlir::registerPass([] { return createSplitOutliers(); });
  mlir::registerPass([] { return createRoundOnce(); });
  mlir::registerPass([services] {
    return createCalibrate(CalibrateOptions(), services.modelRunner);
  });
  mlir::registerPass([services] {
    return createAllocate(AllocateOptions(), nullptr, services);
  });
  mlir::registerPass([services] {
    return createQuantize(QuantizeOptions(), services.costModel);
  });
}
