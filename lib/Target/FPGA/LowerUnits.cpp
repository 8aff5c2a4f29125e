//===- LowerUnits.cpp - units as processes -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Units.h"
#include "WindowSchedule.h"

#include "qnt/Target/FPGA/Passes.h"

#include "llvm/ADT/TypeSwitch.h"

namespace qnt::fpga {
#define GEN_PASS_DEF_LOWERUNITSPASS
#include "qnt/Target/FPGA/Passes.h.inc"
} // namespace qnt::fpga

using namespace mlir;
using namespace qnt;
using namespace qnt::fpga;
using namespace qnt::qflow;

/// The process of a unit; none of another op.
static ProcessOp lower(Operation *op) {
  OpBuilder builder(op);
  return llvm::TypeSwitch<Operation *, ProcessOp>(op)
      .Case([&](DotOp op) { return lowerDot(op, builder); })
      .Case([&](ForkOp op) { return lowerFork(op, builder); })
      .Case([&](LookupOp op) { return lowerLookup(op, builder); })
      .Case([&](PadOp op) { return lowerPad(op, builder); })
      .Case([&](PoolOp op) { return lowerPool(op, builder); })
      .Case([&](RequantizeOp op) { return lowerRequantize(op, builder); })
      .Case([&](ReorderOp op) { return lowerReorder(op, builder); })
      .Case([&](SliceOp op) { return lowerSlice(op, builder); })
      .Case([&](TiledDotOp op) { return lowerTiledDot(op, builder); })
      .Case([&](WidthOp op) { return lowerWidth(op, builder); })
      .Case([&](WindowOp op) { return lowerWindow(op, builder); })
      .Default([](Operation *) { return ProcessOp(); });
}

int64_t fpga::getCycles(Operation *op) {
  auto getWords = [](Value stream) {
    return cast<StreamType>(stream.getType()).getWords();
  };
  return llvm::TypeSwitch<Operation *, int64_t>(op)
      .Case([&](DotOp op) {
        StreamType from = op.getInput().getType(),
                   to = op.getResult().getType();
        int64_t rows = to.getLanes();
        return op.getPort() ? countMemoryCycles(op, rows, from.getLanes())
                            : from.getWords() * (to.getShape().back() / rows);
      })
      .Case([](TiledDotOp op) {
        return TiledDotOp::countCycles(op.getVectors(), op.getTiles(),
                                       op.getSteps());
      })
      .Case([&](ReorderOp op) { return 2 * getWords(op.getInput()); })
      .Case([&](FetchOp op) { return getWords(op.getResult()); })
      .Case([](WindowOp op) { return WindowSchedule(op).getIterations(); })
      .Case<ForkOp, LookupOp, PoolOp, RequantizeOp>(
          [&](auto op) { return getWords(op.getInput()); })
      .Case<PadOp, SliceOp, WidthOp>([&](auto op) {
        return std::max(getWords(op.getInput()), getWords(op.getResult()));
      })
      .Case([](ProcessOp op) { return op.getIterations(); })
      .Default([](Operation *) { return 0; });
}

namespace {
class LowerUnits : public fpga::impl::LowerUnitsPassBase<LowerUnits> {
  void runOnOperation() override {
    for (auto dot : llvm::make_early_inc_range(
             getOperation().getBody().front().getOps<DotOp>()))
      if (dot.getPort())
        expandMemoryDot(dot);
    for (Operation &op :
         llvm::make_early_inc_range(getOperation().getBody().front())) {
      auto width = dyn_cast<WidthOp>(op);
      if (width && width.getInput().getType() == width.getResult().getType())
        width.getResult().replaceAllUsesWith(width.getInput());
      else if (ProcessOp process = lower(&op))
        op.replaceAllUsesWith(process);
      else
        continue;
      op.erase();
    }
  }
};
} // namespace
