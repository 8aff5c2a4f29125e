//===- FormatTrials.h - a model in other formats ----------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TRANSFORMS_FORMATTRIALS_H
#define QNT_LIB_TRANSFORMS_FORMATTRIALS_H

#include "QuantizeRules.h"

#include "mlir/IR/OwningOpRef.h"

namespace qnt {

/// What computes with a weight in one format, with one row of input: the layer
/// on its codes, then those on what is apart from them, if any.
using LayerParts = mlir::SmallVector<QuantizedContraction, 1>;

/// A weight whose format is open, and what its layer is in each of the formats
/// asked about, in their order.
struct OpenWeight {
  /// The parameter's.
  std::string name;
  /// The layer that takes it, the first of several.
  std::string layer;
  mlir::SmallVector<LayerParts> layers;

  /// Elements.
  int64_t getSize() const { return llvm::product_of(getShape()); }
  mlir::ArrayRef<int64_t> getShape() const {
    return layers.front().front().shape.weight;
  }
};

struct OpenWeights {
  /// In the order of their names.
  std::vector<OpenWeight> weights;
  /// Bytes of all other parameters, in the neutral layout.
  double fixedBytes = 0;
  /// The linear layers and convolutions on other weights, each weight's once.
  std::vector<QuantizedContraction> fixedLayers;
};

/// What of a weight quantising it in one format loses.
struct WeightError {
  /// sum (w - q)^2.
  double square = 0;
  /// The same / sum w^2.
  double relative = 0;
  /// The same of the layer's output: sum e M e^T / sum w M w^T over the rows of
  /// the weight w and of its error e, M being the second moment of its input;
  /// none without statistics.
  std::optional<double> output;
};

/// Copies of one model whose weights are in some formats.
class FormatTrials {
public:
  FormatTrials(mlir::ModuleOp module, MakeQuantize makeQuantize)
      : module(module), makeQuantize(std::move(makeQuantize)) {}

  /// The weights whose format `weights` of qnt-quantize decides: those that are
  /// not of one type in all formats.
  mlir::FailureOr<OpenWeights>
  findOpenWeights(llvm::ArrayRef<std::string> formats);

  /// The model in floats, with the weights that `formats` names simulated in
  /// them.
  mlir::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>>
  simulate(const std::map<std::string, std::string> &formats);

  /// Errors of all of `weights` in this format, computed on numbers alone.
  mlir::FailureOr<std::vector<WeightError>>
  getErrors(llvm::ArrayRef<OpenWeight> weights, llvm::StringRef format);

  /// Visits each of `weights`, by its place among them: its elements, and what
  /// they are in this format. Fails as getErrors does.
  mlir::LogicalResult
  visitDecoded(llvm::ArrayRef<OpenWeight> weights, llvm::StringRef format,
               llvm::function_ref<void(size_t place, llvm::ArrayRef<float> own,
                                       llvm::ArrayRef<float> decoded)>
                   visit);

private:
  struct Decoded;
  mlir::LogicalResult decode(llvm::ArrayRef<OpenWeight> weights,
                             llvm::StringRef format,
                             llvm::function_ref<void(const Decoded &)> visit);
  mlir::FailureOr<mlir::OwningOpRef<mlir::ModuleOp>>
  quantize(llvm::StringRef weights, bool simulate,
           mlir::DictionaryAttr allocation);

  mlir::ModuleOp module;
  MakeQuantize makeQuantize;
};

} // namespace qnt

#endif // QNT_LIB_TRANSFORMS_FORMATTRIALS_H
