//===- Models.cpp - models in, modules out -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Import/GGUF.h"
#include "qnt/Import/HuggingFace.h"
#include "qnt/Import/ONNX.h"
#include "qnt/Pipelines/Compile.h"
#include "qnt/Pipelines/Pipelines.h"
#include "qnt/Support/AtomicFile.h"
#include "qnt/Support/Json.h"

#include "mlir/Bytecode/BytecodeWriter.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SourceMgr.h"

#include <nlohmann/json.hpp>

using namespace mlir;
using namespace qnt;

FailureOr<OwningOpRef<ModuleOp>> qnt::loadModel(StringRef path,
                                                MLIRContext *context,
                                                const ImportOptions &options) {
  Location unknown = UnknownLoc::get(context);
  StringRef extension = llvm::sys::path::extension(path);
  bool exists = llvm::sys::fs::exists(path);
  if (exists && extension == ".onnx" && !llvm::sys::fs::is_directory(path))
    return importONNX(path, context, options);
  if (!options.bindings.empty()) {
    emitError(unknown) << "'" << path << "' has no inputs that --bind can make "
                       << "constants: expected an .onnx model";
    return failure();
  }
  if (llvm::sys::fs::is_directory(path))
    return importHuggingFace(path, context, options);
  if (path != "-" && !exists) {
    emitError(unknown) << "no such file or folder: '" << path << "'";
    return failure();
  }
  if (extension == ".gguf")
    return importGGUF(path, context, options);
  if (path != "-" && extension != ".mlir" && extension != ".mlirbc") {
    emitError(unknown) << "cannot tell what '" << path
                       << "' is: expected a HuggingFace checkpoint folder, or "
                          "a file ending in .onnx, .gguf, .mlir or .mlirbc";
    return failure();
  }
  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(path, context);
  if (!module)
    return failure();
  return module;
}

/// The formats that a report of qnt-allocate chose, or a file like it. Throws
/// support::FileError.
static DictionaryAttr readAllocation(const std::string &path,
                                     MLIRContext *context) {
  nlohmann::json file = support::readJson(path, support::DuplicateKeys::Refuse);
  auto formats = support::getField<nlohmann::json>(file, "allocation", path);
  Builder builder(context);
  NamedAttrList attributes;
  for (const auto &[name, format] : formats.items())
    attributes.set(name, builder.getStringAttr(support::getField<std::string>(
                             formats, name, path + ": allocation")));
  return attributes.getDictionary(context);
}

LogicalResult qnt::quantizeModel(ModuleOp module,
                                 const QuantizeRecipe &recipe) {
  static constexpr StringLiteral allocation = "qnt.allocation";
  if (!recipe.allocationFile.empty())
    module->setAttr(allocation,
                    readAllocation(recipe.allocationFile, module.getContext()));
  PassManager pm(module.getContext());
  buildQuantizePipeline(pm, recipe);
  if (failed(pm.run(module)))
    return failure();
  Builder builder(module.getContext());
  NamedAttrList made;
  made.set("recipe", builder.getStringAttr(recipe.text));
  if (Attribute formats = module->getAttr(allocation))
    made.set("allocation", formats);
  module->setAttr("qnt.quantization", made.getDictionary(module.getContext()));
  return success();
}

LogicalResult qnt::writeModule(ModuleOp module, StringRef output) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  if (output.ends_with(".mlirbc")) {
    if (failed(writeBytecodeToFile(module, stream)))
      return failure();
  } else {
    // Locations name the layers of the source model.
    OpPrintingFlags flags;
    if (output != "-")
      flags.enableDebugInfo();
    module->print(stream, flags);
    stream << "\n";
  }
  llvm::sys::fs::file_status status;
  if (output == "-" || (!llvm::sys::fs::status(output, status) &&
                        llvm::sys::fs::is_other(status))) {
    std::error_code code;
    llvm::raw_fd_ostream(output, code) << text;
    if (code)
      return module.emitError("cannot write '")
             << output << "': " << code.message();
    return success();
  }
  try {
    support::writeFileAtomically(output.str(), std::string_view(text));
  } catch (const std::exception &error) {
    return module.emitError(error.what());
  }
  return success();
}
