//===- Proto.h - the messages of an ONNX file -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// What importers need of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
// (IR version 3 to 13). Strings and tensor data are views of the file.
//
//===----------------------------------------------------------------------===//
#ifndef QNT_IMPORT_ONNX_PROTO_H
#define QNT_IMPORT_ONNX_PROTO_H

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace qnt::onnx {

struct GraphProto;

struct TensorProto {
  llvm::StringRef name;
  llvm::SmallVector<int64_t> dims;
  int64_t dataType = 0;
  /// Present, if empty, when the field is there.
  std::optional<llvm::StringRef> rawData;
  /// The encoded elements of the typed fields, in pieces.
  llvm::SmallVector<llvm::StringRef, 1> floatData, int32Data, int64Data,
      doubleData, uint64Data;
  bool isExternal = false;
  llvm::SmallVector<std::pair<llvm::StringRef, llvm::StringRef>> external;
};

struct AttributeProto {
  enum Type : int64_t {
    Undefined,
    Float,
    Int,
    String,
    Tensor,
    Graph,
    Floats,
    Ints,
    Strings
  };
  llvm::StringRef name;
  /// The attribute of the enclosing function that stands here.
  llvm::StringRef reference;
  int64_t type = Undefined;
  float f = 0;
  int64_t i = 0;
  llvm::StringRef s;
  llvm::SmallVector<float> floats;
  llvm::SmallVector<int64_t> ints;
  llvm::SmallVector<llvm::StringRef> strings;
  /// At most one each.
  std::vector<TensorProto> tensor;
  std::vector<GraphProto> graph;
};

struct NodeProto {
  llvm::StringRef name, opType, domain, overload;
  llvm::SmallVector<llvm::StringRef> inputs, outputs;
  std::vector<AttributeProto> attributes;
};

/// A dimension of a declared shape: neither a value nor a name when unknown.
struct DimProto {
  std::optional<int64_t> value;
  llvm::StringRef param;
};

struct ValueInfoProto {
  llvm::StringRef name;
  /// What the type is when it is no tensor: "a sequence", ...
  llvm::StringRef otherType;
  int64_t dataType = 0;
  /// None for a tensor of unknown rank.
  std::optional<llvm::SmallVector<DimProto>> shape;
};

struct GraphProto {
  llvm::StringRef name;
  std::vector<NodeProto> nodes;
  std::vector<TensorProto> initializers;
  std::vector<ValueInfoProto> inputs, outputs;
  bool hasSparseInitializers = false;
};

struct OpsetId {
  llvm::StringRef domain;
  int64_t version = 0;
};

struct FunctionProto {
  llvm::StringRef name, domain, overload;
  llvm::SmallVector<llvm::StringRef> inputs, outputs;
  /// Attributes with a default.
  std::vector<AttributeProto> attributeDefaults;
  std::vector<NodeProto> nodes;
  std::vector<OpsetId> opsets;
};

struct ModelProto {
  int64_t irVersion = 0;
  std::vector<OpsetId> opsets;
  std::optional<GraphProto> graph;
  std::vector<FunctionProto> functions;
};

/// Parses a file, whose bytes must outlive the result. Throws ImportError that
/// names no file.
ModelProto parseModel(llvm::StringRef file);
/// As `parseModel`, of a file with one tensor.
TensorProto parseTensor(llvm::StringRef file);

} // namespace qnt::onnx

#endif // QNT_IMPORT_ONNX_PROTO_H
