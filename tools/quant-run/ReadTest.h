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

/// Reads a buffer in huge pages from end to end.
class ReadTest {
public:
  /// Of a buffer larger than the caches. Compiled models that decode one token
  /// read all their weights once, so this is the speed they could reach.
  static ReadTest ofMemory(int64_t threads);
  /// Again and again of half of each thread's second cache.
  static ReadTest ofCache(int64_t threads);
  /// Of the last level; 8 MiB where that is not known.
  static int64_t getLastCacheBytes();

  /// Bytes per second.
  double run();
  int64_t size() const { return bytes; }

private:
  ReadTest(int64_t threads, int64_t bytes, int64_t passes);

  struct Unmap {
    size_t size;
    void operator()(std::byte *memory) const;
  };
  int64_t threads, bytes, passes;
  std::unique_ptr<std::byte, Unmap> memory;
  /// What was read, kept so that the reading cannot be left out.
  uint64_t sum = 0;
};

} // namespace qnt::run

#endif // QNT_TOOLS_QUANTRUN_READTEST_H
