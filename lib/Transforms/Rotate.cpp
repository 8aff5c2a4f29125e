//===- Rotate.cpp - changes of basis against outliers -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "DuQuant.h"
#include "ParamStorage.h"
#include "PassErrors.h"
#include "StatisticsTensors.h"

#include "qnt/Analysis/ActivationSites.h"
#include "qnt/Analysis/ParamExpressions.h"
#include "qnt/Analysis/ResidualStreams.h"
#include "qnt/Dialect/QNT/Hadamard.h"
#include "qnt/Dialect/QNT/QNT.h"
#include "qnt/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/Remarks.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"

namespace qnt {
#define GEN_PASS_DEF_ROTATE
#include "qnt/Transforms/Passes.h.inc"
} // namespace qnt

using namespace mlir;
using namespace qnt;

namespace {
class RotatePass : public qnt::impl::RotateBase<RotatePass> {
public:
  using RotateBase::RotateBase;

  void runOnOperation() override {
    if (failed(
            reportErrors(getOperation(), getArgument(), [&] { return run(); })))
      signalPassFailure();
  }

private:
  LogicalResult run();
  LogicalResult rotateResidual(const ResidualStream &stream);
  LogicalResult rotateValues(nn::AttentionOp attention);
  LogicalResult rotateKeys(nn::AttentionOp attention);
  LogicalResult rotateOnline();
  LogicalResult openStatistics();
  LogicalResult rotateByHadamard(Value input, ArrayRef<nn::LinearOp> layers);
  LogicalResult rotateByStatistics(Value input, ArrayRef<nn::LinearOp> layers);

  /// Refuses `op`, or where layers may rotate their inputs adds `readers` to
  /// those that do.
  LogicalResult fallBack(Operation *op, StringRef option, const Twine &why,
                         ArrayRef<nn::LinearOp> readers);
  /// The block of a rotation of `width` features in the way of `op`.
  FailureOr<int64_t> chooseBlock(Operation *op, int64_t width);
  /// The same of a head, where blocks larger than heads are cut.
  FailureOr<int64_t> chooseHeadBlock(nn::AttentionOp op);
  HadamardAttr makeAttr(int64_t size, bool hasSigns = true) {
    return HadamardAttr::get(&getContext(), size,
                             hasSigns ? uint64_t(seed) : 0);
  }

  bool isMadeForOutliers() const { return kind != "hadamard"; }

  /// Layers whose input is rotated as the model runs.
  llvm::SetVector<Operation *> online;
  /// For outliers: names of the sites of layers, and what is known of them.
  llvm::DenseMap<Operation *, std::string> sites;
  std::shared_ptr<params::ParamStore> statistics;
};
} // namespace

//===----------------------------------------------------------------------===//
// Parameters in another basis
//===----------------------------------------------------------------------===//

static Value rotate(OpBuilder &builder, Value value, HadamardAttr hadamard,
                    bool outputs) {
  return RotateOp::create(builder, value.getLoc(), value.getType(), value,
                          Value(), hadamard, outputs, /*transposed=*/false);
}

/// W R in place of W.
static void rotateInputs(nn::LinearOp linear, HadamardAttr hadamard) {
  OpBuilder builder(linear);
  linear.getWeightMutable().assign(
      rotate(builder, linear.getWeight(), hadamard, /*outputs=*/false));
}

/// R^T W and b R in place of W and b.
static void rotateOutputs(nn::LinearOp linear, HadamardAttr hadamard) {
  OpBuilder builder(linear);
  linear.getWeightMutable().assign(
      rotate(builder, linear.getWeight(), hadamard, /*outputs=*/true));
  if (Value bias = linear.getBias())
    linear.getBiasMutable().assign(
        rotate(builder, bias, hadamard, /*outputs=*/true));
}

static bool hasParams(nn::LinearOp linear) {
  return isParamExpression(linear.getWeight()) &&
         (!linear.getBias() || isParamExpression(linear.getBias()));
}

