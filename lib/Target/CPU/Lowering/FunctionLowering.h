//===- FunctionLowering.h - one function to kernel calls -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_CPU_LOWERING_FUNCTIONLOWERING_H
#define QNT_LIB_TARGET_CPU_LOWERING_FUNCTIONLOWERING_H

#include "../../Common/FunctionLowering.h"
#include "ModuleLowering.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace qnt::cpu {
using target::Dim;
using target::DimTable;
using target::FunctionSymbols;

/// What all elements of a value are known to be: of splat constants and fills
/// with them; null for others.
mlir::TypedAttr getUniformConstant(mlir::Value value);

/// The tensor whose one element is the padding; null when there is none.
mlir::Value getPaddingSource(mlir::tensor::PadOp op);

/// What a kernel that quantises rows does before it does so: ops whose results
/// nothing else takes, of rows of a size that a stack holds.
struct FusedRows {
  nn::RMSNormOp norm;
  RotateOp rotate;
  /// What the first of them reads; null where there is none.
  mlir::Value input;
};
FusedRows getFusedRows(mlir::Operation *op);

/// The values whose bytes an op reads, from outside of its region too.
llvm::SmallVector<mlir::Value> getMemoryOperands(mlir::Operation &op);

/// Emits the calls of one function.
class FunctionLowering : public target::FunctionLowering {
public:
  FunctionLowering(ModuleLowering &module, mlir::func::FuncOp function)
      : target::FunctionLowering(module, function), module(module) {}

private:
  llvm::SmallVector<Value>
  getMemoryOperands(mlir::Operation &op) const override {
    return cpu::getMemoryOperands(op);
  }
  void reserveCodes(Value value, QTensorType type, int64_t step) override;
  void reserveScratch(mlir::Operation &op, int64_t step) override;
  mlir::LogicalResult emitOp(target::CodeBuilder &host,
                             mlir::Operation &op) override;
  mlir::LogicalResult emitCopy(target::CodeBuilder &k, Value from, Value to,
                               Value bytes) override;

  /// Adds `op`, a live one, to the group of layers that one call computes, or
  /// begins another; keeps the buffers of a group alive throughout it.
  void joinGroup(mlir::Operation &op, int64_t step);
  mlir::LogicalResult emitLinear(KernelBuilder &k, qnt::LinearOp op);
  /// One call for the layers of `pending`.
  void emitJoined(KernelBuilder &k);
  mlir::LogicalResult emitConv(KernelBuilder &k, qnt::ConvOp op);
  mlir::LogicalResult emitPool(KernelBuilder &k, nn::PoolOp op);
  mlir::LogicalResult emitMaxPool(KernelBuilder &k, MaxPoolOp op);
  mlir::LogicalResult emitAddCodes(KernelBuilder &k, qnt::AddOp op);
  mlir::LogicalResult emitAveragePool(KernelBuilder &k, AveragePoolOp op);
  mlir::LogicalResult emitRowsLinear(KernelBuilder &k, qnt::LinearOp op);
  mlir::LogicalResult emitQuantizeImages(KernelBuilder &k, QuantizeOp op);
  mlir::LogicalResult emitDequantize(KernelBuilder &k, DequantizeOp op);
  mlir::LogicalResult emitDequantizeImages(KernelBuilder &k, DequantizeOp op);
  mlir::LogicalResult emitCodes(KernelBuilder &k, CodesOp op);
  mlir::LogicalResult emitWrap(KernelBuilder &k, WrapOp op);
  /// The scale and zero point of the codes in #qnt.image that an op makes.
  void placeScales(KernelBuilder &k, mlir::Operation &op);
  /// Writes the halo of an op's result, lists and reports the op.
  void finish(KernelBuilder &k, mlir::Operation &op, Kernel kernel,
              int64_t macs = 0, int64_t bytes = 0);
  /// Images of a value: its batch, or its rows.
  mlir::Value imagesOf(KernelBuilder &k, mlir::Value value) {
    return symbols.getDims(value).size() == 4 ? dimOf(k, value, 0)
                                              : rowsOf(k, value);
  }
  /// The pointers of an epilogue: the result's and its operands'.
  void appendEpilogue(KernelBuilder &k, EpilogueOp op,
                      llvm::SmallVectorImpl<mlir::Value> &args);
  mlir::LogicalResult emitQuantize(KernelBuilder &k, QuantizeOp op);
  mlir::LogicalResult emitRotate(KernelBuilder &k, RotateOp op);
  mlir::LogicalResult emitSelect(KernelBuilder &k, nn::SelectFeaturesOp op);
  mlir::LogicalResult emitAttention(KernelBuilder &k, nn::AttentionOp op);
  mlir::LogicalResult emitBinary(KernelBuilder &k, mlir::Operation &op,
                                 BinaryKind kind);
  mlir::LogicalResult emitLinalg(KernelBuilder &k, mlir::linalg::LinalgOp op);
  mlir::LogicalResult emitMatmul(KernelBuilder &k, nn::MatmulOp op);
  mlir::LogicalResult emitSlice(KernelBuilder &k,
                                mlir::tensor::ExtractSliceOp op);
  mlir::LogicalResult emitTranspose(KernelBuilder &k,
                                    mlir::linalg::TransposeOp op);
  mlir::LogicalResult emitConcat(KernelBuilder &k, mlir::tensor::ConcatOp op);
  mlir::LogicalResult emitPad(KernelBuilder &k, mlir::tensor::PadOp op);
  mlir::LogicalResult emitElements(KernelBuilder &k,
                                   mlir::tensor::FromElementsOp op);
  mlir::LogicalResult emitConstant(KernelBuilder &k,
                                   mlir::arith::ConstantOp op);
  /// Copies a box of `sizes` elements of `width` bytes, strides in elements.
  void copyBox(KernelBuilder &k, mlir::Value from, Dim fromOffset,
               llvm::ArrayRef<Dim> fromStrides, mlir::Value to, Dim toOffset,
               llvm::ArrayRef<Dim> toStrides, llvm::ArrayRef<Dim> sizes,
               int64_t width);
  /// Elements between neighbours in each dimension.
  llvm::SmallVector<Dim> getStrides(llvm::ArrayRef<Dim> dims);
  void record(KernelBuilder &k, mlir::Operation &op, Kernel kernel,
              mlir::Value output, int64_t macs = 0, int64_t bytes = 0) {
    target::FunctionLowering::record(k, op, kernel ? kernel.getName() : "",
                                     output, macs, bytes);
  }

  ModuleLowering &module;
  /// The last group of joinGroup and its first step; ops that join the next.
  llvm::SmallVector<mlir::Operation *> group;
  int64_t groupStep = 0;
  llvm::DenseSet<mlir::Operation *> withNext;
  /// Layers whose call is yet to be emitted, with the last of their group.
  struct PendingLinear {
    qnt::LinearOp op;
    Kernel kernel;
    llvm::SmallVector<mlir::Value> args;
    int64_t macs, bytes;
  };
  llvm::SmallVector<PendingLinear> pending;
};

/// Moves linear layers of one input next to each other, with the loads of what
/// they need, where nothing forbids it (JoinLinears.cpp).
void gatherLinears(mlir::func::FuncOp function);

/// Keys and values of an attention without a cache lie in scratch like one, in
/// f32.
CacheGeometry getCacheGeometry(nn::AttentionOp op);

} // namespace qnt::cpu

#endif // QNT_LIB_TARGET_CPU_LOWERING_FUNCTIONLOWERING_H
