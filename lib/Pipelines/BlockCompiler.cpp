//===- BlockCompiler.cpp - code and parameters of blocks -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "BlockCompiler.h"

#include "qnt/Pipelines/Compile.h"
#include "qnt/Pipelines/Pipelines.h"

#include "mlir/Pass/PassManager.h"
#include "llvm/Support/FileSystem.h"

using namespace mlir;
using namespace qnt;

/// What code depends on, as text: without locations and files.
static std::string describe(ModuleOp module) {
  OwningOpRef<ModuleOp> copy = module.clone();
  for (StringRef name : {"qnt.params", "qnt.params_sha256"})
    (*copy)->removeAttr(name);
  std::string text;
  llvm::raw_string_ostream stream(text);
  copy->print(stream, OpPrintingFlags().enableDebugInfo(false));
  return text;
}

FailureOr<std::string> BlockCompiler::compile(ModuleOp module) {
  namespace fs = llvm::sys::fs;
  if (!lastParams.empty())
    (void)fs::remove(lastParams);
  if (std::error_code code = fs::create_directory(folder))
    return module.emitError("cannot create folder '")
           << folder << "': " << code.message();
  lastParams = folder + "/parameters.safetensors";
  PassManager pm(module.getContext());
  buildCPUParamsPipeline(pm, lastParams, /*isTemporary=*/true);
  if (failed(pm.run(module)))
    return failure();
  std::string &path = paths[describe(module)];
  if (path.empty()) {
    path = folder + "/code." + std::to_string(paths.size()) + ".so";
    TargetOptions target = llvm::cantFail(TargetOptions::parse("cpu"));
    if (failed(compileCode(module, target, path, lastParams)))
      return failure();
  }
  std::string beside = getParamsPath(path);
  if (std::error_code code = fs::rename(lastParams, beside))
    return module.emitError("cannot write '")
           << beside << "': " << code.message();
  lastParams = beside;
  return path;
}
