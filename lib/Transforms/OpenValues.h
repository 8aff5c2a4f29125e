//===- OpenValues.h - activations and caches with open formats -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TRANSFORMS_OPENVALUES_H
#define QNT_LIB_TRANSFORMS_OPENVALUES_H

#include "FormatTrials.h"

#include "qnt/Dialect/NN/NN.h"

namespace qnt {

/// What is computed as the model runs and has a format to choose: the input of
/// linear layers, or the KV cache.
struct OpenValue {
  /// As qnt.allocation has it.
  std::string name;
  std::vector<std::string> formats;
  /// Of an input, the layers' open weights by their numbers.
  llvm::SmallVector<size_t> weights;
  /// Of the cache, its types, one for each format.
  llvm::SmallVector<nn::KVCacheType> caches;
  /// What the model loses by each format.
  std::vector<double> losses;
};

/// The inputs of linear layers with open weights. Emits an error that begins
/// like those of qnt-allocate where a format is none of activations.
mlir::FailureOr<std::vector<OpenValue>>
findOpenInputs(mlir::ModuleOp module, llvm::ArrayRef<OpenWeight> weights,
               llvm::ArrayRef<std::string> formats);

/// The KV cache. Emits an error where the model has none, or a format is none
/// of caches.
mlir::FailureOr<OpenValue> findOpenCache(mlir::ModuleOp module,
                                         llvm::ArrayRef<std::string> formats);

} // namespace qnt

#endif // QNT_LIB_TRANSFORMS_OPENVALUES_H
