//===- Tensors.h - the tensors of a checkpoint ------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_IMPORT_HUGGINGFACE_TENSORS_H
#define QNT_IMPORT_HUGGINGFACE_TENSORS_H

#include "../Graph/Tensors.h"
#include "Checkpoint.h"

namespace qnt::huggingface {

/// The float tensors of a checkpoint, which stay where they are.
class CheckpointTensors : public importer::Tensors {
public:
  explicit CheckpointTensors(const Checkpoint &checkpoint)
      : checkpoint(checkpoint) {}
  bool has(const std::string &name) const override;
  mlir::Type getType(const std::string &name, llvm::ArrayRef<int64_t> shape,
                     mlir::MLIRContext *context) const override;
  std::vector<std::string> names() const override;
  std::string path() const override;

private:
  const Checkpoint &checkpoint;
};

} // namespace qnt::huggingface

#endif // QNT_IMPORT_HUGGINGFACE_TENSORS_H
