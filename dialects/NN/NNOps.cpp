//===- NNOps.cpp - verifiers and type inference of nn -*- C++ -*-===//
//
// Part of the QNT project, under the Apache License v2.0 with LLVM Exceptions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
#include "qnt/Dialect/NN/NN.h"
#include "qnt/Dialect/NN/Windows.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace qnt::nn;

#define GET_OP_CLASSES
#include "qnt/Dialect/NN/NNOps.cpp.inc"

/// `shape` with its last dimension replaced.
static SmallVector<int64_t> withLast(ArrayRef<int64_t> shape, int64_t last) {
  SmallVector<int64_t> result(shape);
  result.back() = last;
  return result;
}

/// Whether two dimensions can be equal at run time.
static bool compatible(int64_t a, int64_t b) {
  return a == b || ShapedType::isDynamic(a) || ShapedType::isDynamic(b);
}

/// Whether `type` has the shape [B] for a `batch` of shape [B, ...].
static bool isPerSequence(RankedTensorType type, Value batch) {
  return type.getRank() == 1 &&
         compatible(type.getDimSize(0),
                    cast<RankedTensorType>(batch.getType()).getDimSize(0));
}

//===----------------------------------------------------------------------===//
// LinearOp
//===----------------------------------------------------------------------===//

LogicalResult LinearOp::inferReturnTypes(MLIRContext *,
                                         std::optional<Location> loc,
                                         Adaptor adaptor,
                                         SmallVectorImpl<Type> &types) {
  auto input = dyn_cast<RankedTensorType>(adaptor.getInput().getType());
  auto weight = dyn_cast<RankedTensorType>(adaptor.getWeight().getType());
  if (!input || !weight || weight.getRank() != 2 || input.getRank() == 0)
    return emitOptionalError(loc,
                             "expected an input of rank at least 1 and a "
                             "weight of rank 2, got ",
                             adaptor.getInput().getType(), " and ",
                             adaptor.getWeight().getType());
  types.push_back(
      input.clone(withLast(input.getShape(), weight.getDimSize(0))));
  return success();
}

LogicalResult LinearOp::verify() {
  auto weight = getWeight().getType();
  if (weight.getRank() != 2 || !weight.hasStaticShape()) // (C1)
    return emitOpError("expected a static weight of rank 2, got ") << weight;
  if (getInput().getType().getShape().back() != weight.getDimSize(1)) // (C2)
    return emitOpError("expected ")
           << weight.getDimSize(1) << " input features, got "
           << getInput().getType();
  if (getBias() && getBias().getType().getShape() !=
                       ArrayRef<int64_t>{weight.getDimSize(0)}) // (C3)
    return emitOpError("expected a bias of shape [")
           << weight.getDimSize(0) << "], got " << getBias().getType();
  return success();
}

//===----------------------------------------------------------------------===//
// ConvOp, PoolOp
//===----------------------------------------------------------------------===//

/// The windows of an op in the making, whose properties may lack what is as by
/// default.
template <typename Op>
static Windows inferWindows(MLIRContext *context,
                            typename Op::Properties properties,
                            ArrayRef<int64_t> kernel) {
  Op::populateDefaultProperties(OperationName(Op::getOperationName(), context),
                                properties);
  return {kernel, properties.strides, properties.pads, properties.dilations};
}

/// The type of images [B, OH, OW, channels] that windows on `input` make; null
/// after an error. `input` is of any type.
static RankedTensorType inferImages(std::optional<Location> loc, Type input,
                                    const Windows &windows, int64_t channels) {
  auto type = dyn_cast<RankedTensorType>(input);
  if (!type || type.getRank() != 4) {
    (void)emitOptionalError(loc, "expected images [B, H, W, C], got ", input);
    return {};
  }
  auto report = [&] { return loc ? emitError(*loc) : InFlightDiagnostic(); };
  if (failed(windows.verify(report, type.getShape())))
    return {};
  return type.clone(windows.getOutputShape(type.getShape(), channels));
}

LogicalResult ConvOp::inferReturnTypes(MLIRContext *context,
                                       std::optional<Location> loc,
                                       Adaptor adaptor,
                                       SmallVectorImpl<Type> &types) {
  auto weight = dyn_cast<RankedTensorType>(adaptor.getWeight().getType());
  if (!weight || weight.getRank() != 4 || !weight.hasStaticShape()) // (C1)
    return emitOptionalError(loc,
                             "expected a static weight [N, KH, KW, C], got ",
                             adaptor.getWeight().getType());
  ArrayRef<int64_t> shape = weight.getShape();
  auto windows =
      inferWindows<ConvOp>(context, adaptor.getProperties(), shape.slice(1, 2));
  auto type = inferImages(loc, adaptor.getInput().getType(), windows, shape[0]);
  types.push_back(type);
  return success(bool(type)); // (C1), (C3), (C4)
}

