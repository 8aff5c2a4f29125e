//===- ChooseStrategies.cpp - tiles of contractions -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Linear.h"

#include "qnt/Target/CUDA/Passes.h"

#include "mlir/IR/Remarks.h"

namespace qnt::cuda {
#define GEN_PASS_DEF_CHOOSESTRATEGIESPASS
#include "qnt/Target/CUDA/Passes.h.inc"
} // namespace qnt::cuda

using namespace mlir;
using namespace qnt;
using namespace qnt::cuda;

LinearShape qnt::cuda::getLinearShape(qnt::LinearOp op) {
  LinearShape shape;
  shape.weight = op.getWeight().getType();
  shape.input = dyn_cast<QTensorType>(op.getInput().getType());
  for (auto step : op.getEpilogue().getAsRange<EpilogueKindAttr>())
    shape.epilogue.push_back(step.getValue());
  return shape;
}

BlockStrategyAttr qnt::cuda::chooseStrategy(const LinearShape &shape,
                                            const Chip &chip) {
  constexpr int64_t buckets[] = {16, 32, 64, 256, 1024};
  SmallVector<int64_t> columns[7];
  auto &[rows, blockM, blockN, warpsM, warpsN, stages, splits] = columns;
  for (int64_t bucket : buckets) {
    LinearTile tile = chooseLinearTile(shape, chip, bucket);
    // Of any number of rows, tiles are no longer few.
    if (bucket == std::end(buckets)[-1])
      tile.splits = 1;
    int64_t numbers[] = {bucket,      tile.blockM, tile.blockN, tile.warpsM,
                         tile.warpsN, tile.stages, tile.splits};
    bool isSame = !rows.empty();
    for (size_t i = 1; i < std::size(numbers) && isSame; ++i)
      isSame = columns[i].back() == numbers[i];
    for (auto [column, number] : llvm::zip(columns, numbers)) {
      if (isSame)
        column.pop_back();
      column.push_back(number);
    }
  }
  return BlockStrategyAttr::get(shape.weight.getContext(), rows, blockM, blockN,
                                warpsM, warpsN, stages, splits);
}

LinearTile qnt::cuda::getTile(BlockStrategyAttr strategy, size_t i) {
  LinearTile tile{strategy.getBlockM()[i], strategy.getBlockN()[i],
                  strategy.getWarpsM()[i], strategy.getWarpsN()[i],
                  strategy.getStages()[i], strategy.getSplits()[i]};
  // Whole warpgroups side by side: no tile of warps is as wide in a line.
  if (tile.warpsM == 1 && tile.blockN >= 128)
    tile.warpgroups = tile.warpsN / 4;
  return tile;
}

namespace {
struct ChooseStrategies
    : cuda::impl::ChooseStrategiesPassBase<ChooseStrategies> {
  using ChooseStrategiesPassBase::ChooseStrategiesPassBase;

  void runOnOperation() override {
    const Chip *target = findChip(chip);
    if (!target) {
      getOperation()->emitError(describeUnknownChip(chip));
      return signalPassFailure();
    }
    WalkResult walk = getOperation()->walk([&](qnt::LinearOp op) {
      if (!isa_and_present<FragmentsAttr>(op.getWeight().getType().getLayout()))
        return WalkResult::advance();
      LinearShape shape = getLinearShape(op);
      std::string reason = checkLinear(shape, *target);
      if (!reason.empty()) {
        op.emitOpError("the CUDA target has no kernel for ")
            << shape.input.withLayout({}) << " and "
            << shape.weight.withLayout({}) << " on " << target->name << ": "
            << reason;
        return WalkResult::interrupt();
      }
      BlockStrategyAttr strategy = chooseStrategy(shape, *target);
      op.setStrategyAttr(strategy);
      remark::passed(
          op.getLoc(),
          remark::RemarkOpts::name("strategy").category("qnt-cuda-strategy"))
          << remark::metric("weight",
                            op.getWeight().getType().getFormat().getName())
          << remark::metric("buckets", strategy.getRows().size())
          << remark::metric("splits", strategy.getSplits().front());
      return WalkResult::advance();
    });
    if (walk.wasInterrupted())
      signalPassFailure();
  }
};
} // namespace
