//===- CostModel.cpp - what a target is fast at -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Analysis/CostModel.h"

#include "qnt/Dialect/QNT/QNT.h"

using namespace qnt;

CostModel::~CostModel() = default;

ActivationFormat CostModel::preferredImage(mlir::MLIRContext *context) const {
  return {IntFormatAttr::get(context, 8, /*isSigned=*/false),
          /*zeroPoint=*/true};
}

ActivationFormat CostModel::preferredActivation(NumberFormat weight) const {
  if (!mlir::isa<IntFormatAttr>(weight))
    return {};
  bool wide = weight.getBits() == 8;
  return {IntFormatAttr::get(weight.getContext(), 8, /*isSigned=*/!wide), wide};
}
