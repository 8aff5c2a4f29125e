//===- GGUF.cpp - import of GGUF files --------------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Import/GGUF.h"

#include "Shape.h"
#include "Tokenizer.h"

#include "qnt/Support/AtomicFile.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MLProgram/IR/MLProgram.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Verifier.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::gguf;

/// Writes the tokenizer's files; returns the `qnt.assets` attribute.
static DictionaryAttr writeAssets(const TokenizerFiles &files,
                                  const ImportOptions &options,
                                  MLIRContext *context) {
  Builder builder(context);
  SmallVector<NamedAttribute> assets;
  for (auto [name, text] : {std::pair<StringRef, StringRef>(
                                "generation_config.json", files.generation),
                            {"tokenizer.json", files.tokenizer},
                            {"tokenizer_config.json", files.config}}) {
    if (text.empty())
      continue;
    std::string path = options.getAssetPath(name.str());
    support::writeFileAtomically(path, std::string_view(text));
    assets.push_back(builder.getNamedAttr(name, builder.getStringAttr(path)));
  }
  return builder.getDictionaryAttr(assets);
}

static void importInto(ModuleOp module, const std::string &path,
                       const ImportOptions &options) {
  importer::checkKVType(options.kvType);
  MLIRContext *context = module.getContext();
  Builder builder(context);
  File file(path);
  FileTensors tensors(file);
  importer::LlamaShape shape = readShape(file, tensors, context);
  TokenizerFiles tokenizer = readTokenizer(file, shape.vocab);
  importer::GraphBuilder graph(module, tensors);
  graph.setNames(getTensorName);
  importer::ModelInfo info = importer::buildLlama(graph, shape, options.kvType);
  // Frequencies are computed.
  graph.warnOfUnused(
      [](StringRef name) { return name == "rope_freqs.weight"; });
  std::string hash = tensors.write(options.paramsPath, [&](StringRef name) {
    return module.lookupSymbol<ml_program::GlobalOp>(name) != nullptr;
  });
  module->setAttr("qnt.params", builder.getStringAttr(options.paramsPath));
  module->setAttr("qnt.params_sha256", builder.getStringAttr(hash));
  std::string_view architecture = file.text("general.architecture");
  module->setAttr("qnt.model",
                  makeModelAttr(info,
                                {architecture.data(), architecture.size()},
                                tokenizer.eos, tokenizer.bos, context));
  module->setAttr("qnt.assets", writeAssets(tokenizer, options, context));
}

FailureOr<OwningOpRef<ModuleOp>> qnt::importGGUF(StringRef path,
                                                 MLIRContext *context,
                                                 const ImportOptions &options) {
  context
      ->loadDialect<arith::ArithDialect, func::FuncDialect,
                    ml_program::MLProgramDialect, nn::NNDialect, QNTDialect>();
  Location unknown = UnknownLoc::get(context);
  OwningOpRef<ModuleOp> module = ModuleOp::create(unknown);
  try {
    importInto(*module, path.str(), options);
  } catch (const std::exception &error) {
    // ImportError, FileError and ParamsError all say what and where.
    emitError(unknown) << error.what();
    return failure();
  }
  if (failed(verify(*module)))
    return failure();
  return module;
}
