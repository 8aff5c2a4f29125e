//===- ChooseLayouts.cpp - layouts of weights and activations -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "Convolutions.h"
#include "ImageLayouts.h"

#include "../../Common/Layouts.h"
#include "../Kernels/Decode.h"

#include "qnt/Dialect/QNT/PanelGeometry.h"
#include "qnt/Target/CPU/Layouts.h"
#include "qnt/Target/CPU/Passes.h"

#include "mlir/IR/PatternMatch.h"
#include "llvm/Support/MathExtras.h"

#include <numeric>

namespace qnt::cpu {
#define GEN_PASS_DEF_CHOOSELAYOUTSPASS
#include "qnt/Target/CPU/Passes.h.inc"
} // namespace qnt::cpu

using namespace mlir;
using namespace qnt;

namespace {

/// Whether weights of this type are stored as signed bytes, so that the
/// activations must be the unsigned side of the product.
bool isStoredSigned(QTensorType weight) {
  DecodeSpec spec = weight.getFormat().getDecodeSpec();
  return spec.map == DecodeSpec::Map::Affine && spec.isSigned && spec.bits == 8;
}

/// The layout in which a dot product with `weight` wants activations of type
/// `input`, and whether the weight must carry its column sums for it.
std::pair<RowsAttr, bool> getRowsLayout(QTensorType input, QTensorType weight) {
  int64_t inputs = weight.getShape()[1];
  bool grouped = weight.getBlock().getKind() == BlockKind::Group;
  int64_t group = grouped ? weight.getBlock().getGroup() : 64;
  int64_t pad = std::lcm(int64_t(64), group);
  // Rows of a tile that lie at the same place of their pages would fill one
  // set of the first cache.
  constexpr int64_t pageBytes = 4096;
  if (llvm::alignTo(inputs, pad) % pageBytes == 0)
    pad += llvm::alignTo(inputs, pad);
  bool wantUnsigned = isStoredSigned(weight);
  bool isSigned = cast<IntFormatAttr>(input.getFormat()).getIsSigned();
  // Half the codes: what is subtracted again stays within the codes' range.
  int64_t half = int64_t(1) << (input.getFormat().getBits() - 1);
  int64_t excess = wantUnsigned && isSigned     ? half
                   : !wantUnsigned && !isSigned ? -half
                                                : 0;
  // Sums serve the zero points of the weights' stored codes.
  DecodeSpec spec = weight.getFormat().getDecodeSpec();
  bool hasOffset = weight.hasZeros() || spec.offset != 0 ||
                   (spec.isSigned && spec.bits < 8) ||
                   cpu::SmallIntegers::of(weight);
  int64_t rowBytes = llvm::alignTo(inputs, pad);
  int64_t sums = !hasOffset ? 0 : grouped ? group : rowBytes;
  return {RowsAttr::get(input.getContext(), pad, sums, excess),
          input.hasZeros() || excess != 0};
}

/// Whether the decoder knows weights of this format.
bool isDecodable(const DecodeSpec &spec) {
  return spec.bits <= 8 || spec.bits == 16 || spec.bits == 32;
}

bool isLargeTable(const DecodeSpec &spec) {
  return spec.map == DecodeSpec::Map::Table && spec.table.size() > 16;
}

struct ChooseLayouts : cpu::impl::ChooseLayoutsPassBase<ChooseLayouts> {
  void runOnOperation() override {
    SmallVector<qnt::LinearOp> linears;
    getOperation()->walk([&](qnt::LinearOp op) { linears.push_back(op); });
    for (qnt::LinearOp op : linears)
      if (!cpu::takesImage(op) && failed(choose(op)))
        return signalPassFailure();
    getOperation()->walk([&](DequantizeOp op) { layOutRows(op); });
    // Activations whose consumers all took a layout of their own.
    getOperation()->walk([](QuantizeOp op) {
      if (op->use_empty())
        op->erase();
    });
    if (failed(cpu::layOutImages(getOperation())))
      return signalPassFailure();
    for (qnt::LinearOp op : linears)
      if (cpu::takesImage(op))
        target::packWeight(op.getWeightMutable(),
                           cpu::getImageFilters(op.getWeight().getType()));
    WalkResult convs = getOperation()->walk([&](qnt::ConvOp op) {
      if (op.getWeight().getType().getLayout())
        return WalkResult::advance();
      FiltersAttr filters = cpu::getFilters(op);
      if (!filters)
        return WalkResult::interrupt();
      target::packWeight(op.getWeightMutable(), filters);
      return WalkResult::advance();
    });
    if (convs.wasInterrupted())
      return signalPassFailure();
  }

