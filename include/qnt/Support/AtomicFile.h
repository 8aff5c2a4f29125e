//===- AtomicFile.h - files that appear only when whole ---------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_SUPPORT_ATOMICFILE_H
#define QNT_SUPPORT_ATOMICFILE_H

#include "qnt/Support/Error.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace qnt::support {

/// A file being written. The bytes go to `<path>.qnt-tmp`, which `commit`
/// renames to `path`: readers see the old file or the new one, never a part,
/// even after kill -9. Such a kill leaves the temporary file; the next writer
/// of the same path takes it over. A lock keeps two live writers apart.
class AtomicFile {
public:
  /// Throws FileError: unwritable or missing folder, `path` is no regular file,
  /// another process is writing it.
  explicit AtomicFile(const std::string &path);
  /// Goes on after the first `kept` bytes of what an AtomicFile of this kind
  /// left that did not reach `commit`: it removes nothing. Throws where there
  /// are fewer.
  AtomicFile(const std::string &path, int64_t kept);
  /// Removes what was written, unless `commit` was reached.
  ~AtomicFile();
  AtomicFile(const AtomicFile &) = delete;
  AtomicFile &operator=(const AtomicFile &) = delete;

  /// Sets aside disk space for `size` bytes in all, so that a full disk shows
  /// before the work and not after it. Where the file system has no such call,
  /// a full disk shows at `write`. Throws FileError.
  void reserve(int64_t size);
  /// Appends. Throws FileError.
  void write(std::span<const std::byte> bytes);
  /// What was written is on the disk after that. Throws FileError.
  void flush();
  /// Flushes to the disk: after that, `commit` takes no time. Throws FileError.
  void sync();
  /// Flushes to the disk and renames. Throws FileError.
  void commit();
  /// Renames: a crash of the machine may take what the file holds. Throws
  /// FileError.
  void commitUnflushed();

  /// The path of the file before `commit`.
  static std::string getUnfinishedPath(const std::string &path) {
    return path + ".qnt-tmp";
  }

  const std::string &path() const { return finalPath; }

private:
  void open(bool isNew);

  std::string finalPath;
  std::string tempPath;
  int fd = -1;
  bool isKept = false;
  int64_t written = 0;
};

/// Writes a whole file through AtomicFile. Throws FileError.
void writeFileAtomically(const std::string &path,
                         std::span<const std::byte> bytes);
void writeFileAtomically(const std::string &path, std::string_view text);

} // namespace qnt::support

#endif // QNT_SUPPORT_ATOMICFILE_H
