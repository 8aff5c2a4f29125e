//===- CompiledFunctionRunner.cpp - calls functions of passes -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "CompiledFunctionRunner.h"

#include "BlockCompiler.h"
#include "CalibrationWork.h"
#include "EntryCall.h"
#include "Samples.h"

#include "mlir/IR/Diagnostics.h"

using namespace mlir;
using namespace qnt;

static InFlightDiagnostic emitError(MLIRContext *context) {
  return emitError(UnknownLoc::get(context));
}

namespace {
class CompiledFunction : public LoadedFunction {
public:
  explicit CompiledFunction(MLIRContext *context) : context(context) {}
  ~CompiledFunction() override {
    if (model)
      qnt_close(model);
  }

  LogicalResult open(ModuleOp module, StringRef function);

  std::vector<int64_t> getShape(const std::string &name,
                                const NamedTensors &others) const override;
  LogicalResult call(const NamedTensors &arguments,
                     NamedTensors &results) override;

private:
  void callIt(const NamedTensors &arguments, NamedTensors &results);

  MLIRContext *context;
  CalibrationWork work{"", {}};
  qnt_model *model = nullptr;
  int64_t entry = 0;
};
} // namespace

LogicalResult CompiledFunction::open(ModuleOp module, StringRef function) {
  BlockCompiler compiler(work.getFile("code"));
  FailureOr<std::string> path = compiler.compile(module);
  if (failed(path))
    return failure();
  qnt_options options = {};
  options.params = QNT_PARAMS_MAP;
  checkStatus(qnt_open(path->c_str(), &options, &model));
  entry = qnt_find_entry(model, function.str().c_str());
  if (entry < 0)
    return module.emitError("no public function is called '")
           << function << "'";
  return success();
}

std::vector<int64_t>
CompiledFunction::getShape(const std::string &name,
                           const NamedTensors &others) const {
  EntryCall call(model, entry);
  int64_t wanted = -1;
  for (int64_t i = 0; i < qnt_num_inputs(model, entry); ++i) {
    const qnt_tensor_info *info = qnt_input(model, entry, i);
    if (name == info->name)
      wanted = i;
    auto other = others.find(info->name);
    if (other != others.end() &&
        int32_t(other->second.shape.size()) == info->rank)
      call.setShape(i, other->second.shape);
  }
  return wanted < 0 ? std::vector<int64_t>() : call.getInputShape(wanted);
}

void CompiledFunction::callIt(const NamedTensors &arguments,
                              NamedTensors &results) {
  EntryCall call(model, entry);
  for (int64_t i = 0; i < qnt_num_inputs(model, entry); ++i) {
    const qnt_tensor_info *info = qnt_input(model, entry, i);
    auto found = arguments.find(info->name);
    if (found == arguments.end() ||
        int32_t(found->second.shape.size()) != info->rank)
      throw std::runtime_error("no tensor of rank " +
                               std::to_string(info->rank) +
                               " was given for input '" + info->name + "'");
    call.addInput(found->second.bytes.data(), found->second.shape);
  }
  for (int64_t i = 0; i < qnt_num_outputs(model, entry); ++i) {
    support::NpyArray &result = results[qnt_output(model, entry, i)->name];
    result.type = support::NpyType::F32;
    result.shape = call.getOutputShape(i);
    result.bytes.resize(llvm::product_of(result.shape) * sizeof(float));
    call.addOutput(result.bytes.data(), result.shape);
  }
  checkStatus(call.run(nullptr));
}

LogicalResult CompiledFunction::call(const NamedTensors &arguments,
                                     NamedTensors &results) {
  try {
    callIt(arguments, results);
    return success();
  } catch (const std::exception &error) {
    return ::emitError(context) << error.what();
  }
}

FailureOr<std::vector<NamedTensors>>
CompiledFunctionRunner::readSamples(ModuleOp model, const SampleSet &samples,
                                    ArrayRef<std::string> others) {
  func::FuncOp entry = findSampleEntry(model);
  if (!entry)
    return model.emitError("the model has no entry point for samples: expected "
                           "score, forward or main");
  std::vector<Sample> read;
  try {
    read = qnt::readSamples(model, entry, samples, others);
  } catch (const std::exception &error) {
    return ::emitError(model.getContext()) << error.what();
  }
  std::vector<NamedTensors> all;
  for (Sample &sample : read) {
    NamedTensors &named = all.emplace_back();
    for (auto [index, array] : llvm::enumerate(sample)) {
      bool isInput = index < entry.getNumArguments();
      // Caches, and what the file lacks.
      if (array.bytes.empty())
        continue;
      named[isInput ? getInputName(entry, index)
                    : others[index - entry.getNumArguments()]] =
          std::move(array);
    }
  }
  return all;
}

FailureOr<std::unique_ptr<LoadedFunction>>
CompiledFunctionRunner::load(ModuleOp module, StringRef function) {
  try {
    auto loaded = std::make_unique<CompiledFunction>(module.getContext());
    if (failed(loaded->open(module, function)))
      return failure();
    return std::unique_ptr<LoadedFunction>(std::move(loaded));
  } catch (const std::exception &error) {
    return ::emitError(module.getContext()) << error.what();
  }
}
