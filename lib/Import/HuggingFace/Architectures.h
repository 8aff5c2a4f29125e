//===- Architectures.h - what can be imported -------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_IMPORT_HUGGINGFACE_ARCHITECTURES_H
#define QNT_IMPORT_HUGGINGFACE_ARCHITECTURES_H

#include "../Graph/GraphBuilder.h"
#include "../Graph/Model.h"
#include "Checkpoint.h"

#include "qnt/Import/HuggingFace.h"

namespace qnt::huggingface {

using importer::EntryArgument;
using importer::GraphBuilder;
using importer::ModelInfo;

/// Writes the functions of a model of `architecture` through `graph`. Throws
/// ImportError.
using ImportFunction = ModelInfo (*)(llvm::StringRef architecture,
                                     const Checkpoint &checkpoint,
                                     GraphBuilder &graph,
                                     const ImportOptions &options);

struct Architecture {
  /// As in "architectures" of config.json.
  llvm::StringLiteral name;
  ImportFunction import;
};

/// In order of name.
llvm::ArrayRef<Architecture> getArchitectures();

ModelInfo importLlama(llvm::StringRef architecture, const Checkpoint &,
                      GraphBuilder &, const ImportOptions &);
ModelInfo importBert(llvm::StringRef architecture, const Checkpoint &,
                     GraphBuilder &, const ImportOptions &);

} // namespace qnt::huggingface

#endif // QNT_IMPORT_HUGGINGFACE_ARCHITECTURES_H
