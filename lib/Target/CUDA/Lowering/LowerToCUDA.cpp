//===- LowerToCUDA.cpp - the pass to kernels and launches -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "ModuleLowering.h"

#include "qnt/Target/CUDA/Passes.h"

namespace qnt::cuda {
#define GEN_PASS_DEF_LOWERTOCUDAPASS
#include "qnt/Target/CUDA/Passes.h.inc"
} // namespace qnt::cuda

using namespace mlir;
using namespace qnt;
using namespace qnt::cuda;

int64_t ModuleLowering::getNumber(const Kernel &kernel) {
  std::string name = gpu::GPUFuncOp(kernel.code).getName().str();
  auto [known, isNew] = numbers.try_emplace(name, int64_t(names.size()));
  if (!isNew)
    return known->second;
  names.push_back(name);
  for (auto [i, argument] : llvm::enumerate(kernel.args)) {
    if (argument.kind != Argument::Kind::TensorMap)
      continue;
    const TensorMap &map = argument.map;
    tensorMaps.push_back(llvm::json::Object{{"kernel", known->second},
                                            {"argument", int64_t(i)},
                                            {"element_bytes", map.elementBytes},
                                            {"columns", map.columns},
                                            {"row_bytes", map.rowBytes},
                                            {"rows", int64_t(map.rows)},
                                            {"box_columns", map.boxColumns},
                                            {"box_rows", map.boxRows}});
  }
  return known->second;
}

int64_t ModuleLowering::getConstant(StringRef bytes) {
  // Numbers of all kinds are aligned.
  auto [known, isNew] = constantOffsets.try_emplace(
      bytes, int64_t(llvm::alignTo(constants.size(), 64)));
  if (isNew) {
    constants.resize(size_t(known->second));
    constants += bytes;
  }
  return known->second;
}

void ModuleLowering::describe(llvm::json::Object &manifest) {
  if (!constants.empty())
    source->setAttr("qnt.constants",
                    StringAttr::get(source.getContext(), constants));
  llvm::json::Array kernels;
  for (const std::string &name : names)
    kernels.push_back(name);
  int64_t workspace =
      workspaceBytes ? getCounterBytes() + workspaceBytes : int64_t(0);
  llvm::json::Object device{{"chip", lib.chip.name.str()},
                            {"kernels", std::move(kernels)},
                            {"workspace", workspace}};
  if (!tensorMaps.empty())
    device["tensor_maps"] = std::move(tensorMaps);
  manifest["device"] = std::move(device);
}

namespace {
struct LowerToCUDA : cuda::impl::LowerToCUDAPassBase<LowerToCUDA> {
  using LowerToCUDAPassBase::LowerToCUDAPassBase;

  void runOnOperation() override {
    ModuleOp source = getOperation();
    const Chip *target = findChip(chip);
    if (!target) {
      source.emitError(describeUnknownChip(chip));
      return signalPassFailure();
    }
    OwningOpRef<ModuleOp> lowered = ModuleOp::create(source.getLoc());
    OpBuilder b = OpBuilder::atBlockBegin(lowered->getBody());
    auto kernels = gpu::GPUModuleOp::create(b, source.getLoc(), "kernels");
    ModuleLowering module(source, *lowered, kernels, *target);
    if (failed(module.run()))
      return signalPassFailure();
    source.getBody()->clear();
    source.getBody()->getOperations().splice(
        source.getBody()->end(), lowered->getBody()->getOperations());
  }
};
} // namespace
