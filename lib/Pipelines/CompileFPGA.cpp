//===- CompileFPGA.cpp - designs for FPGAs -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "DesignFrames.h"
#include "TargetCode.h"

#include "qnt/Pipelines/Pipelines.h"
#include "qnt/Support/AtomicFile.h"
#include "qnt/Target/FPGA/Cpp.h"
#include "qnt/Target/FPGA/MemoryPorts.h"
#include "qnt/Target/FPGA/Project.h"
#include "qnt/Target/FPGA/Report.h"
#include "qnt/Target/FPGA/Verilog.h"

#include "mlir/Pass/PassManager.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace qnt;
namespace fs = llvm::sys::fs;

/// Every project has it.
static constexpr llvm::StringLiteral projectFile = "report.json";

/// Writes the files beside `folder` and puts them in its place, so that nothing
/// is left of an earlier design; a folder that is no project stays as it is.
static LogicalResult writeFiles(ModuleOp module, StringRef folder,
                                const fpga::Files &files) {
  auto complain = [&](StringRef path, std::error_code code) {
    return module.emitError("cannot write '")
           << path << "': " << code.message();
  };
  llvm::SmallString<128> known(folder);
  llvm::sys::path::append(known, projectFile);
  std::error_code code;
  bool isEmpty = !fs::exists(folder) || fs::directory_iterator(folder, code) ==
                                            fs::directory_iterator();
  if (!isEmpty && (code || !fs::exists(known)))
    return module.emitError("'")
           << folder << "' is there, but no project that quant-opt wrote (it "
           << "has no " << projectFile << "): expected another folder";
  std::string fresh = (folder + ".new").str();
  if ((code = fs::remove_directories(fresh, /*IgnoreErrors=*/false)))
    return complain(fresh, code);
  for (const auto &[name, text] : files) {
    llvm::SmallString<128> path(fresh);
    llvm::sys::path::append(path, name);
    StringRef parent = llvm::sys::path::parent_path(path);
    if ((code = fs::create_directories(parent)))
      return complain(parent, code);
    support::writeFileAtomically(path.str().str(), text);
  }
  if ((code = fs::remove_directories(folder, /*IgnoreErrors=*/false)) ||
      (code = fs::rename(fresh, folder)))
    return complain(folder, code);
  return success();
}

LogicalResult qnt::writeDesign(ModuleOp module, const TargetOptions &target,
                               StringRef folder) {
  TemporaryFiles temporaries;
  auto params = temporaries.create(module, "safetensors");
  if (failed(params))
    return failure();
  PassManager prepare(module.getContext()), pm(module.getContext());
  buildFPGAParamsPipeline(prepare, *params, target);
  if (failed(prepare.run(module)))
    return failure();
  DesignFrames frames(module);
  buildFPGADesignPipeline(pm, target);
  if (failed(pm.run(module)))
    return failure();
  auto design = *module.getOps<qflow::DesignOp>().begin();
  Builder builder(module.getContext());
  design.setPartAttr(builder.getStringAttr(target.part->name));
  design.setClockAttr(builder.getF64FloatAttr(target.clock));
  auto verilog = fpga::emitVerilog(design), cpp = fpga::emitCpp(design);
  auto estimate = fpga::estimate(design);
  auto words = frames.make(design, target.frames);
  if (failed(verilog) || failed(cpp) || failed(estimate) || failed(words))
    return failure();
  if (target.bandwidth > 0)
    estimate->addMemory(target.bandwidth, target.clock);
  else
    fpga::warnOfBandwidth(design, estimate->getCycles());
  fpga::Files files = fpga::writeProject(design, *estimate, *target.part);
  files.merge(fpga::writeReport(design, *estimate, target.part));
  files.merge(fpga::writeVerilogProject(design, *target.part));
  files.merge(fpga::writeCppProject(design, *target.part));
  for (auto &[name, text] : *verilog)
    files["verilog/" + name] = std::move(text);
  for (auto &[name, text] : *cpp)
    files["cpp/" + name] = std::move(text);
  for (auto &[name, text] : *words)
    files["verilog/" + name] = files["cpp/" + name] = text;
  return writeFiles(module, folder, files);
}
