//===- Registry.h - how ops find their evaluation -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// An op is added by one function, evaluate(OpTy, Frame &), and one line in its
// family's `register...` function.
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_INTERPRETER_REGISTRY_H
#define QNT_LIB_INTERPRETER_REGISTRY_H

#include "qnt/Interpreter/Interpreter.h"

#include "llvm/ADT/DenseMap.h"

namespace qnt::interp {

/// The values of one function call.
class Frame {
public:
  explicit Frame(Interpreter &interpreter) : interpreter(interpreter) {}

  const Datum &get(mlir::Value value) const { return values.at(value); }
  const Tensor &tensor(mlir::Value value) const {
    return std::get<Tensor>(get(value));
  }
  const QuantizedTensor &quantized(mlir::Value value) const {
    return std::get<QuantizedTensor>(get(value));
  }
  KVCache &cache(mlir::Value value) const {
    return *std::get<std::shared_ptr<KVCache>>(get(value));
  }

  void set(mlir::Value value, Datum datum) { values[value] = std::move(datum); }
  /// A float result, rounded to its element type.
  void setFloats(mlir::Value value, llvm::ArrayRef<int64_t> shape,
                 llvm::ArrayRef<double> numbers);

  /// Runs a function; the module is that of the interpreter.
  mlir::FailureOr<llvm::SmallVector<Datum>> call(llvm::StringRef function,
                                                 llvm::ArrayRef<Datum> args) {
    return interpreter.run(function, args);
  }
  mlir::Operation *lookup(llvm::StringRef symbol) {
    return interpreter.symbols.lookup(symbol);
  }
  const std::shared_ptr<params::ParamStore> &params() {
    return interpreter.params;
  }

private:
  Interpreter &interpreter;
  llvm::DenseMap<mlir::Value, Datum> values;
};

class Registry {
public:
  using Evaluate =
      std::function<mlir::LogicalResult(mlir::Operation *, Frame &)>;

  /// All ops that the interpreter knows.
  static const Registry &get();

  template <typename OpTy>
  void add(mlir::LogicalResult (*evaluate)(OpTy, Frame &)) {
    table[mlir::TypeID::get<OpTy>()] = [evaluate](mlir::Operation *op,
                                                  Frame &frame) {
      return evaluate(mlir::cast<OpTy>(op), frame);
    };
  }
  template <typename OpTy> void add(Evaluate evaluate) {
    table[mlir::TypeID::get<OpTy>()] = std::move(evaluate);
  }
  /// Null when the op is unknown.
  const Evaluate *find(mlir::Operation *op) const;

private:
  llvm::DenseMap<mlir::TypeID, Evaluate> table;
};

void registerArith(Registry &registry);
void registerLinalg(Registry &registry);
void registerTensor(Registry &registry);
void registerParameters(Registry &registry);
void registerLookups(Registry &registry);
void registerElementwise(Registry &registry);
void registerNorms(Registry &registry);
void registerLinear(Registry &registry);
void registerConv(Registry &registry);
void registerMatmul(Registry &registry);
void registerRope(Registry &registry);
void registerRotations(Registry &registry);
void registerAttention(Registry &registry);
void registerQuantized(Registry &registry);
void registerDyadic(Registry &registry);
void registerIntegers(Registry &registry);
void registerCalls(Registry &registry);
void registerChecks(Registry &registry);

/// An arith or math op of scalars or of tensors of one shape.
mlir::LogicalResult evaluateElementwise(mlir::Operation *op, Frame &frame);

} // namespace qnt::interp

#endif // QNT_LIB_INTERPRETER_REGISTRY_H
