//===- CostModel.h - what a target is fast at -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_ANALYSIS_COSTMODEL_H
#define QNT_ANALYSIS_COSTMODEL_H

#include "qnt/Dialect/NN/NN.h"
#include "qnt/Dialect/QNT/QNT.h"

#include "llvm/Support/Error.h"

#include <memory>

namespace qnt {

/// How activations are encoded.
struct ActivationFormat {
  /// Null: they stay floating point.
  NumberFormat format;
  bool zeroPoint = false;
  /// Whether all values share a scale that is known beforehand, rather than
  /// those of a row one that is found as they come.
  bool perTensor = false;
  /// Inputs that share a scale of this type, where they are not those of a row.
  int64_t group = 0;
  mlir::Type scaleType = {};
};

/// A linear layer or a convolution without dilation, as costs depend on it.
struct ContractionShape {
  /// Of the weight: [N, K], or [N, KH, KW, C / groups].
  llvm::SmallVector<int64_t, 4> weight;
  int64_t groups = 1;
  /// Rows of the input that come at once (1 for decoding, the tokens of a
  /// prompt); of convolutions, positions of the result.
  int64_t rows = 1;

  /// Multiplications, each with an addition.
  int64_t getProducts() const;
};

/// One layer in formats that it might have.
struct QuantizedContraction {
  /// Of the shape's weight, in no layout; of `unscaled` formats for floats.
  QTensorType weight;
  ActivationFormat activation;
  ContractionShape shape;

  /// Of the weight, scales included.
  double getWeightBits() const;
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

  /// Whether the target has code for the layer that computes on the codes of
  /// these formats. By default always.
  virtual bool isSupported(const QuantizedContraction &layer) const;

  /// Bytes of the stored weight, with scales, zero points and whatever else the
  /// target stores beside the codes. By default those of codes without any
  /// padding.
  virtual int64_t getBytes(const QuantizedContraction &layer) const;
  /// Bytes of a KV cache of one sequence of so many positions, all layers and
  /// scales included. By default those of its elements, and for codes an f32
  /// scale and zero point for each head and position, of keys and of values.
  virtual int64_t getCacheBytes(nn::KVCacheType cache, int64_t positions) const;
  /// Products weighted by the bits of both factors (BOPs; van Baalen et al.
  /// 2020, Yao et al. 2021); floats that stay what they are count with the bits
  /// they are computed in, 32.
  static double getBitOperations(const ContractionShape &shape,
                                 int64_t weightBits, int64_t activationBits);
  static double getBitOperations(const QuantizedContraction &layer);

  /// Seconds that the layer alone takes on this target, with weights that come
  /// from memory. Fails with the reason where the target cannot tell; by
  /// default always. What targets measure, they measure once and keep.
  virtual llvm::Expected<double>
  getLatency(const QuantizedContraction &layer) const;
  /// Makes sure that getLatency can answer for all of these, so that what has
  /// to be measured is measured together. Fails like it.
  virtual llvm::Error
  prepareLatencies(llvm::ArrayRef<QuantizedContraction> layers) const;
};

} // namespace qnt

#endif // QNT_ANALYSIS_COSTMODEL_H
