//===- MappedFile.h - files mapped for reading ------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_SUPPORT_MAPPEDFILE_H
#define QNT_SUPPORT_MAPPEDFILE_H

#include "qnt/Support/Error.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace qnt::support {

/// A file mapped for reading. The bytes stay valid while the object lives; a
/// program that truncates the file meanwhile takes them away, as with every
/// mapping.
class MappedFile {
public:
  /// Throws FileError: no such file, no permission, not a regular file.
  explicit MappedFile(const std::string &path);
  ~MappedFile();
  MappedFile(MappedFile &&other) noexcept;
  MappedFile(const MappedFile &) = delete;
  MappedFile &operator=(const MappedFile &) = delete;

  std::span<const std::byte> bytes() const { return contents; }
  const std::string &path() const { return filePath; }
  /// Reads up to out.size() bytes at `offset` without touching the mapping, so
  /// that passing over a large file leaves the resident set small. Returns the
  /// bytes read, 0 at the end. Throws FileError.
  size_t read(int64_t offset, std::span<std::byte> out) const;
  /// Lets the kernel drop the pages that hold `part`, which must lie in
  /// bytes(). They are read again when next touched.
  void release(std::span<const std::byte> part) const;

private:
  std::string filePath;
  int fd = -1;
  std::span<const std::byte> contents;
};

} // namespace qnt::support

#endif // QNT_SUPPORT_MAPPEDFILE_H
