//===- CompileCPU.cpp - the CPU pipeline -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Descriptor.h"

#include "qnt/Pipelines/Compile.h"
#include "qnt/Pipelines/Pipelines.h"
#include "qnt/Support/AtomicFile.h"
#include "qnt/Target/CPU/Codegen.h"

#include "mlir/Pass/PassManager.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"

#include <span>

using namespace mlir;
using namespace qnt;

namespace {

namespace fs = llvm::sys::fs;

/// Deletes files that are in the way of nothing once the compilation ends.
struct TemporaryFiles {
  std::vector<std::string> paths;
  ~TemporaryFiles() {
    for (const std::string &path : paths)
      (void)fs::remove(path);
  }
  FailureOr<std::string> create(Operation *op, StringRef suffix) {
    llvm::SmallString<128> path;
    if (std::error_code code = fs::createTemporaryFile("qnt", suffix, path)) {
      op->emitError("cannot create a temporary file: ") << code.message();
      return failure();
    }
    paths.push_back(path.str().str());
    return paths.back();
  }
};

/// Writes bytes under `path`, whole or not at all.
LogicalResult writeFile(Operation *op, StringRef path, StringRef bytes) {
  try {
    support::writeFileAtomically(path.str(), std::string_view(bytes));
    return success();
  } catch (const std::exception &error) {
    return op->emitError(error.what());
  }
}

/// A copy of `module` lowered for `isa`.
FailureOr<OwningOpRef<ModuleOp>> lowerFor(ModuleOp module,
                                          const cpu::ISA &isa) {
  OwningOpRef<ModuleOp> copy = module.clone();
  PassManager pm(module.getContext());
  buildCPUCodePipeline(pm, isa.name);
  if (failed(pm.run(*copy)))
    return failure();
  return copy;
}

/// The manifest with what only the written parameters tell.
std::string completeManifest(StringRef manifest, uint64_t size,
                             StringRef sha256,
                             std::vector<std::string> &entries) {
  llvm::json::Object object =
      *llvm::cantFail(llvm::json::parse(manifest)).getAsObject();
  object["params_file"] =
      llvm::json::Object{{"size", int64_t(size)}, {"sha256", sha256.str()}};
  for (const llvm::json::Value &entry : *object["entries"].getAsArray())
    entries.push_back(entry.getAsObject()->getString("name")->str());
  std::string text;
  llvm::raw_string_ostream(text) << llvm::json::Value(std::move(object));
  return text;
}

} // namespace

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

