//===- MBarriers.cpp - mbarriers and proxies -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "../Instructions.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace qnt::emu;

/// The offset of the mbarrier that operand `index` points at; false after an
/// error.
static bool locate(Execution &execution, unsigned index, size_t &offset) {
  auto *pointer = execution.operand<const char *>(0, index);
  ThreadBlock &block = execution.block;
  if (!block.isShared(pointer) || !block.isShared(pointer + 7))
    return execution.fail(0, "is no mbarrier in shared memory"), false;
  offset = block.offsetOf(pointer);
  if (offset % 8)
    return execution.fail(0, "is an mbarrier at no multiple of 8"), false;
  return true;
}

static void check(Execution &execution, const std::string &error) {
  if (!error.empty())
    execution.fail(0, error);
}

/// `run(barriers, the lane's clock, the first operand's offset)` gives an error
/// or nothing.
template <typename Run> static Instruction onBarrier(Run run) {
  return {Scope::Lane, [run](Execution &execution) {
            size_t at = 0;
            if (locate(execution, 0, at))
              check(execution, run(execution, execution.block.barriers,
                                   execution.lane(0).clock, at));
          }};
}

static FailureOr<Instruction> lowerInit(NVVM::MBarrierInitOp op) {
  if (op.getPredicate())
    return op.emitOpError("has a predicate");
  return onBarrier([](Execution &execution, MBarriers &barriers,
                      LaneClock &clock, size_t at) {
    return barriers.init(clock, at, execution.operand<uint32_t>(0, 1));
  });
}

static FailureOr<Instruction> lowerArrive(NVVM::MBarrierArriveOp op) {
  if (op.getRes() || op.getRelaxed())
    return op.emitOpError("gives a state or is relaxed");
  bool hasCount = op.getCount() != nullptr;
  return onBarrier([hasCount](Execution &execution, MBarriers &barriers,
                              LaneClock &clock, size_t at) {
    uint32_t count = hasCount ? execution.operand<uint32_t>(0, 1) : 1;
    return barriers.arrive(clock, at, count);
  });
}

static FailureOr<Instruction>
lowerArriveExpect(NVVM::MBarrierArriveExpectTxOp op) {
  if (op.getPredicate() || op.getRes() || op.getRelaxed())
    return op.emitOpError("has a predicate, gives a state or is relaxed");
  return onBarrier([](Execution &execution, MBarriers &barriers,
                      LaneClock &clock, size_t at) {
    std::string error =
        barriers.expect(clock, at, execution.operand<uint32_t>(0, 1));
    return error.empty() ? barriers.arrive(clock, at, 1) : error;
  });
}

/// The op goes on until the phase has ended.
static FailureOr<Instruction> lowerWait(NVVM::MBarrierTryWaitParityOp) {
  Instruction instruction;
  instruction.scope = Scope::Lane;
  instruction.isReady = [](Execution &execution) {
    size_t at = 0;
    bool done = false;
    if (locate(execution, 0, at))
      check(execution, execution.block.barriers.tryWait(
                           execution.lane(0).clock, at,
                           execution.operand<uint32_t>(0, 1), done));
    return done;
  };
  instruction.run = [](Execution &execution) {
    size_t at = 0;
    if (locate(execution, 0, at))
      execution.fail(0, execution.block.barriers.describe(at));
  };
  return instruction;
}

static FailureOr<Instruction> lowerFence(NVVM::FenceProxyOp op) {
  if (op.getKind() != NVVM::ProxyKind::async_shared)
    return op.emitOpError("fences other than the async proxy of shared memory");
  return Instruction{Scope::Lane, [](Execution &execution) {
                       LaneClock &clock = execution.lane(0).clock;
                       execution.block.barriers.fence(clock);
                       execution.block.shadow.fence(clock);
                     }};
}

static FailureOr<Instruction> lowerInitFence(NVVM::FenceMbarrierInitOp) {
  return Instruction{Scope::Lane, [](Execution &execution) {
                       execution.block.barriers.fence(execution.lane(0).clock);
                     }};
}

void qnt::emu::addMBarriers(InstructionTable &table) {
  table.add<NVVM::MBarrierInitOp>(lowerInit);
  table.add<NVVM::MBarrierArriveOp>(lowerArrive);
  table.add<NVVM::MBarrierArriveExpectTxOp>(lowerArriveExpect);
  table.add<NVVM::MBarrierTryWaitParityOp>(lowerWait);
  table.add<NVVM::FenceProxyOp>(lowerFence);
  table.add<NVVM::FenceMbarrierInitOp>(lowerInitFence);
}
