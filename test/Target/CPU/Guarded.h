//===- Guarded.h - memory that ends where it ends ---------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Memory between two pages that nobody may touch. It ends at the page after it,
// or, where its alignment does not allow that, less than the alignment before:
// those bytes and the ones in front of it are NaN as floats of every width, and
// a write to them is found when it is checked.
//
//===----------------------------------------------------------------------===//
#ifndef QNT_TEST_TARGET_CPU_GUARDED_H
#define QNT_TEST_TARGET_CPU_GUARDED_H

#include <cstddef>
#include <new>
#include <string>
#include <vector>

namespace qnt::test {

/// Ends the program with a line that names the buffer nearest to the address
/// when one of the pages is touched.
void reportGuardedFaults();

class Guarded {
public:
  /// `alignment` is a power of two up to a page. Every byte is 0xff. Throws
  /// std::bad_alloc.
  Guarded(std::string name, size_t bytes, size_t alignment);
  Guarded(const Guarded &) = delete;
  ~Guarded();

  std::byte *data() const { return start; }
  size_t size() const { return bytes; }
  const std::string &name() const { return name_; }
  /// From now on, writing faults too.
  void makeReadOnly();
  /// False once a byte around the memory was written.
  bool isIntact() const;

private:
  friend struct FaultReport;
  std::string name_;
  size_t bytes, mapped;
  std::byte *base, *start;
};

/// For vectors whose elements kernels read and write. Freeing a vector that was
/// written around ends the program.
template <typename T> struct GuardedAllocator {
  using value_type = T;
  GuardedAllocator() = default;
  template <typename U> GuardedAllocator(const GuardedAllocator<U> &) {}
  T *allocate(size_t count);
  void deallocate(T *data, size_t count);
  template <typename U> bool operator==(const GuardedAllocator<U> &) const {
    return true;
  }
};
/// Only its capacity is guarded: give it its size when it is made.
template <typename T> using GuardedVector = std::vector<T, GuardedAllocator<T>>;

//===----------------------------------------------------------------------===//

void *allocateGuarded(size_t bytes, size_t alignment);
void freeGuarded(void *data);

template <typename T> T *GuardedAllocator<T>::allocate(size_t count) {
  return static_cast<T *>(allocateGuarded(count * sizeof(T), alignof(T)));
}

template <typename T> void GuardedAllocator<T>::deallocate(T *data, size_t) {
  freeGuarded(data);
}

} // namespace qnt::test

#endif // QNT_TEST_TARGET_CPU_GUARDED_H
