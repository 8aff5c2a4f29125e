//===- Compile.cpp - from models to files -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "TargetCode.h"

#include "qnt/Pipelines/Compile.h"
#include "qnt/Pipelines/Pipelines.h"

#include "mlir/Pass/PassManager.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

using namespace mlir;
using namespace qnt;
namespace fs = llvm::sys::fs;

std::string qnt::getParamsPath(StringRef output) {
  llvm::SmallString<128> path(output);
  llvm::sys::path::replace_extension(path, "safetensors");
  return path.str().str();
}

/// Whether `path` is one of the files of the parameter store `source`.
static bool isSource(StringRef path, StringRef source) {
  if (fs::equivalent(path, source))
    return true;
  // An index names its shards.
  if (!source.ends_with(".json"))
    return false;
  auto index = llvm::MemoryBuffer::getFile(source);
  llvm::SmallString<128> shard(llvm::sys::path::parent_path(source));
  StringRef name = llvm::sys::path::filename(path);
  llvm::sys::path::append(shard, name);
  return index && fs::equivalent(path, shard) &&
         (*index)->getBuffer().contains(("\"" + name + "\"").str());
}

/// That the parameters in the file `params` leave room on the GPU.
static LogicalResult checkMemory(ModuleOp module, const TargetOptions &target,
                                 StringRef params) {
  const cuda::Chip &chip = *target.chip;
  int64_t memory = target.memory ? target.memory : chip.memory;
  uint64_t size = 0;
  if (std::error_code code = fs::file_size(params, size))
    return module.emitError("cannot read '")
           << params << "': " << code.message();
  if (int64_t(size) >= memory)
    return module.emitError("the parameters take ")
           << size << " bytes, but the " << (target.memory ? "" : "largest ")
           << "GPU of " << chip.name << " has " << memory << " bytes of memory";
  return success();
}

LogicalResult qnt::compileCode(ModuleOp module, const TargetOptions &target,
                               StringRef output, StringRef params) {
  auto code = generateForCPU(module, target);
  if (failed(code))
    return failure();
  return writeModel(module, *code, output, params, /*embed=*/false,
                    [] { return success(); });
}

LogicalResult qnt::compileModel(ModuleOp module, const TargetOptions &target,
                                StringRef output, bool embed) {
  if (target.part)
    return writeDesign(module, target, output);
  // Parameters first: everything after them is quick.
  std::string paramsPath = getParamsPath(output);
  std::string unfinished = paramsPath + ".part";
  StringRef extension = llvm::sys::path::extension(output);
  bool codeOnly = extension != ".so";
  if (codeOnly && !target.chip && target.isas.size() != 1)
    return module.emitError("'")
           << output << "' holds one instruction set, but the target names "
           << target.isas.size();
  auto source = module->getAttrOfType<StringAttr>("qnt.params");
  if (!embed && !codeOnly && source && isSource(paramsPath, source.getValue()))
    return module.emitError("the compiled model's parameters would overwrite '")
           << paramsPath
           << "', which they are made of: choose another name for the output";
  TemporaryFiles temporaries;
  temporaries.paths.push_back(unfinished);
  {
    PassManager pm(module.getContext());
    if (target.chip)
      buildCUDAParamsPipeline(pm, unfinished);
    else
      buildCPUParamsPipeline(pm, unfinished);
    if (failed(pm.run(module)))
      return failure();
  }
  if (target.chip && failed(checkMemory(module, target, unfinished)))
    return failure();
  if (codeOnly)
    return target.chip ? writeCodeForCUDA(module, target, output)
                       : writeCodeForCPU(module, target, output);
  auto code = target.chip ? generateForCUDA(module, target)
                          : generateForCPU(module, target);
  if (failed(code))
    return failure();
  return writeModel(module, *code, output, unfinished, embed,
                    [&]() -> LogicalResult {
                      std::error_code code;
                      if (!embed)
                        code = fs::rename(unfinished, paramsPath);
                      if (code)
                        return module.emitError("cannot write '")
                               << paramsPath << "': " << code.message();
                      return success();
                    });
}
