//===- calibrate-opt.cpp - calibration with a recorded run -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
// quant-opt's passes with a runner that reports what a text file says: a line
// for each portion of values, the site first. With --no-runner as the first
// argument there is none.
//===----------------------------------------------------------------------===//
#include "qnt/Dialect/QNT/QNT.h"
#include "qnt/InitAll.h"
#include "qnt/Transforms/Passes.h"

#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "llvm/ADT/StringSet.h"

#include <fstream>
#include <sstream>

using namespace mlir;

namespace {
class RecordedRun : public qnt::ModelRunner {
public:
  LogicalResult run(ModuleOp module, const qnt::SampleSet &samples,
                    const qnt::RunOptions &options,
                    qnt::RunObserver &observer) override {
    llvm::StringSet<> sites;
    module.walk([&](qnt::ObserveOp op) { sites.insert(op.getSite()); });
    if (failed(observer.start(qnt::collectObservedSites(module), 0)))
      return failure();
    std::ifstream file(samples.path);
    if (!file)
      return module.emitError() << samples.path << ": cannot be read";
    std::string line, site, word;
    for (int64_t n = 0; n < samples.count && std::getline(file, line); ++n) {
      std::istringstream words(line);
      words >> site;
      if (!sites.contains(site))
        return module.emitError() << "nothing observes " << site;
      std::vector<float> values;
      while (words >> word)
        values.push_back(std::strtof(word.c_str(), nullptr));
      observer.observe(site, values, values.size());
    }
    return observer.finishBlock(0);
  }
};
} // namespace

int main(int argc, char **argv) {
  std::shared_ptr<qnt::ModelRunner> runner = std::make_shared<RecordedRun>();
  if (argc > 1 && llvm::StringRef(argv[1]) == "--no-runner") {
    runner = nullptr;
    ++argv;
    --argc;
  }
  DialectRegistry registry;
  qnt::registerAllDialects(registry);
  qnt::registerTransformsPasses({nullptr, runner});
  return asMainReturnCode(
      MlirOptMain(argc, argv, "calibration test\n", registry));
}
