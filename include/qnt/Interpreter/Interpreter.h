//===- Interpreter.h - reference execution of nn and qnt graphs -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Runs a module op by op, slowly, as the ops' descriptions read: the truth that
// targets are compared with. docs/interpreter.md states the arithmetic.
//
//===----------------------------------------------------------------------===//
#ifndef QNT_INTERPRETER_INTERPRETER_H
#define QNT_INTERPRETER_INTERPRETER_H

#include "qnt/Interpreter/Values.h"
#include "qnt/Params/SafeTensors.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/SymbolTable.h"

#include <functional>

namespace qnt::interp {

struct InterpreterOptions {
  /// Called after each op with every result that it set.
  std::function<void(mlir::OpResult, const Datum &)> observer;
  /// Calls inside calls; deeper ones are refused.
  unsigned maxDepth = 256;
};

class Interpreter {
public:
  /// `params` holds the extern globals of `module`; null where there are none.
  explicit Interpreter(mlir::ModuleOp module,
                       std::shared_ptr<params::ParamStore> params = nullptr,
                       InterpreterOptions options = {});

  /// Runs a function of the module. `args` are its arguments; a KVCache among
  /// them is updated. Errors are reported at the op that met them.
  mlir::FailureOr<llvm::SmallVector<Datum>> run(llvm::StringRef function,
                                                llvm::ArrayRef<Datum> args);

private:
  friend class Frame;
  mlir::ModuleOp module;
  mlir::SymbolTable symbols;
  std::shared_ptr<params::ParamStore> params;
  InterpreterOptions options;
  unsigned depth = 0;
};

/// Opens the store that the attribute `qnt.params` of `module` names; null
/// without one. Reports a store that cannot be opened.
mlir::FailureOr<std::shared_ptr<params::ParamStore>>
openParams(mlir::ModuleOp module);

} // namespace qnt::interp

#endif // QNT_INTERPRETER_INTERPRETER_H
