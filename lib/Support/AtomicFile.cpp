//===- AtomicFile.cpp - files that appear only when whole -----------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Support/AtomicFile.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

using namespace qnt::support;

namespace {
[[noreturn]] void fail(const std::string &path, const std::string &why) {
  throw FileError("cannot write '" + path + "': " + why);
}

std::string folderOf(const std::string &path) {
  size_t slash = path.rfind('/');
  if (slash == std::string::npos)
    return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

bool isSameFile(int fd, const std::string &path) {
  struct stat ours, theirs;
  return ::fstat(fd, &ours) == 0 && ::lstat(path.c_str(), &theirs) == 0 &&
         ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
}

/// Closes on every way out of the constructor.
struct Descriptor {
  int fd;
  explicit Descriptor(int fd) : fd(fd) {}
  ~Descriptor() {
    if (fd >= 0)
      ::close(fd);
  }
  int take() { return std::exchange(fd, -1); }
};
} // namespace

AtomicFile::AtomicFile(const std::string &path)
    : finalPath(path), tempPath(getUnfinishedPath(path)) {
  open(/*isNew=*/true);
}

AtomicFile::AtomicFile(const std::string &path, int64_t kept)
    : finalPath(path), tempPath(getUnfinishedPath(path)), isKept(true),
      written(kept) {
  open(/*isNew=*/kept == 0);
  struct stat status;
  if (::fstat(fd, &status) != 0 || status.st_size < kept ||
      ::lseek(fd, kept, SEEK_SET) != kept) {
    ::close(std::exchange(fd, -1));
    fail(path, "what an earlier run left is not whole");
  }
}

void AtomicFile::open(bool isNew) {
  const std::string &path = finalPath;
  if (path.empty())
    fail(path, "the file name is empty");
  struct stat status;
  if (::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode))
    fail(path, S_ISDIR(status.st_mode) ? "it is a folder"
                                       : "it is not a regular file");
  // Between opening and locking, another writer may have renamed or removed
  // the file: then the lock is on the wrong one, and it is tried again.
  while (true) {
    Descriptor file(::open(tempPath.c_str(),
                           O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666));
    if (file.fd < 0)
      fail(path, std::strerror(errno));
    if (::flock(file.fd, LOCK_EX | LOCK_NB) != 0)
      fail(path, errno == EWOULDBLOCK ? "another process is writing it"
                                      : std::strerror(errno));
    if (!isSameFile(file.fd, tempPath))
      continue;
    // What a killed writer left is of no use.
    if (isNew && ::ftruncate(file.fd, 0) != 0)
      fail(path, std::strerror(errno));
    fd = file.take();
    return;
  }
}

AtomicFile::~AtomicFile() {
  if (fd < 0)
    return;
  if (!isKept && isSameFile(fd, tempPath))
    ::unlink(tempPath.c_str());
  ::close(fd);
}

void AtomicFile::reserve(int64_t size) {
  if (size <= 0)
    return;
  int status;
  do
    status = ::fallocate(fd, 0, 0, off_t(size));
  while (status != 0 && errno == EINTR);
  if (status == 0 || errno == EOPNOTSUPP || errno == ENOSYS)
    return;
  fail(finalPath, std::string(std::strerror(errno)) + " (" +
                      std::to_string(size) + " bytes are needed)");
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    ssize_t put = ::write(fd, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR)
      continue;
    if (put < 0)
      fail(finalPath, std::string(std::strerror(errno)) + " after " +
                          std::to_string(written) + " bytes");
    bytes = bytes.subspan(size_t(put));
    written += put;
  }
}

void AtomicFile::flush() {
  if (::fdatasync(fd) != 0)
    fail(finalPath, std::strerror(errno));
}

void AtomicFile::sync() {
  // More may have been reserved than was written.
  if (::ftruncate(fd, off_t(written)) != 0 || ::fsync(fd) != 0)
    fail(finalPath, std::strerror(errno));
}

void AtomicFile::commit() {
  // The data must be on the disk before the name is: a crash of the machine
  // after the rename must not leave an empty file under it.
  sync();
  commitUnflushed();
  // The rename itself reaches the disk with the folder. Not every file system
  // can do this, and the file is whole either way.
  Descriptor folder(
      ::open(folderOf(finalPath).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.fd >= 0)
    ::fsync(folder.fd);
}

void AtomicFile::commitUnflushed() {
  // More may have been reserved than was written.
  if (::ftruncate(fd, off_t(written)) != 0 ||
      ::rename(tempPath.c_str(), finalPath.c_str()) != 0)
    fail(finalPath, std::strerror(errno));
  ::close(std::exchange(fd, -1));
}

void qnt::support::writeFileAtomically(const std::string &path,
                                       std::span<const std::byte> bytes) {
  AtomicFile file(path);
  file.reserve(int64_t(bytes.size()));
  file.write(bytes);
  file.commit();
}

void qnt::support::writeFileAtomically(const std::string &path,
                                       std::string_view text) {
  writeFileAtomically(path, std::as_bytes(std::span(text)));
}
