//===- ActivationStore.cpp - what goes from block to block -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "ActivationStore.h"

#include "qnt/Support/Error.h"

#include "llvm/Support/MathExtras.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <unistd.h>

using namespace qnt;

/// More dimensions than a tensor of activations has.
static constexpr int64_t maxRank = 16;

ActivationStore::ActivationStore(std::string file, int64_t limit, int64_t &held,
                                 bool keep)
    : file(std::move(file)), limit(limit), held(held), keep(keep) {}

ActivationStore::~ActivationStore() {
  for (size_t i = 0; i < slots.size(); ++i)
    release(i);
  if (descriptor >= 0)
    ::close(descriptor);
  if (descriptor >= 0 && !keep)
    ::unlink(file.c_str());
}

void ActivationStore::fail(const std::string &why) const {
  throw support::FileError(file + ": " + why);
}

void ActivationStore::open(bool isNew) {
  int flags = O_RDWR | O_CLOEXEC | (isNew ? O_CREAT | O_TRUNC : 0);
  descriptor = ::open(file.c_str(), flags, 0666);
  if (descriptor < 0)
    fail(std::strerror(errno));
}

void ActivationStore::write(const void *data, size_t bytes) {
  const char *from = static_cast<const char *>(data);
  while (bytes > 0) {
    ssize_t put = ::pwrite(descriptor, from, bytes, end);
    if (put < 0 && errno == EINTR)
      continue;
    if (put <= 0)
      fail(std::strerror(errno));
    from += put;
    end += put;
    bytes -= size_t(put);
  }
}

void ActivationStore::read(int64_t offset, void *data, size_t bytes) const {
  char *to = static_cast<char *>(data);
  while (bytes > 0) {
    ssize_t got = ::pread(descriptor, to, bytes, offset);
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      fail(got == 0 ? "ends too early" : std::strerror(errno));
    to += got;
    offset += got;
    bytes -= size_t(got);
  }
}

void ActivationStore::add(Activation activation) {
  Slot &slot = slots.emplace_back();
  slot.count = activation.values.size();
  int64_t bytes = int64_t(slot.count * sizeof(float));
  bool fits = held + bytes <= limit;
  if (keep || !fits) {
    if (descriptor < 0)
      open(/*isNew=*/true);
    int64_t rank = int64_t(activation.shape.size());
    write(&rank, sizeof(rank));
    write(activation.shape.data(), size_t(rank) * sizeof(int64_t));
    slot.offset = end;
    write(activation.values.data(), size_t(bytes));
  }
  slot.shape = std::move(activation.shape);
  if (fits) {
    held += bytes;
    slot.values = std::move(activation.values);
  }
}

Activation ActivationStore::get(size_t sample) {
  Slot &slot = slots[sample];
  if (!slot.values.empty() || slot.count == 0)
    return {slot.shape, slot.values};
  Activation activation{slot.shape, std::vector<float>(slot.count)};
  read(slot.offset, activation.values.data(), slot.count * sizeof(float));
  return activation;
}

void ActivationStore::release(size_t sample) {
  Slot &slot = slots[sample];
  held -= int64_t(slot.values.size() * sizeof(float));
  slot.values = {};
}

void ActivationStore::sync() {
  if (descriptor >= 0 && ::fdatasync(descriptor) != 0)
    fail(std::strerror(errno));
}

void ActivationStore::restore(size_t count) {
  if (descriptor < 0)
    open(/*isNew=*/false);
  int64_t size = ::lseek(descriptor, 0, SEEK_END);
  end = 0;
  for (size_t i = 0; i < count; ++i) {
    Slot slot;
    int64_t rank = 0;
    read(end, &rank, sizeof(rank));
    if (rank < 0 || rank > maxRank)
      fail("is damaged");
    slot.shape.resize(size_t(rank));
    read(end + int64_t(sizeof(rank)), slot.shape.data(),
         size_t(rank) * sizeof(int64_t));
    slot.offset = end + (1 + rank) * int64_t(sizeof(int64_t));
    int64_t elements = 1;
    for (int64_t dim : slot.shape)
      if (dim < 0 || llvm::MulOverflow(elements, dim, elements))
        fail("is damaged");
    if (elements > (size - slot.offset) / int64_t(sizeof(float)))
      fail("ends too early");
    slot.count = size_t(elements);
    end = slot.offset + elements * int64_t(sizeof(float));
    slots.push_back(std::move(slot));
  }
  if (end != size)
    fail("is longer than what was kept");
}

void ActivationStore::remove() {
  if (descriptor < 0)
    return;
  ::close(descriptor);
  descriptor = -1;
  ::unlink(file.c_str());
}
