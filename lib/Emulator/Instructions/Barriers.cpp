//===- Barriers.cpp - barriers -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "../Instructions.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace qnt::emu;

/// All lanes have come: what they did comes before what they do next.
static void synchronize(Execution &execution) {
  SmallVector<LaneClock *> clocks;
  for (Lane *lane : execution.all())
    clocks.push_back(&lane->clock);
  LaneClock::synchronize(clocks);
}

void qnt::emu::addBarriers(InstructionTable &table) {
  table.add<gpu::BarrierOp>(+[](gpu::BarrierOp) -> FailureOr<Instruction> {
    return Instruction{Scope::Block, synchronize};
  });
  table.add<NVVM::SyncWarpOp>(+[](NVVM::SyncWarpOp) -> FailureOr<Instruction> {
    return Instruction{Scope::Warp, [](Execution &execution) {
                         for (size_t i = 0; i < execution.size(); ++i)
                           if (execution.operand<uint32_t>(i, 0) != ~0u)
                             return execution.fail(
                                 i, "expected the mask of all lanes");
                         synchronize(execution);
                       }};
  });
  // Blocks follow one another, and a lane's accesses its program.
  table.add<NVVM::MembarOp>(+[](NVVM::MembarOp) -> FailureOr<Instruction> {
    return Instruction{Scope::Lane, [](Execution &) {}};
  });
}
