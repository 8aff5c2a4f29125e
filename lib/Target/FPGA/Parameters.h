//===- Parameters.h - integers of a model -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_FPGA_PARAMETERS_H
#define QNT_LIB_TARGET_FPGA_PARAMETERS_H

#include "qnt/Params/SafeTensors.h"

#include "mlir/IR/BuiltinOps.h"

namespace qnt::fpga {

/// What a module's parameter store holds for loads of globals (docs/ir.md).
/// Errors are reported at the op that is given.
class Parameters {
public:
  /// The store that `qnt.params` names.
  static mlir::FailureOr<Parameters> open(mlir::ModuleOp module);

  /// The numbers of an integer tensor, or of a constant.
  mlir::FailureOr<llvm::SmallVector<int64_t>>
  getIntegers(mlir::Operation *op, mlir::Value load) const;
  /// Those of an f32 tensor, likewise.
  mlir::FailureOr<llvm::SmallVector<float>> getFloats(mlir::Operation *op,
                                                      mlir::Value load) const;
  /// An f32 scalar that is an integer, such as a zero point.
  mlir::FailureOr<int64_t> getZero(mlir::Operation *op, mlir::Value load) const;
  /// What the codes of a weight stand for before they are scaled, as integers
  /// (IntegerForm): numbers less zero points.
  mlir::FailureOr<llvm::SmallVector<int64_t>>
  getWeights(mlir::Operation *op, mlir::Value load) const;

private:
  mlir::FailureOr<params::TensorView>
  find(mlir::Operation *op, mlir::Value load, llvm::StringRef suffix) const;

  std::shared_ptr<params::ParamStore> store;
};

} // namespace qnt::fpga

#endif // QNT_LIB_TARGET_FPGA_PARAMETERS_H