static std::string getPath(Operation *op) {
  StringRef path = getLocationName(op->getLoc());
  return path.empty() ? op->getName().getStringRef().str() : path.str();
}

static remark::detail::InFlightRemark remarkOn(Operation *op, StringRef name) {
  return remark::passed(op->getLoc(),
                        remark::RemarkOpts::name(name).category("qnt-rotate"));
}

FailureOr<int64_t> RotatePass::chooseBlock(Operation *op, int64_t width) {
  if (int64_t(block)) {
    if (width % block == 0 && getHadamardOrder(block))
      return int64_t(block);
    return op->emitError("qnt-rotate: block=")
           << int64_t(block) << ": expected a divisor of " << width
           << " features that has a Hadamard matrix";
  }
  int64_t largest = getLargestHadamardBlock(width);
  if (largest > 1)
    return largest;
  return op->emitError("qnt-rotate: no Hadamard matrix is known of an order "
                       "that divides ")
         << width << " features";
}

FailureOr<int64_t> RotatePass::chooseHeadBlock(nn::AttentionOp op) {
  int64_t size = op.getHeadDim();
  if (int64_t(block) < size)
    return chooseBlock(op, size);
  int64_t largest = getLargestHadamardBlock(size);
  if (largest > 1)
    return largest;
  return op->emitError("qnt-rotate: no Hadamard matrix is known of an order "
                       "that divides the ")
         << size << " features of a head";
}

LogicalResult RotatePass::fallBack(Operation *op, StringRef option,
                                   const Twine &why,
                                   ArrayRef<nn::LinearOp> readers) {
  if (fallback == "none")
    return op->emitError("qnt-rotate: ")
           << option << ": '" << op->getName() << "' " << why
           << ": expected fallback=online, which rotates the inputs of layers";
  for (nn::LinearOp reader : readers)
    online.insert(reader);
  return success();
}

//===----------------------------------------------------------------------===//
// The four rotations
//===----------------------------------------------------------------------===//

LogicalResult RotatePass::rotateResidual(const ResidualStream &stream) {
  if (isMadeForOutliers()) {
    online.insert_range(stream.readers);
    return success();
  }
  if (stream.blocker)
    return fallBack(stream.blocker, "residual", stream.reason, stream.readers);
  auto size = chooseBlock(stream.readers.front(), stream.width);
  if (failed(size))
    return failure();
  HadamardAttr hadamard = makeAttr(*size);
  for (nn::LinearOp reader : stream.readers)
    rotateInputs(reader, hadamard);
  for (nn::LinearOp writer : stream.writers)
    rotateOutputs(writer, hadamard);
  for (nn::EmbeddingOp embedding : stream.embeddings) {
    OpBuilder builder(embedding);
    embedding.getTableMutable().assign(
        rotate(builder, embedding.getTable(), hadamard, /*outputs=*/false));
  }
  for (OpOperand *addend : stream.addends) {
    OpBuilder builder(addend->getOwner());
    addend->set(rotate(builder, addend->get(), hadamard, /*outputs=*/false));
  }
  remarkOn(stream.readers.front(), "residual")
      << remark::metric("width", stream.width) << remark::metric("block", *size)
      << remark::metric("readers", unsigned(stream.readers.size()))
      << remark::metric("writers", unsigned(stream.writers.size()));
  return success();
}

/// Casts and watched values are those that they take.
static bool isTransparent(Operation *op) {
  return isa_and_present<tensor::CastOp, ObserveOp>(op);
}

static Value traceBack(Value value) {
  while (isTransparent(value.getDefiningOp()))
    value = value.getDefiningOp()->getOperand(0);
  return value;
}

/// The uses of `value`, through transparent ops.
static void collectUses(Value value, SmallVectorImpl<OpOperand *> &uses) {
  for (OpOperand &use : value.getUses()) {
    if (isTransparent(use.getOwner()))
      collectUses(use.getOwner()->getResult(0), uses);
    else if (!isa<tensor::DimOp>(use.getOwner()))
      uses.push_back(&use);
  }
}

