//===- ReadTest.h - how fast this machine reads memory ----------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_TOOLS_QUANTRUN_READTEST_H
#define QNT_TOOLS_QUANTRUN_READTEST_H

#include <cstddef>
#include <cstdint>
#include <memory>

namespace qnt::run {

/// Reads a buffer in huge pages, larger than the caches, from end to end.
/// Compiled models that decode one token read all their weights once, so this
/// is the speed they could reach.
class ReadTest {
public:
  explicit ReadTest(int64_t threads);
  /// Bytes per second of one pass over the buffer.
  double run();
  int64_t size() const { return bytes; }

private:
  struct Unmap {
    size_t size;
    void operator()(std::byte *memory) const;
  };
  int64_t threads, bytes;
  std::unique_ptr<std::byte, Unmap> memory;
  /// What was read, kept so that the reading cannot be left out.
  uint64_t sum = 0;
};

} // namespace qnt::run

#endif // QNT_TOOLS_QUANTRUN_READTEST_H
