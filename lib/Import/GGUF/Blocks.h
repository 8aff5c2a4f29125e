//===- Blocks.h - the tensor types of GGUF that are read --------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#ifndef QNT_IMPORT_GGUF_BLOCKS_H
#define QNT_IMPORT_GGUF_BLOCKS_H

#include "qnt/Params/SafeTensors.h"

#include "mlir/IR/Types.h"
#include "llvm/ADT/ArrayRef.h"

#include <span>
#include <string>

namespace qnt::gguf {

/// What a block becomes: its codes, one a byte, and for each `group` of them a
/// scale and, with offsets, an offset, as docs/ir.md stores them. Null outputs
/// are not wanted.
struct BlockOut {
  uint8_t *codes = nullptr;
  /// f16 or f32, as `BlockType::scale` says.
  std::byte *scales = nullptr;
  float *offsets = nullptr;
};

struct BlockType {
  uint32_t id;
  const char *name;
  /// Elements and bytes of a block.
  int64_t elements, bytes;
  /// Of floats, the dtype; codes are U8.
  params::DType dtype;
  /// Of quantised tensors: the number format, the elements that share a scale,
  /// the dtype of the scales, and whether there are offsets.
  const char *format = nullptr;
  int64_t group = 0;
  params::DType scale = params::DType::F32;
  bool hasOffsets = false;
  void (*unpack)(const std::byte *block, BlockOut out) = nullptr;

  bool isQuantized() const { return format; }
  /// The type of a global of this shape: a tensor, or a !qnt.tensor.
  mlir::Type getType(llvm::ArrayRef<int64_t> shape,
                     mlir::MLIRContext *context) const;
};

/// Null for types that are not read.
const BlockType *findBlockType(uint32_t id);
/// "Q5_K (13)", or the number of an unknown type.
std::string describeBlockType(uint32_t id);
/// The types that are read: "F32, F16, ...".
std::string listBlockTypes();

} // namespace qnt::gguf

#endif // QNT_IMPORT_GGUF_BLOCKS_H
