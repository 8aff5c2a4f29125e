//===- RowsGeometry.cpp - how activations lie in memory -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "RowsGeometry.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::target;

int64_t qnt::target::getByteWidth(Type element) {
  if (element.isIndex())
    return 8;
  return int64_t(llvm::divideCeil(element.getIntOrFloatBitWidth(), 8));
}

RowsGeometry RowsGeometry::of(QTensorType type) {
  auto layout = cast<RowsAttr>(type.getLayout());
  RowsGeometry rows;
  rows.features = type.getShape().back();
  rows.rowBytes =
      llvm::alignTo(rows.features, std::max<int64_t>(1, layout.getPad()));
  rows.sumGroup = layout.getSums();
  if (rows.sumGroup)
    rows.sumsPerRow = llvm::divideCeil(rows.features, rows.sumGroup);
  rows.excess = layout.getExcess();
  if (type.hasSmallScales()) {
    rows.rowBytes =
        llvm::alignTo(llvm::divideCeil(rows.features, 2), layout.getPad());
    rows.sumsPerRow = llvm::alignTo(type.getGroupsPerRow(), 16) / 4;
  }
  return rows;
}