LogicalResult ConvOp::verify() {
  ArrayRef<int64_t> weight = getWeight().getType().getShape();
  int64_t channels = getInput().getType().getShape().back();
  auto groups = int64_t(getGroups());
  if (groups < 1 || channels % groups || weight[0] % groups ||
      weight[3] != channels / groups) // (C2)
    return emitOpError("expected groups that divide ")
           << channels << " input and " << weight[0]
           << " output channels, and a weight over the channels of a group, "
              "got "
           << groups << " groups and " << getWeight().getType();
  if (getBias() &&
      getBias().getType().getShape() != ArrayRef<int64_t>{weight[0]}) // (C5)
    return emitOpError("expected a bias of shape [")
           << weight[0] << "], got " << getBias().getType();
  return success();
}

LogicalResult PoolOp::inferReturnTypes(MLIRContext *context,
                                       std::optional<Location> loc,
                                       Adaptor adaptor,
                                       SmallVectorImpl<Type> &types) {
  auto input = dyn_cast<RankedTensorType>(adaptor.getInput().getType());
  int64_t channels =
      input && input.getRank() ? input.getShape().back() : ShapedType::kDynamic;
  auto windows = inferWindows<PoolOp>(context, adaptor.getProperties(),
                                      adaptor.getKernel());
  auto type = inferImages(loc, adaptor.getInput().getType(), windows, channels);
  types.push_back(type);
  return success(bool(type)); // (C1), (C2), (C3)
}

//===----------------------------------------------------------------------===//
// ScaleRowsOp
//===----------------------------------------------------------------------===//

LogicalResult ScaleRowsOp::verify() {
  ArrayRef<int64_t> shape = getInput().getType().getShape();
  if (shape.empty() ||
      getScale().getType().getShape() != shape.take_front()) // (C1)
    return emitOpError("expected a number for each index of the first "
                       "dimension of ")
           << getInput().getType() << ", got " << getScale().getType();
  return success();
}

//===----------------------------------------------------------------------===//
// Lookups and positions
//===----------------------------------------------------------------------===//

LogicalResult EmbeddingOp::inferReturnTypes(MLIRContext *,
                                            std::optional<Location> loc,
                                            Adaptor adaptor,
                                            SmallVectorImpl<Type> &types) {
  auto ids = dyn_cast<RankedTensorType>(adaptor.getIds().getType());
  auto table = dyn_cast<RankedTensorType>(adaptor.getTable().getType());
  if (!ids || !table || table.getRank() != 2) // (C1)
    return emitOptionalError(loc, "expected a table of rank 2, got ",
                             adaptor.getTable().getType());
  SmallVector<int64_t> shape(ids.getShape());
  shape.push_back(table.getDimSize(1));
  types.push_back(table.clone(shape));
  return success();
}

LogicalResult EmbeddingOp::verify() {
  auto table = getTable().getType();
  if (!table.hasStaticShape()) // (C1)
    return emitOpError("expected a static table, got ") << table;
  return success();
}

LogicalResult PositionIdsOp::verify() {
  if (getTokens().getType().getRank() != 2) // (C1)
    return emitOpError("expected tokens of rank 2, got ")
           << getTokens().getType();
  if (getStart() && !isPerSequence(getStart().getType(), getTokens())) // (C2)
    return emitOpError("expected one start for each sequence of ")
           << getTokens().getType() << ", got " << getStart().getType();
  return success();
}

LogicalResult SelectRowsOp::inferReturnTypes(MLIRContext *,
                                             std::optional<Location> loc,
                                             Adaptor adaptor,
                                             SmallVectorImpl<Type> &types) {
  auto input = dyn_cast<RankedTensorType>(adaptor.getInput().getType());
  if (!input || input.getRank() != 3) // (C1)
    return emitOptionalError(loc, "expected an input of rank 3, got ",
                             adaptor.getInput().getType());
  types.push_back(input.clone({input.getDimSize(0), input.getDimSize(2)}));
  return success();
}

LogicalResult SelectRowsOp::verify() {
  if (getRows() && !isPerSequence(getRows().getType(), getInput())) // (C1)
    return emitOpError("expected one row for each sequence of ")
           << getInput().getType() << ", got " << getRows().getType();
  return success();
}

