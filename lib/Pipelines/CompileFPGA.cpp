//===- CompileFPGA.cpp - designs for FPGAs -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "TargetCode.h"

#include "qnt/Pipelines/Pipelines.h"
#include "qnt/Support/AtomicFile.h"
#include "qnt/Target/FPGA/Cpp.h"
#include "qnt/Target/FPGA/Project.h"
#include "qnt/Target/FPGA/Report.h"
#include "qnt/Target/FPGA/Verilog.h"

#include "mlir/Pass/PassManager.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace qnt;
namespace fs = llvm::sys::fs;

static LogicalResult writeFiles(ModuleOp module, StringRef folder,
                                const fpga::Files &files) {
  for (const auto &[name, text] : files) {
    llvm::SmallString<128> path(folder);
    llvm::sys::path::append(path, name);
    StringRef parent = llvm::sys::path::parent_path(path);
    if (std::error_code code = fs::create_directories(parent))
      return module.emitError("cannot write '")
             << parent << "': " << code.message();
    support::writeFileAtomically(path.str().str(), text);
  }
  return success();
}

LogicalResult qnt::writeDesign(ModuleOp module, const TargetOptions &target,
                               StringRef folder) {
  TemporaryFiles temporaries;
  auto params = temporaries.create(module, "safetensors");
  if (failed(params))
    return failure();
  PassManager pm(module.getContext());
  buildFPGAPipeline(pm, *params, target);
  if (failed(pm.run(module)))
    return failure();
  auto design = *module.getOps<qflow::DesignOp>().begin();
  Builder builder(module.getContext());
  design.setPartAttr(builder.getStringAttr(target.part->name));
  design.setClockAttr(builder.getF64FloatAttr(target.clock));
  auto verilog = fpga::emitVerilog(design), cpp = fpga::emitCpp(design);
  auto estimate = fpga::estimate(design);
  if (failed(verilog) || failed(cpp) || failed(estimate))
    return failure();
  if (target.bandwidth > 0)
    estimate->addMemory(target.bandwidth, target.clock);
  fpga::Files files = fpga::writeProject(design, *estimate, *target.part);
  files.merge(fpga::writeReport(design, *estimate, target.part));
  files.merge(fpga::writeCppProject(design, *target.part));
  for (auto &[name, text] : *verilog)
    files["verilog/" + name] = std::move(text);
  for (auto &[name, text] : *cpp)
    files["cpp/" + name] = std::move(text);
  return writeFiles(module, folder, files);
}
