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
      .Case([&](ConcatOp op) { return lowerConcat(op, builder); })
      .Case([&](DepthwiseOp op) { return lowerDepthwise(op, builder); })
      .Case([&](DivideOp op) { return lowerDivide(op, builder); })
      .Case([&](DotOp op) {
        return op.getInTables() ? lowerTableDot(op, builder)
                                : lowerDot(op, builder);
      })
      .Case([&](ExponentialsOp op) { return lowerExponentials(op, builder); })
      .Case([&](ForkOp op) { return lowerFork(op, builder); })
      .Case([&](LookupOp op) { return lowerLookup(op, builder); })
      .Case([&](MixOp op) { return lowerMix(op, builder); })
      .Case([&](MultiplyOp op) { return lowerMultiply(op, builder); })
      .Case([&](NormalizeOp op) { return lowerNormalize(op, builder); })
      .Case([&](PadOp op) { return lowerPad(op, builder); })
      .Case([&](PoolOp op) { return lowerPool(op, builder); })
      .Case([&](RequantizeOp op) { return lowerRequantize(op, builder); })
      .Case([&](ReorderOp op) { return lowerReorder(op, builder); })
      .Case([&](RopeOp op) { return lowerRope(op, builder); })
      .Case([&](ScoresOp op) { return lowerScores(op, builder); })
      .Case([&](SliceOp op) { return lowerSlice(op, builder); })
      .Case([&](TiledDotOp op) { return lowerTiledDot(op, builder); })
      .Case([&](WidthOp op) { return lowerWidth(op, builder); })
      .Case([&](WindowOp op) { return lowerWindow(op, builder); })
      .Default([](Operation *) { return ProcessOp(); });
}

static std::optional<LaneFolding> findLaneFolding(Operation *op) {
  using Result = std::optional<LaneFolding>;
  auto getElements = [](Value stream) {
    return cast<StreamType>(stream.getType()).getElements();
  };
  return llvm::TypeSwitch<Operation *, Result>(op)
      .Case([&](DepthwiseOp op) {
        return LaneFolding{getElements(op.getInput()),
                           op.getChannels(),
                           {&op.getInputMutable()},
                           {}};
      })
      .Case([&](DivideOp op) {
        return LaneFolding{getElements(op.getResult()),
                           op.getHeadSize(),
                           {&op.getSumsMutable()},
                           {op.getResult()}};
      })
      .Case([&](ExponentialsOp op) {
        int64_t tokens = op.getScores().getType().getShape().back();
        return LaneFolding{getElements(op.getScores()) + tokens,
                           tokens,
                           {&op.getScoresMutable()},
                           {op.getPowers()}};
      })
      .Case([&](MixOp op) {
        return LaneFolding{getElements(op.getResult()) * op.getTokens(),
                           op.getHeadSize(),
                           {&op.getValuesMutable()},
                           {op.getResult()}};
      })
      .Case([&](MultiplyOp op) {
        return LaneFolding{getElements(op.getResult()),
                           op.getResult().getType().getShape().back(),
                           {&op.getAMutable(), &op.getBMutable()},
                           {op.getResult()}};
      })
      .Case([&](NormalizeOp op) {
        int64_t size = op.getInput().getType().getShape().back();
        return LaneFolding{getElements(op.getInput()) + size,
                           size,
                           {&op.getInputMutable()},
                           {op.getResult()}};
      })
      .Case([&](RopeOp op) {
        int64_t size = op.getHeadSize();
        return LaneFolding{getElements(op.getInput()) + size,
                           size / 2,
                           {&op.getInputMutable()},
                           {op.getResult()}};
      })
      .Case([&](ScoresOp op) {
        return LaneFolding{getElements(op.getResult()) * op.getHeadSize(),
                           op.getHeadSize(),
                           {&op.getQueriesMutable(), &op.getKeysMutable()},
                           {}};
      })
      .Default([](Operation *) { return std::nullopt; });
}

std::optional<LaneFolding> fpga::getLaneFolding(Operation *op) {
  auto folding = findLaneFolding(op);
  if (!folding)
    return folding;
  // Of a pair in a table.
  if (isa<RopeOp>(op))
    folding->laneBits = 32;
  // What a channel gives, and is multiplied with.
  if (auto depthwise = dyn_cast<DepthwiseOp>(op))
    folding->laneBits =
        depthwise.getMultiplier() *
        std::max(
            depthwise.getResult().getType().getElement().getWidth(),
            depthwise.getWeights().getElementType().getIntOrFloatBitWidth());
  auto count = [&](Value stream) {
    int64_t bits = cast<StreamType>(stream.getType()).getElement().getWidth();
    folding->laneBits = std::max(folding->laneBits, bits);
  };
  for (OpOperand *operand : folding->operands)
    count(operand->get());
  for (Value result : folding->results)
    count(result);
  return folding;
}

int64_t LaneFolding::getCycles() const {
  return work / cast<StreamType>(operands.front()->get().getType()).getLanes();
}

int64_t fpga::getCycles(Operation *op) {
  if (auto folding = getLaneFolding(op))
    return folding->getCycles();
  auto getWords = [](Value stream) {
    return cast<StreamType>(stream.getType()).getWords();
  };
  return llvm::TypeSwitch<Operation *, int64_t>(op)
      .Case([&](DotOp op) {
        StreamType from = op.getInput().getType(),
                   to = op.getResult().getType();
        int64_t rows = to.getLanes();
        if (op.getInTables())
          return DotOp::countTableCycles(from.getWords(),
                                         to.getShape().back() / rows);
        if (op.getVectors())
          return op.countPairCycles(rows, from.getLanes());
        return op.getPort() ? countMemoryCycles(op, rows, from.getLanes())
                            : from.getWords() * (to.getShape().back() / rows);
      })
      .Case([](TiledDotOp op) {
        return TiledDotOp::countCycles(op.getVectors(), op.getTiles(),
                                       op.getSteps());
      })
      .Case([&](ReorderOp op) { return 2 * getWords(op.getInput()); })
      .Case<ConcatOp, FetchOp>(
          [&](auto op) { return getWords(op.getResult()); })
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
