//===- SafeTensorsWriter.cpp - parameters written as a stream -------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Header.h"
#include "Sha256.h"

#include "qnt/Params/SafeTensors.h"
#include "qnt/Support/AtomicFile.h"

#include <algorithm>

using namespace qnt::params;
using qnt::support::AtomicFile;
using qnt::support::FileError;

namespace {
/// Small pieces are gathered up to this many bytes.
constexpr size_t bufferBytes = 1 << 20;

template <typename Fn> auto rethrow(Fn body) {
  try {
    return body();
  } catch (const FileError &error) {
    throw ParamsError(error.what());
  }
}
} // namespace

struct SafeTensorsWriter::Impl {
  std::vector<Entry> entries;
  std::vector<int64_t> begins, sizes;
  AtomicFile file;
  Sha256 hash;
  std::string digest;
  std::vector<std::byte> buffer;
  /// The tensor that takes bytes next, and how many it has.
  size_t current = 0;
  int64_t filled = 0;
  int64_t total = 0;

  Impl(const std::string &path, std::vector<Entry> declared)
      : entries(std::move(declared)), file(path) {
    buffer.reserve(bufferBytes);
  }

  [[noreturn]] void fail(size_t tensor, const std::string &what) const {
    throw ParamsError(file.path() + ": tensor '" + entries[tensor].name +
                      "': " + what);
  }
  std::string describe(size_t tensor) const {
    return toString(entries[tensor].shape) + " of " +
           std::string(name(entries[tensor].dtype)) + " takes " +
           std::to_string(sizes[tensor]) + " bytes";
  }

  /// Lays the tensors out; returns the bytes of all data.
  int64_t layOut() {
    int64_t end = 0;
    for (size_t i = 0; i < entries.size(); ++i) {
      const Entry &entry = entries[i];
      if (entry.name == "__metadata__" || entry.name.starts_with(paddingPrefix))
        fail(i, "the name is reserved");
      bool negative = std::any_of(entry.shape.begin(), entry.shape.end(),
                                  [](int64_t size) { return size < 0; });
      std::optional<int64_t> bytes = shapeBytes(entry.dtype, entry.shape);
      int64_t begin, next;
      if (negative || !bytes ||
          __builtin_add_overflow(end, -end & (tensorAlignment - 1), &begin) ||
          __builtin_add_overflow(begin, *bytes, &next))
        fail(i, "shape " + toString(entry.shape) + " is impossible");
      begins.push_back(begin);
      sizes.push_back(*bytes);
      end = next;
    }
    return end;
  }

  void flush() {
    hash.update(buffer);
    file.write(buffer);
    buffer.clear();
  }

  void append(std::span<const std::byte> bytes) {
    total += int64_t(bytes.size());
    if (buffer.size() + bytes.size() > bufferBytes)
      flush();
    if (bytes.size() > bufferBytes) {
      hash.update(bytes);
      file.write(bytes);
    } else {
      buffer.insert(buffer.end(), bytes.begin(), bytes.end());
    }
  }

  /// Ends tensors that are full, and fills up to where the next one begins.
  void skipComplete() {
    while (current < entries.size() && filled == sizes[current]) {
      int64_t end = begins[current] + filled;
      ++current;
      filled = 0;
      if (current < entries.size())
        append(std::vector<std::byte>(size_t(begins[current] - end)));
    }
  }
};

SafeTensorsWriter::SafeTensorsWriter(
    const std::string &path, std::vector<Entry> entries,
    std::map<std::string, std::string> metadata) {
  rethrow([&] {
    impl = std::make_unique<Impl>(path, std::move(entries));
    int64_t dataBytes = impl->layOut();
    std::string header =
        makeHeader(impl->entries, impl->begins, metadata, path);
    impl->file.reserve(int64_t(header.size()) + dataBytes);
    impl->append(std::as_bytes(std::span(header)));
    impl->skipComplete();
  });
}

SafeTensorsWriter::~SafeTensorsWriter() = default;

void SafeTensorsWriter::write(std::span<const std::byte> bytes) {
  if (bytes.empty())
    return;
  if (impl->current == impl->entries.size())
    throw ParamsError(impl->file.path() + ": " + std::to_string(bytes.size()) +
                      " bytes were written after the last tensor");
  int64_t room = impl->sizes[impl->current] - impl->filled;
  if (int64_t(bytes.size()) > room)
    impl->fail(
        impl->current,
        "gets more bytes than declared: " + impl->describe(impl->current) +
            ", " + std::to_string(impl->filled + int64_t(bytes.size())) +
            " were written");
  rethrow([&] {
    impl->append(bytes);
    impl->filled += int64_t(bytes.size());
    impl->skipComplete();
  });
}

void SafeTensorsWriter::finish() {
  if (impl->current != impl->entries.size())
    impl->fail(impl->current,
               "is incomplete: " + impl->describe(impl->current) + ", " +
                   std::to_string(impl->filled) + " were written");
  rethrow([&] {
    impl->flush();
    impl->file.commit();
    impl->digest = impl->hash.finish();
  });
}

const std::string &SafeTensorsWriter::sha256() const { return impl->digest; }

int64_t SafeTensorsWriter::fileSize() const { return impl->total; }
