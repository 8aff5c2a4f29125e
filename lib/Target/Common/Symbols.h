//===- Symbols.h - the dimensions of a function's values -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_COMMON_SYMBOLS_H
#define QNT_LIB_TARGET_COMMON_SYMBOLS_H

#include "Dims.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/Support/JSON.h"

namespace qnt::target {

/// The dimensions of every value of one function, as numbers and symbols.
class FunctionSymbols {
public:
  /// `callees` holds the finished analyses of every function that this one
  /// calls. Emits an error at an op whose shape does not follow from its
  /// operands, or whose operands' shapes disagree.
  static mlir::FailureOr<FunctionSymbols>
  analyze(mlir::func::FuncOp function,
          const std::map<std::string, FunctionSymbols> &callees);

  llvm::ArrayRef<Dim> getDims(mlir::Value value) const {
    return dims.find(value)->second;
  }
  bool has(mlir::Value value) const { return dims.count(value); }
  /// What an index that shapes decide is; none for others.
  std::optional<Dim> getIndex(mlir::Value value) const;
  /// Dimensions of the i-th result, in this function's symbols.
  llvm::ArrayRef<Dim> getResultDims(unsigned i) const { return results[i]; }
  /// Of symbols that callers pass; `table` derives others.
  unsigned getNumSymbols() const { return symbols.size(); }
  DimTable table;

  /// Where a symbol comes from: an argument's dimension; for entry points also
  /// its name ("batch").
  struct Symbol {
    unsigned argument, dimension;
    std::string name;
  };
  llvm::SmallVector<Symbol> symbols;
  /// A shape as the manifest has it: sizes, names, null for other dimensions.
  llvm::json::Array describe(llvm::ArrayRef<Dim> shape) const;
  /// The name of a symbol that callers pass; "" for others.
  std::string getName(Dim dim) const {
    bool isPassed = !dim.isConstant && dim.value < int64_t(symbols.size());
    return isPassed ? symbols[dim.value].name : "";
  }

  /// What must hold of the dimensions of a call and cannot be known before:
  /// x = y, or x <= y.
  struct Condition {
    bool isEqual;
    Dim x, y;
  };
  llvm::SmallVector<Condition> conditions;

  /// What a call passes for the callee's symbols, in this function's terms.
  llvm::SmallVector<Dim> getCallSymbols(mlir::func::CallOp call,
                                        const FunctionSymbols &callee) const;

private:
  friend class SymbolAnalysis;
  llvm::DenseMap<mlir::Value, llvm::SmallVector<Dim>> dims;
  /// Indices, and shapes as tensors of them.
  llvm::DenseMap<mlir::Value, llvm::SmallVector<Dim>> indices;
  llvm::SmallVector<llvm::SmallVector<Dim>> results;
};

} // namespace qnt::target

#endif // QNT_LIB_TARGET_COMMON_SYMBOLS_H
