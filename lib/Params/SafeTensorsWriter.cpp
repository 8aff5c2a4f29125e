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
#include "qnt/Support/MappedFile.h"

#include <algorithm>
#include <filesystem>
#include <optional>

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
  std::string path;
  Kind kind;
  std::vector<Entry> entries;
  std::vector<int64_t> begins, sizes;
  /// Once the layout is known.
  std::optional<AtomicFile> file;
  Sha256 hash;
  std::string digest;
  std::vector<std::byte> buffer;
  /// The tensor that takes bytes next, and how many it has.
  size_t current = 0;
  int64_t filled = 0;
  int64_t total = 0;

  Impl(const std::string &path, std::vector<Entry> declared, Kind kind)
      : path(path), kind(kind), entries(std::move(declared)) {}

  [[noreturn]] void fail(size_t tensor, const std::string &what) const {
    throw ParamsError(path + ": tensor '" + entries[tensor].name +
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

  void put(std::span<const std::byte> bytes) {
    if (kind != Kind::Resumable)
      hash.update(bytes);
    file->write(bytes);
  }

  void flush() {
    put(buffer);
    buffer.clear();
  }

  void append(std::span<const std::byte> bytes) {
    total += int64_t(bytes.size());
    if (buffer.size() + bytes.size() > bufferBytes)
      flush();
    if (bytes.size() > bufferBytes) {
      put(bytes);
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
    std::map<std::string, std::string> metadata)
    : SafeTensorsWriter(path, std::move(entries), std::move(metadata),
                        Kind::Durable) {}

SafeTensorsWriter::SafeTensorsWriter(
    const std::string &path, std::vector<Entry> entries,
    std::map<std::string, std::string> metadata, Kind kind, size_t finished) {
  rethrow([&] {
    impl = std::make_unique<Impl>(path, std::move(entries), kind);
    int64_t dataBytes = impl->layOut();
    std::string header =
        makeHeader(impl->entries, impl->begins, metadata, path);
    if (finished) {
      if (!canResume(path, impl->entries, metadata))
        throw ParamsError(path + ": there is no part of it to go on from");
      size_t last = finished - 1;
      impl->current = last;
      impl->filled = impl->sizes[last];
      impl->total =
          int64_t(header.size()) + impl->begins[last] + impl->sizes[last];
    }
    if (kind == Kind::Resumable)
      impl->file.emplace(path, impl->total);
    else
      impl->file.emplace(path);
    impl->buffer.reserve(bufferBytes);
    impl->file->reserve(int64_t(header.size()) + dataBytes);
    if (!finished)
      impl->append(std::as_bytes(std::span(header)));
    impl->skipComplete();
  });
}

bool SafeTensorsWriter::canResume(
    const std::string &path, std::vector<Entry> entries,
    const std::map<std::string, std::string> &metadata) {
  return rethrow([&] {
    Impl layout(path, std::move(entries), Kind::Resumable);
    layout.layOut();
    std::string header =
        makeHeader(layout.entries, layout.begins, metadata, path);
    std::string unfinished = AtomicFile::getUnfinishedPath(path);
    if (!std::filesystem::exists(unfinished))
      return false;
    std::string found(header.size(), 0);
    qnt::support::MappedFile file(unfinished);
    return file.read(0, std::as_writable_bytes(std::span(found))) ==
               header.size() &&
           found == header;
  });
}

void SafeTensorsWriter::flush() {
  rethrow([&] {
    impl->flush();
    impl->file->flush();
  });
}

SafeTensorsWriter::~SafeTensorsWriter() = default;

void SafeTensorsWriter::write(std::span<const std::byte> bytes) {
  if (bytes.empty())
    return;
  if (impl->current == impl->entries.size())
    throw ParamsError(impl->path + ": " + std::to_string(bytes.size()) +
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
    if (impl->kind == Kind::Temporary)
      impl->file->commitUnflushed();
    else
      impl->file->commit();
    if (impl->kind != Kind::Resumable)
      impl->digest = impl->hash.finish();
  });
}

const std::string &SafeTensorsWriter::sha256() const { return impl->digest; }

int64_t SafeTensorsWriter::fileSize() const { return impl->total; }
