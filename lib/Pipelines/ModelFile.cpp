//===- ModelFile.cpp - writes compiled models -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "ModelFile.h"

#include "qnt/Support/AtomicFile.h"
#include "qnt/Target/CPU/Codegen.h"

#include "llvm/IR/LLVMContext.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"

#include <span>

using namespace mlir;
using namespace qnt;
namespace fs = llvm::sys::fs;

TemporaryFiles::~TemporaryFiles() {
  for (const std::string &path : paths)
    (void)fs::remove(path);
}

FailureOr<std::string> TemporaryFiles::create(Operation *op, StringRef suffix) {
  llvm::SmallString<128> path;
  if (std::error_code code = fs::createTemporaryFile("qnt", suffix, path)) {
    op->emitError("cannot create a temporary file: ") << code.message();
    return failure();
  }
  paths.push_back(path.str().str());
  return paths.back();
}

LogicalResult qnt::writeFile(Operation *op, StringRef path, StringRef bytes) {
  try {
    support::writeFileAtomically(path.str(), std::string_view(bytes));
    return success();
  } catch (const std::exception &error) {
    return op->emitError(error.what());
  }
}

/// The manifest with what only the written parameters tell.
static std::string completeManifest(StringRef manifest, uint64_t size,
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

LogicalResult qnt::writeModel(ModuleOp module, const ModelCode &code,
                              StringRef output, StringRef params, bool embed,
                              function_ref<LogicalResult()> commitParams) {
  Descriptor descriptor;
  descriptor.variants = code.variants;
  uint64_t paramsSize = 0;
  if (std::error_code error = fs::file_size(params, paramsSize))
    return module.emitError("cannot read '")
           << params << "': " << error.message();
  auto hash = module->getAttrOfType<StringAttr>("qnt.params_sha256");
  descriptor.manifest =
      completeManifest(code.manifest, paramsSize, hash ? hash.getValue() : "",
                       descriptor.entries);
  auto addAsset = [&](StringRef name, StringRef path) -> LogicalResult {
    uint64_t size = 0;
    if (std::error_code error = fs::file_size(path, size))
      return module.emitError("cannot read '")
             << path << "': " << error.message();
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
  TemporaryFiles temporaries;
  for (auto [name, bytes] :
       {std::pair("kernels", StringRef(code.kernels)),
        std::pair("constants", StringRef(code.constants))}) {
    if (bytes.empty())
      continue;
    FailureOr<std::string> file = temporaries.create(module, name);
    if (failed(file) || failed(writeFile(module, *file, bytes)) ||
        failed(addAsset(name, *file)))
      return failure();
  }
  std::vector<std::string> objects;
  auto addObject = [&](StringRef bytes) -> LogicalResult {
    FailureOr<std::string> object = temporaries.create(module, "o");
    if (failed(object) || failed(writeFile(module, *object, bytes)))
      return failure();
    objects.push_back(*object);
    return success();
  };
  for (const std::string &object : code.objects)
    if (failed(addObject(object)))
      return failure();
  llvm::LLVMContext context;
  auto table = buildDescriptor(descriptor, context);
  std::string error;
  table->setTargetTriple(llvm::Triple(code.isa->getTriple()));
  std::string machine =
      cpu::emitMachineCode(*table, *code.isa, cpu::FileKind::Object, error);
  if (machine.empty())
    return module.emitError(error);
  if (failed(addObject(machine)))
    return failure();

  FailureOr<std::string> linked = temporaries.create(module, "so");
  if (failed(linked))
    return failure();
  if (failed(cpu::linkShared(objects, *code.isa, *linked, error)))
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
