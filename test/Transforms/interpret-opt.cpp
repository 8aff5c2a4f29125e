//===- interpret-opt.cpp - calibration in the interpreter -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// The passes of lib/Transforms with a runner that interprets @main on each of
// the first samples of an .npz file, whose arrays are called as the arguments'
// qnt.name: what the passes do does not depend on a target.
//===----------------------------------------------------------------------===//
#include "qnt/Dialect/QCheck/QCheck.h"
#include "qnt/Dialect/QNT/QNT.h"
#include "qnt/Interpreter/Interpreter.h"
#include "qnt/Interpreter/Passes.h"
#include "qnt/Support/Npy.h"
#include "qnt/Transforms/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/TypeUtilities.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "mlir/Transforms/Passes.h"

#include <cstring>

using namespace mlir;
using namespace qnt;

namespace {
class InterpreterRunner : public ModelRunner {
public:
  LogicalResult run(ModuleOp module, const SampleSet &samples,
                    const RunOptions &runOptions,
                    RunObserver &observer) override {
    if (failed(observer.start(collectObservedSites(module), 0)))
      return failure();
    auto params = interp::openParams(module);
    auto function = module.lookupSymbol<func::FuncOp>("main");
    if (failed(params) || !function)
      return failure();
    interp::InterpreterOptions options;
    options.observer = [&](OpResult result, const interp::Datum &datum) {
      if (auto op = dyn_cast<ObserveOp>(result.getOwner()))
        observer.observe(op.getSite(),
                         std::get<interp::Tensor>(datum).toFloats(),
                         op.getType().getShape().back());
    };
    interp::Interpreter interpreter(module, *params, options);
    auto arrays = support::readNpz(samples.path);
    int64_t total = arrays.begin()->second.shape[0];
    for (int64_t i = 0; i < std::min(samples.count, total); ++i) {
      SmallVector<interp::Datum> args;
      for (auto [index, type] : llvm::enumerate(function.getArgumentTypes())) {
        auto name = function.getArgAttrOfType<StringAttr>(index, "qnt.name");
        args.push_back(slice(arrays.at(name.str()), i, type));
      }
      if (failed(interpreter.run("main", args)))
        return failure();
    }
    return observer.finishBlock(0);
  }

private:
  static interp::Tensor slice(const support::NpyArray &array, int64_t i,
                              Type type) {
    size_t size = array.bytes.size() / size_t(array.shape[0]);
    std::shared_ptr<char[]> bytes(new char[size]);
    std::memcpy(bytes.get(), array.bytes.data() + size_t(i) * size, size);
    SmallVector<int64_t> shape(array.shape.begin(), array.shape.end());
    shape[0] = 1;
    return interp::Tensor::ofBytes(
        *interp::getElementKind(getElementTypeOrSelf(type)), shape,
        std::shared_ptr<const char>(bytes, bytes.get()));
  }
};
} // namespace

int main(int argc, char **argv) {
  DialectRegistry registry;
  registerAllDialects(registry);
  registerAllExtensions(registry);
  registry.insert<nn::NNDialect, QNTDialect, qcheck::QCheckDialect>();
  registerTransformsPasses(
      {/*costModel=*/nullptr, std::make_shared<InterpreterRunner>()});
  interp::registerInterpreterPasses();
  mlir::registerTransformsPasses();
  return asMainReturnCode(MlirOptMain(argc, argv, "passes\n", registry));
}