LogicalResult RotatePass::rotateValues(nn::AttentionOp attention) {
  SmallVector<nn::LinearOp> readers;
  Operation *obstacle = nullptr;
  SmallVector<OpOperand *> uses;
  collectUses(attention.getResult(), uses);
  for (OpOperand *use : uses) {
    auto reader = dyn_cast<nn::LinearOp>(use->getOwner());
    if (reader && use->getOperandNumber() == 0 && hasParams(reader))
      readers.push_back(reader);
    else if (!obstacle)
      obstacle = use->getOwner();
  }
  if (isMadeForOutliers()) {
    online.insert_range(readers);
    return success();
  }
  Value value = traceBack(attention.getValue());
  auto writer = value.getDefiningOp<nn::LinearOp>();
  if (!writer || !hasParams(writer)) {
    obstacle = value.getDefiningOp();
  } else {
    uses.clear();
    collectUses(value, uses);
    for (OpOperand *use : uses)
      if (use != &attention.getValueMutable())
        obstacle = use->getOwner();
  }
  if (obstacle || !writer || readers.empty())
    return fallBack(
        attention, "values",
        obstacle ? "takes or gives numbers that '" +
                       obstacle->getName().getStringRef() +
                       "' uses too, expected linear layers around it"
                 : Twine("has no linear layer for its values, or none for its "
                         "result"),
        readers);
  auto size = chooseHeadBlock(attention);
  if (failed(size))
    return failure();
  rotateOutputs(writer, makeAttr(*size));
  // Several heads may take the values of one: signs follow these.
  bool isShared = attention.getHeads() != attention.getKvHeads();
  int64_t share = attention.getHeads() / attention.getKvHeads();
  int64_t headDim = attention.getHeadDim();
  SmallVector<float> signs;
  for (int64_t head = 0; head < int64_t(attention.getHeads()); ++head)
    llvm::append_range(signs,
                       getHadamardSigns(seed, head / share * headDim, headDim));
  for (nn::LinearOp reader : readers) {
    if (!isShared || uint64_t(seed) == 0) {
      rotateInputs(reader, makeAttr(*size));
      continue;
    }
    OpBuilder builder(reader);
    auto type =
        RankedTensorType::get(int64_t(signs.size()), builder.getF32Type());
    Value factors = arith::ConstantOp::create(
        builder, reader.getLoc(),
        DenseElementsAttr::get(type, ArrayRef<float>(signs)));
    Value weight = reader.getWeight();
    reader.getWeightMutable().assign(nn::MulOp::create(
        builder, weight.getLoc(), weight.getType(), weight, factors));
    rotateInputs(reader, makeAttr(*size, /*hasSigns=*/false));
  }
  remarkOn(attention, "values") << remark::metric("block", *size);
  return success();
}

LogicalResult RotatePass::rotateKeys(nn::AttentionOp attention) {
  auto size = chooseHeadBlock(attention);
  if (failed(size))
    return failure();
  // Without signs: all heads are rotated alike, whichever share a key head.
  HadamardAttr hadamard = makeAttr(*size, /*hasSigns=*/false);
  OpBuilder builder(attention);
  auto replace = [&](OpOperand &operand, StringRef name) {
    auto loc = NameLoc::get(builder.getStringAttr(getPath(attention) + name));
    operand.set(RotateOp::create(builder, loc, operand.get().getType(),
                                 operand.get(), Value(), hadamard,
                                 /*outputs=*/false, /*transposed=*/false));
  };
  replace(attention.getQueryMutable(), ".rotate_queries");
  replace(attention.getKeyMutable(), ".rotate_keys");
  remarkOn(attention, "keys") << remark::metric("block", *size);
  return success();
}

static NameLoc getRotationLoc(nn::LinearOp layer) {
  return NameLoc::get(
      StringAttr::get(layer.getContext(), getPath(layer) + ".rotate"));
}

