//===- ChooseStrategies.cpp - tiles and kernels of contractions -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Convolutions.h"

#include "../Kernels.h"

#include "qnt/Target/CPU/ISA.h"
#include "qnt/Target/CPU/Passes.h"
#include "qnt/Target/CPU/Tiles.h"

#include "mlir/IR/Remarks.h"
#include "llvm/Support/FormatVariadic.h"

namespace qnt::cpu {
#define GEN_PASS_DEF_CHOOSESTRATEGIESPASS
#include "qnt/Target/CPU/Passes.h.inc"
} // namespace qnt::cpu

using namespace mlir;
using namespace qnt;
using namespace qnt::cpu;

namespace {

struct ChooseStrategies
    : cpu::impl::ChooseStrategiesPassBase<ChooseStrategies> {
  using ChooseStrategiesPassBase::ChooseStrategiesPassBase;

  void runOnOperation() override {
    const ISA *target = isa == "native" ? &getNativeISA() : findISA(isa);
    if (!target) {
      emitError(getOperation()->getLoc())
          << "unknown instruction set '" << isa << "', expected " << listISAs()
          << " or native";
      return signalPassFailure();
    }
    auto walked = getOperation()->walk([&](qnt::LinearOp op) {
      return failed(choose(op, *target)) ? WalkResult::interrupt()
                                         : WalkResult::advance();
    });
    if (walked.wasInterrupted())
      return signalPassFailure();
    getOperation()->walk([&](qnt::ConvOp op) {
      if (op.getWeight().getType().getLayout())
        choose(op, *target);
    });
  }

  void choose(qnt::ConvOp op, const ISA &target) {
    ConvStrategyAttr strategy = chooseConvStrategy(getConvShape(op), target);
    op.setStrategyAttr(strategy);
    remark::passed(
        op.getLoc(),
        remark::RemarkOpts::name("strategy").category("qnt-cpu-strategy"))
        << remark::metric("kernel", strategy.getKernel())
        << remark::metric("weight",
                          op.getWeight().getType().getFormat().getName())
        << remark::metric("lines", strategy.getLines())
        << remark::metric("pixels", strategy.getPixels())
        << remark::metric("panels", strategy.getPanels());
  }

  LogicalResult choose(qnt::LinearOp op, const ISA &target) {
    QTensorType weight = op.getWeight().getType();
    // Checked for images too, whose tiles have a model of their own.
    auto given = findTiles(tiles, TileKind::getName(op));
    if (!given)
      return op.emitOpError(llvm::toString(given.takeError()));
    if (isa_and_present<FiltersAttr>(weight.getLayout())) {
      auto strategy = chooseRowsStrategy(getConvShape(op), target);
      op.setStrategyAttr(strategy);
      report(op, strategy, "estimated: a layer of images");
      return success();
    }
    TileKind kind = TileKind::of(op);
    Tiles chosen = *given ? **given : chooseTiles(target, kind);
    std::string why =
        *given ? "given or measured"
               : llvm::formatv(
                     "estimated: {0:f2} cycles a product of vectors",
                     getStepCycles(target, kind, chosen.back()) /
                         double(chosen.back().rows * chosen.back().panels))
                     .str();
    std::string kernel =
        ((kind.isInteger ? "dot4-" : "fma-") + target.name).str();
    if (target.hasTiles && kind.isInteger && fitsTiles(weight)) {
      kernel = kTileDot;
      chosen.back() = {kTileRows, 2};
      why = "as many rows as the processor's tiles hold";
    }
    SmallVector<int64_t> rows, panels;
    for (Tile tile : chosen) {
      rows.push_back(tile.rows);
      panels.push_back(tile.panels);
    }
    auto strategy =
        PanelStrategyAttr::get(op.getContext(), kernel, rows, panels);
    op.setStrategyAttr(strategy);
    report(op, strategy, why);
    return success();
  }

  static void report(qnt::LinearOp op, PanelStrategyAttr strategy,
                     StringRef why) {
    Tiles chosen;
    for (auto [rows, panels] :
         llvm::zip(strategy.getRows(), strategy.getPanels()))
      chosen.push_back({rows, panels});
    remark::passed(
        op.getLoc(),
        remark::RemarkOpts::name("strategy").category("qnt-cpu-strategy"))
        << remark::metric("kernel", strategy.getKernel())
        << remark::metric("weight",
                          op.getWeight().getType().getFormat().getName())
        << remark::metric("tiles", toText(chosen))
        << remark::metric("why", why);
  }
};

} // namespace
