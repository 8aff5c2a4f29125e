//===- Wire.h - protobuf's wire format, read in place -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// https://protobuf.dev/programming-guides/encoding. Fields come one after the
// other as tags and payloads; nothing is copied, so that a model's weights stay
// in the mapped file, and no limit on the size of a message applies.
//
//===----------------------------------------------------------------------===//
#ifndef QNT_IMPORT_ONNX_WIRE_H
#define QNT_IMPORT_ONNX_WIRE_H

#include "Error.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"

#include <cstdint>

namespace qnt::onnx {

/// The fields of one message, in the order of the file. Every function throws
/// ImportError on malformed bytes; its message names no file.
class WireReader {
public:
  explicit WireReader(llvm::StringRef message) : rest(message) {}

  /// Goes to the next field; false at the end.
  bool next();
  /// The number of the current field.
  uint32_t field() const { return number; }

  int64_t integer() const;
  float real() const;
  llvm::StringRef bytes() const;
  /// Appends the value of a repeated integer, or all of a packed one.
  void append(llvm::SmallVectorImpl<int64_t> &values) const;
  /// Likewise, of floats.
  void append(llvm::SmallVectorImpl<float> &values) const;
  /// Appends the encoded bytes of a repeated number, packed or single.
  void appendPayload(llvm::SmallVectorImpl<llvm::StringRef> &pieces) const;

  /// Takes a varint off the front of `bytes`.
  static uint64_t takeVarint(llvm::StringRef &bytes);

private:
  enum Type : uint32_t { Varint = 0, Fixed64 = 1, Bytes = 2, Fixed32 = 5 };
  [[noreturn]] void wrongType() const;

  llvm::StringRef rest;
  /// Of the current field: the bytes that encode its value.
  llvm::StringRef payload;
  uint32_t number = 0;
  uint32_t type = 0;
};

} // namespace qnt::onnx

#endif // QNT_IMPORT_ONNX_WIRE_H