LogicalResult RotatePass::rotateByHadamard(Value input,
                                           ArrayRef<nn::LinearOp> layers) {
  nn::LinearOp first = layers.front();
  int64_t width = cast<RankedTensorType>(input.getType()).getShape().back();
  auto size = chooseBlock(first, width);
  if (failed(size))
    return failure();
  HadamardAttr hadamard = makeAttr(*size);
  OpBuilder builder(&getContext());
  builder.setInsertionPointAfterValue(input);
  Value rotated = RotateOp::create(builder, getRotationLoc(first),
                                   input.getType(), input, Value(), hadamard,
                                   /*outputs=*/false, /*transposed=*/false);
  for (nn::LinearOp layer : layers) {
    rotateInputs(layer, hadamard);
    layer.getInputMutable().assign(rotated);
  }
  remarkOn(first, "online")
      << remark::metric("site", getPath(first))
      << remark::metric("width", width) << remark::metric("block", *size)
      << remark::metric("layers", unsigned(layers.size()));
  return success();
}

/// The second moment of a site, or where the file has none that of independent
/// channels of the largest numbers seen.
static std::vector<float> loadMoment(const params::ParamStore &store,
                                     const std::string &site, int64_t features,
                                     MLIRContext *context, bool &isWhole) {
  auto load = [&](const std::string &name, ArrayRef<int64_t> shape) {
    auto type = RankedTensorType::get(shape, Float32Type::get(context));
    checkStoredTensors(store, type, name);
    return loadFloats(store, name, 0, type.getNumElements());
  };
  std::string name = getSecondMomentName(site);
  isWhole = store.find(name) != nullptr;
  if (isWhole)
    return load(name, {features, features});
  std::vector<float> moment(features * features);
  for (auto [i, largest] :
       llvm::enumerate(load(getChannelStatisticName(site, "absmax"), features)))
    moment[i * features + i] = largest * largest;
  return moment;
}

LogicalResult RotatePass::rotateByStatistics(Value input,
                                             ArrayRef<nn::LinearOp> layers) {
  nn::LinearOp first = layers.front();
  int64_t width = cast<RankedTensorType>(input.getType()).getShape().back();
  int64_t size = block;
  if (size == 0)
    for (int64_t n = 2; n <= std::min<int64_t>(128, width); ++n)
      if (width % n == 0 && getHadamardOrder(n))
        size = n;
  if (size < 2 || width % size != 0 || !getHadamardOrder(size))
    return first.emitError("qnt-rotate: kind=")
           << kind << ": expected a block of at least 2 features that divides "
           << width << " and has a Hadamard matrix";
  std::string site = sites.lookup(first);
  bool isWhole = false;
  OutlierRotation rotation = makeOutlierRotation(
      loadMoment(*statistics, site, width, &getContext(), isWhole), width, size,
      seed, /*isDual=*/kind == "duquant");
  OpBuilder builder(&getContext());
  builder.setInsertionPointAfterValue(input);
  NameLoc loc = getRotationLoc(first);
  auto addConstant = [&](ArrayRef<int64_t> shape, Type element,
                         auto numbers) -> Value {
    return arith::ConstantOp::create(
        builder, loc,
        DenseElementsAttr::get(RankedTensorType::get(shape, element), numbers));
  };
  SmallVector<int64_t> shape{width / size, size, size};
  auto addRotation = [&](ArrayRef<float> numbers) {
    return addConstant(shape, builder.getF32Type(), numbers);
  };
  Value turn = addRotation(rotation.first), indices, secondTurn;
  if (!rotation.second.empty()) {
    indices = addConstant(width, builder.getI32Type(),
                          ArrayRef(rotation.permutation));
    secondTurn = addRotation(rotation.second);
  }
  auto apply = [&](OpBuilder &builder, Location loc, Value value) -> Value {
    auto rotate = [&](Value matrices) {
      value = RotateOp::create(builder, loc, value.getType(), value, matrices,
                               HadamardAttr(), /*outputs=*/false,
                               /*transposed=*/false);
    };
    rotate(turn);
    if (!indices)
      return value;
    value = nn::SelectFeaturesOp::create(builder, loc, value, indices);
    rotate(secondTurn);
    return value;
  };
  Value rotated = apply(builder, loc, input);
  for (nn::LinearOp layer : layers) {
    OpBuilder weights(layer);
    Value weight = layer.getWeight();
    layer.getWeightMutable().assign(apply(weights, weight.getLoc(), weight));
    layer.getInputMutable().assign(rotated);
  }
  remarkOn(first, "outliers")
      << remark::metric("site", site) << remark::metric("block", size)
      << remark::metric("statistic",
                        StringRef(isWhole ? "second_moment" : "absmax"))
      << remark::metric("before", float(rotation.before))
      << remark::metric("after", float(rotation.after));
  return success();
}

