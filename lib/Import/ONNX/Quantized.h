//===- Quantized.h - constants stored as codes -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_IMPORT_ONNX_QUANTIZED_H
#define QNT_IMPORT_ONNX_QUANTIZED_H

#include "Constant.h"

#include "qnt/Dialect/QNT/QNT.h"

#include <optional>

namespace qnt::onnx {

struct QuantizedConstant;
using QuantizedRef = std::shared_ptr<const QuantizedConstant>;

/// value = scale * (code - zero), in f32. Elements whose indices are equal but
/// for `axis`, where they are equal after division by `block`, share a scale:
/// `scales` and `zeros` have the shape of the codes with 1 in every dimension
/// but `axis`, or, where `block` is not 0, the shape of the codes with the
/// number of blocks in `axis`. With no axis there is one scale.
struct QuantizedConstant {
  /// Integers of one byte an element, or of 32 bits.
  ConstantRef codes;
  unsigned bits = 8;
  bool isSigned = true;
  ConstantRef scales;
  /// Null without zero points.
  ConstantRef zeros;
  std::optional<int64_t> axis;
  int64_t block = 0;

  static QuantizedRef transpose(const QuantizedConstant &from,
                                llvm::ArrayRef<int64_t> perm);
  /// The type of the parameter; null where no type of the dialect has such
  /// blocks or so many bits.
  QTensorType getType(mlir::MLIRContext *context) const;
  /// What the store holds: one code a byte, without bits above `bits`.
  ConstantRef getStoredCodes() const;
  /// The numbers that the codes stand for.
  ConstantRef decode() const;
};

/// As given, but for what is the same with no zero points: zeros that are all
/// 0, and unsigned bytes with zero points of 128, which become signed.
QuantizedRef simplify(QuantizedConstant constant);

} // namespace qnt::onnx

#endif // QNT_IMPORT_ONNX_QUANTIZED_H
