//===- LowerUnits.cpp - units as processes -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "ProcessBuilder.h"

#include "qnt/Target/FPGA/Passes.h"

namespace qnt::fpga {
#define GEN_PASS_DEF_LOWERUNITSPASS
#include "qnt/Target/FPGA/Passes.h.inc"
} // namespace qnt::fpga

using namespace mlir;
using namespace qnt;
using namespace qnt::fpga;
using namespace qnt::qflow;

static SmallVector<int64_t> countFrom(int64_t first, int64_t count) {
  return llvm::to_vector(llvm::seq(first, first + count));
}

static ProcessOp lower(ForkOp op, OpBuilder &builder) {
  StreamType type = op.getInput().getType();
  ProcessBuilder process(
      builder, op.getLoc(),
      {"fork", op->getOperands(), op->getResultTypes(), {type.getWords()}});
  Value word = process.read(0, process.isTrue());
  for (size_t number = 0; number < op.getNumResults(); ++number)
    process.write(number, word, process.isTrue());
  return process.finish({});
}

/// Lanes of a word one part after the other: the part that is next moves to the
/// lowest lanes.
static ProcessOp narrow(WidthOp op, OpBuilder &builder) {
  StreamType from = op.getInput().getType(), to = op.getResult().getType();
  int64_t lanes = from.getLanes(), part = to.getLanes();
  VectorType word = getWordVector(from);
  ProcessBuilder process(builder, op.getLoc(),
                         {"narrow",
                          op->getOperands(),
                          op->getResultTypes(),
                          {from.getWords(), lanes / part},
                          {builder.getZeroAttr(word)}});
  Value isNew = process.isAt(process.index(1), 0);
  Value now = process.select(isNew, process.read(0, isNew), process.state(0));
  process.write(0, process.shuffle(now, now, countFrom(0, part)),
                process.isTrue());
  return process.finish(process.shuffle(now, now, countFrom(part, lanes)));
}

/// Parts enter at the highest lanes and move down.
static ProcessOp widen(WidthOp op, OpBuilder &builder) {
  StreamType from = op.getInput().getType(), to = op.getResult().getType();
  int64_t part = from.getLanes(), lanes = to.getLanes();
  VectorType word = getWordVector(to);
  ProcessBuilder process(builder, op.getLoc(),
                         {"widen",
                          op->getOperands(),
                          op->getResultTypes(),
                          {to.getWords(), lanes / part},
                          {builder.getZeroAttr(word)}});
  Value entering = process.read(0, process.isTrue());
  Value now =
      process.shuffle(process.state(0), entering, countFrom(part, lanes));
  process.write(0, now, process.isAt(process.index(1), lanes / part - 1));
  return process.finish(now);
}

namespace {
class LowerUnits : public fpga::impl::LowerUnitsPassBase<LowerUnits> {
  void runOnOperation() override {
    SmallVector<Operation *> units;
    getOperation().walk([&](Operation *op) {
      if (isa<ForkOp, WidthOp>(op))
        units.push_back(op);
    });
    for (Operation *op : units) {
      OpBuilder builder(op);
      if (auto fork = dyn_cast<ForkOp>(op)) {
        op->replaceAllUsesWith(lower(fork, builder));
      } else if (auto width = cast<WidthOp>(op);
                 width.getInput().getType() == width.getResult().getType()) {
        width.getResult().replaceAllUsesWith(width.getInput());
      } else {
        bool isNarrower = width.getResult().getType().getLanes() <
                          width.getInput().getType().getLanes();
        op->replaceAllUsesWith(isNarrower ? narrow(width, builder)
                                          : widen(width, builder));
      }
      op->erase();
    }
  }
};
} // namespace
