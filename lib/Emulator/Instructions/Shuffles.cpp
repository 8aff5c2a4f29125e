//===- Shuffles.cpp - lanes of a warp read each other -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "../Instructions.h"

#include <cstring>

using namespace mlir;
using namespace qnt::emu;

/// gpu.shuffle over the whole warp: value, offset, width.
static FailureOr<Instruction> lowerShuffle(gpu::ShuffleOp op) {
  gpu::ShuffleMode mode = op.getMode();
  if (op.getValue().getType().getIntOrFloatBitWidth() != 32)
    return op.emitOpError("shuffles ")
           << op.getValue().getType() << "; expected 32 bits";
  return Instruction{
      Scope::Warp, [mode](Execution &execution) {
        for (size_t i = 0; i < execution.size(); ++i) {
          auto offset = execution.operand<int32_t>(i, 1);
          if (execution.operand<int32_t>(i, 2) != int32_t(kWarp))
            return execution.fail(i, "expected a width of 32 lanes");
          auto from = int32_t(i);
          switch (mode) {
          case gpu::ShuffleMode::XOR:
            from ^= offset;
            break;
          case gpu::ShuffleMode::UP:
            from -= offset;
            break;
          case gpu::ShuffleMode::DOWN:
            from += offset;
            break;
          case gpu::ShuffleMode::IDX:
            from = offset;
            break;
          }
          // A struct of the value and whether it is another lane's.
          bool isValid = from >= 0 && from < int32_t(kWarp);
          execution.result<uint32_t>(i) =
              execution.operand<uint32_t>(isValid ? size_t(from) : i, 0);
          execution.result<uint8_t>(i, 4) = isValid;
        }
      }};
}

void qnt::emu::addShuffles(InstructionTable &table) {
  table.add<gpu::ShuffleOp>(lowerShuffle);
}
