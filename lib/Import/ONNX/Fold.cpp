//===- Fold.cpp - nodes evaluated when importing -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Importer.h"

#include "qnt/Interpreter/Interpreter.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/Diagnostics.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::onnx;

namespace qnt::onnx {
/// Sends what is built meanwhile into a function of its own, in which constants
/// are arguments.
class Scratch {
public:
  explicit Scratch(Importer &importer)
      : importer(importer), guard(importer.builder),
        module(ModuleOp::create(importer.builder.getUnknownLoc())) {
    OpBuilder &builder = importer.builder;
    builder.setInsertionPointToEnd(module->getBody());
    function = func::FuncOp::create(builder, builder.getUnknownLoc(), "fold",
                                    builder.getFunctionType({}, {}));
    builder.setInsertionPointToStart(function.addEntryBlock());
    importer.scratchArguments = &arguments;
  }
  ~Scratch() { importer.scratchArguments = nullptr; }

  /// How often the bodies of what was built here run, when it is known.
  int64_t countIterations() {
    int64_t total = 0;
    function.walk([&](linalg::LinalgOp op) {
      int64_t iterations = 1;
      for (int64_t range : op.getStaticLoopRanges())
        if (ShapedType::isDynamic(range) ||
            llvm::MulOverflow(iterations, range, iterations))
          iterations = std::numeric_limits<int32_t>::max();
      total +=
          std::min<int64_t>(iterations, std::numeric_limits<int32_t>::max());
    });
    return total;
  }

  /// The values of `results`, which were built here; none when the interpreter
  /// fails, or would take long.
  std::optional<SmallVector<interp::Datum>> run(ArrayRef<Value> results) {
    if (!isQuick())
      return std::nullopt;
    OpBuilder &builder = importer.builder;
    func::ReturnOp::create(builder, builder.getUnknownLoc(), results);
    function.setType(
        builder.getFunctionType(function.getBody().front().getArgumentTypes(),
                                TypeRange(ValueRange(results))));
    SmallVector<interp::Datum> values;
    for (auto &[key, entry] : arguments) {
      auto &[constant, argument] = entry;
      auto type = cast<RankedTensorType>(argument.getType());
      values.push_back(interp::Tensor::ofBytes(
          *interp::getElementKind(type.getElementType()), type.getShape(),
          constant->bytes()));
    }
    // What cannot be evaluated stays in the graph; nothing is wrong with it.
    ScopedDiagnosticHandler quiet(builder.getContext(),
                                  [](Diagnostic &) { return success(); });
    auto outcome = interp::Interpreter(*module).run("fold", values);
    if (failed(outcome))
      return std::nullopt;
    return *outcome;
  }

private:
  /// Whether the loops of all ops have few turns.
  bool isQuick() {
    constexpr int64_t limit = 1 << 24;
    int64_t turns = 0;
    WalkResult walk = function.walk([&](linalg::LinalgOp op) {
      int64_t product = 1;
      for (int64_t range : op.getStaticLoopRanges())
        if (ShapedType::isDynamic(range) ||
            llvm::MulOverflow(product, range, product) || product > limit)
          return WalkResult::interrupt();
      turns += product;
      return turns > limit ? WalkResult::interrupt() : WalkResult::advance();
    });
    return !walk.wasInterrupted();
  }

  Importer &importer;
  OpBuilder::InsertionGuard guard;
  OwningOpRef<ModuleOp> module;
  func::FuncOp function;
  ScratchArguments arguments;
};
} // namespace qnt::onnx

/// The tensor that the interpreter found, as a constant.
static ConstantRef toConstant(const interp::Datum &datum, DType dtype,
                              std::string name) {
  auto tensor =
      std::make_shared<interp::Tensor>(std::get<interp::Tensor>(datum));
  return Constant::create(std::move(name), dtype, tensor->getShape(),
                          Constant::Bytes(tensor, tensor->data()));
}

bool Importer::foldConstants(Node &node, const Operator &op) {
  // Larger ones stay expressions on parameters.
  constexpr int64_t limit = 1 << 22, maxIterations = 1 << 26;
  bool hasInput = false;
  for (auto [i, tensor] : llvm::enumerate(node.inputs)) {
    if (node.proto.inputs[i].empty())
      continue;
    if (!tensor.constant || !tensor.refusal.empty())
      return false;
    hasInput = true;
  }
  if (!hasInput)
    return false;
  std::optional<Scratch> scratch(std::in_place, *this);
  op.import(node);
  node.checkAttributes();
  SmallVector<Value> results;
  SmallVector<size_t> computed;
  bool canFold = true;
  for (auto [i, output] : llvm::enumerate(node.outputs)) {
    if (!output || output->constant || !node.wantsOutput(i))
      continue;
    canFold &= output->isStatic() && output->value &&
               onnx::countElements(output->getShape()) <= limit;
    results.push_back(output->value);
    computed.push_back(i);
  }
  std::optional<SmallVector<interp::Datum>> values;
  if (canFold && !results.empty() &&
      scratch->countIterations() <= maxIterations)
    values = scratch->run(results);
  scratch.reset();
  if (!results.empty() && !values) {
    // Nothing that was built in the scratch function may stay.
    node.outputs.assign(node.outputs.size(), std::nullopt);
    return false;
  }
  for (auto [i, output] : llvm::enumerate(computed))
    node.outputs[output] =
        Tensor::ofConstant(toConstant((*values)[i], node.outputs[output]->dtype,
                                      node.proto.outputs[output].str()));
  return true;
}
