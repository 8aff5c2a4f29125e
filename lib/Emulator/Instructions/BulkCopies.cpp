//===- BulkCopies.cpp - cp.async.bulk, plain and of tensors -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// From global to shared memory of the block itself, counted by an mbarrier (PTX
// ISA, "Data Movement and Conversion Instructions: Bulk copy" and "Tensor
// copy").
//===----------------------------------------------------------------------===//
#include "../Instructions.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "llvm/Support/FormatVariadic.h"

#include <cstring>

using namespace mlir;
using namespace qnt::emu;

static bool isMultiple(const void *pointer, uintptr_t of) {
  return reinterpret_cast<uintptr_t>(pointer) % of == 0;
}

/// Begins a copy of `image` to `to`, which `barrier` counts.
static void begin(Execution &execution, char *to, const char *barrier,
                  std::vector<char> image) {
  ThreadBlock &block = execution.block;
  if (image.empty() || !block.isShared(to) ||
      !block.isShared(to + image.size() - 1))
    return execution.fail(0, "copies to outside of shared memory");
  if (!block.isShared(barrier))
    return execution.fail(0, "is no mbarrier in shared memory");
  std::string error = block.barriers.beginCopy(
      execution.lane(0).clock, block.getShared(),
      {block.offsetOf(barrier), block.offsetOf(to), std::move(image)});
  if (!error.empty())
    execution.fail(0, error);
}

/// to, from, barrier, bytes.
static FailureOr<Instruction>
lowerCopy(NVVM::CpAsyncBulkGlobalToSharedClusterOp op) {
  if (op.getMulticastMask() || op.getL2CacheHint())
    return op.emitOpError("has a multicast mask or a cache hint");
  return Instruction{
      Scope::Lane, [](Execution &execution) {
        auto *to = execution.operand<char *>(0, 0);
        auto *from = execution.operand<const char *>(0, 1);
        size_t bytes = execution.operand<uint32_t>(0, 3);
        if (!isMultiple(to, 16) || !isMultiple(from, 16) || bytes % 16)
          return execution.fail(0, "an address or size is no multiple of 16");
        if (!execution.access(0, from, bytes, /*isWrite=*/false))
          return;
        begin(execution, to, execution.operand<const char *>(0, 2),
              std::vector<char>(from, from + bytes));
      }};
}

/// What is wrong with a map, or with copying its boxes to `to`.
static std::string check(const TensorMap &map, const char *to) {
  if (!isMultiple(map.data, 16) || map.rowBytes % 16)
    return "the tensor's address or row is no multiple of 16 bytes";
  if (map.boxRows == 0 || map.boxRows > 256 || map.boxColumns == 0 ||
      map.boxColumns > 256)
    return llvm::formatv("a box of {0} x {1}, whose sides are 1 to 256",
                         map.boxRows, map.boxColumns);
  uint32_t boxRow = map.boxColumns * map.elementBytes;
  if (boxRow % 16 || (map.swizzle && boxRow != map.swizzle))
    return llvm::formatv("a box's rows of {0} bytes, with a swizzle of {1}",
                         boxRow, map.swizzle);
  if (map.swizzle != 0 && map.swizzle != 64 && map.swizzle != 128)
    return llvm::formatv("a swizzle of {0}", map.swizzle);
  // The pattern repeats after 8 rows.
  if (!isMultiple(to, map.swizzle ? 8 * map.swizzle : 128))
    return "a box at an address that is not aligned";
  return {};
}

/// The box at `column`, `row`: zeros where the tensor has nothing. With a
/// swizzle of 128 bytes, column c of 16 bytes in row r is at c ^ (r % 8), of 64
/// bytes at c ^ (r / 2 % 4).
static bool read(Execution &execution, const TensorMap &map, int64_t column,
                 int64_t row, std::vector<char> &image) {
  int64_t boxRow = map.boxColumns * map.elementBytes;
  image.assign(size_t(boxRow * map.boxRows), 0);
  for (int64_t i = 0; i < map.boxRows; ++i) {
    if (row + i < 0 || row + i >= int64_t(map.rows))
      continue;
    auto *from = static_cast<const char *>(map.data) + (row + i) * map.rowBytes;
    int64_t first = std::max<int64_t>(column, 0);
    int64_t last = std::min<int64_t>(column + map.boxColumns, map.columns);
    if (first >= last)
      continue;
    if (!execution.access(0, from + first * map.elementBytes,
                          size_t((last - first) * map.elementBytes),
                          /*isWrite=*/false))
      return false;
    for (int64_t j = first; j < last; ++j) {
      int64_t at = (j - column) * map.elementBytes;
      if (map.swizzle)
        at ^= (i * boxRow >> 7 & (map.swizzle / 16 - 1)) * 16;
      std::memcpy(image.data() + i * boxRow + at, from + j * map.elementBytes,
                  map.elementBytes);
    }
  }
  return true;
}

/// to, map, column, row, barrier.
static FailureOr<Instruction>
lowerTensorCopy(NVVM::CpAsyncBulkTensorGlobalToSharedClusterOp op) {
  if (op.getCoordinates().size() != 2 || op.getMulticastMask() ||
      op.getL2CacheHint() || op.getPredicate() ||
      !op.getIm2colOffsets().empty() || op.getMode() != NVVM::TMALoadMode::TILE)
    return op.emitOpError("is no plain copy of a tile of two dimensions");
  return Instruction{
      Scope::Lane, [](Execution &execution) {
        auto *to = execution.operand<char *>(0, 0);
        const auto &map = *execution.operand<const TensorMap *>(0, 1);
        std::string error = check(map, to);
        if (!error.empty())
          return execution.fail(0, error);
        std::vector<char> image;
        if (read(execution, map, execution.operand<int32_t>(0, 2),
                 execution.operand<int32_t>(0, 3), image))
          begin(execution, to, execution.operand<const char *>(0, 4),
                std::move(image));
      }};
}

void qnt::emu::addBulkCopies(InstructionTable &table) {
  table.add<NVVM::CpAsyncBulkGlobalToSharedClusterOp>(lowerCopy);
  table.add<NVVM::CpAsyncBulkTensorGlobalToSharedClusterOp>(lowerTensorCopy);
  table.add<NVVM::PrefetchOp>(+[](NVVM::PrefetchOp) -> FailureOr<Instruction> {
    return Instruction{Scope::Lane, [](Execution &) {}};
  });
}
