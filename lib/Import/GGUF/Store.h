//===- Store.h - tensors of a GGUF file as parameters -----------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_IMPORT_GGUF_STORE_H
#define QNT_IMPORT_GGUF_STORE_H

#include "Reader.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

namespace qnt::gguf {

/// The tensors of a file under the names and in the order of rows that the
/// parameter store has them in.
class FileTensors : public importer::Tensors {
public:
  explicit FileTensors(const File &file) : file(file) {}

  bool has(const std::string &name) const override;
  mlir::Type getType(const std::string &name, llvm::ArrayRef<int64_t> shape,
                     mlir::MLIRContext *context) const override;
  std::vector<std::string> names() const override;
  std::string path() const override { return file.path(); }

  /// The rows of a query or key projection lie head by head with the features
  /// that turn together side by side, as llama.cpp's files for Llama have them:
  /// the store has them by halves of `headDim` features (docs/gguf.md).
  void setInterleaved(const std::string &name, int64_t headDim) {
    interleaved[name] = headDim;
  }

  /// Writes the tensors that `wanted` names to the safetensors file `output`;
  /// returns its hash. Throws ParamsError, and ImportError for a scale that is
  /// not finite.
  std::string write(const std::string &output,
                    llvm::function_ref<bool(llvm::StringRef)> wanted) const;

private:
  /// Row of the file that is row `row` of the store.
  int64_t getSourceRow(const Tensor &tensor, int64_t row) const;
  void writePart(const Tensor &tensor, int part,
                 params::SafeTensorsWriter &writer) const;

  const File &file;
  llvm::StringMap<int64_t> interleaved;
};

} // namespace qnt::gguf

#endif // QNT_IMPORT_GGUF_STORE_H
