//===- Mapping.cpp - memory of files and of huge pages --------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Error.h"
#include "Parameters.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace qnt::runtime;

Mapping::Mapping(Mapping &&other) noexcept { *this = std::move(other); }

Mapping &Mapping::operator=(Mapping &&other) noexcept {
  std::swap(base, other.base);
  std::swap(mapped, other.mapped);
  std::swap(bytes, other.bytes);
  std::swap(length, other.length);
  std::swap(fd, other.fd);
  return *this;
}

Mapping::~Mapping() {
  if (base)
    munmap(base, mapped);
  if (fd >= 0)
    close(fd);
}

Mapping Mapping::file(const std::string &path) {
  Mapping file;
  file.fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file.fd < 0)
    fail(QNT_ERROR_FILE, path + ": " + std::strerror(errno));
  struct stat status;
  if (fstat(file.fd, &status) != 0 || !S_ISREG(status.st_mode))
    fail(QNT_ERROR_FILE, path + ": not a regular file");
  if (status.st_size == 0)
    return file;
  void *base = mmap(nullptr, status.st_size, PROT_READ, MAP_SHARED, file.fd, 0);
  if (base == MAP_FAILED)
    fail(QNT_ERROR_FILE, path + ": cannot be mapped: " + std::strerror(errno));
  // Starts reading a file that is not in memory yet.
  posix_fadvise(file.fd, 0, 0, POSIX_FADV_WILLNEED);
  file.base = base;
  file.bytes = static_cast<std::byte *>(base);
  file.mapped = file.length = status.st_size;
  return file;
}

Mapping Mapping::hugePages(size_t size) {
  Mapping memory;
  if (size == 0)
    return memory;
  constexpr size_t page = size_t(2) << 20;
  size_t mapped = (size + page - 1) / page * page + page;
  void *base = mmap(nullptr, mapped, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (base == MAP_FAILED)
    fail(QNT_ERROR_MEMORY,
         "out of memory: cannot allocate " + std::to_string(size) + " bytes");
  uintptr_t start =
      (reinterpret_cast<uintptr_t>(base) + page - 1) / page * page;
  // Advice only: without huge pages the memory works all the same.
  madvise(reinterpret_cast<void *>(start), mapped - page, MADV_HUGEPAGE);
  memory.base = base;
  memory.mapped = mapped;
  memory.bytes = reinterpret_cast<std::byte *>(start);
  memory.length = size;
  return memory;
}
