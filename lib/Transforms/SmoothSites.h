//===- SmoothSites.h - where channels can be rescaled -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TRANSFORMS_SMOOTHSITES_H
#define QNT_LIB_TRANSFORMS_SMOOTHSITES_H

#include "qnt/Analysis/ActivationSites.h"

namespace qnt {

/// A site whose channels an op before it can rescale: x / s reaches the layers,
/// whose weights take s.
struct SmoothSite {
  ActivationSite site;
  /// nn.rms_norm, nn.layer_norm or nn.linear, all of whose parameters are
  /// expressions and whose result goes nowhere else. Null: none can, x has to
  /// be multiplied where it is.
  mlir::Operation *producer = nullptr;
  /// By way of which the producer's result, the values, comes to the site.
  nn::AttentionOp attention;

  mlir::Value getValue() const { return site.values.front(); }
  /// Channels of the site.
  int64_t getFeatures() const;
  /// Channels of the producer: fewer where heads of queries share values.
  int64_t getProducerFeatures() const;
  /// The producer's channel that channel `feature` of the site is.
  int64_t getProducerFeature(int64_t feature) const;
  /// Whether a constant may also be taken from each channel.
  bool canShift() const;
};

/// The sites of linear layers in functions without convolutions. The value of
/// each goes to linear layers alone.
llvm::SmallVector<SmoothSite> collectSmoothSites(mlir::ModuleOp module);

/// Puts x -> (x - shift) / scale between the producer and the layers: `scale`
/// and `shift` (empty: none) hold a number for each of its channels. Without a
/// producer the value is multiplied at the site.
void applySmoothing(const SmoothSite &site, llvm::ArrayRef<float> scale,
                    llvm::ArrayRef<float> shift);

} // namespace qnt

#endif // QNT_LIB_TRANSFORMS_SMOOTHSITES_H
