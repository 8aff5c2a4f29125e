//===- Shape.h - the architecture that a GGUF file describes ----*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_IMPORT_GGUF_SHAPE_H
#define QNT_IMPORT_GGUF_SHAPE_H

#include "../Graph/Llama.h"
#include "Store.h"

namespace qnt::gguf {

/// Reads and checks the metadata of a model: sizes, rotary settings, and which
/// tensors `tensors` has to put in another order of rows. Throws ImportError
/// for architectures and settings that are not supported.
importer::LlamaShape readShape(const File &file, FileTensors &tensors,
                               mlir::MLIRContext *context);

/// The name in the file of the tensor `leaf` of the module that the graph calls
/// `path`: "blk.3.attn_q.weight" of "layers.3.self_attn.q_proj".
std::string getTensorName(llvm::StringRef path, llvm::StringRef leaf);

} // namespace qnt::gguf

#endif // QNT_IMPORT_GGUF_SHAPE_H
