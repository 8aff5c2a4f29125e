//===- SmoothSites.cpp - where channels can be rescaled -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "SmoothSites.h"

#include "qnt/Analysis/ParamExpressions.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace qnt;

//===----------------------------------------------------------------------===//
// Sites
//===----------------------------------------------------------------------===//

static int64_t getLastDim(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape().back();
}

int64_t SmoothSite::getFeatures() const { return getLastDim(getValue()); }

int64_t SmoothSite::getProducerFeatures() const {
  return producer ? getLastDim(producer->getResult(0)) : getFeatures();
}

int64_t SmoothSite::getProducerFeature(int64_t feature) const {
  if (!attention)
    return feature;
  auto op = attention;
  int64_t dim = op.getHeadDim(), shared = op.getHeads() / op.getKvHeads();
  return feature / dim / shared * dim + feature % dim;
}

bool SmoothSite::canShift() const {
  // Attention's weights sum to one; products by a gate do not.
  return producer && (isa<nn::LayerNormOp>(producer) ||
                      (isa<nn::LinearOp>(producer) &&
                       (attention || producer->getResult(0) == getValue())));
}

/// The linear layer that makes `value`, for nothing else.
static Operation *getOwnLinear(Value value) {
  auto linear = value.getDefiningOp<nn::LinearOp>();
  if (!linear || !value.hasOneUse() || !isParamExpression(linear.getWeight()) ||
      (linear.getBias() && !isParamExpression(linear.getBias())))
    return nullptr;
  return linear;
}

static void findProducer(SmoothSite &site) {
  Value value = site.getValue();
  Operation *op = value.getDefiningOp();
  if (auto norm = dyn_cast_or_null<nn::RMSNormOp>(op)) {
    if (norm.getGroups() == 1 && isParamExpression(norm.getScale()))
      site.producer = norm;
  } else if (auto norm = dyn_cast_or_null<nn::LayerNormOp>(op)) {
    if (isParamExpression(norm.getScale()) &&
        isParamExpression(norm.getShift()))
      site.producer = norm;
  } else if (auto attention = dyn_cast_or_null<nn::AttentionOp>(op)) {
    site.producer = getOwnLinear(attention.getValue());
    if (site.producer)
      site.attention = attention;
  } else if (auto product = dyn_cast_or_null<nn::MulOp>(op)) {
    // The factor that is linear; the other one is activated.
    if (product.getLhs().getType() != product.getRhs().getType())
      return;
    site.producer = getOwnLinear(product.getRhs());
    if (!site.producer)
      site.producer = getOwnLinear(product.getLhs());
  } else if (auto activation = dyn_cast_or_null<nn::ActivationOp>(op)) {
    // relu(x / s) = relu(x) / s
    if (activation.getKind() == nn::ActivationKind::Relu)
      site.producer = getOwnLinear(activation.getInput());
  } else {
    site.producer = getOwnLinear(value);
  }
}

SmallVector<SmoothSite> qnt::collectSmoothSites(ModuleOp module) {
  SmallVector<SmoothSite> result;
  for (ActivationSite &site : collectActivationSites(module)) {
    if (site.layers.empty() ||
        !llvm::all_of(site.layers, llvm::IsaPred<nn::LinearOp>) ||
        hasConvolutions(site.layers.front()->getParentOfType<func::FuncOp>()))
      continue;
    SmoothSite smooth{std::move(site), nullptr, {}};
    bool isShared =
        llvm::any_of(smooth.getValue().getUsers(), [&](Operation *user) {
          return !llvm::is_contained(smooth.site.layers, user);
        });
    if (!isShared)
      findProducer(smooth);
    result.push_back(std::move(smooth));
  }
  return result;
}

//===----------------------------------------------------------------------===//
// Rewriting
//===----------------------------------------------------------------------===//

static Value createVector(OpBuilder &builder, Location loc,
                          ArrayRef<float> values) {
  auto type =
      RankedTensorType::get({int64_t(values.size())}, builder.getF32Type());
  return arith::ConstantOp::create(builder, loc,
                                   DenseElementsAttr::get(type, values));
}

static Value multiply(OpBuilder &builder, Value tensor, Value vector) {
  return nn::MulOp::create(builder, tensor.getLoc(), tensor.getType(), tensor,
                           vector);
}

static void rescaleProducer(const SmoothSite &site, ArrayRef<float> inverse,
                            ArrayRef<float> shift) {
  Operation *op = site.producer;
  OpBuilder builder(op);
  Value factor = createVector(builder, op->getLoc(), inverse);
  // -shift / scale
  SmallVector<float> offset;
  for (auto [z, i] : llvm::zip(shift, inverse))
    offset.push_back(-z * i);
  auto withOffset = [&](Value vector) -> Value {
    if (offset.empty())
      return vector;
    Value constant = createVector(builder, op->getLoc(), offset);
    if (!vector)
      return constant;
    return nn::AddOp::create(builder, vector.getLoc(), vector.getType(), vector,
                             constant);
  };
  if (auto norm = dyn_cast<nn::RMSNormOp>(op)) {
    norm.getScaleMutable().assign(multiply(builder, norm.getScale(), factor));
  } else if (auto norm = dyn_cast<nn::LayerNormOp>(op)) {
    norm.getScaleMutable().assign(multiply(builder, norm.getScale(), factor));
    norm.getShiftMutable().assign(
        withOffset(multiply(builder, norm.getShift(), factor)));
  } else {
    auto linear = cast<nn::LinearOp>(op);
    linear.getWeightMutable().assign(
        nn::ScaleRowsOp::create(builder, linear.getWeight().getLoc(),
                                linear.getWeight(), factor)
            .getResult());
    Value bias = linear.getBias();
    if (bias)
      bias = multiply(builder, bias, factor);
    if (Value moved = withOffset(bias))
      linear.getBiasMutable().assign(moved);
  }
}

void qnt::applySmoothing(const SmoothSite &site, ArrayRef<float> scale,
                         ArrayRef<float> shift) {
  SmallVector<float> inverse, own, ownShift;
  for (float s : scale)
    inverse.push_back(1 / s);
  for (int64_t k = 0; k < site.getFeatures(); ++k) {
    int64_t from = site.getProducerFeature(k);
    // What the producer's product leaves of the number.
    own.push_back(1 / inverse[from]);
    if (!shift.empty())
      ownShift.push_back(shift[from]);
  }
  for (Operation *layer : site.site.layers) {
    auto linear = cast<nn::LinearOp>(layer);
    OpBuilder builder(layer);
    if (!ownShift.empty()) {
      Value constant = createVector(builder, layer->getLoc(), ownShift);
      linear.getBiasMutable().assign(
          nn::LinearOp::create(builder, layer->getLoc(), constant,
                               linear.getWeight(), linear.getBias())
              .getResult());
    }
    Value factor = createVector(builder, layer->getLoc(), own);
    linear.getWeightMutable().assign(
        multiply(builder, linear.getWeight(), factor));
  }
  if (site.producer)
    return rescaleProducer(site, inverse, shift);
  Value value = site.getValue();
  OpBuilder builder(site.site.layers.front());
  Value factor =
      createVector(builder, site.site.layers.front()->getLoc(), inverse);
  Value scaled = multiply(builder, value, factor);
  for (Operation *layer : site.site.layers)
    cast<nn::LinearOp>(layer).getInputMutable().assign(scaled);
}
