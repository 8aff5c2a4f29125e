//===- EntryCall.h - one call of an entry point -----------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_PIPELINES_ENTRYCALL_H
#define QNT_LIB_PIPELINES_ENTRYCALL_H

#include "qnt/Runtime/qnt.h"

#include "llvm/ADT/ArrayRef.h"

#include <map>
#include <string>
#include <vector>

namespace qnt {

/// Throws std::runtime_error with the runtime's message where it failed.
void checkStatus(qnt_status status);

/// The tensors of one call of an entry point of a loaded model, which must be
/// of the types that it wants.
class EntryCall {
public:
  EntryCall(qnt_model *model, int64_t entry) : model(model), entry(entry) {}

  /// Takes note of the sizes of the entry point's input `index`, of the rank
  /// that it has.
  void setShape(int64_t index, llvm::ArrayRef<int64_t> shape);
  /// The next input. Both stay the caller's, until the call.
  void addInput(const void *data, llvm::ArrayRef<int64_t> shape);
  /// The next output.
  void addOutput(void *data, llvm::ArrayRef<int64_t> shape);
  /// Of a named dimension that inputs so far have; 0 where none does.
  int64_t getSize(const std::string &dim) const;
  /// What input `index` must have, by the sizes known so far.
  std::vector<int64_t> getInputShape(int64_t index) const;
  /// Once all inputs are known. Throws std::runtime_error.
  std::vector<int64_t> getOutputShape(int64_t index) const;
  qnt_status run(const qnt_memory *memory);

private:
  qnt_model *model;
  int64_t entry;
  std::map<std::string, int64_t> sizes;
  std::vector<qnt_tensor> inputs, outputs;
};

} // namespace qnt

#endif // QNT_LIB_PIPELINES_ENTRYCALL_H
