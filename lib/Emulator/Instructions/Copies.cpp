//===- Copies.cpp - copies in the background -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "../Instructions.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "llvm/Support/FormatVariadic.h"

#include <cstring>

using namespace mlir;
using namespace qnt::emu;

/// cp.async: to, from, and how many of the bytes are read.
static FailureOr<Instruction> lowerCopy(NVVM::CpAsyncOp op) {
  size_t bytes = op.getSize();
  bool isPartial = op.getCpSize() != nullptr;
  return Instruction{
      Scope::Lane, [bytes, isPartial](Execution &execution) {
        Lane &lane = execution.lane(0);
        auto *to = execution.operand<char *>(0, 0);
        auto *from = execution.operand<const char *>(0, 1);
        size_t valid = bytes;
        if (isPartial)
          valid = std::min<size_t>(bytes, execution.operand<uint32_t>(0, 2));
        if (reinterpret_cast<uintptr_t>(to) % bytes ||
            (valid && reinterpret_cast<uintptr_t>(from) % bytes))
          return execution.fail(
              0, llvm::formatv("an address is no multiple of {0}", bytes));
        if (valid && !execution.access(0, from, valid, /*isWrite=*/false))
          return;
        ThreadBlock &block = execution.block;
        if (!block.isShared(to) || !block.isShared(to + bytes - 1))
          return execution.fail(0, "copies to outside of shared memory");
        std::string why =
            block.shadow.beginCopy(lane.clock, block.offsetOf(to), bytes);
        if (!why.empty())
          return execution.fail(0, why);
        std::memset(to, 0xff, bytes);
        lane.copies.back().push_back({to, from, bytes, valid});
      }};
}

static FailureOr<Instruction> lowerCommit(NVVM::CpAsyncCommitGroupOp) {
  return Instruction{Scope::Lane, [](Execution &execution) {
                       execution.lane(0).copies.emplace_back();
                     }};
}

/// Ends all groups but the last `n` that were committed.
static FailureOr<Instruction> lowerWait(NVVM::CpAsyncWaitGroupOp op) {
  size_t left = size_t(op.getN()) + 1;
  return Instruction{
      Scope::Lane, [left](Execution &execution) {
        Lane &lane = execution.lane(0);
        while (lane.copies.size() > left) {
          for (const PendingCopy &copy : lane.copies.front()) {
            if (copy.valid)
              std::memcpy(copy.to, copy.from, copy.valid);
            std::memset(copy.to + copy.valid, 0, copy.bytes - copy.valid);
            execution.block.shadow.endCopy(
                lane.clock, execution.block.offsetOf(copy.to), copy.bytes);
          }
          lane.copies.erase(lane.copies.begin());
        }
      }};
}

void qnt::emu::addCopies(InstructionTable &table) {
  table.add<NVVM::CpAsyncOp>(lowerCopy);
  table.add<NVVM::CpAsyncCommitGroupOp>(lowerCommit);
  table.add<NVVM::CpAsyncWaitGroupOp>(lowerWait);
}