LogicalResult SelectFeaturesOp::inferReturnTypes(MLIRContext *,
                                                 std::optional<Location> loc,
                                                 Adaptor adaptor,
                                                 SmallVectorImpl<Type> &types) {
  auto input = dyn_cast<RankedTensorType>(adaptor.getInput().getType());
  auto indices = dyn_cast<RankedTensorType>(adaptor.getIndices().getType());
  if (!input || input.getRank() == 0 || !indices || indices.getRank() != 1 ||
      !indices.hasStaticShape()) // (C1)
    return emitOptionalError(
        loc, "expected an input of rank 1 at least and static indices of rank ",
        "1, got ", adaptor.getInput().getType(), " and ",
        adaptor.getIndices().getType());
  SmallVector<int64_t> shape(input.getShape());
  shape.back() = indices.getDimSize(0);
  types.push_back(input.clone(shape));
  return success();
}

LogicalResult MeanPoolOp::inferReturnTypes(MLIRContext *,
                                           std::optional<Location> loc,
                                           Adaptor adaptor,
                                           SmallVectorImpl<Type> &types) {
  auto input = dyn_cast<RankedTensorType>(adaptor.getInput().getType());
  if (!input || input.getRank() != 3) // (C1)
    return emitOptionalError(loc, "expected an input of rank 3, got ",
                             adaptor.getInput().getType());
  types.push_back(input.clone({input.getDimSize(0), input.getDimSize(2)}));
  return success();
}

LogicalResult MeanPoolOp::verify() {
  if (!isPerSequence(getLengths().getType(), getInput())) // (C1)
    return emitOpError("expected one length for each sequence of ")
           << getInput().getType() << ", got " << getLengths().getType();
  return success();
}

//===----------------------------------------------------------------------===//
// Elementwise
//===----------------------------------------------------------------------===//

static LogicalResult verifyBroadcast(Operation *op, RankedTensorType lhs,
                                     RankedTensorType rhs) {
  ArrayRef<int64_t> whole = lhs.getShape(), suffix = rhs.getShape();
  if (suffix.size() > whole.size() ||
      !llvm::equal(whole.take_back(suffix.size()), suffix, compatible)) // (C1)
    return op->emitOpError("expected the shape of ")
           << rhs << " to be a suffix of that of " << lhs;
  return success();
}

LogicalResult AddOp::verify() {
  return verifyBroadcast(*this, getLhs().getType(), getRhs().getType());
}

LogicalResult MulOp::verify() {
  return verifyBroadcast(*this, getLhs().getType(), getRhs().getType());
}

OpFoldResult AddOp::fold(FoldAdaptor) {
  return matchPattern(getRhs(), m_AnyZeroFloat()) ? getLhs() : OpFoldResult();
}

OpFoldResult MulOp::fold(FoldAdaptor) {
  return matchPattern(getRhs(), m_OneFloat()) ? getLhs() : OpFoldResult();
}

LogicalResult ClampOp::verify() {
  if (!(getLow().convertToDouble() <= getHigh().convertToDouble())) // (C1)
    return emitOpError("expected low to be at most high, got ")
           << getLow().convertToDouble() << " and "
           << getHigh().convertToDouble();
  return success();
}

OpFoldResult ActivationOp::fold(FoldAdaptor) {
  auto inner = getInput().getDefiningOp<ActivationOp>();
  if (inner && getKind() == ActivationKind::Relu &&
      inner.getKind() == ActivationKind::Relu)
    return getInput();
  return {};
}

//===----------------------------------------------------------------------===//
// Norms
//===----------------------------------------------------------------------===//

LogicalResult RMSNormOp::verify() {
  int64_t last = getInput().getType().getShape().back();
  int64_t groups = getGroups();
  if (groups < 1 || last % groups != 0) // (C1)
    return emitOpError("expected groups that divide ")
           << last << " features, got " << groups;
  if (getScale().getType().getShape() !=
      ArrayRef<int64_t>{last / groups}) // (C2)
    return emitOpError("expected a scale of shape [")
           << last / groups << "], got " << getScale().getType();
  if (!(getEps().convertToDouble() >= 0)) // (C3)
    return emitOpError("expected eps of at least 0");
  return success();
}

