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
  return *this;
}

Mapping::~Mapping() {
  if (base)
    munmap(base, mapped);
}

Mapping Mapping::file(const std::string &path) {
  int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    fail(QNT_ERROR_FILE, path + ": " + std::strerror(errno));
  struct stat status;
  if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
    close(fd);
    fail(QNT_ERROR_FILE, path + ": not a regular file");
  }
  size_t size = status.st_size;
  if (size == 0) {
    close(fd);
    return Mapping();
  }
  void *base = mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
  int error = errno;
  close(fd);
  if (base == MAP_FAILED)
    fail(QNT_ERROR_FILE, path + ": cannot be mapped: " + std::strerror(error));
  madvise(base, size, MADV_WILLNEED);
  return Mapping(base, size, static_cast<std::byte *>(base), size);
}

Mapping Mapping::hugePages(size_t size) {
  if (size == 0)
    return Mapping();
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
  return Mapping(base, mapped, reinterpret_cast<std::byte *>(start), size);
}
