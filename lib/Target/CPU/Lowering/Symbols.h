//===- Symbols.h - symbolic dimensions and memory plans -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_TARGET_CPU_LOWERING_SYMBOLS_H
#define QNT_LIB_TARGET_CPU_LOWERING_SYMBOLS_H

#include "mlir/Dialect/Func/IR/FuncOps.h"

#include <map>

namespace qnt::cpu {

/// A dimension: a number, or one of the function's symbols, which its callers
/// pass as i64.
struct Dim {
  bool isConstant = true;
  int64_t value = 1; // or the symbol's index
  /// Rounded up to a multiple of 16 (a symbol only).
  bool padded = false;

  static Dim constant(int64_t value) { return {true, value, false}; }
  static Dim symbol(int64_t index) { return {false, index, false}; }
  bool operator==(const Dim &other) const {
    return isConstant == other.isConstant && value == other.value &&
           padded == other.padded;
  }
};

/// The dimensions of every value of one function, as numbers and symbols.
class FunctionSymbols {
public:
  /// `callees` holds the finished analyses of every function that this one
  /// calls. Emits an error at an op whose shape does not follow from its
  /// operands.
  static mlir::FailureOr<FunctionSymbols>
  analyze(mlir::func::FuncOp function,
          const std::map<std::string, FunctionSymbols> &callees);

  llvm::ArrayRef<Dim> getDims(mlir::Value value) const {
    return dims.find(value)->second;
  }
  bool has(mlir::Value value) const { return dims.count(value); }
  /// Dimensions of the i-th result, in this function's symbols.
  llvm::ArrayRef<Dim> getResultDims(unsigned i) const { return results[i]; }
  unsigned getNumSymbols() const { return symbols.size(); }

  /// Where a symbol comes from: an argument's dimension; for entry points also
  /// its name ("batch").
  struct Symbol {
    unsigned argument, dimension;
    std::string name;
  };
  llvm::SmallVector<Symbol> symbols;

  /// What a call passes for the callee's symbols, in this function's terms.
  llvm::SmallVector<Dim> getCallSymbols(mlir::func::CallOp call,
                                        const FunctionSymbols &callee) const;

private:
  llvm::DenseMap<mlir::Value, llvm::SmallVector<Dim>> dims;
  llvm::SmallVector<llvm::SmallVector<Dim>> results;
};

/// Offsets of a function's buffers in its frame. Buffers whose sizes are the
/// same product of symbols times a constant share a region, and within it bytes
/// whose lifetimes do not overlap: offsets are constants times that product.
class MemoryPlan {
public:
  /// The symbols whose product scales a region.
  using Monomial = llvm::SmallVector<std::pair<int64_t, bool>, 2>;

  struct Buffer {
    Monomial region;
    int64_t unitBytes = 0, unitOffset = 0;
    int64_t first = 0, last = 0;
  };

  /// Reserves `bytes` times the product of `dims` from step `first` to `last`;
  /// returns the buffer's index.
  unsigned add(llvm::ArrayRef<Dim> dims, int64_t bytes, int64_t first,
               int64_t last);
  void extend(unsigned buffer, int64_t last) {
    buffers[buffer].last = std::max(buffers[buffer].last, last);
  }
  /// Chooses the offsets.
  void place();

  llvm::SmallVector<Buffer> buffers;
  /// Bytes of each region per unit of its product, in order of layout.
  std::map<Monomial, int64_t> regions;
};

} // namespace qnt::cpu

#endif // QNT_LIB_TARGET_CPU_LOWERING_SYMBOLS_H