LogicalResult LayerNormOp::verify() {
  int64_t last = getInput().getType().getShape().back();
  if (getScale().getType().getShape() != ArrayRef<int64_t>{last}) // (C1)
    return emitOpError("expected a scale of shape [")
           << last << "], got " << getScale().getType();
  if (!(getEps().convertToDouble() >= 0)) // (C2)
    return emitOpError("expected eps of at least 0");
  return success();
}

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

LogicalResult RopeTableOp::inferReturnTypes(MLIRContext *context,
                                            std::optional<Location> loc,
                                            Adaptor adaptor,
                                            SmallVectorImpl<Type> &types) {
  auto positions = dyn_cast<RankedTensorType>(adaptor.getPositions().getType());
  if (!positions || positions.getRank() != 2) // (C3)
    return emitOptionalError(loc, "expected positions of rank 2, got ",
                             adaptor.getPositions().getType());
  auto dim = int64_t(adaptor.getDim());
  if (dim <= 0 || dim % 2 != 0) // (C1)
    return emitOptionalError(loc, "expected an even, positive dim, got ", dim);
  SmallVector<int64_t> shape(positions.getShape());
  shape.push_back(dim);
  types.push_back(RankedTensorType::get(shape, Float32Type::get(context)));
  return success();
}

LogicalResult RopeTableOp::verify() {
  if (!(getTheta().convertToDouble() > 0)) // (C2)
    return emitOpError("expected a positive theta");
  return success();
}

LogicalResult RopeOp::verify() {
  auto input = getInput().getType(), table = getTable().getType();
  if (input.getRank() != 3 || table.getRank() != 3) // (C3)
    return emitOpError("expected operands of rank 3, got ")
           << input << " and " << table;
  int64_t features = input.getDimSize(2), heads = getHeads();
  if (heads < 1 || features % heads != 0) // (C1)
    return emitOpError("expected heads that divide ")
           << features << " features, got " << heads;
  if (table.getDimSize(2) > features / heads) // (C2)
    return emitOpError("expected a table of at most ")
           << features / heads << " features, got " << table;
  return success();
}

void AttentionOp::getEffects(
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects) {
  if (!getCache())
    return;
  effects.emplace_back(MemoryEffects::Read::get(), &getCacheMutable()[0]);
  effects.emplace_back(MemoryEffects::Write::get(), &getCacheMutable()[0]);
}

LogicalResult AttentionOp::verify() {
  auto query = getQuery().getType(), key = getKey().getType();
  int64_t heads = getHeads(), kvHeads = getKvHeads();
  if (query.getRank() != 3 || key.getRank() != 3 || heads < 1 || kvHeads < 1 ||
      query.getDimSize(2) % heads || key.getDimSize(2) % kvHeads ||
      query.getDimSize(2) / heads != key.getDimSize(2) / kvHeads) // (C1)
    return emitOpError("expected [batch, tokens, heads * size] operands with "
                       "one head size, got ")
           << query << " of " << heads << " heads and " << key << " of "
           << kvHeads << " heads";
  if (heads % kvHeads) // (C2)
    return emitOpError("expected kv_heads that divide ")
           << heads << " heads, got " << kvHeads;
  if (key != getValue().getType() ||
      !compatible(query.getDimSize(0), key.getDimSize(0))) // (C3)
    return emitOpError("expected keys and values of one type and of the "
                       "query's batch, got ")
           << key << " and " << getValue().getType();
  for (Value operand : {getLengths(), getStart()})
    if (operand && !isPerSequence(cast<RankedTensorType>(operand.getType()),
                                  getQuery())) // (C3)
      return emitOpError("expected one number for each sequence of ")
             << query << ", got " << operand.getType();
  bool hasCache = (bool)getCache();
  if (hasCache != (bool)getStart() || hasCache != getLayer().has_value() ||
      (hasCache && getLengths())) // (C4)
    return emitOpError("expected a cache, its start and layer together, "
                       "without lengths");
  if (hasCache) {
    KVCacheType cache = getCache().getType();
    if (cache.getHeads() != kvHeads || cache.getHeadDim() != getHeadDim() ||
        cache.getLayers() <= (int64_t)*getLayer() || (int64_t)*getLayer() < 0)
      return emitOpError("expected layer ")
             << int64_t(*getLayer()) << " of a cache of " << kvHeads
             << " heads of " << getHeadDim() << ", got " << cache;
  }
  if (getWindow() && (int64_t)*getWindow() <= 0) // (C5)
    return emitOpError("expected a positive window, got ")
           << int64_t(*getWindow());
  if (getWindow() && !getCausal() && !hasCache) // (C5)
    return emitOpError("expected a window on causal attention only");
  return success();
}
