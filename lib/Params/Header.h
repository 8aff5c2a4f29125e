//===- Header.h - the header of a safetensors file --------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_PARAMS_HEADER_H
#define QNT_LIB_PARAMS_HEADER_H

#include "qnt/Params/SafeTensors.h"

#include <optional>

namespace qnt::params {

/// The format's own limit on a header, which readers rely on.
constexpr uint64_t maxHeaderBytes = 100'000'000;

/// Where every tensor starts in the files that we write.
constexpr int64_t tensorAlignment = 64;

/// The format allows no holes between tensors. Where one is needed to align the
/// next tensor, a U8 tensor of this name and a number fills it; the reader
/// hides these.
constexpr std::string_view paddingPrefix = "__pad__.";

std::optional<DType> parseDType(std::string_view name);

/// Bytes that a shape takes, or nothing when they exceed 63 bits.
std::optional<int64_t> shapeBytes(DType dtype, std::span<const int64_t> shape);

/// "[2, 3]".
std::string toString(std::span<const int64_t> shape);

struct Header {
  std::map<std::string, TensorView, std::less<>> tensors;
  std::map<std::string, std::string> metadata;
};

/// Reads and checks the header of the safetensors file that fills `file`; the
/// views point into it. `path` names it in errors. Throws ParamsError.
Header parseHeader(std::span<const std::byte> file, const std::string &path);

/// The header of a file with these tensors, padded so that the data start
/// aligned, with its length in front. `begins` are the tensors' offsets in the
/// data, aligned; the holes between them become padding tensors. Throws
/// ParamsError.
std::string makeHeader(const std::vector<SafeTensorsWriter::Entry> &entries,
                       const std::vector<int64_t> &begins,
                       const std::map<std::string, std::string> &metadata,
                       const std::string &path);

} // namespace qnt::params

#endif // QNT_LIB_PARAMS_HEADER_H
