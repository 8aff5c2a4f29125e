//===- Npy.h - numpy's .npy and .npz files ----------------------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Format:
// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
// Versions 1 to 3, little endian, C order. What else numpy can store (Fortran
// order, big endian, records, text, objects) is refused by name.
//
//===----------------------------------------------------------------------===//
#ifndef QNT_SUPPORT_NPY_H
#define QNT_SUPPORT_NPY_H

#include "qnt/Support/Error.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace qnt::support {

enum class NpyType {
  F16,
  F32,
  F64,
  I8,
  U8,
  I16,
  U16,
  I32,
  U32,
  I64,
  U64,
  Bool
};

/// Bytes of one element.
size_t byteWidth(NpyType type);
/// "f32", "i64", "bool", ...: as in the manifest of a compiled model.
std::string_view name(NpyType type);

/// An array in row-major order. Rank 0 (shape {}) holds one element.
struct NpyArray {
  NpyType type = NpyType::F32;
  std::vector<int64_t> shape;
  std::vector<std::byte> bytes;

  int64_t numElements() const;
  /// The elements as f32, rounded to nearest from f64 and large integers.
  /// bool gives 0 and 1.
  std::vector<float> toFloats() const;
  /// The elements as i64; of u64 the same bits. Throws FileError for float
  /// types: a conversion that drops fractions is the caller's to write.
  std::vector<int64_t> toInts() const;
};

/// Malformed or unsupported files throw FileError, naming the path and the
/// array. A file must end where its array does.
NpyArray readNpy(const std::string &path);

/// Parses the bytes of an .npy file; `where` names them in errors.
NpyArray parseNpy(std::span<const std::byte> file, const std::string &where);

/// All arrays of an .npz file by name (without ".npy"), stored or compressed.
std::map<std::string, NpyArray> readNpz(const std::string &path);

/// Writes atomically, in format version 1. `bytes` must have the size that type
/// and shape give. Throws FileError.
void writeNpy(const std::string &path, NpyType type,
              std::span<const int64_t> shape, std::span<const std::byte> bytes);

} // namespace qnt::support

#endif // QNT_SUPPORT_NPY_H
