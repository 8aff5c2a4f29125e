//===- ActivationStore.h - what goes from block to block -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_PIPELINES_ACTIVATIONSTORE_H
#define QNT_LIB_PIPELINES_ACTIVATIONSTORE_H

#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <string>
#include <vector>

namespace qnt {

/// f32 in row-major order.
struct Activation {
  std::vector<int64_t> shape;
  std::vector<float> values;
};

/// One tensor for each sample, in order: in memory up to a limit, in a file
/// beyond it or where it is to be kept. Methods throw support::FileError.
class ActivationStore {
public:
  /// `file` is created when first needed; with `keep`, it holds all tensors.
  /// `held` counts the bytes in memory of this store and of others that share
  /// the limit.
  ActivationStore(std::string file, int64_t limit, int64_t &held, bool keep);
  ~ActivationStore();
  ActivationStore(const ActivationStore &) = delete;

  void add(Activation activation);
  size_t size() const { return slots.size(); }
  Activation get(size_t sample);
  /// Lets go of what `get` answers from memory.
  void release(size_t sample);
  /// What is written so far is on the disk after that.
  void sync();
  /// Reads back what a store of the same `file` kept: `count` tensors.
  void restore(size_t count);
  /// Removes the file.
  void remove();

private:
  struct Slot {
    std::vector<int64_t> shape;
    /// Empty where the file alone has them.
    std::vector<float> values;
    /// Where the values begin in the file; -1: nowhere.
    int64_t offset = -1;
    size_t count = 0;
  };
  void open(bool isNew);
  void write(const void *data, size_t bytes);
  void read(int64_t offset, void *data, size_t bytes) const;
  [[noreturn]] void fail(const std::string &why) const;

  std::string file;
  int64_t limit;
  int64_t &held;
  bool keep;
  int descriptor = -1;
  int64_t end = 0;
  std::vector<Slot> slots;
};

} // namespace qnt

#endif // QNT_LIB_PIPELINES_ACTIVATIONSTORE_H
