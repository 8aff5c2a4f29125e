//===- FunctionLowering.h - one function to launches -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_CUDA_LOWERING_FUNCTIONLOWERING_H
#define QNT_LIB_TARGET_CUDA_LOWERING_FUNCTIONLOWERING_H

#include "../../Common/FunctionLowering.h"
#include "ModuleLowering.h"

namespace qnt::cuda {

/// The norm whose rows `op` alone, or with others like it, takes and that is a
/// part of its kernel. Null where there is none.
mlir::Operation *getFusedNorm(mlir::Operation *op);
/// The rotation of which `op` alone takes the rows and that is a part of its
/// kernel, behind the norm if there is one. Null where there is none.
RotateOp getFusedRotation(mlir::Operation *op);
RotationSpec getRotationSpec(RotateOp op);

template <typename T> std::string getBytes(llvm::ArrayRef<T> numbers) {
  return std::string(reinterpret_cast<const char *>(numbers.data()),
                     numbers.size() * sizeof(T));
}

/// Emits the launches of one function.
class FunctionLowering : public target::FunctionLowering {
public:
  FunctionLowering(ModuleLowering &module, mlir::func::FuncOp function)
      : target::FunctionLowering(module, function), module(module) {}

private:
  using CodeBuilder = target::CodeBuilder;

  llvm::SmallVector<Value>
  getMemoryOperands(mlir::Operation &op) const override;
  void reserveScratch(mlir::Operation &op, int64_t step) override {}
  mlir::LogicalResult emitOp(CodeBuilder &k, mlir::Operation &op) override;
  mlir::LogicalResult emitCopy(CodeBuilder &k, Value from, Value to,
                               Value bytes) override;

  mlir::LogicalResult emitLinear(CodeBuilder &k, LinearOp op);
  mlir::LogicalResult emitQuantize(CodeBuilder &k, QuantizeOp op);
  mlir::LogicalResult emitConstant(CodeBuilder &k, mlir::arith::ConstantOp op);
  mlir::LogicalResult emitEmbedding(CodeBuilder &k, EmbeddingOp op);
  mlir::LogicalResult emitRopeTable(CodeBuilder &k, nn::RopeTableOp op);
  mlir::LogicalResult emitAttention(CodeBuilder &k, nn::AttentionOp op);
  /// f16 rows, normalised where a norm is a part of them.
  mlir::LogicalResult emitHalves(CodeBuilder &k, mlir::arith::TruncFOp op);
  mlir::LogicalResult emitNorm(CodeBuilder &k, mlir::Operation &op);
  mlir::LogicalResult emitRotate(CodeBuilder &k, RotateOp op);
  /// Whether a rotation, if it is one, has a kernel.
  mlir::LogicalResult checkRotation(RotateOp op);
  /// The arguments of a kernel that rotates rows.
  void appendRotation(CodeBuilder &k, RotateOp op,
                      llvm::SmallVectorImpl<Value> &args);
  /// An op of nn on numbers that lie alike, or whose second operand repeats.
  mlir::LogicalResult emitPoints(CodeBuilder &k, mlir::Operation &op);
  /// Launches `kernel` for `op` and reports it.
  mlir::LogicalResult run(CodeBuilder &k, mlir::Operation &op, Kernel kernel,
                          mlir::ValueRange args);
  /// Appends the operands of a norm beside its input.
  void appendNorm(mlir::Operation *norm, llvm::SmallVectorImpl<Value> &args);

  // Launches.cpp
  /// What tells launches of one op apart: i64 numbers.
  struct Numbers {
    Value kernel, threads, sharedBytes;
    std::array<Value, 3> grid;
  };
  Numbers getNumbers(CodeBuilder &k, Kernel kernel, mlir::ValueRange args);
  Numbers choose(CodeBuilder &k, Value isFirst, const Numbers &first,
                 const Numbers &second);
  /// Launches `kernel` on pointers and i64 sizes, in its own order.
  void launch(CodeBuilder &k, Kernel kernel, mlir::ValueRange args) {
    launch(k, getNumbers(k, kernel, args), args);
  }
  void launch(CodeBuilder &k, const Numbers &numbers, mlir::ValueRange args);
  /// The model's workspace.
  Value getWorkspace(CodeBuilder &k);
  /// Bytes known now, on the device.
  Value getConstant(CodeBuilder &k, llvm::StringRef bytes);

  ModuleLowering &module;
};

} // namespace qnt::cuda

#endif // QNT_LIB_TARGET_CUDA_LOWERING_FUNCTIONLOWERING_H
