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

#include "mlir/IR/Remarks.h"

namespace qnt::cpu {
#define GEN_PASS_DEF_CHOOSESTRATEGIESPASS
#include "qnt/Target/CPU/Passes.h.inc"
} // namespace qnt::cpu

using namespace mlir;
using namespace qnt;
using namespace qnt::cpu;

namespace {

/// Register tiles by bucket of rows. A tile of r rows and p panels keeps r * p
/// accumulators (twice as many where i32 sums are rescaled group by group)
/// beside p weight vectors and decoding temporaries; small tiles are widened so
/// that enough independent sums hide the latency of one.
struct Tiles {
  SmallVector<int64_t> rows, panels;
};

Tiles getTiles(const ISA &isa, bool integer, bool grouped, bool decoded) {
  if (isa.vectorRegisters >= 32) {
    if (integer && grouped)
      return {{1, 4, 12}, {4, 2, 1}};
    if (!integer && decoded)
      return {{1, 4, 8}, {4, 4, 2}};
    return {{1, 4, 12}, {4, 4, 2}};
  }
  if (isa.vectorRegisters >= 8) {
    if (integer && grouped)
      return {{1, 2}, {2, 1}};
    return {{1, 4}, {2, 1}};
  }
  return {{1, 2}, {1, 1}};
}

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
    getOperation()->walk([&](qnt::LinearOp op) { choose(op, *target); });
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

  void choose(qnt::LinearOp op, const ISA &target) {
    QTensorType weight = op.getWeight().getType();
    auto input = dyn_cast<QTensorType>(op.getInput().getType());
    bool grouped = weight.getBlock().getKind() == BlockKind::Group;
    Tiles tiles = getTiles(target, bool(input), grouped,
                           weight.getFormat().getBits() <= 8);
    std::string kernel = ((input ? "dot4-" : "fma-") + target.name).str();
    if (target.hasTiles && input && fitsTiles(weight)) {
      kernel = kTileDot;
      tiles.rows.back() = kTileRows;
      tiles.panels.back() = 2;
    }
    auto strategy = isa_and_present<FiltersAttr>(weight.getLayout())
                        ? chooseRowsStrategy(getConvShape(op), target)
                        : PanelStrategyAttr::get(op.getContext(), kernel,
                                                 tiles.rows, tiles.panels);
    op.setStrategyAttr(strategy);
    remark::passed(
        op.getLoc(),
        remark::RemarkOpts::name("strategy").category("qnt-cpu-strategy"))
        << remark::metric("kernel", kernel)
        << remark::metric("weight", weight.getFormat().getName());
  }
};

} // namespace
