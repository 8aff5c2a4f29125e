//===- ImageLayouts.cpp - layouts of quantised images -----------*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "ImageLayouts.h"

#include "../KernelBuilder.h"

#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace qnt;
using namespace qnt::cpu;

bool qnt::cpu::takesImage(QTensorType input, QTensorType weight) {
  BlockKind block = weight.getBlock().getKind();
  DecodeSpec spec = weight.getFormat().getDecodeSpec();
  return input && input.getBlock().getKind() == BlockKind::PerTensor &&
         spec.map == DecodeSpec::Map::Affine && spec.bits > 1 &&
         !weight.hasOffsets() &&
         (block == BlockKind::PerChannel || block == BlockKind::PerTensor);
}

bool qnt::cpu::takesImage(qnt::LinearOp op) {
  return takesImage(dyn_cast<QTensorType>(op.getInput().getType()),
                    op.getWeight().getType());
}

/// Whether `value` is a weight rather than an activation.
static bool isWeight(Value value) {
  return llvm::any_of(value.getUses(), [](OpOperand &use) {
    return isa<PackOp, qnt::EmbeddingOp>(use.getOwner()) ||
           (isa<qnt::ConvOp, qnt::LinearOp>(use.getOwner()) &&
            use.getOperandNumber() == 1);
  });
}

/// Whether `op` makes an activation of codes with a scale that it is given.
static bool makesCodes(Operation *op) {
  if (auto quantize = dyn_cast<QuantizeOp>(op))
    return quantize.getScale() != nullptr;
  return isa<WrapOp, MaxPoolOp, qnt::AddOp, EpilogueOp>(op);
}

int64_t qnt::cpu::getPixelBytes(int64_t channels) {
  // Few channels take the 4 bytes of a product, or 8; others whole vectors, so
  // that they are stored without masks.
  return channels <= 4   ? 4
         : channels <= 8 ? 8
                         : llvm::alignTo(channels, kLanes);
}

static ImageAttr getImage(Value value, QTensorType type) {
  SmallVector<int64_t> halo(4, 0);
  for (Operation *user : value.getUsers())
    if (auto conv = dyn_cast<qnt::ConvOp>(user))
      if (conv.getInput() == value)
        for (auto [most, pad] : llvm::zip(halo, conv.getPads()))
          most = std::max(most, pad);
  return ImageAttr::get(value.getContext(),
                        getPixelBytes(type.getShape().back()), halo);
}

LogicalResult qnt::cpu::layOutImages(Operation *root) {
  // Layers that other targets alone compute in integers.
  WalkResult lowered = root->walk([](Operation *op) {
    if (!isa<NormalizeOp, qnt::RopeOp, qnt::AttentionOp, MultiplyOp, LookupOp>(
            op))
      return WalkResult::advance();
    op->emitOpError("has no lowering in the CPU target");
    return WalkResult::interrupt();
  });
  if (lowered.wasInterrupted())
    return failure();
  WalkResult made = root->walk([](Operation *op) {
    if (op->getNumResults() != 1 || !makesCodes(op))
      return WalkResult::advance();
    Value value = op->getResult(0);
    auto type = dyn_cast<QTensorType>(value.getType());
    if (!type || type.getLayout() || isWeight(value) ||
        type.getBlock().getKind() != BlockKind::PerTensor)
      return WalkResult::advance();
    ArrayRef<int64_t> shape = type.getShape();
    if (!type.isInteger() || type.hasOffsets() ||
        ShapedType::isDynamic(shape.back()) ||
        (shape.size() == 4 && (ShapedType::isDynamic(shape[1]) ||
                               ShapedType::isDynamic(shape[2])))) {
      op->emitOpError("the CPU target holds images of integers, with static "
                      "height, width and channels, got ")
          << type;
      return WalkResult::interrupt();
    }
    value.setType(type.withLayout(getImage(value, type)));
    return WalkResult::advance();
  });
  if (made.wasInterrupted())
    return failure();
  // What reads codes finds them in a layout.
  WalkResult read = root->walk([](Operation *op) {
    if (!isa<EpilogueOp, MaxPoolOp, qnt::AddOp, CodesOp, DequantizeOp>(op))
      return WalkResult::advance();
    for (OpOperand &operand : op->getOpOperands()) {
      auto type = dyn_cast<QTensorType>(operand.get().getType());
      bool isParam = isa<DequantizeOp, CodesOp>(op)
                         ? type && type.hasStaticShape()
                         : operand.getOperandNumber() == 1 &&
                               isa<qnt::ConvOp, qnt::LinearOp>(op);
      if (!type || type.getLayout() || isParam)
        continue;
      op->emitOpError("expected codes that are made in the same function, with "
                      "a given scale, got ")
          << type;
      return WalkResult::interrupt();
    }
    return WalkResult::advance();
  });
  return failure(read.wasInterrupted());
}