/// Compiles a module whose parameters lie in `params`; `commitParams` puts them
/// in their place just before the code comes to its own.
static LogicalResult compileCode(ModuleOp module, const TargetOptions &target,
                                 StringRef output, StringRef params, bool embed,
                                 function_ref<LogicalResult()> commitParams) {
  StringRef extension = llvm::sys::path::extension(output);
  bool codeOnly = extension != ".so";
  TemporaryFiles temporaries;
  std::vector<std::string> objects;
  std::string manifest;
  for (const cpu::ISA *isa : target.isas) {
    auto lowered = lowerFor(module, *isa);
    if (failed(lowered))
      return failure();
    manifest =
        (**lowered)->getAttrOfType<StringAttr>("qnt.manifest").getValue().str();
    llvm::LLVMContext context;
    std::unique_ptr<llvm::Module> code =
        cpu::translateToLLVMIR(**lowered, *isa, context);
    if (!code)
      return failure();
    if (extension == ".ll") {
      std::string text;
      llvm::raw_string_ostream(text) << *code;
      return writeFile(module, output, text);
    }
    std::string error;
    std::string machine = cpu::emitMachineCode(
        *code, *isa,
        extension == ".s" ? cpu::FileKind::Assembly : cpu::FileKind::Object,
        error);
    if (machine.empty())
      return module.emitError(error);
    if (codeOnly)
      return writeFile(module, output, machine);
    FailureOr<std::string> object = temporaries.create(module, "o");
    if (failed(object) || failed(writeFile(module, *object, machine)))
      return failure();
    objects.push_back(*object);
  }

  Descriptor descriptor;
  descriptor.isas = target.isas;
  uint64_t paramsSize = 0;
  if (std::error_code code = fs::file_size(params, paramsSize))
    return module.emitError("cannot read '")
           << params << "': " << code.message();
  auto hash = module->getAttrOfType<StringAttr>("qnt.params_sha256");
  descriptor.manifest = completeManifest(
      manifest, paramsSize, hash ? hash.getValue() : "", descriptor.entries);
  auto addAsset = [&](StringRef name, StringRef path) -> LogicalResult {
    uint64_t size = 0;
    if (std::error_code code = fs::file_size(path, size))
      return module.emitError("cannot read '")
             << path << "': " << code.message();
    descriptor.assets.push_back({name.str(), path.str(), int64_t(size)});
    return success();
  };
  if (auto assets = module->getAttrOfType<DictionaryAttr>("qnt.assets"))
    for (NamedAttribute asset : assets)
      if (failed(addAsset(asset.getName(),
                          cast<StringAttr>(asset.getValue()).getValue())))
        return failure();
  if (embed) {
    // Code reaches its data by 32-bit offsets.
    constexpr uint64_t limit = uint64_t(2000) << 20;
    if (paramsSize > limit)
      return module.emitError("parameters of ")
             << paramsSize << " bytes are too large to embed (limit " << limit
             << "): leave them beside the model, without --embed";
    if (failed(addAsset("params.safetensors", params)))
      return failure();
  }
  llvm::LLVMContext context;
  auto table = buildDescriptor(descriptor, context);
  std::string error;
  const cpu::ISA &baseline = cpu::getISAs().back();
  table->setTargetTriple(llvm::Triple("x86_64-unknown-linux-gnu"));
  std::string machine =
      cpu::emitMachineCode(*table, baseline, cpu::FileKind::Object, error);
  FailureOr<std::string> object = temporaries.create(module, "o");
  if (machine.empty())
    return module.emitError(error);
  if (failed(object) || failed(writeFile(module, *object, machine)))
    return failure();
  objects.push_back(*object);

  FailureOr<std::string> linked = temporaries.create(module, "so");
  if (failed(linked))
    return failure();
  if (failed(cpu::linkShared(objects, *linked, error)))
    return module.emitError("cannot link '") << output << "': " << error;
  auto library = llvm::MemoryBuffer::getFile(*linked);
  if (!library)
    return module.emitError("cannot read '")
           << *linked << "': " << library.getError().message();
  try {
    support::AtomicFile file(output.str());
    StringRef bytes = (*library)->getBuffer();
    file.reserve(int64_t(bytes.size()));
    file.write(std::as_bytes(std::span(bytes.data(), bytes.size())));
    file.sync();
    // Parameters before code: a model is there when its .so is. Between the two
    // names there is no more work to be interrupted.
    if (failed(commitParams()))
      return failure();
    file.commit();
  } catch (const support::FileError &error) {
    return module.emitError(error.what());
  }
  return success();
}

LogicalResult qnt::compileCodeForCPU(ModuleOp module,
                                     const TargetOptions &target,
                                     StringRef output, StringRef params) {
  return compileCode(module, target, output, params, /*embed=*/false,
                     [] { return success(); });
}

LogicalResult qnt::compileForCPU(ModuleOp module, const TargetOptions &target,
                                 StringRef output, bool embed) {
  // Parameters first: everything after them is quick.
  std::string paramsPath = getParamsPath(output);
  std::string unfinished = paramsPath + ".part";
  StringRef extension = llvm::sys::path::extension(output);
  bool codeOnly = extension != ".so";
  if (codeOnly && target.isas.size() != 1)
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
    buildCPUParamsPipeline(pm, unfinished);
    if (failed(pm.run(module)))
      return failure();
  }
  return compileCode(module, target, output, unfinished, embed,
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
