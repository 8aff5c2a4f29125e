//===- TensorMemory.cpp - tensor memory and its lanes -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// tcgen05.alloc, st, ld, wait, fence, commit (PTX ISA, "TensorCore 5th
// Generation Instructions"), with the figures of "Data Movement Shape" written
// as formulas.
//===----------------------------------------------------------------------===//
#include "../Instructions.h"

#include "qnt/Dialect/QGPU/QGPU.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "llvm/Support/FormatVariadic.h"

#include <cstring>

using namespace mlir;
using namespace qnt;
using namespace qnt::emu;

static void check(Execution &execution, size_t i, const std::string &error) {
  if (!error.empty())
    execution.fail(i, error);
}

template <typename Op> static bool isOfOneBlock(Op op) {
  return op.getGroup() == NVVM::CTAGroupKind::CTA_1;
}

//===----------------------------------------------------------------------===//
// Columns
//===----------------------------------------------------------------------===//

/// The number of columns, alike in all lanes; 0 after an error.
static uint32_t getColumns(Execution &execution) {
  auto columns = execution.operand<uint32_t>(0, 1);
  for (size_t i = 1; i < execution.size(); ++i)
    if (execution.operand<uint32_t>(i, 1) != columns)
      return execution.fail(i, "has a number of columns of its own"), 0;
  return columns;
}

static FailureOr<Instruction> lowerAlloc(NVVM::Tcgen05AllocOp op) {
  if (!isOfOneBlock(op))
    return op.emitOpError("allocates for two blocks");
  return Instruction{
      Scope::Warp, [](Execution &execution) {
        uint32_t columns = getColumns(execution), address = 0;
        if (!columns)
          return;
        auto *to = execution.operand<char *>(0, 0);
        if (!execution.block.isShared(to) || !execution.block.isShared(to + 3))
          return execution.fail(0, "writes outside of shared memory");
        if (!execution.access(0, to, 4, /*isWrite=*/true))
          return;
        check(execution, 0, execution.block.tensor.allocate(columns, address));
        std::memcpy(to, &address, 4);
      }};
}

static FailureOr<Instruction> lowerDealloc(NVVM::Tcgen05DeallocOp op) {
  if (!isOfOneBlock(op))
    return op.emitOpError("gives back what two blocks have");
  return Instruction{Scope::Warp, [](Execution &execution) {
                       if (uint32_t columns = getColumns(execution))
                         check(execution, 0,
                               execution.block.tensor.deallocate(
                                   execution.lane(0).clock,
                                   execution.operand<uint32_t>(0, 0), columns));
                     }};
}

static FailureOr<Instruction>
lowerRelinquish(NVVM::Tcgen05RelinquishAllocPermitOp) {
  return Instruction{Scope::Warp, [](Execution &execution) {
                       execution.block.tensor.relinquish();
                     }};
}

//===----------------------------------------------------------------------===//
// Stores and loads
//===----------------------------------------------------------------------===//

/// The address, alike in all lanes, within the lanes that the warp may reach: a
/// quarter, or half of one.
static bool locate(Execution &execution, size_t lanes,
                   TensorMemory::Place &place) {
  auto address = execution.operand<uint32_t>(0, 0);
  for (size_t i = 1; i < execution.size(); ++i)
    if (execution.operand<uint32_t>(i, 0) != address)
      return execution.fail(i, "has an address of its own"), false;
  place = TensorMemory::Place::of(address);
  size_t first = execution.lane(0).index % kWarpgroup;
  if (place.lane < first || place.lane + lanes > first + kWarp ||
      place.lane % lanes)
    return execution.fail(
               0, llvm::formatv("reaches {0} lanes of tensor memory from {1} "
                                "on, but the warp has lanes {2} to {3}",
                                lanes, place.lane, first, first + kWarp - 1)),
           false;
  return true;
}

