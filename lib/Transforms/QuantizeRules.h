//===- QuantizeRules.h - the options of qnt-quantize, checked -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TRANSFORMS_QUANTIZERULES_H
#define QNT_LIB_TRANSFORMS_QUANTIZERULES_H

#include "qnt/Analysis/ActivationSites.h"
#include "qnt/Analysis/CostModel.h"
#include "qnt/Dialect/QNT/QNT.h"
#include "qnt/Transforms/Passes.h"

#include "llvm/Support/Regex.h"

#include <map>

namespace qnt {

/// How one kind of weight is quantised.
struct WeightRule {
  /// Null: left in floating point.
  NumberFormat format;
  /// Inputs that share a scale; 0: a channel.
  int64_t group = 0;
  mlir::Type scaleType;
  ZeroKind zeroKind = ZeroKind::None;
  ClipMethod clip = ClipMethod::AbsMax;
  Rounding rounding = Rounding::Nearest;
  /// Of a linear layer's inputs, how many have weights in bf16 in the place of
  /// codes (OutlierColumns).
  int64_t outliers = 0;
  /// The weight stays quantised as the model brought it.
  bool keepsStored = false;
  /// A null format: activations stay floating point.
  ActivationFormat activation;

  /// The type of a weight [N, K] or [N, KH, KW, C]. Emits an error at `loc`
  /// that names the tensor when its shape does not fit.
  mlir::FailureOr<QTensorType> getType(llvm::ArrayRef<int64_t> shape,
                                       llvm::StringRef tensor,
                                       mlir::Location loc) const;
  /// The type of an input of this shape.
  QTensorType getInputType(llvm::ArrayRef<int64_t> shape, bool perTensor) const;
  /// Whether a layer with this weight takes codes.
  bool takesCodes() const { return format && activation.format; }
  /// Whether the weight gets codes, other than those it was brought with.
  bool getsCodes() const { return format && format.isScaled() && !keepsStored; }
  /// Whether codes are chosen by the second moment of the layer's input.
  bool needsMoment() const {
    return getsCodes() &&
           (rounding == Rounding::GPTQ || clip == ClipMethod::Output);
  }
};

/// A regular expression of `keep`, and whether it was ever found.
struct KeepRule {
  std::string pattern;
  std::shared_ptr<const llvm::Regex> regex;
  bool used = false;
};

/// Regular expressions, given as `option`; an error that `error` begins where
/// one is none.
mlir::FailureOr<std::vector<KeepRule>>
parseKeepRules(llvm::StringRef option, llvm::ArrayRef<std::string> patterns,
               llvm::function_ref<mlir::InFlightDiagnostic()> error);

/// Whether one of them is found in the name of a parameter or of its layer;
/// marks all that are as used.
bool isNamed(llvm::MutableArrayRef<KeepRule> rules, llvm::StringRef parameter,
             llvm::StringRef layer);

/// The attribute of an nn.linear that names the format of its weight, in place
/// of what the options of qnt-quantize say.
inline constexpr llvm::StringLiteral weightsFormatAttr = "qnt.weights";

/// That these attributes name formats without scales: f32, f16 or bf16. Emits
/// an error that names the layer of the first that does not.
mlir::LogicalResult checkNamedFormats(mlir::ModuleOp module);

/// What activations called "int4" to "int8", symmetric, or "uint4" to "uint8",
/// with zero points, are encoded as; a null format for other names.
ActivationFormat parseActivationFormat(llvm::StringRef name,
                                       mlir::MLIRContext *context);

/// Also "e4m3", "e5m2", symmetric, and "nvfp4", "mxfp4", whose scales are those
/// of groups.
ActivationFormat parseFloatOrActivationFormat(llvm::StringRef name,
                                              mlir::MLIRContext *context);

/// That of a site that says how many bits its codes have.
ActivationFormat getSiteFormat(const ActivationSite &site,
                               mlir::MLIRContext *context);

/// The type of an activation of this shape, in groups where its format is.
QTensorType getActivationType(const ActivationFormat &format,
                              llvm::ArrayRef<int64_t> shape, BlockKind kind);

struct QuantizeRules {
  WeightRule linear, head, embedding;
  /// For what is not quantised: a null format, or bf16.
  WeightRule unquantized;
  /// What the values of functions with convolutions are encoded as; null: they
  /// stay floating point.
  ActivationFormat image;
  bool perTensor = false;
  std::vector<KeepRule> keep;
  /// Of parameters, by name, that qnt.allocation gives a format of their own.
  std::map<std::string, WeightRule, std::less<>> allocated;
  /// Likewise of sites of activations; a null format: floats.
  std::map<std::string, ActivationFormat, std::less<>> allocatedInputs;
  /// Likewise of the KV cache; empty: it has none of its own.
  std::string allocatedCache;

  /// Whether `keep` names this parameter or layer.
  bool isKept(llvm::StringRef parameter, llvm::StringRef layer) {
    return isNamed(keep, parameter, layer);
  }
};

/// The attribute of a module that names formats of single tensors, "none" for
/// floats (docs/allocation.md): parameters by their names, activations by their
/// site's name and allocatedInputSuffix, the KV cache.
inline constexpr llvm::StringLiteral allocationAttr = "qnt.allocation";
inline constexpr llvm::StringLiteral allocatedInputSuffix = ".input";
inline constexpr llvm::StringLiteral allocatedCacheName = "kv_cache";

/// What a model brings that options are about.
struct QuantizedModel {
  /// Its qnt.allocation, or null.
  mlir::DictionaryAttr allocation;
  /// Whether some weights are quantised already, so that activations alone may
  /// be asked for.
  bool hasStored = false;
  mlir::Location loc;
};

/// Emits an error at the model's location where the options say nothing
/// sensible.
mlir::FailureOr<QuantizeRules> makeQuantizeRules(const QuantizeOptions &options,
                                                 const CostModel &costModel,
                                                 const QuantizedModel &model);

} // namespace qnt

#endif // QNT_LIB_TRANSFORMS_QUANTIZERULES_H
