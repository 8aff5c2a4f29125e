//===- Parameters.cpp - a model's packed parameters in memory -------------===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Parameters.h"
#include "Error.h"
#include "SafeTensorsIndex.h"
#include "Sha256.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <unistd.h>

using namespace qnt::runtime;

namespace {

constexpr size_t alignment = 64;

struct Copy {
  std::byte *to;
  const std::byte *from;
  size_t size;
};

struct Copies {
  std::vector<Copy> pieces;
  const Mapping &file;
  std::atomic<bool> failed = false;
};

/// Reads through the descriptor where there is one: copying from the mapping
/// would take a page fault every few pages.
void copyPiece(Copies &copies, Copy piece) {
  int fd = copies.file.descriptor();
  if (fd < 0) {
    std::memcpy(piece.to, piece.from, piece.size);
    return;
  }
  off_t offset = piece.from - copies.file.data();
  while (piece.size > 0) {
    ssize_t got = pread(fd, piece.to, piece.size, offset);
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0) {
      copies.failed = true;
      return;
    }
    piece.to += got;
    piece.size -= got;
    offset += got;
  }
}

/// Copies in pieces small enough to share out evenly. Answers false when the
/// file cannot be read.
bool copyAll(const std::vector<Copy> &tensors, const Mapping &file,
             const qnt_context &context) {
  constexpr size_t piece = size_t(4) << 20;
  Copies copies{{}, file};
  for (const Copy &tensor : tensors)
    for (size_t at = 0; at < tensor.size; at += piece)
      copies.pieces.push_back({tensor.to + at, tensor.from + at,
                               std::min(piece, tensor.size - at)});
  auto task = [](void *args, int64_t begin, int64_t end) {
    auto &copies = *static_cast<Copies *>(args);
    for (int64_t i = begin; i < end; ++i)
      copyPiece(copies, copies.pieces[i]);
  };
  if (!copies.pieces.empty())
    context.parallel_for(&context, task, &copies, copies.pieces.size());
  return !copies.failed;
}

} // namespace

void Parameters::load(const std::string &path,
                      std::span<const std::byte> embedded,
                      const Manifest &manifest, qnt_params_mode mode,
                      bool verify, const qnt_context &context, Device *device) {
  if (manifest.params.empty())
    return;
  Mapping mapping;
  std::span<const std::byte> file = embedded;
  if (embedded.empty()) {
    mapping = Mapping::file(path);
    file = {mapping.data(), mapping.size()};
  }
  if (int64_t(file.size()) != manifest.paramsSize)
    fail(QNT_ERROR_FORMAT,
         path + ": " + std::to_string(file.size()) +
             " bytes, but the model was compiled with parameters of " +
             std::to_string(manifest.paramsSize));
  if (verify && sha256(file) != manifest.paramsSha256)
    fail(QNT_ERROR_FORMAT, path + ": the SHA-256 is not that of the "
                                  "parameters the model was compiled with");

  auto index = indexSafeTensors(path, file);
  std::vector<std::span<const std::byte>> sources;
  size_t total = 0;
  for (const std::string &name : manifest.params) {
    auto found = index.find(name);
    if (found == index.end())
      fail(QNT_ERROR_FORMAT, path + ": there is no tensor '" + name + "'");
    sources.push_back(found->second);
    total += (found->second.size() + alignment - 1) / alignment * alignment;
  }

  if (device) {
    deviceMemory = device->allocate(total, "the parameters");
    auto *to = static_cast<std::byte *>(deviceMemory.data());
    for (std::span<const std::byte> source : sources) {
      table.push_back(to);
      device->copyIn(to, source.data(), source.size());
      to += (source.size() + alignment - 1) / alignment * alignment;
    }
    // The file is unmapped now.
    device->finish();
    return;
  }

  if (mode == QNT_PARAMS_MAP) {
    for (size_t i = 0; i < sources.size(); ++i) {
      if (reinterpret_cast<uintptr_t>(sources[i].data()) % alignment)
        fail(QNT_ERROR_FORMAT, path + ": tensor '" + manifest.params[i] +
                                   "' is not 64-byte aligned, so it cannot "
                                   "be used without copying");
      table.push_back(const_cast<std::byte *>(sources[i].data()));
    }
    memory = std::move(mapping);
    return;
  }

  memory = Mapping::hugePages(total);
  std::vector<Copy> copies;
  std::byte *to = memory.data();
  for (std::span<const std::byte> source : sources) {
    table.push_back(to);
    copies.push_back({to, source.data(), source.size()});
    to += (source.size() + alignment - 1) / alignment * alignment;
  }
  if (!copyAll(copies, mapping, context))
    fail(QNT_ERROR_FILE, path + ": cannot be read");
}
