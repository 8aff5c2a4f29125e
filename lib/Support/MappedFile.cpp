//===- MappedFile.cpp - files mapped for reading --------------------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Support/MappedFile.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

using namespace qnt::support;

namespace {
[[noreturn]] void fail(const std::string &path, const std::string &why) {
  throw FileError("cannot read '" + path + "': " + why);
}
} // namespace

MappedFile::MappedFile(const std::string &path) : filePath(path) {
  // A FIFO would block in open; what it is shows below.
  fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0)
    fail(path, std::strerror(errno));
  struct stat status;
  if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
    ::close(fd);
    fail(path, "not a regular file");
  }
  size_t size = size_t(status.st_size);
  if (size == 0)
    return;
  void *data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (data == MAP_FAILED) {
    int error = errno;
    ::close(fd);
    fail(path, std::strerror(error));
  }
  contents = {static_cast<const std::byte *>(data), size};
}

MappedFile::MappedFile(MappedFile &&other) noexcept
    : filePath(std::move(other.filePath)), fd(std::exchange(other.fd, -1)),
      contents(std::exchange(other.contents, {})) {}

MappedFile::~MappedFile() {
  if (!contents.empty())
    ::munmap(const_cast<std::byte *>(contents.data()), contents.size());
  if (fd >= 0)
    ::close(fd);
}

size_t MappedFile::read(int64_t offset, std::span<std::byte> out) const {
  size_t done = 0;
  while (done < out.size()) {
    ssize_t got = ::pread(fd, out.data() + done, out.size() - done,
                          off_t(offset) + off_t(done));
    if (got == 0)
      break;
    if (got > 0)
      done += size_t(got);
    else if (errno != EINTR)
      fail(filePath, std::strerror(errno));
  }
  return done;
}

void MappedFile::release(std::span<const std::byte> part) const {
  if (part.empty())
    return;
  // Whole pages, rounded outwards: dropping a neighbour's page costs at most
  // one more read of it, keeping it would leave a page behind each tensor.
  uintptr_t page = uintptr_t(::sysconf(_SC_PAGESIZE));
  uintptr_t begin = reinterpret_cast<uintptr_t>(part.data()) & ~(page - 1);
  uintptr_t end = reinterpret_cast<uintptr_t>(part.data() + part.size());
  end = (end + page - 1) & ~(page - 1);
  ::madvise(reinterpret_cast<void *>(begin), end - begin, MADV_DONTNEED);
}