  LogicalResult choose(qnt::LinearOp op) {
    QTensorType weight = op.getWeight().getType();
    if (weight.getLayout())
      return success();
    auto codes = dyn_cast<QTensorType>(op.getInput().getType());
    if (weight.hasSmallScales() || (codes && !codes.isInteger()))
      return op.emitOpError("the CPU target multiplies codes of integers, and "
                            "weights whose scales have 16 or 32 bits, got ")
             << op.getInput().getType() << " and " << weight;
    if (codes && !weight.isInteger() && !cpu::SmallIntegers::of(weight))
      return op.emitOpError(
                 "the CPU target multiplies codes of integers by weights of "
                 "integers, or floats of up to 4 bits whose numbers are "
                 "integers of at most 7 times a power of two (e2m1), got ")
             << weight;
    DecodeSpec spec = weight.getFormat().getDecodeSpec();
    if (isLargeTable(spec))
      return op.emitOpError(
                 "the CPU target decodes tables of up to 16 numbers, "
                 "got ")
             << weight;
    if (isIntegerEpilogue(op.getEpilogue()))
      return op.emitOpError("the CPU target computes on integers with weights "
                            "of 2 to 8 bits, signed where they have 8, got ")
             << weight;
    bool sums = false;
    if (auto type = dyn_cast<QTensorType>(op.getInput().getType())) {
      auto [layout, needsSums] = getRowsLayout(type, weight);
      sums = needsSums;
      if (failed(target::layOutInput(op, type.withLayout(layout))))
        return failure();
    }
    auto panels = PanelsAttr::get(op.getContext(), cpu::kLanes, sums);
    if (!isDecodable(spec))
      return op.emitOpError("the CPU target has no lowering for ") << weight;
    target::packWeight(op.getWeightMutable(), panels);
    return success();
  }

  /// Rows of codes that are decoded are stored as they are.
  void layOutRows(DequantizeOp op) {
    QTensorType type = op.getInput().getType();
    auto quantize = op.getInput().getDefiningOp<QuantizeOp>();
    if (!quantize || !type.isInteger() ||
        type.getBlock().getKind() != BlockKind::PerRow)
      return;
    auto rows = RowsAttr::get(op.getContext(), /*pad=*/64, /*sums=*/0,
                              /*excess=*/0);
    op.getInputMutable().assign(target::share(quantize, type.withLayout(rows)));
  }
};

} // namespace

Layout cpu::getWeightLayout(QTensorType weight, QTensorType input,
                            int64_t groups) {
  Attribute layout;
  if (weight.getRank() == 4) {
    int64_t channels = weight.getShape()[3] * groups;
    std::string refused;
    layout = getFilters(weight, bool(input),
                        input ? getPixelBytes(channels) : channels, groups,
                        /*isDilated=*/false, refused);
  } else if (takesImage(input, weight)) {
    layout = getImageFilters(weight);
  } else {
    DecodeSpec spec = weight.getFormat().getDecodeSpec();
    if (!isDecodable(spec) || isLargeTable(spec))
      return {};
    layout = PanelsAttr::get(weight.getContext(), kLanes,
                             input && getRowsLayout(input, weight).second);
  }
  return cast_or_null<Layout>(layout);
}