LogicalResult RotatePass::rotateOnline() {
  llvm::MapVector<Value, SmallVector<nn::LinearOp>> inputs;
  for (Operation *op : online) {
    auto linear = cast<nn::LinearOp>(op);
    inputs[linear.getInput()].push_back(linear);
  }
  for (auto &[input, layers] : inputs)
    if (failed(isMadeForOutliers() ? rotateByStatistics(input, layers)
                                   : rotateByHadamard(input, layers)))
      return failure();
  return success();
}

LogicalResult RotatePass::openStatistics() {
  ModuleOp module = getOperation();
  auto file = module->getAttrOfType<StringAttr>("qnt.statistics");
  if (!file)
    return module.emitError("qnt-rotate: kind=")
           << kind
           << ": the module has no qnt.statistics; run qnt-calibrate with "
              "tensors= first";
  statistics = openStatisticsTensors(file.str());
  sites.clear();
  for (const ActivationSite &site : collectActivationSites(module))
    for (Operation *layer : site.layers)
      sites[layer] = site.name;
  return success();
}

LogicalResult RotatePass::run() {
  ModuleOp module = getOperation();
  online.clear();
  if (kind != "hadamard" && kind != "duquant" && kind != "duquant++")
    return module.emitError("qnt-rotate: kind=")
           << kind << ": expected hadamard, duquant or duquant++";
  if (isMadeForOutliers() && failed(openStatistics()))
    return failure();
  if (fallback != "none" && fallback != "online")
    return module.emitError("qnt-rotate: fallback=")
           << fallback << ": expected none or online";
  if (int64_t(block) < 0)
    return module.emitError("qnt-rotate: block=")
           << int64_t(block) << ": expected at least 0";
  std::vector<ResidualStream> streams = collectResidualStreams(module);
  if (residual && streams.empty() && fallback == "none")
    return module.emitError("qnt-rotate: residual: no layer reads from a sum");
  SmallVector<nn::AttentionOp> attentions;
  module.walk([&](nn::AttentionOp op) { attentions.push_back(op); });
  if (down) {
    llvm::DenseSet<Operation *> readers;
    for (const ResidualStream &stream : streams)
      readers.insert(stream.readers.begin(), stream.readers.end());
    module.walk([&](nn::LinearOp linear) {
      Value input = traceBack(linear.getInput());
      if (hasParams(linear) && !isParamExpression(input) &&
          !readers.contains(linear) && !input.getDefiningOp<nn::AttentionOp>())
        online.insert(linear);
    });
  }
  for (const ResidualStream &stream : streams)
    if (residual && failed(rotateResidual(stream)))
      return failure();
  for (nn::AttentionOp attention : attentions)
    if ((values && failed(rotateValues(attention))) ||
        (keys && failed(rotateKeys(attention))))
      return failure();
  if (failed(rotateOnline()))
    return failure();
  // They speak of values that are no more.
  if (residual || values || keys || down) {
    module->removeAttr("qnt.statistics");
    module->removeAttr("qnt.calibration");
  }
  return success();
}
