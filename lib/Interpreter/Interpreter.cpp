//===- Interpreter.cpp - functions, one op after another -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Interpreter/Interpreter.h"

#include "Registry.h"
#include "ScalarOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/TypeUtilities.h"
#include "llvm/ADT/ScopeExit.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::interp;

void Frame::setFloats(Value value, ArrayRef<int64_t> shape,
                      ArrayRef<double> numbers) {
  auto kind = getElementKind(getElementTypeOrSelf(value.getType()));
  set(value, Tensor::ofFloats(*kind, shape, numbers));
}

const Registry &Registry::get() {
  static const Registry registry = [] {
    Registry all;
    registerArith(all);
    registerLinalg(all);
    registerTensor(all);
    registerParameters(all);
    registerLookups(all);
    registerElementwise(all);
    registerNorms(all);
    registerLinear(all);
    registerConv(all);
    registerMatmul(all);
    registerRope(all);
    registerRotations(all);
    registerAttention(all);
    registerQuantized(all);
    registerDyadic(all);
    registerIntegers(all);
    registerCalls(all);
    registerChecks(all);
    return all;
  }();
  return registry;
}

const Registry::Evaluate *Registry::find(Operation *op) const {
  auto entry = table.find(op->getName().getTypeID());
  if (entry != table.end())
    return &entry->second;
  static const Evaluate elementwise = evaluateElementwise;
  return ScalarOp::isKnown(op) ? &elementwise : nullptr;
}

Interpreter::Interpreter(ModuleOp module,
                         std::shared_ptr<params::ParamStore> params,
                         InterpreterOptions options)
    : module(module), symbols(module), params(std::move(params)),
      options(std::move(options)) {}

FailureOr<SmallVector<Datum>> Interpreter::run(StringRef name,
                                               ArrayRef<Datum> args) {
  auto function = symbols.lookup<func::FuncOp>(name);
  if (!function || function.isDeclaration())
    return module.emitError("no function with a body is called '")
           << name << "'";
  if (!function.getBody().hasOneBlock())
    return function.emitError("expected a function of one block");
  if (args.size() != function.getNumArguments())
    return function.emitError("expected ")
           << function.getNumArguments() << " arguments, got " << args.size();
  if (depth == options.maxDepth)
    return function.emitError("calls are nested more than ")
           << options.maxDepth << " deep";
  Frame frame(*this);
  for (auto [argument, datum] :
       llvm::zip_equal(function.getArguments(), args)) {
    std::string why;
    if (!fits(datum, argument.getType(), why))
      return function.emitError("expected argument ")
             << argument.getArgNumber() << " of type " << argument.getType()
             << ", got " << why;
    frame.set(argument, datum);
  }
  ++depth;
  llvm::scope_exit leave([&] { --depth; });
  for (Operation &op : function.getBody().front().without_terminator()) {
    const Registry::Evaluate *evaluate = Registry::get().find(&op);
    if (!evaluate)
      return op.emitOpError("is not known to the interpreter");
    if (failed((*evaluate)(&op, frame)))
      return failure();
    for (OpResult result : op.getResults()) {
      std::string why;
      if (!fits(frame.get(result), result.getType(), why))
        return op.emitOpError("gave ")
               << why << ", expected " << result.getType();
      if (options.observer)
        options.observer(result, frame.get(result));
    }
  }
  auto *terminator = function.getBody().front().getTerminator();
  return llvm::map_to_vector(terminator->getOperands(),
                             [&](Value value) { return frame.get(value); });
}

FailureOr<std::shared_ptr<params::ParamStore>>
interp::openParams(ModuleOp module) {
  auto path = module->getAttrOfType<StringAttr>("qnt.params");
  if (!path)
    return std::shared_ptr<params::ParamStore>();
  try {
    return params::ParamStore::open(path.str());
  } catch (const std::exception &error) {
    return module.emitError(error.what());
  }
}