/// 16x128b: lane i has words of 4 columns each, of row i / 4 in even registers
/// and of row i / 4 + 8 in odd ones. 32x32b: lane i has columns of row i.
static FailureOr<Instruction> lowerStore(NVVM::Tcgen05StOp op) {
  using Shape = NVVM::Tcgen05LdStShape;
  auto type = dyn_cast<VectorType>(op.getVal().getType());
  bool isOfRows = op.getShape() == Shape::SHAPE_32X32B;
  if ((!isOfRows && op.getShape() != Shape::SHAPE_16X128B) || op.getUnpack() ||
      op.getOffset() || !type)
    return op.emitOpError(
        "expected a store of the shape 16x128b, or of vectors of 32x32b");
  auto words = size_t(type.getNumElements());
  return Instruction{
      Scope::Warp, [words, isOfRows](Execution &execution) {
        TensorMemory::Place place{};
        if (!locate(execution, isOfRows ? kWarp : 16, place))
          return;
        for (size_t i = 0; i < execution.size(); ++i) {
          const auto *values = &execution.operand<uint32_t>(i, 1);
          for (size_t r = 0; r < words; ++r) {
            size_t row = isOfRows ? i : i / 4 + (r % 2 ? 8 : 0);
            size_t column = isOfRows ? r : r / 2 * 4 + i % 4;
            std::string error = execution.block.tensor.store(
                execution.lane(i).clock,
                {place.lane + row, place.column + column}, values[r]);
            if (!error.empty())
              return execution.fail(i, error);
          }
        }
      }};
}

/// 32x32b: lane i has columns of row i.
static FailureOr<Instruction> lowerLoad(qgpu::TensorLoadOp op) {
  size_t words = op.getValues().size();
  return Instruction{Scope::Warp, [words](Execution &execution) {
                       TensorMemory::Place place{};
                       if (!locate(execution, kWarp, place))
                         return;
                       for (size_t i = 0; i < execution.size(); ++i) {
                         std::string error = execution.block.tensor.load(
                             execution.lane(i).clock,
                             {place.lane + i, place.column},
                             {&execution.result<uint32_t>(i), words});
                         if (!error.empty())
                           return execution.fail(i, error);
                       }
                     }};
}

/// Loads of `qgpu.tensor_load` have been waited for.
static FailureOr<Instruction> lowerWait(NVVM::Tcgen05WaitOp op) {
  bool isStore = op.getKind() == NVVM::Tcgen05WaitKind::STORE;
  return Instruction{Scope::Warp, [isStore](Execution &execution) {
                       if (isStore)
                         for (Lane *lane : execution.all())
                           execution.block.tensor.endStores(lane->clock);
                     }};
}

//===----------------------------------------------------------------------===//
// Order
//===----------------------------------------------------------------------===//

static FailureOr<Instruction> lowerFence(NVVM::Tcgen05FenceOp op) {
  bool isBefore = op.getKind() == NVVM::Tcgen05FenceKind::BEFORE_THREAD_SYNC;
  return Instruction{Scope::Lane, [isBefore](Execution &execution) {
                       LaneClock &clock = execution.lane(0).clock;
                       if (isBefore)
                         execution.block.shadow.fenceTensorMemory(clock);
                       else
                         clock.seenByTensor = clock.seen;
                     }};
}

static FailureOr<Instruction> lowerCommit(NVVM::Tcgen05CommitOp op) {
  if (!isOfOneBlock(op) || op.getMulticastMask())
    return op.emitOpError("arrives at mbarriers of other blocks");
  return Instruction{
      Scope::Lane, [](Execution &execution) {
        auto *barrier = execution.operand<const char *>(0, 0);
        if (!execution.block.isShared(barrier))
          return execution.fail(0, "is no mbarrier in shared memory");
        check(execution, 0,
              execution.block.tensor.commit(execution.lane(0).clock,
                                            execution.block.offsetOf(barrier)));
      }};
}

void qnt::emu::addTensorMemory(InstructionTable &table) {
  table.add<NVVM::Tcgen05AllocOp>(lowerAlloc);
  table.add<NVVM::Tcgen05DeallocOp>(lowerDealloc);
  table.add<NVVM::Tcgen05RelinquishAllocPermitOp>(lowerRelinquish);
  table.add<NVVM::Tcgen05StOp>(lowerStore);
  table.add<qgpu::TensorLoadOp>(lowerLoad);
  table.add<NVVM::Tcgen05WaitOp>(lowerWait);
  table.add<NVVM::Tcgen05FenceOp>(lowerFence);
  table.add<NVVM::Tcgen05CommitOp>(lowerCommit);
}
