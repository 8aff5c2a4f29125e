//===- CostModel.h - what a target is fast at -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_ANALYSIS_COSTMODEL_H
#define QNT_ANALYSIS_COSTMODEL_H

#include "qnt/Dialect/QNT/Formats.h"

#include <memory>

namespace qnt {

/// How activations are encoded.
struct ActivationFormat {
  /// Null: they stay floating point.
  NumberFormat format;
  bool zeroPoint = false;
};

/// What passes ask of the target that they compile for, without seeing it. The
/// base class speaks for a target of which nothing is known.
class CostModel {
public:
  virtual ~CostModel();
  /// The encoding of activations that multiplies fastest with weights of this
  /// format. By default uint8 with zero points beside 8-bit integers, which
  /// unsigned-by-signed dot products take as they are; symmetric int8 beside
  /// narrower integers, whose codes are stored unsigned; floats otherwise.
  virtual ActivationFormat preferredActivation(NumberFormat weight) const;
  /// The encoding of images that convolutions with integer weights take. All
  /// share it, whatever the width of their weights, so that codes flow from one
  /// to the next. By default uint8 with zero points, which spend no codes on
  /// what no relu lets through.
  virtual ActivationFormat preferredImage(mlir::MLIRContext *context) const;
};

} // namespace qnt

#endif // QNT_ANALYSIS_COSTMODEL_H
