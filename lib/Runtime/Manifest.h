//===- Manifest.h - what a compiled model says of itself --------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_LIB_RUNTIME_MANIFEST_H
#define QNT_LIB_RUNTIME_MANIFEST_H

#include "qnt/Runtime/qnt.h"

#include <optional>
#include <string>
#include <vector>

namespace qnt::runtime {

/// An input or output. Negative extents are -1 - d for the entry's symbolic
/// dimension d, or QNT_DIM_COMPUTED.
struct TensorSpec {
  std::string name;
  qnt_dtype dtype;
  std::vector<int64_t> shape;
};

struct EntrySpec {
  std::string name;
  std::vector<std::string> dims;
  std::vector<TensorSpec> inputs, outputs;
  bool kv = false;
};

/// One extent: a size or QNT_DIM_COMPUTED, or a dimension's name.
struct Extent {
  int64_t size = 0;
  std::string dim;
};

/// An operation that `after_op` reports. Without a dtype its output is internal
/// to the compiled code.
struct OpSpec {
  std::string name;
  std::optional<qnt_dtype> dtype;
  size_t rank = 0;
};

/// An argument of a kernel that is a CUtensorMap of rows at the address that a
/// launch gives.
struct TensorMapSpec {
  size_t kernel = 0, argument = 0;
  int64_t elementBytes = 0, columns = 0, rowBytes = 0;
  /// The argument that is the number of rows.
  size_t rows = 0;
  int64_t boxColumns = 0, boxRows = 0;
};

/// The GPU that a model runs on.
struct DeviceSpec {
  std::string chip;
  /// Names of kernels, by the number that launches give.
  std::vector<std::string> kernels;
  std::vector<TensorMapSpec> tensorMaps;
  int64_t workspace = 0;
};

/// The parts of the manifest (docs/abi.md) that the loader acts on.
struct Manifest {
  /// Of "model"; 0 when not stated.
  int64_t vocabSize = 0, maxLength = 0, tokenTypes = 0;
  /// Whether symbolic dimensions may be 0: those of plain graphs.
  bool takesEmpty = false;
  int64_t paramsSize = 0;
  std::string paramsSha256;
  std::vector<std::string> params;
  std::vector<EntrySpec> entries;
  std::vector<OpSpec> ops;
  std::optional<DeviceSpec> device;

  /// Throws Error that names `path` and the key at fault.
  static Manifest parse(const std::string &path, const char *json);
};

/// Rank at most, so that calls need no allocation.
inline constexpr size_t maxRank = 8;
/// Symbolic dimensions of an entry at most.
inline constexpr size_t maxDims = 16;

/// Arguments of a kernel at most.
inline constexpr size_t maxArguments = 64;

/// Inputs, and outputs, of an entry at most.
inline constexpr size_t maxTensors = 512;

/// "[2, 3]".
std::string shapeText(const int64_t *shape, size_t rank);
/// The same with symbolic dimensions by name: "[batch, 3]".
std::string shapeText(const TensorSpec &spec, const EntrySpec &entry);

} // namespace qnt::runtime

#endif // QNT_LIB_RUNTIME_MANIFEST_H
