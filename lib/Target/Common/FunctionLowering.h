//===- FunctionLowering.h - one function to host code -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_COMMON_FUNCTIONLOWERING_H
#define QNT_LIB_TARGET_COMMON_FUNCTIONLOWERING_H

#include "CodeBuilder.h"
#include "MemoryPlan.h"
#include "ModuleLowering.h"
#include "RowsGeometry.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"

namespace qnt::target {

/// The parameter tensors that a load stands for: docs/ir.md.
llvm::SmallVector<std::string>
getParamNames(mlir::ml_program::GlobalLoadConstOp load);

/// Lowers one function whose callees are lowered: plans its frame, then has the
/// target emit calls for every op. The result is void(context, params, frame,
/// symbols..., arguments..., results...), where an argument or result is a
/// pointer, and a KV cache a pointer and its capacity.
class FunctionLowering {
public:
  FunctionLowering(ModuleLowering &program, mlir::func::FuncOp function)
      : program(program), function(function),
        symbols(program.symbols.at(function.getName().str())) {}
  virtual ~FunctionLowering() = default;

  mlir::LogicalResult run();

protected:
  using Value = mlir::Value;

  // What targets supply.
  /// The values whose bytes an op reads, from outside of its region too.
  virtual llvm::SmallVector<Value>
  getMemoryOperands(mlir::Operation &op) const = 0;
  /// Reserves a quantised activation.
  virtual void reserveCodes(Value value, QTensorType type, int64_t step);
  /// Reserves what `op` needs beside its results.
  virtual void reserveScratch(mlir::Operation &op, int64_t step) = 0;
  /// Emits an op whose results' places are known.
  virtual mlir::LogicalResult emitOp(CodeBuilder &k, mlir::Operation &op) = 0;
  virtual mlir::LogicalResult emitCopy(CodeBuilder &k, Value from, Value to,
                                       Value bytes) = 0;

  // Planning.
  /// The value whose buffer `value` shares.
  static Value root(Value value);
  /// Whether `value` is a parameter, which lies in the store.
  static bool isParam(Value value) {
    return value.getDefiningOp<mlir::ml_program::GlobalLoadConstOp>() !=
           nullptr;
  }
  /// Whether `value` is a constant, which lies in the module.
  static bool isConstant(Value value) {
    return value.getDefiningOp<mlir::arith::ConstantOp>() != nullptr;
  }
  /// That a cache holds as many sequences as kv_bytes sizes it for.
  mlir::LogicalResult checkSequences(nn::AttentionOp op) const;
  /// Whether `value` is an activation in one of the targets' layouts.
  static bool isLaidOut(mlir::Type type);

  // Emission.
  mlir::LogicalResult emitCall(CodeBuilder &k, mlir::func::CallOp op);
  void emitLoad(CodeBuilder &k, mlir::ml_program::GlobalLoadConstOp load);
  /// Lists the op in the manifest and reports its output to the host. `kernel`
  /// is the name of what computes it, "" for none.
  void record(CodeBuilder &k, mlir::Operation &op, llvm::StringRef kernel,
              Value output, int64_t macs = 0, int64_t bytes = 0);
  /// The product of dimensions [first, last) of `value`, i64.
  Value extent(CodeBuilder &k, Value value, unsigned first, unsigned last);
  Value rowsOf(CodeBuilder &k, Value value) {
    return extent(k, value, 0, symbols.getDims(value).size() - 1);
  }
  Value countOf(CodeBuilder &k, Value value) {
    return extent(k, value, 0, symbols.getDims(value).size());
  }
  Value dimOf(CodeBuilder &k, Value value, unsigned dim) {
    return extent(k, value, dim, dim + 1);
  }
  Value emitDim(CodeBuilder &k, Dim dim) {
    return symbols.table.emit(k, dim, symbolValues);
  }
  /// The pointers of a value: one, or codes, scales, zeros and sums.
  llvm::ArrayRef<Value> pointers(Value value) { return places[root(value)]; }
  Value pointer(Value value) { return pointers(value).front(); }
  Value null(CodeBuilder &k) {
    return mlir::LLVM::ZeroOp::create(k.b, k.loc, k.ptr());
  }
  Value pointerOrNull(CodeBuilder &k, Value value) {
    return value ? pointer(value) : null(k);
  }
  Value bufferAt(CodeBuilder &k, unsigned buffer);

  ModuleLowering &program;
  mlir::func::FuncOp function;
  FunctionSymbols &symbols;
  MemoryPlan memory;
  llvm::DenseMap<Value, llvm::SmallVector<unsigned>> buffers;
  llvm::DenseMap<mlir::Operation *, unsigned> scratch;
  llvm::DenseMap<Value, llvm::SmallVector<Value>> places;
  llvm::DenseMap<Value, Value> capacities;
  Value context, params, frameEnd;

private:
  void plan();
  /// Marks the ops whose results are read.
  void findLive();
  void reserve(Value value, int64_t step);
  void emitFrameFunction();
  mlir::LogicalResult emitBody(CodeBuilder &k, mlir::ValueRange values);
  mlir::LogicalResult emitReturn(CodeBuilder &k, mlir::func::ReturnOp op,
                                 mlir::ValueRange results);
  void placeResults(CodeBuilder &k, mlir::Operation &op);
  Value emitProduct(CodeBuilder &k, const MemoryPlan::Monomial &monomial);

  llvm::DenseSet<mlir::Operation *> live;
  /// Results that are written straight to the caller's buffer.
  llvm::DenseMap<Value, unsigned> returned;
  std::map<MemoryPlan::Monomial, std::pair<Value, Value>> regionBases;
  Value frame;
  /// Of the function that is being written; see DimTable::emit.
  llvm::SmallVector<Value> symbolValues;
};

} // namespace qnt::target

#endif // QNT_LIB_TARGET_COMMON_FUNCTIONLOWERING_H
