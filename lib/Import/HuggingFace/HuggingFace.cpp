//===- HuggingFace.cpp - import of checkpoint folders -----------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Import/HuggingFace.h"

#include "../Graph/Llama.h"
#include "Architectures.h"
#include "Assets.h"
#include "Tensors.h"

#include "qnt/Support/MappedFile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Verifier.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::huggingface;

/// The entry of the registry that a configuration asks for.
static const Architecture &findArchitecture(const Config &config) {
  auto names = config.findTexts("architectures");
  if (!names || names->size() != 1)
    config.fail("'architectures' must be a list of one name");
  ArrayRef<Architecture> known = getArchitectures();
  const Architecture *found = llvm::find_if(
      known, [&](const Architecture &a) { return a.name == names->front(); });
  if (found == known.end())
    config.fail(
        "unknown architecture '" + names->front() + "', expected one of " +
        llvm::join(llvm::map_range(known, [](auto &a) { return a.name; }),
                   ", "));
  return *found;
}

/// Fills `module`. Throws.
static void importInto(ModuleOp module, const std::string &folder,
                       const ImportOptions &options) {
  importer::checkKVType(options.kvType);
  MLIRContext *context = module.getContext();
  Builder builder(context);
  Checkpoint checkpoint = openCheckpoint(folder);
  const Architecture &architecture = findArchitecture(checkpoint.config);
  CheckpointTensors tensors(checkpoint);
  GraphBuilder graph(module, tensors);
  ModelInfo info =
      architecture.import(architecture.name, checkpoint, graph, options);
  module->setAttr("qnt.params",
                  builder.getStringAttr(checkpoint.params->path()));
  module->setAttr("qnt.params_sha256",
                  builder.getStringAttr(checkpoint.params->sha256()));
  module->setAttr("qnt.model",
                  readModelAttr(checkpoint, architecture.name, info, context));
  module->setAttr("qnt.assets",
                  readAssets(checkpoint, info.vocabSize, context));
}

FailureOr<OwningOpRef<ModuleOp>>
qnt::importHuggingFace(StringRef folder, MLIRContext *context,
                       const ImportOptions &options) {
  context
      ->loadDialect<arith::ArithDialect, func::FuncDialect,
                    ml_program::MLProgramDialect, nn::NNDialect, QNTDialect>();
  Location unknown = UnknownLoc::get(context);
  OwningOpRef<ModuleOp> module = ModuleOp::create(unknown);
  try {
    importInto(*module, folder.str(), options);
  } catch (const std::exception &error) {
    // ImportError, FileError and ParamsError all say what and where.
    emitError(unknown) << error.what();
    return failure();
  }
  if (failed(verify(*module)))
    return failure();
  return module;
}
