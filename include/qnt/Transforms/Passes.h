//===- Passes.h - passes on models -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_TRANSFORMS_PASSES_H
#define QNT_TRANSFORMS_PASSES_H

#include "qnt/Analysis/CostModel.h"
#include "qnt/Analysis/FunctionRunner.h"

#include "mlir/Pass/Pass.h"

#include <functional>

namespace qnt {

#define GEN_PASS_DECL
#include "qnt/Transforms/Passes.h.inc"

/// What passes ask of others; null members stand for their defaults.
struct TransformServices {
  /// What the target is fast at; the default knows of no target.
  std::shared_ptr<const CostModel> costModel;
  /// Runs models; without one, calibration needs a statistics file.
  std::shared_ptr<ModelRunner> modelRunner;
  /// Calls functions; without one, metrics cannot be of gradients.
  std::shared_ptr<FunctionRunner> functionRunner;
};

std::unique_ptr<mlir::Pass>
createCalibrate(CalibrateOptions options, std::shared_ptr<ModelRunner> runner);

std::unique_ptr<mlir::Pass>
createQuantize(QuantizeOptions options,
               std::shared_ptr<const CostModel> costModel);

/// Makes qnt-quantize with all but these options settled.
using MakeQuantize = std::function<std::unique_ptr<mlir::Pass>(
    llvm::StringRef weights, bool simulate)>;

/// What `metric` of qnt-allocate may be: loss, fisher, trace, output, weight.
llvm::ArrayRef<llvm::StringRef> getSensitivityNames();

/// `makeQuantize` may be null: then `quantize` of the options says it.
std::unique_ptr<mlir::Pass> createAllocate(AllocateOptions options,
                                           MakeQuantize makeQuantize,
                                           TransformServices services);

/// Registers the passes; those that ask for services get `services`.
void registerTransformsPasses(TransformServices services = {});

} // namespace qnt

#endif // QNT_TRANSFORMS_PASSES_H
