//===- ChooseLayouts.cpp - layouts of weights and activations -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "../../Common/Layouts.h"
#include "Linear.h"

#include "qnt/Target/CUDA/Passes.h"

namespace qnt::cuda {
#define GEN_PASS_DEF_CHOOSELAYOUTSPASS
#include "qnt/Target/CUDA/Passes.h.inc"
} // namespace qnt::cuda

using namespace mlir;
using namespace qnt;
using namespace qnt::cuda;

namespace {

/// Output features of a panel; tiles of blocks divide it, or are multiples.
constexpr int64_t kColumns = 64;
/// Bytes that rows of activations are padded to: one copy.
constexpr int64_t kRowPad = 16;

/// Rows of signed bytes, with what the weight's zero points need, or of bytes
/// that are floats.
RowsAttr getRowsLayout(QTensorType input, QTensorType weight) {
  bool isUnsigned = input.getFormat().getMin() >= 0;
  int64_t excess = isUnsigned && input.getFormat().getBits() == 8 ? -128 : 0;
  int64_t sums = weight.hasZeros() ? weight.getGroupSize() : 0;
  return RowsAttr::get(input.getContext(), kRowPad, sums, excess);
}

struct ChooseLayouts : cuda::impl::ChooseLayoutsPassBase<ChooseLayouts> {
  void runOnOperation() override {
    WalkResult result = getOperation()->walk([&](qnt::LinearOp op) {
      bool isChosen = op.getWeight().getType().getLayout() != nullptr;
      return isChosen || succeeded(choose(op)) ? WalkResult::advance()
                                               : WalkResult::interrupt();
    });
    if (result.wasInterrupted())
      return signalPassFailure();
    // Activations whose consumers all took a layout of their own.
    getOperation()->walk([](QuantizeOp op) {
      if (op->use_empty())
        op->erase();
    });
  }

  LogicalResult choose(qnt::LinearOp op) {
    QTensorType weight = op.getWeight().getType();
    auto input = dyn_cast<QTensorType>(op.getInput().getType());
    // Of wider formats there are no fragments.
    if (weight.getFormat().getBits() > 16)
      return op.emitOpError("the CUDA target multiplies weights of up to 16 "
                            "bits, got ")
             << weight;
    bool sums = false;
    if (input) {
      RowsAttr rows = getRowsLayout(input, weight);
      sums = input.hasZeros() || rows.getExcess();
      if (failed(target::layOutInput(op, input.withLayout(rows))))
        return failure();
    } else {
      if (weight.getShape()[1] % 8)
        return op.emitOpError("the CUDA target multiplies rows of floats whose "
                              "length is a multiple of 8, got ")
               << op.getInput().getType();
      op.getInputMutable().assign(toHalf(op));
    }
    // Codes of a word, as the instruction wants them.
    int64_t quad = !input ? 2 : input.hasSmallScales() ? 8 : 4;
    if (weight.getFormat().getBits() * quad > 32)
      return op.emitOpError("the CUDA target has no kernel for ")
             << op.getInput().getType() << " and " << weight;
    target::packWeight(
        op.getWeightMutable(),
        FragmentsAttr::get(op.getContext(), kColumns, quad, sums));
    std::string reason = checkLinear(getLinearShape(op));
    if (!reason.empty())
      return op.emitOpError("the CUDA target has no kernel for ")
             << op.getInput().getType() << " and " << weight << ": " << reason;
    return success();
  }

  /// The input in f16, once for all who want it.
  static Value toHalf(qnt::LinearOp op) {
    Value input = op.getInput();
    auto type = cast<RankedTensorType>(input.getType());
    if (!type.getElementType().isF32())
      return input;
    for (Operation *user : input.getUsers())
      if (auto half = dyn_cast<arith::TruncFOp>(user);
          half && getElementTypeOrSelf(half.getType()).isF16() &&
          half->getBlock() == op->getBlock() && half->isBeforeInBlock(op))
        return half;
    OpBuilder builder(op);
    return arith::TruncFOp::create(builder, op.getLoc(),
                                   type.clone(builder.getF16Type()), input);
  }
};

} // namespace
