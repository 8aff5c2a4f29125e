//===- FunctionLowering.h - one function to kernel calls -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_CPU_LOWERING_FUNCTIONLOWERING_H
#define QNT_LIB_TARGET_CPU_LOWERING_FUNCTIONLOWERING_H

#include "ModuleLowering.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace qnt::cpu {

/// What all elements of a value are known to be: of splat constants and fills
/// with them; null for others.
mlir::TypedAttr getUniformConstant(mlir::Value value);

/// The tensor whose one element is the padding; null when there is none.
mlir::Value getPaddingSource(mlir::tensor::PadOp op);

/// The rotation whose result `op` alone takes and that is a part of its kernel:
/// of rows of a size that a stack holds. Null where there is none.
RotateOp getFusedRotation(mlir::Operation *op);

/// The values whose bytes an op reads, from outside of its region too.
llvm::SmallVector<mlir::Value> getMemoryOperands(mlir::Operation &op);

/// Lowers one function: plans its frame, then emits a call for every op.
class FunctionLowering {
public:
  FunctionLowering(ModuleLowering &module, mlir::func::FuncOp function)
      : module(module), function(function),
        symbols(module.symbols.at(function.getName().str())) {}

  mlir::LogicalResult run();

private:
  // Planning.
  void plan();
  /// The value whose buffer `value` shares.
  static mlir::Value root(mlir::Value value);
  /// Whether `value` is a parameter, which lies in the store.
  static bool isParam(mlir::Value value) {
    return value.getDefiningOp<mlir::ml_program::GlobalLoadConstOp>() !=
           nullptr;
  }
  /// Whether `value` is a constant, which lies in the module.
  static bool isConstant(mlir::Value value) {
    return value.getDefiningOp<mlir::arith::ConstantOp>() != nullptr;
  }
  /// Marks the ops whose results are read.
  void findLive();
  void reserve(mlir::Value value, int64_t step);

  // Emission.
  void emitFrameFunction();
  mlir::LogicalResult emitOp(KernelBuilder &k, mlir::Operation &op);
  mlir::LogicalResult emitLinear(KernelBuilder &k, qnt::LinearOp op);
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
  void emitCopy(KernelBuilder &k, mlir::Value from, Dim fromOffset,
                llvm::ArrayRef<Dim> fromStrides, mlir::Value to, Dim toOffset,
                llvm::ArrayRef<Dim> toStrides, llvm::ArrayRef<Dim> sizes,
                int64_t width);
  /// Elements between neighbours in each dimension.
  llvm::SmallVector<Dim> getStrides(llvm::ArrayRef<Dim> dims);
  mlir::LogicalResult emitCall(KernelBuilder &k, mlir::func::CallOp op);
  /// The product of dimensions [first, last) of `value`, i64.
  mlir::Value extent(KernelBuilder &k, mlir::Value value, unsigned first,
                     unsigned last);
  mlir::Value rowsOf(KernelBuilder &k, mlir::Value value) {
    return extent(k, value, 0, symbols.getDims(value).size() - 1);
  }
  mlir::Value countOf(KernelBuilder &k, mlir::Value value) {
    return extent(k, value, 0, symbols.getDims(value).size());
  }
  mlir::Value dimOf(KernelBuilder &k, mlir::Value value, unsigned dim) {
    return extent(k, value, dim, dim + 1);
  }
  mlir::Value emitDim(KernelBuilder &k, Dim dim) {
    return symbols.table.emit(k, dim, symbolValues);
  }
  mlir::Value emitProduct(KernelBuilder &k,
                          const MemoryPlan::Monomial &monomial);
  /// The pointers of a value: one, or codes, scales, zeros and sums.
  llvm::ArrayRef<mlir::Value> pointers(mlir::Value value) {
    return places[root(value)];
  }
  mlir::Value pointer(mlir::Value value) { return pointers(value).front(); }
  mlir::Value null(KernelBuilder &k) {
    return mlir::LLVM::ZeroOp::create(k.b, k.loc, k.ptr());
  }
  mlir::Value pointerOrNull(KernelBuilder &k, mlir::Value value) {
    return value ? pointer(value) : null(k);
  }
  mlir::Value bufferAt(KernelBuilder &k, unsigned buffer);
  void record(KernelBuilder &k, mlir::Operation &op, Kernel kernel,
              mlir::Value output, int64_t macs = 0, int64_t bytes = 0);

  ModuleLowering &module;
  mlir::func::FuncOp function;
  FunctionSymbols &symbols;
  MemoryPlan memory;
  llvm::DenseSet<mlir::Operation *> live;
  llvm::DenseMap<mlir::Value, llvm::SmallVector<unsigned>> buffers;
  llvm::DenseMap<mlir::Operation *, unsigned> scratch;
  /// Results that are written straight to the caller's buffer.
  llvm::DenseMap<mlir::Value, unsigned> returned;
  llvm::DenseMap<mlir::Value, llvm::SmallVector<mlir::Value>> places;
  llvm::DenseMap<mlir::Value, mlir::Value> capacities;
  std::map<MemoryPlan::Monomial, std::pair<mlir::Value, mlir::Value>>
      regionBases;
  mlir::Value context, params, frame, frameEnd;
  /// Of the function that is being written; see DimTable::emit.
  llvm::SmallVector<mlir::Value> symbolValues;
};

/// Keys and values of an attention without a cache lie in scratch like one, in
/// f32.
CacheGeometry getCacheGeometry(nn::AttentionOp op);

} // namespace qnt::cpu

#endif // QNT_LIB_TARGET_CPU_LOWERING_FUNCTIONLOWERING_H
